import { describe, expect, test } from 'vitest';
import { type CapabilityWords, FULL_UNIT, HASWELL_GRAPHICS_UNIT } from './capabilities.ts';
import { Rig } from './testing/rig.ts';
import { FSTS, GSTS, ICS, IECTL, IQA, IQE, IQH, IQT, QIE, TE } from './vtd.regs.ts';

/** Frame of the queue, and where wait descriptors write. */
const QUEUE = 0x40;
const STATUS = 0x50;
const SID = 0x10;
const GLOBAL_PAGES = 2 | (1 << 4);
const BOTH = 3;

class QueueRig extends Rig {
  #tail = 0;
  readonly #bytes: number;

  constructor(caps: CapabilityWords = HASWELL_GRAPHICS_UNIT, order = 0) {
    super(caps);
    this.#bytes = 4096 << order;
    this.write(IQA, (QUEUE << 12) | order);
    this.command(QIE);
  }

  /** Appends a descriptor and moves the tail. */
  push(a: number, b = 0, c = 0, d = 0): void {
    const at = QUEUE * 1024 + this.#tail / 4;
    for (const [i, dword] of [a, b, c, d].entries()) this.words[at + i] = dword;
    this.#tail = (this.#tail + 16) % this.#bytes;
    this.write(IQT, this.#tail);
  }
  /** A wait that writes `status` into the status page. */
  wait(status: number): void {
    this.push(5 | 0x20, status, STATUS << 12);
  }
  get status(): number {
    return this.words[STATUS * 1024] as number;
  }
}

/** One translation that is kept. */
function translated(rig: Rig): void {
  rig.put(1, 0, (2 << 12) | 1);
  rig.put(2, SID * 2, (3 << 12) | 1);
  rig.put(2, SID * 2 + 1, 2 | (7 << 8));
  for (let i = 0; i < 3; i++) rig.put(3 + i, 0, ((4 + i) << 12) | BOTH);
  rig.put(6, 5, (0x55 << 12) | BOTH);
  rig.root(1);
  rig.command(TE);
  expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x55);
  rig.put(6, 5, (0x66 << 12) | BOTH);
  expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x55);
}

describe('invalidation queue', () => {
  test.each([
    ['all pages', GLOBAL_PAGES, 0],
    ["a domain's pages", 2 | (2 << 4) | (7 << 16), 0],
    ['one page', 2 | (3 << 4) | (7 << 16), 5 << 12],
  ])('%s', (_, a, c) => {
    const rig = new QueueRig(FULL_UNIT);
    translated(rig);
    rig.push(a, 0, c);
    rig.wait(77);
    expect(rig.status).toBe(77);
    expect(rig.read(IQH)).toBe(32);
    expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x66);
  });

  test.each([
    ['all contexts', 1 | (1 << 4), 0],
    ["a domain's", 1 | (2 << 4) | (7 << 16), 0],
    ["a device's", 1 | (3 << 4) | (7 << 16), SID],
    ['four functions', 1 | (3 << 4) | (7 << 16), (SID + 6) | (2 << 16)],
  ])('contexts: %s', (_, a, b) => {
    const rig = new QueueRig();
    translated(rig);
    rig.put(2, SID * 2, 0);
    expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x55);
    rig.push(a, b);
    expect(rig.unit.translate(SID, 5, BOTH)).toBe(-1);
  });

  test("another domain's and another page's leave what is kept", () => {
    const rig = new QueueRig(FULL_UNIT);
    translated(rig);
    rig.push(2 | (2 << 4) | (8 << 16));
    rig.push(2 | (3 << 4) | (7 << 16), 0, 6 << 12);
    rig.push(1 | (3 << 4) | (7 << 16), SID + 8);
    expect(rig.unit.translate(SID, 5, BOTH)).toBe(0x55);
  });

  test('the ring goes round; a larger one too', () => {
    for (const order of [0, 1]) {
      const rig = new QueueRig(HASWELL_GRAPHICS_UNIT, order);
      for (let i = 1; i <= 1000; i++) {
        rig.wait(i);
        expect(rig.status).toBe(i);
      }
      expect(rig.unit.queue.counters.done).toBe(1000);
    }
  });

  test.each([
    ['an unknown type', [7]],
    ["a device TLB's, where no device has one", [3 | (1 << 4)]],
    ['reserved bits', [GLOBAL_PAGES | (1 << 8)]],
    ['no granularity', [2]],
    ['more pages than the unit takes', [2 | (3 << 4), 0, 0x13]],
    ['a status written where nothing is', [5 | 0x20, 1, 0, 0x80]],
    ['a status beyond what the machine addresses', [5 | 0x20, 1, STATUS << 12, 0x100]],
  ] as const)('%s stops it until the error is cleared', (_, dwords) => {
    const rig = new QueueRig(FULL_UNIT);
    rig.wait(1);
    rig.push(...(dwords as unknown as [number]));
    rig.wait(2);
    expect([rig.status, rig.read(IQH), rig.read(FSTS) & IQE]).toEqual([1, 16, IQE]);
    rig.wait(3);
    expect(rig.status).toBe(1);
    rig.words.fill(0, QUEUE * 1024 + 4, QUEUE * 1024 + 8);
    rig.words[QUEUE * 1024 + 4] = GLOBAL_PAGES;
    rig.write(FSTS, IQE);
    expect([rig.status, rig.read(FSTS) & IQE]).toEqual([3, 0]);
  });

  test('a tail beyond the ring, and a ring that lies nowhere, are errors', () => {
    const rig = new QueueRig();
    rig.write(IQT, 4096);
    expect(rig.read(FSTS) & IQE).toBe(IQE);
    const nowhere = new Rig();
    nowhere.write(IQA + 4, 0x7f);
    nowhere.command(QIE);
    nowhere.write(IQT, 16);
    expect(nowhere.read(FSTS) & IQE).toBe(IQE);
    const beyond = new Rig();
    beyond.write(IQA + 4, 0x1000);
    beyond.command(QIE);
    beyond.write(IQT, 16);
    expect(beyond.read(FSTS) & IQE).toBe(IQE);
  });

  test('a wait may end in an interrupt; masked, it is sent later', () => {
    const rig = new QueueRig();
    rig.write(IECTL + 4, 0x42);
    rig.write(IECTL + 8, 0xfee00000);
    rig.push(5 | 0x10);
    expect([rig.messages.length, rig.read(ICS)]).toEqual([0, 1]);
    rig.write(IECTL, 0);
    expect(rig.messages).toEqual([[0xfee00000 | 0, 0x42]]);
    rig.write(ICS, 1);
    rig.push(5 | 0x10);
    expect(rig.messages).toHaveLength(2);
  });

  test('off and on again it starts at its beginning', () => {
    const rig = new QueueRig();
    rig.wait(1);
    rig.command(0, QIE);
    expect(rig.read(GSTS) & QIE).toBe(0);
    rig.write(IQT, 0);
    rig.command(QIE);
    expect(rig.read(IQH)).toBe(0);
    rig.words[QUEUE * 1024 + 1] = 9;
    rig.write(IQT, 16);
    expect(rig.status).toBe(9);
  });
});
