import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { OverlayDisk } from './disk.ts';

const directory = mkdtempSync(join(tmpdir(), 'xengt-disk-'));
afterAll(() => rmSync(directory, { recursive: true }));

const SIZE = 10_000;
const IMAGE = Uint8Array.from({ length: SIZE }, (_, i) => i * 7);
const path = join(directory, 'a.img');
writeFileSync(path, IMAGE);
const disk = (readOnly = false) => new OverlayDisk({ path, device: 'hda', readOnly });
const read = (d: OverlayDisk, at: number, bytes: number): Uint8Array => {
  let data = new Uint8Array(0);
  d.get(at, bytes, (got) => {
    data = Uint8Array.from(got);
  });
  return data;
};

test('reads and writes at random are those of plain memory; the file stays as it is', () => {
  const range = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 6000 }));
  const step = fc.record({ write: fc.boolean(), range, value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const d = disk();
      const model = Uint8Array.from(IMAGE);
      let outside = 0;
      for (const { write, range: at, value } of steps) {
        const [from, bytes] = at;
        const inside = from + bytes <= SIZE;
        if (!inside) outside++;
        if (write) {
          if (inside) model.fill(value, from, from + bytes);
          d.set(from, new Uint8Array(bytes).fill(value), () => {});
        } else {
          const want = inside ? model.slice(from, from + bytes) : new Uint8Array(bytes);
          expect(read(d, from, bytes)).toEqual(want);
        }
      }
      expect(d.refused).toBe(outside);
      // Its state makes another one like it.
      const other = disk();
      other.set_state(d.get_state());
      expect(read(other, 0, SIZE)).toEqual(model);
    }),
    { numRuns: 30 },
  );
  expect(Uint8Array.from(readFileSync(path))).toEqual(IMAGE);
});

test('a read-only disk keeps nothing; one that is gone reads as zeros', () => {
  const d = disk(true);
  d.set(0, Uint8Array.of(1, 2, 3), () => {});
  expect([...read(d, 0, 3)]).toEqual([0, 7, 14]);
  expect(d.refused).toBe(1);
  const lost = join(directory, 'b.img');
  writeFileSync(lost, IMAGE);
  const other = new OverlayDisk({ path: lost, device: 'hda', readOnly: false });
  rmSync(lost);
  expect([...read(other, 8, 2)]).toEqual([0, 0]);
  expect(other.refused).toBe(1);
});
