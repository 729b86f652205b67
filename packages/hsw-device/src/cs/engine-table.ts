import type { EngineId } from '../gt/engine.regs.ts';
import {
  GT_BCS_FLUSH,
  GT_BCS_USER,
  GT_RCS_PIPE_CONTROL,
  GT_RCS_USER,
  GT_VCS_FLUSH,
  GT_VCS_USER,
  PM_VECS_FLUSH,
  PM_VECS_USER,
} from '../irq/interrupt.regs.ts';
import { ON_BCS, ON_RCS, ON_VCS, ON_VECS } from './row.ts';

/** How an engine differs from the others. */
export interface EngineRow {
  /** Its bit in CommandRow.on. */
  readonly on: number;
  /** Interrupt bits in GTIIR, or in PMIIR where `pm`. */
  readonly userBit: number;
  readonly flushBit: number;
  /** Command parser error. i915: `GT_CS_MASTER_ERROR_INTERRUPT` and siblings. */
  readonly errorBit: number;
  /** Watchdog counter exceeded; 0 for engines that have no such counter. PRM vol.2c; GVT-g interrupt.c. */
  readonly watchdogBit: number;
  readonly pm: boolean;
  /** It has the 2D engine. */
  readonly blits: boolean;
}

// biome-ignore format: one engine a line
export const ENGINE_TABLE: Readonly<Record<EngineId, EngineRow>> = {
  RCS:  { on: ON_RCS,  userBit: GT_RCS_USER,  flushBit: GT_RCS_PIPE_CONTROL, errorBit: 1 << 3,  watchdogBit: 1 << 6,  pm: false, blits: false },
  VCS:  { on: ON_VCS,  userBit: GT_VCS_USER,  flushBit: GT_VCS_FLUSH,        errorBit: 1 << 15, watchdogBit: 1 << 18, pm: false, blits: false },
  BCS:  { on: ON_BCS,  userBit: GT_BCS_USER,  flushBit: GT_BCS_FLUSH,        errorBit: 1 << 25, watchdogBit: 0,       pm: false, blits: true },
  VECS: { on: ON_VECS, userBit: PM_VECS_USER, flushBit: PM_VECS_FLUSH,       errorBit: 1 << 12, watchdogBit: 0,       pm: true,  blits: false },
};
