import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  bootedState,
  buildGuestImage,
  defaultCacheDir,
  encodePng,
  Host,
  loadDriver,
  readGuestFiles,
  ScreenShot,
} from '../src/index.ts';

test('the example of the README runs as it stands there', async () => {
  // README: begin
  const files = await readGuestFiles(await buildGuestImage());
  const spec = { files, memoryMiB: 512, apertureMiB: 256, deviceId: 0x0412 };
  const booted = await bootedState(spec, defaultCacheDir());

  const host = new Host();
  const domain = await host.createDomain({ domid: 0, name: 'Domain-0', memoryMiB: 512, files });
  domain.restore(booted);
  await loadDriver(domain); // modprobe i915, in the guest
  const said = await domain.console.check('gpuwork -e bcs -n 100', 60_000);
  const frame = new ScreenShot().take(host, domain, 'E');
  const png = frame && encodePng(frame); // what its VGA monitor shows
  host.close();
  // README: end
  expect(said).toContain('batches=100 ok');
  expect([frame?.width, frame?.height]).toEqual([1024, 768]);
  expect(png?.subarray(1, 4)).toEqual(new TextEncoder().encode('PNG'));

  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const block = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(block.length).toBeGreaterThan(100);
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  for (const line of block.split('\n')) expect(source).toContain(line);
});
