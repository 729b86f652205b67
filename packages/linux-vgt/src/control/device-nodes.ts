import { MMIO_BYTES, type RegSpace } from '@xengt/hsw-device';
import type { Vgt } from '../vgt.ts';
import type { ControlNode } from './node.ts';

/** A register file as a binary file of 2 MiB, read in whole dwords. */
export function registerFile({ dw }: RegSpace): ControlNode {
  const bytes = new Uint8Array(dw.buffer, dw.byteOffset, MMIO_BYTES);
  return {
    read: () => bytes.slice(),
    readAt: (offset, length) =>
      offset < 0 || (offset & 3) !== 0
        ? { errno: 'EINVAL' }
        : bytes.slice(offset, offset + Math.max(0, length)),
  };
}

/** Character devices: `/dev/vgt_mmioN` shows a VM's registers as it sees them, to be read only. */
export function deviceNodes(vgt: Vgt): [string, ControlNode][] {
  return vgt.vms.map((vm) => [`vgt_mmio${vm.domid}`, registerFile(vm.vreg)]);
}
