import type { TimeSource, WaitSource } from '../../steady-time.ts';

/** What a guest machine is made of. Images are taken as bytes, so that a browser can give them too. */
export interface V86Options {
  /** `v86.wasm` of the v86 package this package depends on. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** A PC BIOS of 64 to 256 KiB: SeaBIOS. */
  readonly bios: Uint8Array;
  /** Video BIOS of an ISA VGA, which the BIOS is handed with its configuration. */
  readonly vgaBios?: Uint8Array;
  /** A bzImage; without one the BIOS boots from disk. */
  readonly kernel?: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly cmdline?: string;
  /** Guest RAM, MiB, 16 to 2048. */
  readonly memoryMib: number;
  /** Video memory at 0xe0000000, MiB, a power of two. Default 8. */
  readonly vgaMemoryMib?: number;
  /** ACPI with IOAPIC and LAPIC; without it there are no message-signalled interrupts. Default on. */
  readonly acpi?: boolean;
  /**
   * Time for the guest's counters and timers, the same as its devices'; it stands while the guest is
   * paused. Default: host time.
   */
  readonly time?: TimeSource;
  /** What calls the guest again after it has waited. Default: timers of the host. */
  readonly waits?: WaitSource;
  /** Further options of v86 itself, e.g. `hda` or `filesystem`. */
  readonly extra?: Readonly<Record<string, unknown>>;
}
