import type { RegSpace } from '../reg/reg-space.ts';
import { pixelClockKhz, transcoderPort } from './clocks.ts';
import * as R from './display.regs.ts';
import type { Monitor } from './monitor/monitor.ts';
import type { Pipe } from './pipe.ts';
import { PORTS, type PortName, type PortRow } from './ports.ts';

/** A port that a pipe lights. */
export interface Screen {
  readonly pipe: number;
  readonly port: PortName;
  /** Active pixels of the mode. */
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly refreshHz: number;
  readonly monitor: Monitor | null;
}

/** Whose screens to list. */
interface Lit {
  readonly pipes: readonly Pipe[];
  monitorOn(port: PortName): Monitor | null;
}

/** The ports that a display engine's pipes light, with the modes as its registers have them. */
export function litScreens(regs: RegSpace, engine: Lit): readonly Screen[] {
  const list: Screen[] = [];
  for (const pipe of engine.pipes) {
    if (!pipe.beam.running) continue;
    const port = transcoderPort(regs, pipe.transcoder);
    if (port < 0) continue;
    const base = R.TRANSCODER_BASE[pipe.transcoder] as number;
    const htotal = regs.peek(base + R.HTOTAL);
    const vtotal = regs.peek(base + R.VTOTAL);
    const dots = ((htotal >>> 16) + 1) * ((vtotal >>> 16) + 1);
    const { name } = PORTS[port] as PortRow;
    list.push({
      pipe: pipe.index,
      port: name,
      width: (htotal & 0x1fff) + 1,
      height: (vtotal & 0x1fff) + 1,
      refreshHz: (pixelClockKhz(regs, pipe.transcoder) * 1000) / dots,
      monitor: engine.monitorOn(name),
    });
  }
  return list;
}
