import { describe, expect, test } from 'vitest';
import { elfFacts, elfSection } from './elf.ts';
import { FormatError, GuestImageError } from './error.ts';
import {
  type KernelModule,
  moduleDependencies,
  moduleName,
  modulesDep,
  pickModules,
} from './kmod.ts';
import { makeElf } from './testing/elf.ts';

describe('ELF', () => {
  test('needed libraries and the loader', () => {
    const elf = makeElf({ needed: ['libc.so.6', 'libm.so.6'], interpreter: '/lib/ld-linux.so.2' });
    expect(elfFacts(elf)).toEqual({
      needed: ['libc.so.6', 'libm.so.6'],
      interpreter: '/lib/ld-linux.so.2',
    });
    expect(elfFacts(makeElf({}))).toEqual({ needed: [], interpreter: '' });
  });

  test('what is no i386 ELF file is none', () => {
    expect(elfFacts(Buffer.from('#!/bin/sh\n'))).toBeNull();
    const amd64 = Uint8Array.from(makeElf({}));
    amd64[4] = 2;
    expect(elfFacts(amd64)).toBeNull();
    expect(elfSection(amd64, '.modinfo')).toBeNull();
  });

  test('tables that point outside the file are refused', () => {
    const elf = Uint8Array.from(makeElf({ needed: ['libc.so.6'] }));
    expect(() => elfFacts(elf.subarray(0, 120))).toThrow(FormatError);
    expect(() => elfSection(elf.subarray(0, 200), '.modinfo')).toThrow(FormatError);
  });
});

function modules(spec: Record<string, string[]>): Map<string, KernelModule> {
  return new Map(
    Object.entries(spec).map(([name, modinfo]) => [
      name,
      { name, path: `kernel/${name}.ko`, data: makeElf({ modinfo }) },
    ]),
  );
}

describe('kernel modules', () => {
  test('names: dashes are underscores, compression is no part', () => {
    expect(moduleName('kernel/drivers/i2c/algos/i2c-algo-bit.ko')).toBe('i2c_algo_bit');
    expect(moduleName('a/drm-buddy.ko.xz')).toBe('drm_buddy');
  });

  test('depends and the pre part of softdep', () => {
    const data = makeElf({
      modinfo: [
        'depends=drm,i2c-algo-bit',
        'softdep=pre: crc32c post: x platform-y',
        'license=GPL',
      ],
    });
    expect(moduleDependencies(data)).toEqual({ hard: ['drm', 'i2c_algo_bit'], soft: ['crc32c'] });
  });

  test('a module comes with all it needs, the first to be loaded last', () => {
    const all = modules({
      i915: ['depends=ttm,drm,drm_kms_helper,backlight'],
      ttm: ['depends=drm'],
      drm: ['depends='],
      drm_kms_helper: ['depends=drm,sysimgblt'],
      sysimgblt: [],
      nouveau: ['depends=drm'],
    });
    const picked = pickModules(all, new Set(['backlight']), ['i915'], 'the kernel');
    const text = modulesDep(picked);
    expect([...picked.keys()].map((m) => m.name).sort()).toEqual([
      'drm',
      'drm_kms_helper',
      'i915',
      'sysimgblt',
      'ttm',
    ]);
    const order = (text.split('\n').find((l) => l.startsWith('kernel/i915.ko:')) as string)
      .split(' ')
      .slice(1);
    const at = (name: string) => order.indexOf(`kernel/${name}.ko`);
    // busybox and kmod load from the end of the line.
    expect(at('ttm')).toBeLessThan(at('drm'));
    expect(at('drm_kms_helper')).toBeLessThan(at('drm'));
    expect(at('drm_kms_helper')).toBeLessThan(at('sysimgblt'));
    expect(new Set(order).size).toBe(order.length);
    expect(text).toContain('kernel/drm.ko:\n');
  });

  test('a circle of dependencies ends', () => {
    const picked = pickModules(
      modules({ a: ['depends=b'], b: ['depends=a'] }),
      new Set(),
      ['a'],
      'the kernel',
    );
    expect(picked.size).toBe(2);
  });

  test('a kernel without i915 is told so, and what to take', () => {
    const error = catchError(() =>
      pickModules(
        modules({ drm: [] }),
        new Set(),
        ['i915'],
        'the kernel package linux-image-cloud 1',
      ),
    );
    expect(error.code).toBe('NO_I915');
    expect(error.message).toBe(
      "the kernel package linux-image-cloud 1 has no i915.ko (it holds 1 modules). Take Debian's linux-image-686 or linux-image-686-pae, not a cloud kernel.",
    );
  });

  test('a missing dependency names both modules', () => {
    const error = catchError(() =>
      pickModules(modules({ i915: ['depends=ttm'] }), new Set(), ['i915'], 'the kernel'),
    );
    expect(error.code).toBe('FILE_MISSING');
    expect(error.message).toBe('the kernel has no module "ttm", which i915 needs.');
  });
});

function catchError(run: () => unknown): GuestImageError {
  try {
    run();
  } catch (error) {
    if (error instanceof GuestImageError) return error;
  }
  throw new Error('no GuestImageError was thrown');
}
