import {
  CONTEXT_BYTES,
  engineRegs,
  GM_PAGES,
  isNumbers,
  shapeError,
  sparseError,
  unsparse,
} from '@xengt/hsw-device';
import { RENDER_ADDRESS } from '../attr/attribute.ts';
import { isErrno } from '../errno.ts';
import type { Slice } from '../partition/partition.ts';
import { RING_BYTES_MAX } from '../partition/reserved.ts';
import { isShare } from '../sched/entity.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { importPorts, portsError } from './ports-state.ts';
import { exportHeader, exportVgpu, type VgpuHeaderV1, type VgpuStateV1 } from './vgpu-state.ts';

const R = engineRegs;
const MIB = 2 ** 20;
/** Form of a slice. */
const SLICE: Slice = {
  lowBase: 0,
  lowBytes: 0,
  highBase: 0,
  highBytes: 0,
  fenceBase: 0,
  fences: 0,
  shared: false,
};

/** Why a state was not taken. */
export interface StateRefusal {
  /** `BAD_STATE` is none of ours, or damaged; `OTHER_GPU` is of another; `NO_ROOM` may fit later. */
  readonly code: 'BAD_STATE' | 'OTHER_GPU' | 'NO_ROOM' | 'EXISTS' | 'NOT_STOPPED';
  readonly message: string;
}

/** See `Lifecycle.prepare`. */
export function prepareVgpu(
  vgt: Vgt,
  domid: number,
  slice: Slice,
  primary: boolean,
): Vgpu | StateRefusal {
  const wrong = shapeError(SLICE, slice, 'slice');
  if (wrong !== null) return bad(wrong);
  if (domid <= 0 || vgt.vm(domid) !== undefined) {
    return { code: 'EXISTS', message: `domain ${domid} has a vGPU already` };
  }
  const made = vgt.createVgpu(domid, {
    lowMiB: slice.lowBytes / MIB,
    highMiB: slice.highBytes / MIB,
    fences: slice.fences,
    primary,
    at: slice,
  });
  if (isErrno(made)) {
    const short = vgt.partition.shortage(slice);
    return { code: 'NO_ROOM', message: short ?? `there are ${vgt.vms.length} vGPUs already` };
  }
  vgt.scheduler.setStopped(made, true);
  return made;
}

/** See `Lifecycle.restore`. */
export function importVgpu(vgt: Vgt, domid: number, given: unknown): Vgpu | StateRefusal {
  const wrong = stateError(vgt, given);
  if (wrong !== null) return wrong;
  const state = given as VgpuStateV1;
  const made = prepareVgpu(vgt, domid, state.header.slice, state.header.primary);
  if (isRefusal(made)) return made;
  const refused = fill(vgt, made, state);
  if (refused === null) return made;
  vgt.destroyVgpu(domid);
  return bad(refused);
}

/** See `Lifecycle.load`. */
export function loadVgpu(
  vgt: Vgt,
  vgpu: Vgpu,
  given: unknown,
  fresh: boolean,
): StateRefusal | null {
  const wrong = stateError(vgt, given);
  if (wrong !== null) return wrong;
  const state = given as VgpuStateV1;
  for (const key of ['lowBase', 'lowBytes', 'highBase', 'highBytes', 'fences'] as const) {
    const [theirs, ours] = [state.header.slice[key], vgpu.slice[key]];
    if (theirs !== ours) return bad(`its ${key} is ${theirs}, the vGPU's ${ours}`);
  }
  const before = fresh ? null : exportVgpu(vgt, vgpu);
  const refused = fill(vgt, vgpu, state);
  if (refused === null) return null;
  if (before !== null) fill(vgt, vgpu, before);
  return bad(refused);
}

function bad(message: string): StateRefusal {
  return { code: 'BAD_STATE', message };
}

function stateError(vgt: Vgt, given: unknown): StateRefusal | null {
  const wrong = partsError(given);
  if (wrong !== null) return bad(wrong);
  const other = gpuError(vgt, (given as VgpuStateV1).header);
  return other === null ? null : { code: 'OTHER_GPU', message: other };
}

/** Whether a result is a refusal and not what was asked for. */
export function isRefusal(value: object): value is StateRefusal {
  return 'code' in value && 'message' in value;
}

function partsError(given: unknown): string | null {
  if (given === null || typeof given !== 'object') return 'not a vGPU state';
  const s = given as Partial<VgpuStateV1>;
  const version = (s.header as Partial<VgpuHeaderV1> | undefined)?.version;
  if (version !== 1) return `vGPU state of version ${String(version)}, expected 1`;
  for (const key of ['vreg', 'sreg', 'ggtt', 'context', 'hidden'] as const) {
    if (!(s[key] instanceof Int32Array)) return `vGPU state without ${key}`;
  }
  const slice: unknown = s.header?.slice;
  return shapeError(SLICE, slice, 'slice');
}

function gpuError(vgt: Vgt, h: VgpuHeaderV1): string | null {
  const { deviceId } = vgt.device.model;
  const hex = (id: number): string => `8086:${id.toString(16).padStart(4, '0')}`;
  if (h.deviceId !== deviceId) {
    return `the guest's GPU is ${hex(h.deviceId)}, this machine's is ${hex(deviceId)}`;
  }
  const aperture = vgt.device.apertureBytes >>> 20;
  if (h.apertureMiB !== aperture) {
    return `the guest's aperture has ${h.apertureMiB} MiB, this machine's has ${aperture}`;
  }
  if (h.gttEntries !== GM_PAGES) {
    return `the guest's GTT has ${h.gttEntries} entries, this machine's has ${GM_PAGES}`;
  }
  return null;
}

/** Fills a new vGPU. @returns why it cannot; the vGPU is to be destroyed then */
function fill(vgt: Vgt, vgpu: Vgpu, s: VgpuStateV1): string | null {
  const { display: _, ...parts } = exportHeader(vgt, vgpu);
  const wrong =
    shapeError(parts, s.header, 'header') ??
    sparseError(s.vreg, vgpu.vreg.dw.length) ??
    sparseError(s.sreg, vgpu.sreg.length) ??
    sparseError(s.ggtt, vgpu.ggtt.entries.length) ??
    vgpu.power.stateError(s.header.power) ??
    portsError(s.header.ports);
  if (wrong !== null) return wrong;
  if (s.context.length !== CONTEXT_BYTES / 4) return 'the context image is not whole';
  const { irq, directories, sched } = s.header;
  if (![irq, directories, sched.busyNs].every(isNumbers)) return 'a list has no numbers';
  if (!isShare(sched)) return `weight ${sched.weight} and cap ${sched.cap} are no share`;
  const { onLine } = vgpu.irq;
  // Monitors that appear and registers that come back are no events.
  vgpu.irq.onLine = () => {};
  const refused = registers(vgt, vgpu, s) ?? memory(vgt, vgpu, s);
  vgpu.irq.onLine = onLine;
  return refused ?? accounts(vgt, vgpu, s);
}

function registers(vgt: Vgt, vgpu: Vgpu, s: VgpuStateV1): string | null {
  const { header } = s;
  unsparse(vgpu.vreg.dw, s.vreg);
  // The display takes its registers as they are, and may write some while it starts its pipes.
  const refused = vgpu.display?.importState(header.display) ?? null;
  if (refused !== null) return `display: ${refused}`;
  unsparse(vgpu.vreg.dw, s.vreg);
  unsparse(vgpu.sreg, s.sreg);
  vgpu.pv.publish();
  const foreign = foreignAddress(vgt, vgpu, header);
  if (foreign !== null) return foreign;
  for (const [i, ring] of vgpu.engines.entries()) {
    const saved = header.rings[i];
    ring.copied = (saved?.copied ?? 0) & (ring.bytes - 1) & ~3;
    ring.commands = saved?.commands ?? 0;
    ring.held = saved?.held ?? false;
    ring.hungAt = saved?.hungAt ?? 0;
    ring.hangs = saved?.hangs ?? 0;
  }
  vgpu.power.importState(header.power, vgt.clock.now - header.nowNs);
  importPorts(vgpu.ports, header.ports);
  return null;
}

/** Registers reach hardware as they are: none may name what is not the VM's. */
function foreignAddress(vgt: Vgt, vgpu: Vgpu, h: VgpuHeaderV1): string | null {
  const { attr } = vgt;
  const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;
  for (const offset of attr.saved) {
    const i = offset >>> 2;
    if (attr.policy[i] !== RENDER_ADDRESS) continue;
    const at = (vgpu.sreg[i] as number) & ~0xfff;
    if (at !== 0 && !vgpu.owns(at, attr.addressBytes(offset))) {
      return `register ${hex(offset)} names ${hex(at)}, outside the VM's graphics memory`;
    }
  }
  for (const ring of vgpu.engines) {
    const mine = ring.bytes <= RING_BYTES_MAX && vgpu.owns(ring.reg(R.RING_START), ring.bytes);
    if (ring.enabled && !mine) return `the ring of engine ${ring.index} is not the VM's`;
  }
  if ((h.ccid & R.CCID_VALID) !== 0 && !vgpu.owns(h.ccid & ~0xfff, CONTEXT_BYTES)) {
    return `CCID ${hex(h.ccid)} names memory outside the VM's`;
  }
  return null;
}

/** What refers to the domain's memory: translated to the frames that it has here. */
function memory(vgt: Vgt, vgpu: Vgpu, s: VgpuStateV1): string | null {
  const { reserved } = vgt;
  vgpu.ppgtt.release();
  unsparse(vgpu.ggtt.entries, s.ggtt);
  vgpu.ggtt.reload();
  reserved.words.set(s.context, reserved.index(reserved.context(vgpu.contextArea)));
  if (!vgpu.hidden.importState(s.hidden)) return 'the hidden state is not whole';
  vgpu.fences.restore();
  for (const [engine, base] of s.header.directories.entries()) {
    if (base < 0) continue;
    const used = vgpu.ppgtt.use(engine, base);
    if (used !== 'ok') return `page directory 0x${base.toString(16)} is ${used}`;
  }
  return null;
}

function accounts(vgt: Vgt, vgpu: Vgpu, s: VgpuStateV1): string | null {
  const { header } = s;
  vgpu.usesContexts = header.usesContexts;
  vgpu.ccid = header.ccid;
  vgpu.quarantine = header.quarantine === '' ? null : header.quarantine;
  vgpu.recovering = header.recovering;
  const { sched } = vgpu;
  sched.weight = header.sched.weight;
  sched.cap = header.sched.cap;
  sched.ranNs = header.sched.ranNs;
  sched.busyNs.set(header.sched.busyNs.slice(0, sched.busyNs.length));
  for (const key of Object.keys(vgpu.counters) as (keyof typeof vgpu.counters)[]) {
    vgpu.counters[key] = header.counters[key];
  }
  vgpu.batchesSkipped.count = header.skippedBatches;
  const [high = 0, edges = 0, masked = 0] = header.irq;
  vgpu.irq.asserted = high === 1;
  vgpu.irq.edges = edges;
  vgpu.irq.masked = masked;
  const refused = vgpu.config.importState(header.config);
  vgt.interrupts.recompute();
  return refused;
}
