import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import * as R from './display.regs.ts';

/** What writing a transcoder's registers sets in motion. */
export interface TranscoderEvents {
  /** Enables or routes changed. */
  drive(): void;
  /** Whether a transcoder's pipe sends a frame now. */
  sending(transcoder: number): boolean;
  /** A transcoder's port or mode changed. */
  reroute(transcoder: number): void;
  /** Timings changed. */
  retime(transcoder: number): void;
  /** The size of a pipe's picture changed. */
  sourceWritten(pipe: number, offset: number): void;
  /** The driver read a pipe's CRC. */
  crcTaken(pipe: number): void;
}

/** Timing, source size, DDI function and PIPECONF of the four transcoders, and the pipes' CRC units. */
export function transcoderRows(regs: RegSpace, events: TranscoderEvents): RegRow[] {
  const src = 'HSW PRM vol.2c transcoder timing; i915 hsw_get_pipe_config';
  // What is switched off goes on to the end of its frame; the state bit tells. PRM vol.2c "TRANS_CONF".
  const conf = (t: number, offset: number, value: number): void => {
    const on = (value & R.PIPECONF_ENABLE) !== 0 || events.sending(t);
    regs.poke(offset, on ? value | R.PIPECONF_STATE : value & ~R.PIPECONF_STATE);
    events.drive();
  };
  const rows: RegRow[] = [];
  R.TRANSCODER_BASE.forEach((base, t) => {
    const x = ['A', 'B', 'C', 'EDP'][t] as string;
    // biome-ignore format: one register a line
    rows.push(
      { name: `TRANS_TIMING_${x}`, offset: base, count: 6, onWrite: () => events.retime(t), src },
      { name: `TRANS_DDI_FUNC_CTL_${x}`, offset: base + R.TRANS_DDI_FUNC_CTL, onWrite: (_o, v, old) => (v === old ? events.drive() : events.reroute(t)), src },
      { name: `PIPECONF_${x}`, offset: R.PIPECONF[t] as number, rw: ~R.PIPECONF_STATE, onWrite: (o, v) => conf(t, o, v), src },
    );
    if (t === R.TRANSCODER_EDP) return;
    // biome-ignore format: one register a line
    rows.push(
      { name: `PIPESRC_${x}`, offset: base + R.PIPESRC, onWrite: (o) => events.sourceWritten(t, o), src },
      { name: `PIPE_CRC_CTL_${x}`, offset: base + R.PIPE_CRC_CTL, src: 'i915 intel_pipe_crc.c' },
      { name: `PIPE_CRC_RES_1_${x}`, offset: base + R.PIPE_CRC_RES_1, rw: 0, onRead: (_o, value) => { events.crcTaken(t); return value; }, src: 'i915 hsw_pipe_crc_irq_handler' },
    );
  });
  return rows;
}
