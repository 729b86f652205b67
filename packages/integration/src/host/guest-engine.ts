import { createV86Engine, SteadyTime, type VcpuEngine } from '@xengt/xen-vgt';
import { type Hardware, OverlayDisk, USUAL_HARDWARE } from './disk.ts';
import type { GuestFiles } from './guest-files.ts';
import { PacedTime } from './paced-time.ts';

/** Time of all guests and their devices in this process. */
export const TIME: PacedTime = new PacedTime(new SteadyTime(() => performance.now()), {
  soon: (fn) => void setImmediate(fn),
  after: (ms, fn) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
});

/**
 * The engine that runs a guest's files. A booted state fits only an engine made in the same way, so
 * whoever saves one and whoever takes it back make theirs here.
 *
 * @param boot what it starts from. `state`: it will be given one, kernel and initramfs need no room then
 * @throws EngineError; the file system's errors of a disk
 */
export function guestEngine(
  files: GuestFiles,
  memoryMiB: number,
  boot: 'kernel' | 'disk' | 'state' = 'kernel',
  hardware: Hardware = USUAL_HARDWARE,
): Promise<VcpuEngine> {
  const kernel = {
    kernel: files.kernel,
    ...(files.initrd.length === 0 ? {} : { initrd: files.initrd }),
    cmdline: files.cmdline.join(' '),
  };
  const { disks, vgaMemoryMiB } = hardware;
  return createV86Engine({
    wasm: files.wasm,
    bios: files.bios,
    vgaBios: files.vgaBios,
    ...(boot === 'kernel' ? kernel : {}),
    ...(vgaMemoryMiB === null ? {} : { vgaMemoryMib: vgaMemoryMiB }),
    memoryMib: memoryMiB,
    time: TIME,
    waits: TIME,
    extra: Object.fromEntries(disks.map((disk) => [disk.device, new OverlayDisk(disk)])),
  });
}
