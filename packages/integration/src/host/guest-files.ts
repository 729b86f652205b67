import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { GuestImage } from '../guest/image-store.ts';

/** A guest image in memory, with the emulator that runs it. */
export interface GuestFiles {
  /** Names the image and the emulator: what a saved state depends on. */
  readonly id: string;
  /** The emulator with its version: a machine's state fits no other. */
  readonly emulator: string;
  readonly kernelRelease: string;
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly bios: Uint8Array;
  readonly vgaBios: Uint8Array;
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly cmdline: readonly string[];
}

/** Reads an image's files. @throws the file system's errors */
export async function readGuestFiles(image: GuestImage): Promise<GuestFiles> {
  // The emulator is a dependency of xen-vgt; its wasm is found where that package finds it.
  const fromXenVgt = createRequire(
    createRequire(import.meta.url).resolve('@xengt/xen-vgt/package.json'),
  );
  const v86 = fromXenVgt('v86/package.json') as { version: string };
  const [wasm, bios, vgaBios, kernel, initrd] = await Promise.all(
    [
      fromXenVgt.resolve('v86/build/v86.wasm'),
      image.bios,
      image.vgaBios,
      image.kernel,
      image.initrd,
    ].map(async (path) => Uint8Array.from(await readFile(path))),
  );
  return {
    id: `${image.id}-v86-${v86.version}`,
    emulator: `v86 ${v86.version}`,
    kernelRelease: image.kernelRelease,
    cmdline: image.cmdline,
    wasm: wasm as Uint8Array<ArrayBuffer>,
    bios: bios as Uint8Array,
    vgaBios: vgaBios as Uint8Array,
    kernel: kernel as Uint8Array,
    initrd: initrd as Uint8Array,
  };
}
