import { beforeEach, describe, expect, test } from 'vitest';
import {
  ENGINE_IDS,
  type EngineId,
  GFX_PPGTT_ENABLE,
  GFX_TLB_EXPLICIT,
  RING_BASE,
  RING_GFX_MODE,
  RING_IMR,
  RING_INSTPM,
  RING_PP_DIR_BASE,
  RING_PP_DIR_DCLV,
} from '../gt/engine.regs.ts';
import { GtDriver } from '../testing/gt-driver.ts';
import { pteAddress } from './address-space.ts';
import { CACHEABILITY, cacheabilityBits, pteCacheability } from './cacheability.ts';
import { ERROR_GEN6, GFX_FLSH_CNTL, GT_PAGE_FAULT, RING_FAULT } from './gam.ts';

const STORE_DATA_IMM = (0x20 << 23) | 2;
const USE_GGTT = 1 << 22;
const LOAD_REGISTER_IMM = 0x22 << 23;
const MI_FLUSH_DW = (0x26 << 23) | 2;
const PIPE_CONTROL = (3 << 29) | (3 << 27) | (2 << 24) | 3;
const TLB_INVALIDATE = 1 << 18;
const MI_SET_CONTEXT = 0x18 << 23;
const RESTORE_INHIBIT = 1;
const XY_COLOR_BLT = (2 << 29) | (0x50 << 22) | (3 << 20) | 4;

/** The directory lies in GTT entries 0x400 on, its table 0 in page 0x60 of memory. */
const DIRECTORY = 0x400;
const TABLE = 0x60;
const GMA = 0x5000;

let d: GtDriver;
beforeEach(() => {
  d = new GtDriver();
});

function usePpgtt(id: EngineId, dclv = -1): void {
  const base = RING_BASE[id];
  d.ggtt.write(DIRECTORY, pteAddress(TABLE) | 1);
  d.regs.write32(base + RING_PP_DIR_DCLV, dclv);
  d.regs.write32(base + RING_PP_DIR_BASE, (DIRECTORY / 16) << 16);
  d.regs.write32(base + RING_GFX_MODE, (GFX_PPGTT_ENABLE << 16) | GFX_PPGTT_ENABLE);
}

/** Maps {@link GMA} in the table, which the GPU does not hear of. */
function map(frame: number): void {
  d.words[TABLE * 1024 + GMA / 4096] = frame === 0 ? 0 : pteAddress(frame) | 1;
}

/** Stores through the PPGTT. @returns the frame it came to, of 0x70 and 0x71 */
function store(id: EngineId): number {
  d.poke(0x70000, 0);
  d.poke(0x71000, 0);
  d.submit(id, STORE_DATA_IMM, 0, GMA, 9);
  d.run();
  return d.peek(0x70000) === 9 ? 0x70 : d.peek(0x71000) === 9 ? 0x71 : 0;
}

describe('a PPGTT translation stays until it is dropped', () => {
  beforeEach(() => {
    for (const id of ENGINE_IDS) usePpgtt(id);
    map(0x70);
    for (const id of ENGINE_IDS) expect(store(id)).toBe(0x70);
    map(0x71);
  });

  test('control case: a changed entry alone changes nothing', () => {
    for (const id of ENGINE_IDS) expect(store(id)).toBe(0x70);
  });

  test('GFX_FLSH_CNTL 0 drops those of every engine, and reads 0', () => {
    d.regs.write32(GFX_FLSH_CNTL, 1);
    expect(d.regs.read32(GFX_FLSH_CNTL)).toBe(0);
    for (const id of ENGINE_IDS) expect(store(id)).toBe(0x71);
    expect(d.gt.gam.counters.flushes).toBe(1);
  });

  test('GFX_FLSH_CNTL without bit 0 drops none', () => {
    d.regs.write32(GFX_FLSH_CNTL, ~1);
    expect(store('RCS')).toBe(0x70);
  });

  test('PIPE_CONTROL with TLB invalidation, of RCS only', () => {
    d.submit('RCS', PIPE_CONTROL, 0, 0, 0, 0);
    expect(store('RCS')).toBe(0x70);
    d.submit('RCS', PIPE_CONTROL, TLB_INVALIDATE, 0, 0, 0);
    expect(store('RCS')).toBe(0x71);
    expect(store('BCS')).toBe(0x70);
  });

  test.each(['VCS', 'BCS', 'VECS'] as const)('MI_FLUSH_DW with TLB invalidation, of %s', (id) => {
    d.submit(id, MI_FLUSH_DW, 0, 0, 0);
    expect(store(id)).toBe(0x70);
    d.submit(id, MI_FLUSH_DW | TLB_INVALIDATE, 0, 0, 0);
    expect(store(id)).toBe(0x71);
    expect(store('RCS')).toBe(0x70);
  });

  test.each(ENGINE_IDS)('PP_DIR_BASE of %s, by MMIO', (id) => {
    d.regs.write32(RING_BASE[id] + RING_PP_DIR_BASE, (DIRECTORY / 16) << 16);
    expect(store(id)).toBe(0x71);
  });

  test.each(ENGINE_IDS)('PP_DIR_BASE of %s, by MI_LOAD_REGISTER_IMM', (id) => {
    const register = RING_BASE[id] + RING_PP_DIR_BASE;
    d.submit(id, LOAD_REGISTER_IMM | 1, register, (DIRECTORY / 16) << 16);
    expect(store(id)).toBe(0x71);
  });

  test.each(ENGINE_IDS)('INSTPM TLB invalidation of %s, which clears its bits', (id) => {
    const bits = 0x220;
    d.regs.write32(RING_BASE[id] + RING_INSTPM, (bits << 16) | bits);
    expect(d.regs.read32(RING_BASE[id] + RING_INSTPM) & bits).toBe(0);
    expect(store(id)).toBe(0x71);
  });

  test('MI_SET_CONTEXT, unless GFX_MODE 13 asks for explicit invalidations only', () => {
    const setContext = (image: number): void => {
      d.submit('RCS', MI_SET_CONTEXT, image | 0x100 | RESTORE_INHIBIT);
      d.run();
    };
    const mode = RING_BASE.RCS + RING_GFX_MODE;
    d.regs.write32(mode, (GFX_TLB_EXPLICIT << 16) | GFX_TLB_EXPLICIT);
    // A write of the mode drops them by itself.
    expect(store('RCS')).toBe(0x71);
    map(0x70);
    setContext(0x200000);
    expect(store('RCS')).toBe(0x71);
    d.regs.write32(mode, GFX_TLB_EXPLICIT << 16);
    expect(store('RCS')).toBe(0x70);
    map(0x71);
    setContext(0x240000);
    expect(store('RCS')).toBe(0x71);
  });

  test('a directory entry that changes counts after the next GFX_FLSH_CNTL', () => {
    d.words[0x61 * 1024 + GMA / 4096] = pteAddress(0x71) | 1;
    map(0x70);
    d.ggtt.write(DIRECTORY, pteAddress(0x61) | 1);
    expect(store('VCS')).toBe(0x70);
    d.regs.write32(GFX_FLSH_CNTL, 1);
    expect(store('VCS')).toBe(0x71);
  });
});

test('a GGTT entry counts as soon as the CPU has written it', () => {
  const storeGgtt = (): void => {
    d.submit('BCS', STORE_DATA_IMM | USE_GGTT, 0, 0x300000, 5);
    d.run();
  };
  storeGgtt();
  expect(d.words[0x300000 / 4]).toBe(5);
  d.ggtt.write(0x300, pteAddress(0x70) | 1);
  storeGgtt();
  expect(d.peek(0x70000)).toBe(5);
});

describe('faults', () => {
  const faultOf = (i: number): number => d.regs.read32(RING_FAULT + i * 0x100);

  test.each(ENGINE_IDS.map((id, i) => [id, i] as const))('%s: an invalid PTE', (id, i) => {
    usePpgtt(id);
    map(0);
    d.regs.write32(RING_BASE[id] + RING_IMR, ~(GT_PAGE_FAULT[i] as number));
    d.takeGtInterrupts();
    expect(store(id)).toBe(0);
    // Address | PPGTT | source 0 | type 0 | valid.
    expect(faultOf(i)).toBe(GMA | 1);
    expect(d.regs.read32(ERROR_GEN6)).toBe(1);
    expect(d.takeGtInterrupts() & ~0x401001).toBe(GT_PAGE_FAULT[i]);
    for (let other = 0; other < 4; other++) if (other !== i) expect(faultOf(other)).toBe(0);
    expect(d.engine(id).hang).toBeNull();
  });

  test('control case: a valid entry leaves every register at 0', () => {
    usePpgtt('RCS');
    map(0x70);
    expect(store('RCS')).toBe(0x70);
    expect([faultOf(0), d.regs.read32(ERROR_GEN6)]).toEqual([0, 0]);
  });

  test('an invalid directory entry is type 1', () => {
    usePpgtt('BCS');
    d.ggtt.write(DIRECTORY, pteAddress(TABLE));
    store('BCS');
    expect(faultOf(2)).toBe(GMA | (1 << 1) | 1);
    expect(d.regs.read32(ERROR_GEN6)).toBe(1 << 2);
  });

  test('an entry whose cache line PP_DCLV leaves out is not loaded: type 2', () => {
    usePpgtt('VECS', ~1);
    map(0x70);
    expect(store('VECS')).toBe(0);
    expect(faultOf(3)).toBe(GMA | (2 << 1) | 1);
    expect(d.regs.read32(ERROR_GEN6)).toBe(1 << 8);
  });

  test('PP_DCLV counts from the next PP_DIR_BASE on; a bit is 16 entries of 4 MiB', () => {
    usePpgtt('RCS');
    map(0x70);
    d.regs.write32(RING_BASE.RCS + RING_PP_DIR_DCLV, 0);
    expect(store('RCS')).toBe(0x70);
    usePpgtt('RCS', 1);
    d.ggtt.write(DIRECTORY + 15, pteAddress(TABLE) | 1);
    d.ggtt.write(DIRECTORY + 16, pteAddress(TABLE) | 1);
    const { ppgtt } = d.engine('RCS');
    expect(ppgtt.walk((15 << 10) | 5)).toBe(pteAddress(0x70) | 1);
    expect(ppgtt.walk((16 << 10) | 5)).toBe(0);
  });

  test('a fault through the GGTT says so, and interrupts nobody', () => {
    d.ggtt.write(0x300, pteAddress(0x70));
    d.submit('BCS', STORE_DATA_IMM | USE_GGTT, 0, 0x300000, 5);
    expect(d.run()).toBe(true);
    expect(faultOf(2)).toBe(0x300000 | 0x800 | 1);
    expect(d.takeGtInterrupts() & (GT_PAGE_FAULT[2] as number)).toBe(0);
    expect(d.peek(0x70000)).toBe(0);
    expect(d.gt.gam.counters).toMatchObject({ ggttFaults: 1, ppgttFaults: 0 });
  });

  test('the blitter belongs to BCS: what it reads and writes in vain is recorded there', () => {
    usePpgtt('BCS');
    map(0);
    const br13 = (3 << 24) | (0xf0 << 16) | 64;
    d.submit('BCS', XY_COLOR_BLT, br13, 0, (4 << 16) | 4, GMA, -1);
    expect(d.run()).toBe(true);
    expect(faultOf(2)).toBe(GMA | 1);
  });

  test('the first fault stays until its valid bit is cleared; the next one is then recorded', () => {
    usePpgtt('RCS');
    map(0);
    store('RCS');
    d.submit('RCS', STORE_DATA_IMM, 0, 0x9000, 9);
    d.run();
    expect(faultOf(0)).toBe(GMA | 1);
    d.regs.write32(RING_FAULT, faultOf(0) & ~1);
    expect(faultOf(0)).toBe(GMA);
    d.submit('RCS', STORE_DATA_IMM, 0, 0x9000, 9);
    d.run();
    expect(faultOf(0)).toBe(0x9000 | 1);
    d.regs.write32(ERROR_GEN6, 1);
    expect(d.regs.read32(ERROR_GEN6)).toBe(0);
  });

  test('what the CPU does through the GGTT is no engine fault', () => {
    d.ggtt.write(0x300, 0);
    expect(d.ggtt.space.read32(0x300000)).toBe(0);
    expect([0, 1, 2, 3].map(faultOf)).toEqual([0, 0, 0, 0]);
    expect(d.ggtt.space.faults).toBe(1);
  });
});

describe('cacheability', () => {
  test('every value of both halves survives, beside every address bit', () => {
    for (let value = 0; value < 16; value++) {
      const pte = pteAddress(0x7ffffff) | cacheabilityBits(value) | 1;
      expect(pteCacheability(pte)).toBe(value);
      d.ggtt.write(7, pte);
      expect(d.ggtt.read(7)).toBe(pte);
    }
  });

  test('entries as the driver writes them', () => {
    // i915 hsw_pte_encode and iris_pte_encode of page 0x12345, valid.
    expect(CACHEABILITY[pteCacheability(0x12345005)]).toBe('write-back in LLC, age 3');
    expect(CACHEABILITY[pteCacheability(0x1234500f)]).toBe('write-through in eLLC and LLC, age 3');
    expect(CACHEABILITY[pteCacheability(0x12345801)]).toBe('write-back in eLLC and LLC, age 3');
    expect(CACHEABILITY[pteCacheability(0x12345001)]).toBe('uncached');
  });
});
