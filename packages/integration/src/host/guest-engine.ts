import { createV86Engine, SteadyTime, type VcpuEngine } from '@xengt/xen-vgt';
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
 * @param booted whether it will be given a booted state: kernel and initramfs need no room then
 * @throws EngineError
 */
export function guestEngine(
  files: GuestFiles,
  memoryMiB: number,
  booted = false,
): Promise<VcpuEngine> {
  const kernel = {
    kernel: files.kernel,
    initrd: files.initrd,
    cmdline: files.cmdline.join(' '),
  };
  return createV86Engine({
    wasm: files.wasm,
    bios: files.bios,
    vgaBios: files.vgaBios,
    ...(booted ? {} : kernel),
    memoryMib: memoryMiB,
    time: TIME,
    waits: TIME,
  });
}
