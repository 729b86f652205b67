import { CCID_VALID, GFX_TLB_EXPLICIT, RING_CCID, RING_GFX_MODE } from '../gt/engine.regs.ts';
import {
  CONTEXT_BYTES,
  IMAGE_KIND,
  IMAGE_REGISTERS,
  MODE,
  OWN_TIME,
  PIPELINE_AT,
  REGISTERS_AT,
  STREAMER_AT,
} from './context-image.ts';
import { COMMAND_FLAGS, commandIndex, commandLength } from './decode.ts';
import type { Engine } from './engine.ts';
import { COMMAND_MAX } from './engine-contract.ts';
import { PIPELINE, RESOURCE_STREAMER } from './row.ts';
import { keepState } from './state.ts';

/**
 * MI_SET_CONTEXT dword 1: 31:12 image, 8 GGTT, 4 core mode, 3 save and 2 restore of the resource
 * streamer's state, 1 force restore, 0 restore inhibit. PRM vol.2a; i915 `HSW_MI_RS_SAVE_STATE_EN`.
 */
const ADDRESS: number = ~0xfff;
const RS_SAVE = 0x8;
const RS_RESTORE = 0x4;
const FORCE_RESTORE = 0x2;
const RESTORE_INHIBIT = 0x1;
/** What of it CCID shows. */
const CCID_KEEPS = 0x11c;

/** MI_LOAD_REGISTER_IMM with 12, "force posted", as images have it. i915 `MI_LRI_FORCE_POSTED`. */
const LRI: number = (0x22 << 23) | 0x1000;
const LRI_TOP: number = 0x22 << 23;
const BATCH_END: number = 0x0a << 23;
const NOOP = 0;

/** Where the next dword of an image goes; one image is written at a time. */
let cursor = 0;

function put(e: Engine, value: number): void {
  e.ggtt.write32(cursor, value);
  cursor += 4;
}

function imageValue(e: Engine, offset: number): number {
  const kind = IMAGE_KIND[offset >>> 2];
  if (kind === MODE) return (e.regs.peek(offset) & 0xffff) | (0xffff << 16);
  return kind === OWN_TIME ? e.contextTime : e.regs.peek(offset);
}

function saveRegisters(e: Engine): void {
  put(e, NOOP);
  for (const group of IMAGE_REGISTERS) {
    put(e, LRI | (group.length * 2 - 1));
    for (let i = 0; i < group.length; i++) {
      put(e, group[i] as number);
      put(e, imageValue(e, group[i] as number));
    }
  }
  put(e, BATCH_END);
}

/** Writes the kept commands that are (or are not) the resource streamer's. What has no room is lost. */
function saveState(e: Engine, streamer: boolean, end: number): void {
  for (let row = 0; row < e.kept.length; row++) {
    const kept = e.kept[row] as Int32Array | null;
    if (kept === null) continue;
    if ((((COMMAND_FLAGS[row] as number) & RESOURCE_STREAMER) !== 0) !== streamer) continue;
    if (cursor + kept.length * 4 + 4 > end) {
      e.counters.lostState++;
      continue;
    }
    for (let i = 0; i < kept.length; i++) put(e, kept[i] as number);
  }
  put(e, BATCH_END);
}

function saveStreamer(e: Engine, image: number): void {
  cursor = image + STREAMER_AT;
  saveState(e, true, image + PIPELINE_AT);
}

/**
 * Writes the running context's image: a list that the command streamer can run.
 *
 * The size is the hardware's (i915 allocates it), and so is the form: MI_LOAD_REGISTER_IMM with
 * "force posted" after an MI_NOOP, registers first. Where in the 17 pages the resource streamer and
 * the 3D pipeline keep their state, and in what form, is not published for Haswell: here both are
 * lists of state commands, at fixed pages. Only hardware reads an image; drivers copy it whole.
 *
 * @param image graphics address in the GGTT
 * @param streamer whether the resource streamer's part is written: else what is there stays
 */
export function saveContext(e: Engine, image: number, streamer: boolean): void {
  cursor = image + REGISTERS_AT;
  saveRegisters(e);
  if (streamer) saveStreamer(e, image);
  cursor = image + PIPELINE_AT;
  saveState(e, false, image + CONTEXT_BYTES);
}

function restoreRegisters(e: Engine): void {
  for (let i = 1; i + 1 < e.length; i += 2) {
    const offset = e.cmd[i] as number;
    const value = e.cmd[i + 1] as number;
    const kind = offset >= 0 && offset < 0x8000 ? IMAGE_KIND[offset >>> 2] : 0;
    if (kind === 0) e.counters.refusedWrites++;
    else if (kind === MODE) e.regs.write32(offset, value);
    else if (kind === OWN_TIME) e.setContextTime(value);
    else if (e.watchdog?.owns(offset) === true) e.regs.write32(offset, value);
    else e.regs.poke(offset, value);
  }
}

/** Forgets kept commands that are (or are not) the resource streamer's. */
function forget(e: Engine, streamer: boolean): void {
  for (let row = 0; row < e.kept.length; row++) {
    const flags = COMMAND_FLAGS[row] as number;
    if (((flags & RESOURCE_STREAMER) !== 0) === streamer) e.kept[row] = null;
  }
}

/**
 * Reads one part of an image back. A part that a guest has spoilt ends at the first thing that
 * cannot be in one, or at its last page: no other register and nothing beyond it is touched.
 */
function restorePart(e: Engine, from: number, end: number): void {
  let at = from;
  while (at < end) {
    const header = e.ggtt.read32(at);
    const index = commandIndex(header);
    if (index < 0 || header === BATCH_END) return;
    const length = commandLength(index, header);
    if (length > COMMAND_MAX || at + length * 4 > end) return;
    for (let i = 0; i < length; i++) e.cmd[i] = e.ggtt.read32(at + i * 4);
    e.length = length;
    const flags = COMMAND_FLAGS[index] as number;
    if ((header & (0x1ff << 23)) === LRI_TOP) restoreRegisters(e);
    else if ((flags & (PIPELINE | RESOURCE_STREAMER)) !== 0) keepState(e, index);
    else if (header !== NOOP || at !== from) return;
    at += length * 4;
  }
}

/** MI_RS_CONTEXT 0: saves or restores the resource streamer's part of the running context. PRM vol.2a. */
export function miRsContext(e: Engine): void {
  const image = e.contextAt;
  if (image === -1) return;
  if (((e.cmd[0] as number) & 1) !== 0) {
    saveStreamer(e, image);
  } else {
    forget(e, true);
    restorePart(e, image + STREAMER_AT, image + PIPELINE_AT);
  }
}

/** Reads an image. @param streamer whether the resource streamer's part is read */
export function restoreContext(e: Engine, image: number, streamer: boolean): void {
  restorePart(e, image + REGISTERS_AT, image + STREAMER_AT);
  if (streamer) {
    forget(e, true);
    restorePart(e, image + STREAMER_AT, image + PIPELINE_AT);
  }
  forget(e, false);
  restorePart(e, image + PIPELINE_AT, image + CONTEXT_BYTES);
}

/**
 * MI_SET_CONTEXT: saves the running context into its image, then loads the named one. PRM vol.2a.
 * Naming the running context does nothing unless a restore is forced. The state that the running
 * one was given with (CCID) decides what of it is saved.
 */
export function miSetContext(e: Engine): void {
  const operand = e.cmd[1] as number;
  const next = operand & ADDRESS;
  const running = e.contextAt;
  if (running === next && (operand & FORCE_RESTORE) === 0) return;
  const saves = (e.reg(RING_CCID) & RS_SAVE) !== 0;
  if (running !== -1 && running !== next) saveContext(e, running, saves);
  e.oa?.settle();
  e.setReg(RING_CCID, next | (operand & CCID_KEEPS) | CCID_VALID);
  e.oa?.settle();
  e.counters.contextSwitches++;
  if ((e.reg(RING_GFX_MODE) & GFX_TLB_EXPLICIT) === 0) e.ppgtt.space.invalidate();
  if ((operand & RESTORE_INHIBIT) === 0) {
    restoreContext(e, next, (operand & RS_RESTORE) !== 0);
  } else if (running !== next) e.setContextTime(0);
}
