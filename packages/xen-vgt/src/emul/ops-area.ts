import { CR0_EM, CR0_TS, CR4_OSFXSR, CR4_OSXSAVE, VECTOR_BYTES } from './cpu-state.ts';
import type { Exec, Handler } from './exec.ts';
import { CpuFault, GP, NM, UD } from './fault.ts';

/** Layout of the areas. SDM vol.1 table 10-2, 13.4. */
const LEGACY_BYTES = 512,
  HEADER = 512,
  HEADER_BYTES = 64,
  AVX = 576,
  AVX_BYTES = 256;
const XMM = 160,
  ST = 32;
/** State components. */
const X87 = 1,
  SSE = 2,
  YMM = 4;

function vectorCount(e: Exec): number {
  return e.state.bits === 64 ? 16 : 8;
}

/** REX.W forms have 64-bit pointers, the others 32 bits with a selector. */
function writeX87(e: Exec, wide: boolean): void {
  const { x87 } = e.state;
  const { view, buffer } = e.memory;
  view.setUint16(0, x87.control, true);
  view.setUint16(2, x87.status, true);
  view.setUint8(4, x87.tags);
  view.setUint8(5, 0);
  view.setUint16(6, x87.opcode, true);
  view.setBigUint64(8, wide ? x87.ip : x87.ip & 0xffffffffn, true);
  view.setBigUint64(16, wide ? x87.dp : x87.dp & 0xffffffffn, true);
  buffer.set(x87.st, ST);
}

function readX87(e: Exec, wide: boolean): void {
  const { x87 } = e.state;
  const { view, buffer } = e.memory;
  // Bit 6 is always 1; bits 15:13 and 7 are reserved.
  x87.control = (view.getUint16(0, true) & 0x1f3f) | 0x40;
  const status = view.getUint16(2, true) & 0x7f7f;
  // ES and B sum up the exceptions that are not masked.
  x87.status = status | ((status & ~x87.control & 0x3f) === 0 ? 0 : 0x8080);
  x87.tags = view.getUint8(4);
  x87.opcode = view.getUint16(6, true) & 0x7ff;
  x87.ip = wide ? view.getBigUint64(8, true) : BigInt(view.getUint32(8, true));
  x87.dp = wide ? view.getBigUint64(16, true) : BigInt(view.getUint32(16, true));
  x87.st.set(buffer.subarray(ST, ST + 128));
  // 80-bit values: the rest of each 16 bytes is reserved.
  for (let at = 0; at < 128; at += 16) x87.st.fill(0, at + 10, at + 16);
}

function writeXmm(e: Exec): void {
  const { buffer } = e.memory;
  for (let i = 0; i < vectorCount(e); i++) buffer.set(e.vector(i, 16), XMM + i * 16);
}

function readXmm(e: Exec): void {
  const { buffer } = e.memory;
  for (let i = 0; i < vectorCount(e); i++) {
    e.vector(i, 16).set(buffer.subarray(XMM + i * 16, XMM + i * 16 + 16));
  }
}

function requireFx(e: Exec): void {
  const { state } = e;
  if ((state.cr0 & (CR0_EM | CR0_TS)) !== 0) throw new CpuFault(NM);
}

function fxsave(wide: boolean): Handler {
  return (e) => {
    requireFx(e);
    e.requireAligned(16);
    // What the instruction does not write stays as it is.
    e.probe(LEGACY_BYTES, 'write');
    e.loadBytes(LEGACY_BYTES);
    writeX87(e, wide);
    const { view } = e.memory;
    view.setUint32(24, e.state.mxcsr, true);
    view.setUint32(28, e.state.mxcsrMask, true);
    if ((e.state.cr4 & CR4_OSFXSR) !== 0) writeXmm(e);
    e.storeBytes(LEGACY_BYTES);
  };
}

function fxrstor(wide: boolean): Handler {
  return (e) => {
    requireFx(e);
    e.requireAligned(16);
    e.loadBytes(LEGACY_BYTES);
    const mxcsr = e.memory.view.getUint32(24, true);
    if ((mxcsr & ~e.state.mxcsrMask) !== 0) throw new CpuFault(GP, 0);
    readX87(e, wide);
    e.state.mxcsr = mxcsr;
    if ((e.state.cr4 & CR4_OSFXSR) !== 0) readXmm(e);
  };
}

/** Components asked for in EDX:EAX that the system switched on. @throws CpuFault */
function requested(e: Exec): number {
  const { state } = e;
  if ((state.cr4 & CR4_OSXSAVE) === 0) throw new CpuFault(UD);
  if ((state.cr0 & CR0_TS) !== 0) throw new CpuFault(NM);
  return Number(e.readGpr(0, 4)) & state.xcr0;
}

function areaBytes(e: Exec): number {
  return (e.state.xcr0 & YMM) === 0 ? LEGACY_BYTES + HEADER_BYTES : AVX + AVX_BYTES;
}

/** XSAVE: standard format, every component written that is asked for. */
function xsave(wide: boolean): Handler {
  return (e) => {
    const want = requested(e);
    const n = areaBytes(e);
    e.requireAligned(64);
    e.probe(n, 'write');
    e.loadBytes(n);
    const { view, buffer } = e.memory;
    if ((want & X87) !== 0) writeX87(e, wide);
    if ((want & (SSE | YMM)) !== 0) {
      view.setUint32(24, e.state.mxcsr, true);
      view.setUint32(28, e.state.mxcsrMask, true);
    }
    if ((want & SSE) !== 0) writeXmm(e);
    if ((want & YMM) !== 0) {
      for (let i = 0; i < vectorCount(e); i++) {
        buffer.set(e.vector(i).subarray(16), AVX + i * 16);
      }
    }
    const had = view.getUint32(HEADER, true);
    view.setUint32(HEADER, (had & ~want) | want, true);
    e.storeBytes(n);
  };
}

/** XRSTOR: components that the header does not have go to their first state. */
function xrstor(wide: boolean): Handler {
  return (e) => {
    const want = requested(e);
    const n = areaBytes(e);
    e.requireAligned(64);
    e.loadBytes(n);
    const { view, buffer } = e.memory;
    const has = view.getUint32(HEADER, true);
    let bad = (has & ~e.state.xcr0) !== 0 || view.getUint32(HEADER + 4, true) !== 0;
    for (let at = 8; at < 24; at += 4) bad ||= view.getUint32(HEADER + at, true) !== 0;
    const mxcsr = view.getUint32(24, true);
    const loadsMxcsr = (want & (SSE | YMM)) !== 0;
    if (bad || (loadsMxcsr && (mxcsr & ~e.state.mxcsrMask) !== 0)) throw new CpuFault(GP, 0);
    if ((want & X87) !== 0) {
      if ((has & X87) === 0) firstX87(e);
      readX87(e, wide);
    }
    if (loadsMxcsr) e.state.mxcsr = mxcsr;
    if ((want & SSE) !== 0) {
      if ((has & SSE) === 0) buffer.fill(0, XMM, XMM + 256);
      readXmm(e);
    }
    if ((want & YMM) === 0) return;
    for (let i = 0; i < vectorCount(e); i++) {
      const high = e.vector(i).subarray(16, VECTOR_BYTES);
      if ((has & YMM) === 0) high.fill(0);
      else high.set(buffer.subarray(AVX + i * 16, AVX + i * 16 + 16));
    }
  };
}

/** The buffer's x87 part as after FNINIT. */
function firstX87(e: Exec): void {
  e.memory.buffer.fill(0, 0, 24);
  e.memory.buffer.fill(0, ST, ST + 128);
  e.memory.view.setUint16(0, 0x37f, true);
}

function mxcsrLoad(e: Exec): void {
  const value = Number(e.loadOperand(4));
  if ((value & ~e.state.mxcsrMask) !== 0) throw new CpuFault(GP, 0);
  e.state.mxcsr = value;
}

/** Areas of processor state, by iced's mnemonic. */
export const AREA: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['Fxsave', fxsave(false)],
  ['Fxsave64', fxsave(true)],
  ['Fxrstor', fxrstor(false)],
  ['Fxrstor64', fxrstor(true)],
  ['Xsave', xsave(false)],
  ['Xsave64', xsave(true)],
  ['Xrstor', xrstor(false)],
  ['Xrstor64', xrstor(true)],
  ['Ldmxcsr', mxcsrLoad],
  ['Stmxcsr', (e) => e.storeOperand(4, BigInt(e.state.mxcsr))],
]);
