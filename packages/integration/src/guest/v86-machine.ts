import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ACPI_HOTPLUG_PORTS, type BuildMachine } from './machine.ts';

/** The part of v86 that is used here; its own types leave out the ports. */
interface V86Like {
  readonly v86: { readonly cpu: { readonly io: V86Io } };
  add_listener(event: string, listener: (value: number) => void): void;
  run(): Promise<void>;
  destroy(): Promise<void>;
  serial_send_bytes(serial: number, bytes: Uint8Array): void;
}
interface V86Io {
  register_read(
    port: number,
    device: object,
    r8: () => number,
    r16: () => number,
    r32: () => number,
  ): void;
  register_write(
    port: number,
    device: object,
    w8: () => void,
    w16: () => void,
    w32: () => void,
  ): void;
}

/** A {@link BuildMachine} that is an emulated PC in this process. */
export const v86BuildMachine: BuildMachine = {
  async boot(config, onSerial) {
    // The emulator is a dependency of xen-vgt, whose vCPU engine uses the same one.
    const hypervisor = createRequire(import.meta.url).resolve('@xengt/xen-vgt/package.json');
    const build = dirname(createRequire(hypervisor).resolve('v86'));
    const { V86 } = (await import(pathToFileURL(join(build, 'libv86.mjs')).href)) as {
      V86: new (options: object) => V86Like;
    };
    const buffer = (bytes: Uint8Array) => ({ buffer: Uint8Array.from(bytes).buffer });
    const emulator = new V86({
      wasm_path: join(build, 'v86.wasm'),
      bios: buffer(config.bios),
      vga_bios: buffer(config.vgaBios),
      bzimage: buffer(config.kernel),
      initrd: buffer(config.initrd),
      cmdline: config.cmdline,
      memory_size: config.memoryBytes,
      vga_memory_size: 8 << 20,
      acpi: true,
      autostart: false,
      disable_speaker: true,
      disable_keyboard: true,
      disable_mouse: true,
    });
    await new Promise<void>((resolve) => emulator.add_listener('emulator-loaded', () => resolve()));
    const { io } = emulator.v86.cpu;
    const device = { name: 'acpi hot-plug' };
    const zero = () => 0;
    const drop = () => {};
    for (const port of ACPI_HOTPLUG_PORTS) {
      io.register_read(port, device, zero, zero, zero);
      io.register_write(port, device, drop, drop, drop);
    }
    emulator.add_listener('serial0-output-byte', onSerial);
    await emulator.run();
    return {
      send: (bytes) => emulator.serial_send_bytes(0, bytes),
      stop: () => emulator.destroy(),
    };
  },
};
