import { expect, test } from 'vitest';
import type { KernelModule } from './kmod.ts';
import { modulesDepBin } from './kmod-index.ts';

const module = (name: string): KernelModule => ({
  name,
  path: `kernel/${name}.ko`,
  data: new Uint8Array(0),
});

/** Looks a name up as libkmod does: from the root, a child for each character. */
function lookUp(index: Uint8Array, name: string): string | null {
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  let node = view.getUint32(8);
  for (const char of Buffer.from(name)) {
    if ((node & 0x20000000) === 0) return null;
    const at = node & 0x0fffffff;
    const [first, last] = [index[at] as number, index[at + 1] as number];
    if (char < first || char > last) return null;
    node = view.getUint32(at + 2 + 4 * (char - first));
  }
  if ((node & 0x40000000) === 0) return null;
  let at = node & 0x0fffffff;
  if ((node & 0x20000000) !== 0)
    at += 2 + 4 * ((index[at + 1] as number) - (index[at] as number) + 1);
  expect(view.getUint32(at)).toBe(1);
  return Buffer.from(index.subarray(at + 8, index.indexOf(0, at + 8))).toString('latin1');
}

test('every module is found with what it needs, and no other name', () => {
  const [drm, helper, i915] = [module('drm'), module('drm_kms_helper'), module('i915')];
  const index = modulesDepBin(
    new Map([
      [drm, []],
      [helper, [drm]],
      [i915, [helper, drm]],
    ]),
  );
  expect(Buffer.from(index.subarray(0, 8)).toString('hex')).toBe('b007f45700020001');
  expect(lookUp(index, 'drm')).toBe('kernel/drm.ko:');
  expect(lookUp(index, 'drm_kms_helper')).toBe('kernel/drm_kms_helper.ko: kernel/drm.ko');
  expect(lookUp(index, 'i915')).toBe('kernel/i915.ko: kernel/drm_kms_helper.ko kernel/drm.ko');
  for (const absent of ['dr', 'drm_', 'drmx', 'vgem', '']) expect(lookUp(index, absent)).toBeNull();
});
