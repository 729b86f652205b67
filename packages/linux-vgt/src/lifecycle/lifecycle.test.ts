import { beforeEach, describe, expect, test } from 'vitest';
import {
  BATCH_GFN,
  Bench,
  batch,
  DATA_GFN,
  HWSP_GFN,
  RING_GFN,
  storeGgtt,
  type TestGuest,
} from '../testing/bench.ts';
import { IMAGE_BYTES_MAX, packVgpu, unpackVgpu } from './image.ts';
import { isRefusal, type StateRefusal } from './take-state.ts';
import type { VgpuStateV1 } from './vgpu-state.ts';

const RCS = 0;
const BCS = 2;
const MS = 1_000_000;

let b: Bench;
let g: TestGuest;
beforeEach(() => {
  b = new Bench();
  g = b.hvm(1);
  g.startRing(RCS);
});

const write = (path: string, data: string | Uint8Array) => b.vgt.control.write(path, data);
const read = (path: string) => b.vgt.control.read(path);
const text = (path: string): string => {
  const r = read(path);
  return r.ok ? String(r.data) : r.errno;
};
const image = (): Uint8Array => {
  const r = read('vm1/state');
  if (!r.ok) throw new Error(r.errno);
  return r.data as Uint8Array;
};
/** A batch that jumps to its own beginning. */
function endless(): void {
  g.poke(BATCH_GFN, batch(g.batchGma));
  g.submit(RCS, batch(g.batchGma));
  for (let i = 0; i < 4; i++) {
    b.device.step(4096);
    b.vgt.tick();
  }
  expect(b.vgt.renderOwner?.domid).toBe(1);
}

describe('start and schedule', () => {
  test('[W7] start 0 takes the engines away at the end of a request; start 1 runs the rest', () => {
    expect([text('vm1/start'), text('vm1/schedule')]).toEqual(['1\n', 'DEACTIVE\n']);
    for (let i = 0; i < 64; i++) g.submit(RCS, storeGgtt(g.dataGma + i * 4, i + 1));
    b.vgt.tick();
    expect(text('vm1/schedule')).toBe('ACTIVE\n');
    expect(write('vm1/start', '0\n')).toBeNull();
    expect([text('vm1/start'), text('vm1/schedule')]).toEqual(['0\n', 'REMOVED\n']);
    expect(b.vgt.renderOwner?.domid).toBe(0);
    const before = b.device.gt.engines[0]?.counters.commands;
    g.submit(RCS, storeGgtt(g.dataGma + 0x1000, 99));
    b.run();
    expect(b.device.gt.engines[0]?.counters.commands).toBe(before);
    expect(g.peek(DATA_GFN + 1)).toBe(0);

    expect(write('vm1/start', '1')).toBeNull();
    b.run();
    for (let i = 0; i < 64; i++) expect(g.peek(DATA_GFN, i)).toBe(i + 1);
    expect(g.peek(DATA_GFN + 1)).toBe(99);
  });

  test('[W7] a batch that does not end keeps it from stopping: EBUSY, and it goes on', () => {
    endless();
    expect(write('vm1/start', '0')).toBe('EBUSY');
    expect(g.vgpu.sched.stopped).toBe(false);
    g.poke(BATCH_GFN, [0x0a << 23]);
    b.run();
    g.submit(RCS, storeGgtt(g.dataGma, 5));
    b.run();
    expect(g.peek(DATA_GFN)).toBe(5);
    expect(g.vgpu.heldEngines).toBe(0);
  });

  test('forced, the engine is reset, and the VM has to reset it too', () => {
    endless();
    expect(b.vgt.lifecycle.stop(g.vgpu, true)).toBeNull();
    expect(b.vgt.lifecycle.forced).toBe(1);
    expect([g.vgpu.heldEngines, b.vgt.lifecycle.stopped(g.vgpu)]).toEqual([1, true]);
    g.write(0x941c, 2);
    b.vgt.lifecycle.start(g.vgpu);
    g.startRing(RCS);
    g.submit(RCS, storeGgtt(g.dataGma, 5));
    b.run();
    expect(g.peek(DATA_GFN)).toBe(5);
  });

  test('stopped on its way to the engines, it does not keep them', () => {
    const h = b.hvm(2);
    h.startRing(RCS);
    const stores = Array.from({ length: 200 }, (_, i) => storeGgtt(h.dataGma + (i & 63) * 4, i));
    h.poke(BATCH_GFN, [...stores.flat(), 0x0a << 23]);
    h.submit(RCS, batch(h.batchGma));
    b.device.step(64);
    g.submit(RCS, storeGgtt(g.dataGma, 5));
    b.clock.advance(20 * MS);
    b.vgt.tick();
    expect(b.vgt.switch.next === g.vgpu).toBe(true);
    expect(b.vgt.lifecycle.stop(g.vgpu)).toBeNull();
    b.run();
    expect(g.peek(DATA_GFN)).toBe(0);
    expect(h.peek(DATA_GFN, 199 & 63)).toBe(199);
  });

  test('what is no state of a switch is EINVAL; dom0 cannot be stopped', () => {
    for (const value of ['2', '', 'x']) expect(write('vm1/start', value)).toBe('EINVAL');
    expect(write('vm0/start', '0')).toBe('EPERM');
  });
});

describe('the image of a VM', () => {
  test('[W5] reading fails for a VM in use, in the foreground, for dom0', () => {
    g.submit(RCS, storeGgtt(g.dataGma, 1));
    b.vgt.tick();
    expect(b.vgt.renderOwner?.domid).toBe(1);
    expect(read('vm1/state')).toEqual({ ok: false, errno: 'EBUSY' });
    write('vm1/start', '0');
    g.write(0x78804, 1);
    expect(write('control/foreground_vm', '1')).toBeNull();
    expect(read('vm1/state')).toEqual({ ok: false, errno: 'EBUSY' });
    write('control/foreground_vm', '0');
    expect(read('vm1/state').ok).toBe(true);
    expect(read('vm0/state')).toEqual({ ok: false, errno: 'EPERM' });
  });

  test('[W5] it has at most 9 MiB and ends in the magic and "_VGT"', () => {
    for (let i = 0; i < 4096; i++) g.map(g.low + i * 4096, i);
    write('vm1/start', '0');
    const bytes = image();
    expect(bytes.length).toBeLessThanOrEqual(IMAGE_BYTES_MAX);
    const view = new DataView(bytes.buffer);
    expect(view.getUint32(bytes.length - 8, true)).toBe(0xdead0bad);
    expect(String.fromCharCode(...bytes.slice(-4))).toBe('_VGT');
  });

  test('[W6] loaded into a VM of the same size it is that VM', () => {
    g.submit(RCS, storeGgtt(g.dataGma, 1));
    b.run();
    write('vm1/start', '0');
    const bytes = image();
    g.write(0x2600, 5);
    g.map(g.dataGma, 0);
    expect(write('vm1/state', bytes)).toBeNull();
    expect(Buffer.compare(image(), bytes)).toBe(0);
    write('vm1/start', '1');
    expect(write('vm1/state', bytes)).toBe('EBUSY');
    g.submit(RCS, storeGgtt(g.dataGma, 2));
    b.run();
    expect(g.peek(DATA_GFN)).toBe(2);
  });

  test('[W6] parts are checked from the last to the first; damage anywhere is found', () => {
    write('vm1/start', '0');
    const bytes = image();
    const why = (at: number): string => {
      const bad = bytes.slice();
      bad[at] = (bad[at] as number) ^ 4;
      expect(write('vm1/state', bad)).toBe('EINVAL');
      return unpackVgpu(bad) as string;
    };
    expect(why(0)).toBe('part "head" of the vGPU image is damaged');
    expect(why(bytes.length - 1)).toBe('not a vGPU image: it ends otherwise');
    expect(why(bytes.length - 16)).toBe('the trailer of the vGPU image is damaged');
    expect(why(bytes.length - 28)).toBe('part "hide" of the vGPU image is damaged');
    expect(unpackVgpu(bytes.slice(0, -4))).toBe('not a vGPU image: it ends otherwise');
    expect(unpackVgpu(bytes.slice(4))).toMatch(/^a vGPU image of \d+ bytes that should have \d+$/);
    expect(unpackVgpu(new Uint8Array(7))).toBe('a vGPU image has no 7 bytes');
    expect(write('vm1/state', 'text')).toBe('EINVAL');
    expect(Buffer.compare(image(), bytes)).toBe(0);
  });
});

describe('a state that does not fit', () => {
  let state: VgpuStateV1;
  beforeEach(() => {
    g.submit(RCS, storeGgtt(g.dataGma, 1));
    b.run();
    b.vgt.lifecycle.stop(g.vgpu);
    state = b.vgt.lifecycle.save(g.vgpu) as VgpuStateV1;
  });
  const header = (changes: object): VgpuStateV1 => ({
    ...state,
    header: { ...state.header, ...changes },
  });
  const refusal = (of: unknown, to: Bench = new Bench()): StateRefusal => {
    const before = to.vgt.partition.describe();
    const made = to.vgt.lifecycle.restore(1, of);
    if (!isRefusal(made)) throw new Error('it was taken');
    expect(to.vgt.vms).toHaveLength(to === b ? 2 : 1);
    expect(to.vgt.partition.describe()).toBe(before);
    return made;
  };

  test('control case: it fits another machine', () => {
    const to = new Bench();
    to.mpt.addDomain(1, 16);
    expect(isRefusal(to.vgt.lifecycle.restore(1, state))).toBe(false);
  });

  test.each([
    ['device', { deviceId: 0x0a16 }, "the guest's GPU is 8086:0a16, this machine's is 8086:0412"],
    ['aperture', { apertureMiB: 512 }, "the guest's aperture has 512 MiB, this machine's has 256"],
    ['[W6] GTT', { gttEntries: 1 }, "the guest's GTT has 1 entries, this machine's has 524288"],
  ])('another %s', (_, changes, message) => {
    expect(refusal(header(changes))).toEqual({ code: 'OTHER_GPU', message });
  });

  test('what is taken is named, with what is free', () => {
    const to = new Bench({ dom0LowMiB: 130 });
    expect(refusal(state, to)).toEqual({
      code: 'NO_ROOM',
      message: 'aperture from 120 to 136 MiB is not free; free: 130-248 MiB',
    });
    expect(refusal(state, new Bench({ dom0HighMiB: 400 })).message).toBe(
      'hidden graphics memory from 640 to 704 MiB is not free; free: 656-2028 MiB',
    );
    expect(refusal(state, new Bench({ dom0Fences: 30 })).message).toBe(
      '4 fences in a row are not free; free: 30-32',
    );
    expect(refusal(state, new Bench({ maxVms: 1 })).message).toBe('there are 1 vGPUs already');
    expect(refusal(state, b)).toEqual({
      code: 'EXISTS',
      message: 'domain 1 has a vGPU already',
    });
  });

  test.each<[string, (s: VgpuStateV1) => unknown]>([
    ['nothing', () => null],
    ['another version', () => header({ version: 2 })],
    ['no registers', (s) => ({ ...s, vreg: undefined })],
    ['a slice of words', () => header({ slice: { lowBase: 'x' } })],
    ['no ring', () => header({ rings: [] })],
    ['a slice that is nowhere', (s) => header({ slice: { ...s.header.slice, lowBase: 5 } })],
    ['runs beyond the end', (s) => ({ ...s, ggtt: Int32Array.of(524287, 2, 1, 1) })],
    ['half a context', (s) => ({ ...s, context: s.context.slice(1) })],
    ['half of what is hidden', (s) => ({ ...s, hidden: s.hidden.slice(1) })],
    ['a status page of another VM', (s) => ({ ...s, sreg: Int32Array.of(0x4080 / 4, 1, 0x1000) })],
    ['a ring of another VM', (s) => ({ ...s, vreg: Int32Array.of(0x2038 / 4, 2, 0x1000, 0x3001) })],
    ['a context of another VM', () => header({ ccid: 0x1001 })],
    ['a directory of another VM', () => header({ directories: [0, -1, -1, -1] })],
    ['no display', () => header({ display: null })],
    ['a monitor on no port', (s) => header({ ports: [...s.header.ports].reverse() })],
  ])('%s', (_, make) => {
    expect(refusal(make(state)).code).toMatch(/BAD_STATE|NO_ROOM/);
  });
});

test('[W8] of the pages asked about, those stay marked that the GPU may have written', () => {
  g.startRing(BCS);
  g.startPpgtt(BCS);
  g.mapPpgtt(3, 0x300);
  g.map(g.low + 0x800000, 0x500);
  const all = new Uint8Array(4096 / 8).fill(0xff);
  expect(write('vm1/dirty_bitmap', all)).toBeNull();
  const marked = (): number[] => {
    const r = read('vm1/dirty_bitmap');
    const bits = r.ok ? (r.data as Uint8Array) : new Uint8Array(0);
    return Array.from({ length: bits.length * 8 }, (_, i) => i).filter(
      (i) => ((bits[i >>> 3] as number) & (1 << (i & 7))) !== 0,
    );
  };
  const seen = new Set(marked());
  for (const gfn of [RING_GFN, HWSP_GFN, BATCH_GFN, DATA_GFN, 0x300, 0x500]) {
    expect([gfn, seen.has(gfn)]).toEqual([gfn, true]);
  }
  for (const gfn of [0, 0x301, 0x501]) expect([gfn, seen.has(gfn)]).toEqual([gfn, false]);
  const one = new Uint8Array(512);
  one[0x500 / 8] = 3;
  write('vm1/dirty_bitmap', one);
  expect(marked()).toEqual([0x500]);
  expect(write('vm1/dirty_bitmap', 'ff')).toBe('EINVAL');
  expect(write('vm1/dirty_bitmap', new Uint8Array(2 << 20))).toBe('EINVAL');
});

test('an image survives what it is made of: every byte of the state is in it', () => {
  b.vgt.lifecycle.stop(g.vgpu);
  const state = b.vgt.lifecycle.save(g.vgpu) as VgpuStateV1;
  const odd = { ...state, hidden: Int32Array.of(-1, 0x7fffffff, 0) };
  expect(unpackVgpu(packVgpu(odd))).toEqual(odd);
});

describe('destroying', () => {
  test('[A25] the render owner goes at once, and rendering is dom0 again', () => {
    endless();
    expect(b.vgt.destroyVgpu(1)).toBeNull();
    b.run();
    expect(b.vgt.renderOwner?.domid).toBe(0);
    expect(b.device.gt.engines.map((e) => e.enabled)).toEqual([false, false, false, false]);
  });

  test('a VM that is stopped, or being stopped, goes like any other', () => {
    const before = new Bench().vgt.partition.describe();
    endless();
    b.vgt.lifecycle.requestStop(g.vgpu);
    expect(b.vgt.destroyVgpu(1)).toBeNull();
    expect(b.vgt.partition.describe()).toBe(before);
    const h = b.hvm(2);
    h.startRing(RCS);
    h.submit(RCS, storeGgtt(h.dataGma, 3));
    b.run();
    expect(h.peek(DATA_GFN)).toBe(3);
    b.vgt.lifecycle.stop(h.vgpu);
    expect(b.vgt.destroyVgpu(2)).toBeNull();
    expect(b.vgt.vms).toHaveLength(1);
  });
});
