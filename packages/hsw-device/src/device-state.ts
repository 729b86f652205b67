import { type BlitterStateV1, checkState } from './blt/state.ts';
import {
  type EngineStateV1,
  engineStateError,
  exportEngine,
  importEngine,
} from './cs/engine-state.ts';
import type { HaswellDevice } from './device.ts';
import { type DisplayStateV1, displayStateError } from './display/display-state.ts';
import type { PowerStateV1 } from './gt/power.ts';
import type { SpaceStateV1 } from './gtt/address-space.ts';
import { isNumbers, shapeError } from './state/shape.ts';
import { sparse, sparseError, unsparse } from './state/sparse.ts';

/**
 * Everything a device holds but the machine's memory, as a value that survives JSON. Times are
 * nanoseconds of its clock: a device that takes the state must stand at the same time.
 */
export interface DeviceStateV1 {
  readonly version: 1;
  /** PCI device id. */
  readonly deviceId: number;
  readonly nowNs: number;
  /** Register values in runs: first dword, count, values, and so on. */
  readonly registers: readonly number[];
  /** Entries of the global GTT in the same form. */
  readonly gtt: readonly number[];
  readonly gttSpace: SpaceStateV1;
  /** 1 while the line is high; times it rose; events kept out. */
  readonly irq: readonly number[];
  readonly blitter: BlitterStateV1;
  readonly blitterCounters: Readonly<Record<string, number>>;
  readonly gt: {
    /** Whose turn it is, resets asked for. */
    readonly turn: readonly number[];
    /** GDRST: when it is over, polls left. */
    readonly settling: readonly number[];
    readonly engines: readonly EngineStateV1[];
    readonly power: PowerStateV1;
  };
  readonly display: DisplayStateV1;
}

export function exportDevice(d: HaswellDevice): DeviceStateV1 {
  return {
    version: 1,
    deviceId: d.model.deviceId,
    nowNs: d.clock.now,
    registers: sparse(d.regs.dw),
    gtt: sparse(d.ggtt.pte),
    gttSpace: d.ggtt.space.exportState(),
    irq: [d.irq.asserted ? 1 : 0, d.irq.edges, d.irq.masked],
    blitter: d.blitter.exportState(),
    blitterCounters: { ...d.blitter.counters },
    gt: {
      turn: [d.gt.turn, d.gt.resets],
      settling: d.gt.settling.exportState(),
      engines: d.gt.engines.map(exportEngine),
      power: d.gt.power.exportState(),
    },
    display: d.display.exportState(),
  };
}

/**
 * Puts a device into a state that {@link exportDevice} gave; whoever hears of its interrupt line and
 * of work hears of both. What watches the device is not part of the state.
 *
 * @returns null, or why it was refused: then nothing changed, unless it was the unfinished blit, which
 * is dropped
 */
export function importDevice(d: HaswellDevice, given: unknown): string | null {
  const wrong = stateError(d, given);
  if (wrong !== null) return wrong;
  const s = given as DeviceStateV1;
  // The display takes its registers as they are, and may write some while it starts its pipes.
  unsparse(d.regs.dw, s.registers);
  const refused = d.display.importState(s.display);
  if (refused !== null) return `display: ${refused}`;
  unsparse(d.regs.dw, s.registers);
  d.fences.updateAll();
  unsparse(d.ggtt.pte, s.gtt);
  d.ggtt.space.invalidate();
  d.gt.engines.forEach((e, i) => {
    importEngine(e, s.gt.engines[i] as EngineStateV1);
    e.ppgtt.space.invalidate();
  });
  const blitter = d.blitter.importState(s.blitter, d.gt.engine('BCS').dataSpace);
  for (const key of Object.keys(d.blitter.counters) as (keyof typeof d.blitter.counters)[]) {
    d.blitter.counters[key] = s.blitterCounters[key] as number;
  }
  // Translations come last: an unfinished blit may have looked some up.
  d.ggtt.space.importState(s.gttSpace);
  d.gt.engines.forEach((e, i) => {
    e.ppgtt.space.importState((s.gt.engines[i] as EngineStateV1).ppgtt.space);
  });
  d.gt.turn = s.gt.turn[0] as number;
  d.gt.resets = s.gt.turn[1] as number;
  d.gt.settling.importState(s.gt.settling);
  d.gt.power.importState(s.gt.power);
  d.irq.masked = s.irq[2] as number;
  const high = s.irq[0] === 1;
  if (high !== d.irq.asserted) {
    d.irq.asserted = high;
    d.irq.onLine(high);
  }
  d.irq.edges = s.irq[1] as number;
  if (d.gt.runnable) d.wake();
  return blitter;
}

function stateError(d: HaswellDevice, given: unknown): string | null {
  if (given === null || typeof given !== 'object') return 'not a device state';
  const s = given as Partial<DeviceStateV1>;
  if (s.version !== 1) return `version ${String(s.version)}, expected 1`;
  const model = exportDevice(d);
  const { display: _, blitter: __, ...parts } = model;
  const wrong = shapeError(parts, given, 'state');
  if (wrong !== null) return wrong;
  const state = given as DeviceStateV1;
  if (state.deviceId !== model.deviceId) return `device 0x${state.deviceId.toString(16)}`;
  if (state.nowNs !== model.nowNs) {
    return `the clock stands at ${model.nowNs} ns, the state is of ${state.nowNs} ns`;
  }
  const { registers, gtt, irq, gt } = state;
  if (![registers, gtt, irq, gt.turn, gt.settling].every(isNumbers)) return 'a list has no numbers';
  if (irq.length !== 3 || gt.turn.length !== 2 || gt.settling.length !== 2)
    return 'a list is short';
  if (!(Number.isInteger(gt.turn[0]) && (gt.turn[0] as number) in d.gt.engines)) return 'turn';
  const runs =
    sparseError(registers, d.regs.dw.length) ??
    sparseError(gtt, d.ggtt.pte.length) ??
    d.ggtt.space.stateError(state.gttSpace) ??
    d.gt.power.stateError(gt.power);
  if (runs !== null) return runs;
  for (const [i, e] of d.gt.engines.entries()) {
    const engine = engineStateError(e, gt.engines[i] as EngineStateV1);
    if (engine !== null) return `${e.id}: ${engine}`;
  }
  const blitter = checkState(state.blitter);
  if (typeof blitter === 'string') return `blitter: ${blitter}`;
  return displayStateError(d.display, state.display);
}
