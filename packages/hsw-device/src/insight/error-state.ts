import { BB_PPGTT } from '../cs/batch-levels.ts';
import type { Engine } from '../cs/engine.ts';
import type { HaswellDevice } from '../device.ts';
import {
  type EngineId,
  HWS_PGA,
  RING_BBADDR,
  RING_BBSTATE,
  RING_CCID,
  RING_CTL,
  RING_DMA_FADD,
  RING_ESR,
  RING_GFX_MODE,
  RING_HEAD,
  RING_INSTDONE,
  RING_INSTPM,
  RING_IPEHR,
  RING_IPEIR,
  RING_MI_MODE,
  RING_PP_DIR_BASE,
  RING_PSMI_CTL,
  RING_START,
  RING_TAIL,
  ringBytes,
} from '../gt/engine.regs.ts';
import { DE_IRQ, GT_IRQ, IRQ_IER } from '../irq/interrupt.regs.ts';
import { ascii85, fromAscii85 } from './ascii85.ts';
import { type PeekDword, peekData, peekGgtt, peekRun } from './peek.ts';
import { batchDwords } from './walk.ts';

/** Names of the engines in a capture, and their fault registers. i915: `rcs0`..., `RING_FAULT_REG`. */
const ENGINES: Readonly<Record<EngineId, { readonly name: string; readonly fault: number }>> = {
  RCS: { name: 'rcs0', fault: 0x4094 },
  VCS: { name: 'vcs0', fault: 0x4194 },
  BCS: { name: 'bcs0', fault: 0x4294 },
  VECS: { name: 'vecs0', fault: 0x4394 },
};
/** RCS only: slice common and per-subslice state of what has finished. i915 intel_engine_get_instdone. */
const SC_INSTDONE = 0x7100;
const SAMPLER_INSTDONE = 0xe160;
const ROW_INSTDONE = 0xe164;
/** Registers of the whole GPU. i915: `gt_record_global_regs`. */
const PGTBL_ER = 0x2024;
const RCS_EIR = 0x20b0;
const ERROR = 0x40a0;
const DONE_REG = 0x40b0;
const ERR_INT = 0x44040;
const DERRMR = 0x44050;
const FORCEWAKE_MT = 0xa188;
const FENCES = 0x100000;
const FENCE_COUNT = 32;
/** RING_INSTPS. */
const RING_INSTPS = 0x70;
/** Most dwords of a batch that are captured: 1 MiB. */
const BATCH_MAX: number = (1 << 20) / 4;
const PAGE_DWORDS = 1024;
/** Device time, nanoseconds, in the two parts of a time line. */
const NS_PER_S = 1e9;
const NS_PER_US = 1000;

const hex8 = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');
const reg = (n: number): string => `0x${hex8(n)}`;

/**
 * The state of a device in the text form of i915's error state: what a capture of a Linux 6.1 reads,
 * from the same registers, with rings, batches, contexts and status pages as ASCII85. Programs that
 * read such files (`intel_error_decode`, `aubinator_error_decode`) read this one. It changes nothing.
 *
 * @see i915 i915_gpu_error.c `__err_print_to_sgl`
 */
export function errorState(device: HaswellDevice): string {
  const lines = [...headLines(device), ...globalLines(device)];
  for (const engine of device.gt.engines) lines.push(...engineLines(device, engine));
  lines.push(`gen: 7`, `gt: ${device.model.gt}`, 'platform: HASWELL', 'has_ppgtt: yes');
  return `${lines.join('\n')}\n`;
}

function headLines(device: HaswellDevice): string[] {
  const { model, gt, clock } = device;
  const hung = gt.engines.filter((e) => e.hang !== null);
  const first = hung[0];
  const mask = hung.reduce((bits, e) => bits | (1 << gt.engines.indexOf(e)), 0);
  const seconds = Math.floor(clock.now / NS_PER_S);
  const micros = Math.floor((clock.now % NS_PER_S) / NS_PER_US);
  return [
    first === undefined
      ? 'No engine hangs'
      : `GPU HANG: ecode 7:${mask.toString(16)}:${hex8(first.reg(RING_IPEHR))}, ${first.hang}`,
    'Kernel: none, captured from the device',
    `Time: ${seconds} s ${micros} us`,
    `Reset count: ${gt.resets}`,
    'Suspend count: 0',
    'Platform: HASWELL',
    'Subplatform: 0x0',
    `PCI ID: 0x${model.deviceId.toString(16).padStart(4, '0')}`,
    'PCI Revision: 0x06',
    'PCI Subsystem: 0000:0000',
    'IOMMU enabled?: 0',
    'RPM wakelock: yes',
    'PM suspended: no',
  ];
}

function globalLines({ regs }: HaswellDevice): string[] {
  const fences = Array.from({ length: FENCE_COUNT }, (_, i) => {
    const at = FENCES + i * 8;
    return `  fence[${i}] = ${hex8(regs.peek(at + 4))}${hex8(regs.peek(at))}`;
  });
  return [
    `IER: ${reg(regs.peek(DE_IRQ + IRQ_IER))}`,
    `DERRMR: ${reg(regs.peek(DERRMR))}`,
    'GT awake: yes',
    'CS timestamp frequency: 12500000 Hz, 80 ns',
    `EIR: ${reg(regs.peek(RCS_EIR))}`,
    `PGTBL_ER: ${reg(regs.peek(PGTBL_ER))}`,
    `GTIER[0]: ${reg(regs.peek(GT_IRQ + IRQ_IER))}`,
    ...fences,
    `FORCEWAKE: ${reg(regs.peek(FORCEWAKE_MT))}`,
    `ERROR: ${reg(regs.peek(ERROR))}`,
    `DONE_REG: ${reg(regs.peek(DONE_REG))}`,
    `ERR_INT: ${reg(regs.peek(ERR_INT))}`,
  ];
}

function engineLines(device: HaswellDevice, e: Engine): string[] {
  const { regs } = device;
  const { name, fault } = ENGINES[e.id];
  const value = (offset: number): string => reg(e.reg(offset));
  const batch = batchOf(device, e);
  const lines = [
    `${name} command stream:`,
    `  CCID:  ${value(RING_CCID)}`,
    `  START: ${value(RING_START)}`,
    `  HEAD:  ${value(RING_HEAD)} [0x00000000]`,
    `  TAIL:  ${value(RING_TAIL)} [0x00000000, 0x00000000]`,
    `  CTL:   ${value(RING_CTL)}`,
    `  MODE:  ${reg(regs.sample(e.base + RING_MI_MODE))}`,
    `  HWS:   ${reg(regs.peek(HWS_PGA[e.id]))}`,
    `  ACTHD: 0x00000000 ${hex8(e.acthd)}`,
    `  IPEIR: ${value(RING_IPEIR)}`,
    `  IPEHR: ${value(RING_IPEHR)}`,
    `  ESR:   ${value(RING_ESR)}`,
    `  INSTDONE: ${reg(regs.sample(e.base + RING_INSTDONE))}`,
  ];
  if (e.id === 'RCS') {
    lines.push(
      `  SC_INSTDONE: ${reg(regs.peek(SC_INSTDONE))}`,
      `  SAMPLER_INSTDONE[0][0]: ${reg(regs.peek(SAMPLER_INSTDONE))}`,
      `  ROW_INSTDONE[0][0]: ${reg(regs.peek(ROW_INSTDONE))}`,
    );
  }
  if (batch !== null) {
    const end = batch.start + batch.dwords.length * 4;
    lines.push(`  batch: [0x00000000_${hex8(batch.start)}, 0x00000000_${hex8(end)}]`);
  }
  lines.push(
    `  BBADDR: 0x00000000_${hex8(e.reg(RING_BBADDR))}`,
    `  BB_STATE: ${value(RING_BBSTATE)}`,
    `  INSTPS: ${value(RING_INSTPS)}`,
    `  INSTPM: ${value(RING_INSTPM)}`,
    `  FADDR: 0x00000000 ${hex8(e.reg(RING_DMA_FADD))}`,
    `  RC PSMI: ${value(RING_PSMI_CTL)}`,
    `  FAULT_REG: ${reg(regs.peek(fault))}`,
    `  GFX_MODE: ${value(RING_GFX_MODE)}`,
    `  PP_DIR_BASE: ${value(RING_PP_DIR_BASE)}`,
    `  hung: ${e.hang === null ? 0 : 1}`,
    '  engine reset count: 0',
  );
  if (e.enabled) lines.push(...bufferLines(device, e, name, batch));
  return lines;
}

interface Captured {
  readonly start: number;
  readonly dwords: Int32Array;
}

/** The batch that runs, or that ran last. */
function batchOf(device: HaswellDevice, e: Engine): Captured | null {
  const register = e.reg(RING_BBADDR);
  if (register === 0) return null;
  const start = (register & ~3) >>> 0;
  const inPpgtt = (e.reg(RING_BBSTATE) & BB_PPGTT) !== 0;
  const peek = inPpgtt ? peekData(device, e) : peekGgtt(device);
  const used = batchDwords(peek, start, e.id, BATCH_MAX);
  const size = Math.ceil(used / PAGE_DWORDS) * PAGE_DWORDS;
  return used === 0 ? null : { start, dwords: peekRun(peek, start, size) };
}

function bufferLines(
  device: HaswellDevice,
  e: Engine,
  name: string,
  batch: Captured | null,
): string[] {
  const peek = peekGgtt(device);
  const ring = e.reg(RING_START) >>> 0;
  const lines: string[] = [];
  if (batch !== null) lines.push(...buffer(name, 'batch', batch.start, batch.dwords));
  const ringDwords = ringBytes(e.reg(RING_CTL)) / 4;
  lines.push(...buffer(name, 'ring', ring, peekRun(peek, ring, ringDwords)));
  lines.push(...page(name, 'HW Status', e.statusPage, peek));
  if (e.contextAt !== -1) lines.push(...page(name, 'HW context', e.contextAt, peek));
  return lines;
}

function page(name: string, what: string, at: number, peek: PeekDword): string[] {
  return buffer(name, what, at, peekRun(peek, at >>> 0, PAGE_DWORDS));
}

/** `~` says that what follows is not compressed. */
function buffer(name: string, what: string, at: number, dwords: Int32Array): string[] {
  return [`${name} --- ${what} = 0x00000000 ${hex8(at)}`, `~${ascii85(dwords)}`];
}

/** A buffer of an error state. */
export interface ErrorBuffer {
  /** `rcs0`, or `global`. */
  readonly engine: string;
  /** `ring`, `batch`, `HW Status`, ... */
  readonly name: string;
  /** Graphics address. */
  readonly address: number;
  readonly dwords: Int32Array;
}

const HEADING = /^(\S+) --- (.+?) = 0x([0-9a-f]{8})(?: ([0-9a-f]{8}))?/;

/**
 * The buffers of an error state's text.
 *
 * @param inflate undoes zlib for buffers that a kernel compressed; without it they are left out
 */
export function errorBuffers(
  text: string,
  inflate: ((bytes: Uint8Array) => Uint8Array | null) | null = null,
): ErrorBuffer[] {
  const found: ErrorBuffer[] = [];
  let heading: RegExpExecArray | null = null;
  for (const line of text.split('\n')) {
    const next = HEADING.exec(line);
    if (next !== null) heading = next;
    if (heading === null || (line[0] !== '~' && line[0] !== ':')) continue;
    const plain = fromText(line, inflate);
    if (plain !== null) {
      const address = Number.parseInt(heading[4] ?? (heading[3] as string), 16);
      found.push({
        engine: heading[1] as string,
        name: heading[2] as string,
        address,
        dwords: plain,
      });
    }
    heading = null;
  }
  return found;
}

function fromText(
  line: string,
  inflate: ((bytes: Uint8Array) => Uint8Array | null) | null,
): Int32Array | null {
  const dwords = fromAscii85(line.slice(1));
  if (line[0] === '~') return dwords;
  const bytes = inflate?.(new Uint8Array(dwords.buffer)) ?? null;
  if (bytes === null) return null;
  return new Int32Array(new Uint8Array(bytes.subarray(0, bytes.length & ~3)).buffer);
}
