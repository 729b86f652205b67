// `npm start -- ARGS`: makes everything ready, then runs `xengt demo ARGS`.
import { join } from 'node:path';
import { run, runMain } from './lib/child.mjs';
import { ROOT } from './lib/paths.mjs';
import { build, setup } from './lib/setup.mjs';

await runMain(async () => {
  const ws = await setup();
  await build(ws);
  const bin = join(ROOT, 'packages', 'integration', 'bin', 'xengt.js');
  const { code } = await run(ws.node, [bin, 'demo', ...process.argv.slice(2)], { env: ws.env });
  return code;
});
