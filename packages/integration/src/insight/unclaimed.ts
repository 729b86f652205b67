import type { UnclaimedOffset } from '@xengt/hsw-device';
import type { Host } from '../host/host.ts';

/** An offset that some driver touched and that no register table has. */
export interface UnclaimedRegister extends Readonly<UnclaimedOffset> {
  /** `gpu` for the hardware's registers, `vgpuN` for those of domain N. */
  readonly source: string;
}

/** Every unclaimed access of a host's guests since it was made, by register. */
export function unclaimedOf(host: Host): UnclaimedRegister[] {
  const spaces = [
    { source: 'gpu', misses: host.device.regs.misses },
    ...(host.vgt?.vms ?? []).map((vm) => ({ source: `vgpu${vm.domid}`, misses: vm.vreg.misses })),
  ];
  return spaces.flatMap(({ source, misses }) => misses.offsets.map((at) => ({ source, ...at })));
}
