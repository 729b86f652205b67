/** A plain PC that can boot a kernel, without a GPU. The image builder compiles the guest's own programs on one. */
export interface BuildMachine {
  /**
   * Starts a PC.
   * @param onSerial is called with each byte of its serial port
   */
  boot(config: BuildMachineConfig, onSerial: (byte: number) => void): Promise<RunningMachine>;
}

/** What a PC starts with. */
export interface BuildMachineConfig {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly bios: Uint8Array;
  readonly vgaBios: Uint8Array;
  readonly cmdline: string;
  readonly memoryBytes: number;
}

/** A PC that runs. */
export interface RunningMachine {
  send(bytes: Uint8Array): void;
  stop(): Promise<void>;
}

/**
 * PCI hot-plug ports of the ACPI tables that SeaBIOS writes. The emulator has nothing there, so they would read as all
 * ones, and Linux would eject every PCI device.
 */
export const ACPI_HOTPLUG_PORTS: readonly number[] = [0xae00, 0xae04, 0xae08, 0xae0c];
