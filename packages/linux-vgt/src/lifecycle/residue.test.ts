import { CONTEXT_BYTES, GM_PAGES } from '@xengt/hsw-device';
import { beforeEach, describe, expect, test } from 'vitest';
import { RENDER_ADDRESS } from '../attr/attribute.ts';
import { HiddenState } from '../sched/hidden-state.ts';
import {
  BATCH_END,
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  lri,
  storeGgtt,
  type TestGuest,
} from '../testing/bench.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';

const RCS = 0;
const BCS = 2;
const MMIO_DWORDS = 0x200000 / 4;
/** Upper half of every word that the first VM leaves anywhere. */
const MARK = 0xc0de;
const marked = (word: number): boolean => word >>> 16 === MARK;
const mark = (i: number): number => (MARK << 16) | (i & 0xffff);
/** XY_SETUP_BLT: what later blits of text and pixels go by. HSW PRM vol.2a. */
const setup = (gma: number): number[] => [
  (2 << 29) | (1 << 22) | (3 << 20) | 6,
  (3 << 24) | (0xf0 << 16) | 64,
  0,
  0,
  gma,
  mark(1),
  mark(2),
  0,
];
/** Registers with consequences for the VM that writes them: rings, page tables, reset, demands. */
const WITH_CONSEQUENCES = /^(RING_|GEN6_GDRST|VGT_PVINFO)/;

let b: Bench;
let first: TestGuest;
beforeEach(() => {
  b = new Bench();
  first = b.hvm(1);
});

/** The first VM marks its context, the engines' hidden state, its memory, every register it can. */
function fill(guest: TestGuest): void {
  const { vgpu } = guest;
  for (const e of [RCS, BCS]) guest.startRing(e);
  const registers = Array.from({ length: 32 }, (_, i) => lri(0x2600 + i * 4, mark(i))).flat();
  guest.submit(RCS, [...registers, ...storeGgtt(guest.dataGma, mark(5))]);
  guest.submit(BCS, [...setup(guest.dataGma), ...storeGgtt(guest.dataGma + 4, mark(6))]);
  b.run();
  expect(vgpu.crashReason).toBeNull();
  expect([guest.peek(DATA_GFN), guest.peek(DATA_GFN, 1)]).toEqual([mark(5), mark(6)]);
  expect(b.device.regs.peek(0x2600)).toBe(mark(0));
  expect(hardware().some(marked)).toBe(true);
  for (let i = 0; i < MMIO_DWORDS; i++) {
    const row = vgpu.vreg.rowAt(i * 4);
    if (b.vgt.attr.policy[i] === RENDER_ADDRESS) continue;
    if (row !== undefined && WITH_CONSEQUENCES.test(row.name)) continue;
    guest.write(i * 4, mark(i));
  }
}

/** What the engines hold beside registers. */
function hardware(): Int32Array {
  const hidden = new HiddenState(b.device);
  hidden.save(b.device);
  return hidden.exportState();
}

/** Everything that a driver can read of its GPU, and that the GPU would act by. */
function traces(vgpu: Vgpu): string[] {
  const found: string[] = [];
  for (let i = 0; i < MMIO_DWORDS; i++) {
    if (marked(vgpu.mmio.read(i * 4, 4))) found.push(`register 0x${(i * 4).toString(16)}`);
    if (marked(vgpu.sreg[i] as number)) found.push(`for hardware 0x${(i * 4).toString(16)}`);
  }
  for (let i = 0; i < GM_PAGES; i++) {
    if (vgpu.mmio.read(0x200000 + i * 4, 4) !== 0) found.push(`GTT entry ${i}`);
  }
  const { reserved } = b.vgt;
  const at = reserved.index(reserved.context(vgpu.contextArea));
  if (reserved.words.subarray(at, at + CONTEXT_BYTES / 4).some(marked)) found.push('context');
  if (vgpu.hidden.exportState().some(marked)) found.push('hidden state');
  return found;
}

describe('a VM in the place of another', () => {
  test.each<[string, () => void]>([
    ['that had the engines', () => {}],
    [
      'that had lost them',
      () => {
        b.vgt.switch.request(b.vgt.dom0);
        b.run();
      },
    ],
    [
      'in the middle of a batch',
      () => {
        first.poke(BATCH_GFN, batch(first.batchGma));
        first.submit(RCS, batch(first.batchGma));
        b.device.step(4096);
      },
    ],
    [
      'that was stopped for what it did',
      () => {
        first.submit(BCS, [(0x23 << 23) | 1, 0, 0]);
        b.run();
        expect(first.vgpu.alive).toBe(false);
      },
    ],
    [
      'that was saved',
      () => {
        b.vgt.lifecycle.stop(first.vgpu);
        b.vgt.lifecycle.save(first.vgpu);
      },
    ],
  ])('%s finds nothing of it', (_, end) => {
    fill(first);
    end();
    const { slice } = first.vgpu;
    b.vgt.destroyVgpu(1);
    const second = b.hvm(2);
    expect(second.vgpu.slice).toEqual(slice);
    expect(traces(second.vgpu)).toEqual([]);
    // The same once it has the engines, for its processor and for its commands.
    for (const e of [RCS, BCS]) second.startRing(e);
    const reads = Array.from({ length: 32 }, (__, i) => [
      (0x24 << 23) | 0x400001,
      0x2600 + i * 4,
      second.dataGma + i * 4,
    ]).flat();
    second.poke(BATCH_GFN, [...reads, BATCH_END]);
    second.submit(RCS, [...batch(second.batchGma), ...storeGgtt(second.dataGma + 0x1000, 7)]);
    second.submit(BCS, storeGgtt(second.dataGma + 0x1004, 8));
    b.run();
    expect([second.peek(DATA_GFN + 1), second.peek(DATA_GFN + 1, 1)]).toEqual([7, 8]);
    expect(Array.from({ length: 32 }, (__, i) => second.peek(DATA_GFN, i)).some(marked)).toBe(
      false,
    );
    expect(b.vgt.renderOwner?.domid).toBe(2);
    expect(hardware().some(marked)).toBe(false);
    const registers = traces(second.vgpu).filter((t) => !t.startsWith('GTT entry'));
    expect(registers).toEqual([]);
  });

  test('its aperture shows the dummy page where the other had its memory', () => {
    fill(first);
    const at = first.dataGma;
    expect(first.vgpu.aperture.read(at, 4)).toBe(mark(5));
    b.vgt.destroyVgpu(1);
    const second = b.hvm(2);
    expect(second.vgpu.aperture.read(at, 4)).toBe(0x77777777);
  });
});
