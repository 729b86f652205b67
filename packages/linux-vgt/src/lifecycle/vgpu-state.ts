import {
  CONTEXT_BYTES,
  type DisplayStateV1,
  GM_PAGES,
  type PowerStateV1,
  sparseWords,
} from '@xengt/hsw-device';
import type { Slice } from '../partition/partition.ts';
import type { VgpuConfigStateV1 } from '../vgpu/config.ts';
import type { Vgpu, VgpuCounters } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { exportPorts, type PortStateV1 } from './ports-state.ts';

/** One engine of a VM that is not in hardware. */
export interface RingStateV1 {
  /** Offset in the ring of the first byte that hardware was not given. */
  readonly copied: number;
  readonly commands: number;
  /** It hung, at this ACTHD, and the guest has not reset it; times that it did. */
  readonly held: boolean;
  readonly hungAt: number;
  readonly hangs: number;
}

/** The parts of a vGPU's state that are not large: they survive JSON. */
export interface VgpuHeaderV1 {
  readonly version: 1;
  /** Time of the clock that times below are of, nanoseconds. */
  readonly nowNs: number;
  /** PCI device id, aperture and GTT of the GPU it is a part of: another one does not take it. */
  readonly deviceId: number;
  readonly apertureMiB: number;
  readonly gttEntries: number;
  /** Its graphics memory: the guest's driver knows these addresses. */
  readonly slice: Slice;
  readonly primary: boolean;
  readonly rings: readonly RingStateV1[];
  /** PP_DIR_BASE by engine; -1 before the first. Shadows are made again when they are needed. */
  readonly directories: readonly number[];
  readonly usesContexts: boolean;
  readonly ccid: number;
  /** Why nothing is run for it; empty while it may run. */
  readonly quarantine: string;
  readonly recovering: boolean;
  /** Its share of the engines' time, and what it has had. */
  readonly sched: {
    readonly weight: number;
    readonly cap: number;
    readonly ranNs: number;
    readonly busyNs: readonly number[];
  };
  readonly counters: VgpuCounters;
  readonly skippedBatches: number;
  /** 1 while the interrupt line is high; times it rose; events kept out. */
  readonly irq: readonly number[];
  readonly config: VgpuConfigStateV1;
  readonly power: PowerStateV1;
  readonly display: DisplayStateV1;
  readonly ports: readonly PortStateV1[];
}

/** Everything a vGPU holds, with guest frames only: it fits any machine that has the same graphics memory free. */
export interface VgpuStateV1 {
  readonly header: VgpuHeaderV1;
  /** Virtual registers, render registers for hardware, GTT entries, as runs (`sparse`). */
  readonly vreg: Int32Array;
  readonly sreg: Int32Array;
  readonly ggtt: Int32Array;
  /** Render context image, 17 pages. */
  readonly context: Int32Array;
  /** What neither registers nor context image hold. */
  readonly hidden: Int32Array;
}

export function exportHeader(vgt: Vgt, vgpu: Vgpu): VgpuHeaderV1 {
  const { device, clock } = vgt;
  const { weight, cap, ranNs, busyNs } = vgpu.sched;
  return {
    version: 1,
    nowNs: clock.now,
    deviceId: device.model.deviceId,
    apertureMiB: device.apertureBytes >>> 20,
    gttEntries: GM_PAGES,
    slice: vgpu.slice,
    primary: vgpu.primary,
    rings: vgpu.engines.map(({ copied, commands, held, hungAt, hangs }) => ({
      copied,
      commands,
      held,
      hungAt,
      hangs,
    })),
    directories: vgpu.ppgtt.base.map((base) => (base === null ? -1 : base >>> 0)),
    usesContexts: vgpu.usesContexts,
    ccid: vgpu.ccid,
    quarantine: vgpu.quarantine ?? '',
    recovering: vgpu.recovering,
    sched: { weight, cap, ranNs, busyNs: [...busyNs] },
    counters: { ...vgpu.counters },
    skippedBatches: vgpu.batchesSkipped.count,
    irq: [vgpu.irq.asserted ? 1 : 0, vgpu.irq.edges, vgpu.irq.masked],
    config: vgpu.config.exportState(),
    power: vgpu.power.exportState(),
    display: (vgpu.display as NonNullable<Vgpu['display']>).exportState(),
    ports: exportPorts(vgpu.ports),
  };
}

/** State of a VM that is not in the engines. */
export function exportVgpu(vgt: Vgt, vgpu: Vgpu): VgpuStateV1 {
  const { reserved } = vgt;
  const at = reserved.index(reserved.context(vgpu.contextArea));
  return {
    header: exportHeader(vgt, vgpu),
    vreg: sparseWords(vgpu.vreg.dw),
    sreg: sparseWords(vgpu.sreg),
    ggtt: sparseWords(vgpu.ggtt.entries),
    context: reserved.words.slice(at, at + CONTEXT_BYTES / 4),
    hidden: vgpu.hidden.exportState(),
  };
}
