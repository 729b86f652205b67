import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeviceDriver } from '../testing/device-driver.ts';
import { readAub } from './aub.ts';
import { AubRecorder } from './aub-recorder.ts';
import { decodeCommands } from './decode-commands.ts';

const MI_BATCH_BUFFER_START = (0x31 << 23) | 0x100;
const MI_BATCH_BUFFER_END = 0x0a << 23;
const MI_USER_INTERRUPT = 0x02 << 23;
const BATCH = 0x100000;

interface Block {
  readonly operation: number;
  readonly type: number;
  readonly space: number;
  readonly address: number;
  readonly data: Int32Array;
}

/**
 * A reader of its own, by the rules of Mesa's aub_read: a block's length is the low 16 bits plus two
 * dwords, and a trace block has `size` bytes of data behind that; anything else is an error there.
 */
function blocks(file: Uint8Array): { comment: string; blocks: Block[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const dword = (i: number): number => view.getUint32(i * 4, true);
  const out: Block[] = [];
  let comment = '';
  let at = 0;
  while (at * 4 < file.byteLength) {
    const header = dword(at);
    expect(header >>> 29).toBe(7);
    expect((header >>> 23) & 0x3f).toBe(1);
    let next = at + (header & 0xffff) + 2;
    const kind = (header >>> 16) & 0x7f;
    expect([0x05, 0x41]).toContain(kind);
    if (kind === 0x05) {
      const length = dword(at + 12);
      comment = new TextDecoder().decode(file.subarray((at + 13) * 4, (at + 13) * 4 + length));
    } else {
      const what = dword(at + 1);
      const size = dword(at + 4);
      const from = file.byteOffset + next * 4;
      const data = new Int32Array(file.buffer.slice(from, from + size));
      next += size / 4;
      out.push({
        operation: what & 0xff,
        type: (what >>> 8) & 0xff,
        space: (what >>> 16) & 0xff,
        address: dword(at + 3),
        data,
      });
    }
    at = next;
  }
  expect(at * 4).toBe(file.byteLength);
  return { comment, blocks: out };
}

function record(work: (driver: DeviceDriver) => void): { file: Uint8Array; recorder: AubRecorder } {
  const driver = new DeviceDriver();
  const recorder = new AubRecorder(driver.device);
  work(driver);
  return { file: recorder.stop(), recorder };
}

test('a submission is its batch in memory, its entry in the GTT, then the ring', () => {
  const { file } = record((driver) => {
    driver.poke(BATCH, 0x01000000, MI_BATCH_BUFFER_END);
    driver.submit('BCS', MI_BATCH_BUFFER_START, BATCH, MI_USER_INTERRUPT, 0);
    driver.run();
  });
  const got = blocks(file);
  expect(got.comment).toBe('PCI-ID=0x412');
  expect(got.blocks.map((b) => [b.operation, b.type, b.space, b.address])).toEqual([
    [1, 0, 4, (BATCH >>> 12) * 4],
    [1, 1, 0, BATCH],
    [2, 4, 0, 0x18000],
  ]);
  expect([...(got.blocks[1]?.data.slice(0, 2) ?? [])]).toEqual([0x01000000, MI_BATCH_BUFFER_END]);
  expect([...(got.blocks[2]?.data ?? [])]).toEqual([
    MI_BATCH_BUFFER_START,
    BATCH,
    MI_USER_INTERRUPT,
    0,
  ]);
});

test('memory is as it was when each submission began, also where a batch was reused', () => {
  const { file, recorder } = record((driver) => {
    for (const value of [1, 2, 3]) {
      driver.poke(BATCH, (0x20 << 23) | 2, 0, 0x200000, value, MI_BATCH_BUFFER_END);
      driver.submit('RCS', MI_BATCH_BUFFER_START, BATCH);
      driver.run();
    }
  });
  expect(recorder.submissions).toBe(3);
  const aub = readAub(file);
  expect(aub?.deviceId).toBe(0x412);
  expect(aub?.submissions.map((s) => s.memory(BATCH + 12))).toEqual([1, 2, 3]);
  const [first] = aub?.submissions ?? [];
  const peek = (gma: number): number | null => first?.dwords[(gma - first.address) / 4] ?? null;
  const names = [
    ...decodeCommands(peek, first?.address ?? 0, {
      engine: 'RCS',
      level: 0,
      dwords: 2,
      follow: () => first?.memory ?? null,
    }),
  ].map((c) => c.name);
  expect(names).toEqual(['MI_BATCH_BUFFER_START', 'MI_STORE_DATA_IMM', 'MI_BATCH_BUFFER_END']);
});

test('a ring that wraps is one submission after another, each command once', () => {
  const { file } = record((driver) => {
    for (let i = 0; i < 3; i++) {
      driver.submit('BCS', ...new Array(500).fill(0x00400000 | i), MI_USER_INTERRUPT, 0);
      driver.run();
    }
  });
  const rings = blocks(file).blocks.filter((b) => b.operation === 2);
  expect(rings.map((b) => b.data.length)).toEqual([502, 502, 502]);
  expect(rings.map((b) => b.data[0])).toEqual([0x00400000, 0x00400001, 0x00400002]);
});

test('engines that the format does not know are counted, and what does not fit', () => {
  const driver = new DeviceDriver();
  const recorder = new AubRecorder(driver.device, 100);
  driver.submit('VCS', 0, 0);
  driver.submit('BCS', ...new Array(20).fill(0));
  driver.run();
  expect([recorder.unknown, recorder.dropped]).toEqual([1, 1]);
  expect(blocks(recorder.stop()).blocks).toEqual([]);
});

test('no bytes break the reader', () => {
  const { file } = record((driver) => {
    driver.submit('BCS', 0, 0);
    driver.run();
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (junk, at) => {
      const bad = file.slice();
      bad.set(junk.subarray(0, bad.length), 0);
      readAub(bad);
      const cut = file.slice(0, at % file.length);
      readAub(cut);
      readAub(junk);
    }),
  );
});
