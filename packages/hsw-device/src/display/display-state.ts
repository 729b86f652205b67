import type { DpCaps } from './bus/dpcd.ts';
import type { DisplayEngine } from './display-engine.ts';
import type { MonitorKind } from './monitor/edid-build.ts';
import type { PlaneLatch } from './plane-latch.ts';
import { PORTS, type PortName } from './ports.ts';

/** What a display engine remembers besides its registers. */
export interface DisplayStateV1 {
  readonly version: 1;
  /** Time of the display engine's clock, nanoseconds. */
  readonly nowNs: number;
  readonly pipes: readonly PipeStateV1[];
  /** Precision palettes of the three pipes, 1024 entries each. */
  readonly palettes: readonly number[];
  /** Sideband registers: destination << 16 | offset, and value. */
  readonly sideband: readonly (readonly [number, number])[];
  readonly panelOn: boolean;
  /** ELD buffers of the three transcoders, 21 dwords each; not in states of older versions. */
  readonly elds?: readonly number[];
  readonly monitors: readonly MonitorStateV1[];
  /** Ports whose hotplug is still to be reported, a bit each; not in states of older versions. */
  readonly pulsesDue?: number;
}

/** One pipe: its frame number, where its beam is and what its planes show. */
export interface PipeStateV1 {
  readonly frame: number;
  /** When vertical blank last began, nanoseconds of the state's clock; 0 while the pipe stands. */
  readonly vblankAt: number;
  /** Primary, sprite, cursor. */
  readonly planes: readonly { readonly armed: boolean; readonly live: readonly number[] }[];
}

/** One plugged-in monitor. */
export interface MonitorStateV1 {
  readonly port: PortName;
  readonly kind: MonitorKind;
  readonly name: string;
  readonly edid: readonly number[];
  readonly dp: DpCaps;
  /** DPCD contents; empty when it is no DisplayPort sink. */
  readonly dpcd: readonly number[];
}

export function exportDisplay(display: DisplayEngine): DisplayStateV1 {
  const monitors: MonitorStateV1[] = [];
  for (const row of PORTS) {
    const monitor = display.connectors.monitors[row.index];
    if (monitor === null || monitor === undefined) continue;
    const dpcd = [...(display.connectors.sinks[row.index]?.dpcd.bytes ?? [])];
    const { kind, name, dp } = monitor;
    monitors.push({ port: row.name, kind, name, edid: [...monitor.edid], dp, dpcd });
  }
  return {
    version: 1,
    nowNs: display.clock.now,
    pipes: display.pipes.map((pipe) => ({
      frame: pipe.frame(),
      vblankAt: pipe.vblankAt(),
      planes: [pipe.planes.primary, pipe.planes.sprite, pipe.planes.cursor].map((plane) => ({
        armed: plane.armed,
        live: [...plane.live],
      })),
    })),
    palettes: [...display.palettes.entries],
    sideband: [...display.south.sbi],
    panelOn: display.panel.on,
    elds: [...display.audio.buffers],
    monitors,
    pulsesDue: display.connectors.pulsesDue,
  };
}

function isNumbers(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((x) => Number.isInteger(x));
}

/** Why a state cannot be taken; null when it can. */
export function displayStateError(
  display: DisplayEngine,
  state: Partial<DisplayStateV1> | null,
): string | null {
  if (state === null || typeof state !== 'object') return 'not a display state';
  if (state.version !== 1) return `version ${String(state.version)}, expected 1`;
  if (!Number.isFinite(state.nowNs)) return 'no time';
  if (!isNumbers(state.palettes, display.palettes.entries.length)) return 'palettes are not whole';
  if (!Array.isArray(state.pipes) || state.pipes.length !== 3) return 'not three pipes';
  for (const pipe of state.pipes as readonly Partial<PipeStateV1>[]) {
    if (!Number.isInteger(pipe.frame) || !Number.isFinite(pipe.vblankAt)) return 'bad pipe';
    const lengths = planesOf(display, 0).map((plane) => plane.live.length);
    if (!Array.isArray(pipe.planes) || pipe.planes.length !== 3) return 'not three planes';
    if (!lengths.every((n, i) => isNumbers(pipe.planes?.[i]?.live, n))) return 'bad plane';
  }
  if (!Array.isArray(state.sideband) || state.sideband.length > 1024) return 'bad sideband';
  if (!state.sideband.every((pair) => isNumbers(pair, 2))) return 'bad sideband';
  if (state.elds !== undefined && !isNumbers(state.elds, display.audio.buffers.length)) {
    return 'bad ELDs';
  }
  if (state.pulsesDue !== undefined && !Number.isInteger(state.pulsesDue)) return 'bad pulses';
  if (!Array.isArray(state.monitors)) return 'no monitors';
  for (const monitor of state.monitors as readonly Partial<MonitorStateV1>[]) {
    if (!PORTS.some((row) => row.name === monitor.port)) return 'a monitor on no port';
    if (!Array.isArray(monitor.edid) || monitor.edid.length > 32768) return 'bad EDID';
    if (monitor.dp === undefined) return 'a monitor without capabilities';
  }
  return null;
}

function planesOf(display: DisplayEngine, index: number): PlaneLatch[] {
  const pipe = display.pipes[index];
  return pipe === undefined ? [] : [pipe.planes.primary, pipe.planes.sprite, pipe.planes.cursor];
}

export function importDisplay(display: DisplayEngine, given: unknown): string | null {
  const wrong = displayStateError(display, given as Partial<DisplayStateV1> | null);
  if (wrong !== null) return wrong;
  const state = given as DisplayStateV1;
  for (const pipe of display.pipes) pipe.reset();
  display.palettes.entries.set(state.palettes);
  display.south.sbi.clear();
  for (const [key, value] of state.sideband) display.south.sbi.set(key, value);
  display.panel.settle(state.panelOn);
  display.audio.reset();
  display.audio.buffers.set(state.elds ?? []);
  display.connectors.stopBuses();
  for (const row of PORTS) display.connectors.remove(row.name);
  for (const m of state.monitors) {
    const edid = Uint8Array.from(m.edid);
    display.connectors.insert(m.port, { kind: m.kind, name: m.name, edid, dp: m.dp });
    const sink = display.connectors.sinks[PORTS.findIndex((row) => row.name === m.port)];
    if (m.dpcd.length > 0) sink?.dpcd.bytes.set(m.dpcd.slice(0, sink.dpcd.bytes.length));
  }
  display.connectors.settle();
  display.connectors.pulseAll(state.pulsesDue ?? 0);
  display.drive();
  const aheadNs = display.clock.now - state.nowNs;
  state.pipes.forEach((saved, i) => {
    display.pipes[i]?.resume(saved.frame, saved.vblankAt + aheadNs);
    planesOf(display, i).forEach((plane, k) => {
      const from = saved.planes[k];
      plane.live.set(from?.live ?? []);
      plane.armed = from?.armed === true;
    });
  });
  return null;
}
