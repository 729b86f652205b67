import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildGuestImage } from '../src/guest/image.ts';
import { defaultCacheDir } from '../src/guest/store.ts';
import { readGuestFiles } from '../src/host/guest-files.ts';
import { type BootedGuest, bootIgtGuest, type GpuPath, IgtGuest } from '../src/igt/igt-guest.ts';
import { parseTestName } from '../src/igt/names.ts';
import type { IgtResult } from '../src/igt/result.ts';

/** A test's time on a busy machine, seconds of the guest's clock. */
const SECONDS = 120;
/** One or two of a family, of IGT's fast-feedback list. */
const TESTS = [
  'igt@core_auth@basic-auth',
  'igt@core_sysfs@read-all-entries',
  'igt@fbdev@write',
  'igt@gem_basic@create-close',
  'igt@gem_exec_store@basic',
  'igt@gem_tiled_fence_blits@basic',
  'igt@kms_addfb_basic@basic',
  'igt@kms_pipe_crc_basic@read-crc',
  'igt@prime_self_import@basic-with_one_bo',
  'igt@vgem_basic@create',
] as const;

let booted: BootedGuest;
let guest: IgtGuest | null = null;
beforeAll(async () => {
  const image = await buildGuestImage({ profile: 'igt' });
  booted = await bootIgtGuest(await readGuestFiles(image), defaultCacheDir());
});
afterAll(() => guest?.close());

async function run(name: string): Promise<IgtResult> {
  const test = parseTestName(name);
  if (test === null || guest === null) throw new Error(`${name} cannot run`);
  const { result, healthy } = await guest.run(test, SECONDS);
  expect(healthy || result.outcome !== 'pass').toBe(true);
  return result;
}

test.each<GpuPath>(['direct', 'mediated'])("IGT's own tests pass with the GPU %s", async (path) => {
  guest?.close();
  guest = await IgtGuest.start(booted, path);
  const results: IgtResult[] = [];
  for (const name of TESTS) results.push(await run(name));
  expect(results.filter((r) => r.outcome !== 'pass')).toEqual([]);
});

test('what fails, skips or is not there is told as such', async () => {
  expect(await run('igt@gem_basic@no-such-subtest')).toMatchObject({
    outcome: 'absent',
    reason: 'no such subtest',
  });
  expect((await run('igt@kms_chamelium_hpd@vga-hpd')).outcome).toBe('absent');
  expect(await run('igt@gem_huc_copy@huc-copy')).toMatchObject({ outcome: 'skip', exit: 77 });
});
