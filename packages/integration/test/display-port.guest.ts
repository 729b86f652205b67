import { expect, test } from 'vitest';
import { complaints, drawPattern, monitor, SHORT_MS, useHost } from './fixture.ts';

const lab = useHost({ monitors: [monitor('D', 'dp', '1280x1024')] });

test('a DisplayPort monitor is trained, lit and shows the pattern pixel for pixel', async () => {
  const [domain] = lab.current.domains;
  if (domain === undefined) throw new Error('one domain was asked for');
  const connectors = await domain.console.check(
    'cd /sys/class/drm; grep -l "^connected" card0-*/status',
    SHORT_MS,
  );
  expect(connectors.trim()).toMatch(/^card0-DP-\d\/status$/);
  const { width, height, difference } = await drawPattern(lab.current, domain, 'D', 5);
  expect([width, height]).toEqual([1280, 1024]);
  expect(difference).toEqual({ pixels: 0, first: null });
  expect(await complaints(domain)).toEqual([]);
});
