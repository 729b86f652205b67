// `npm run fuzz -- ARGS`: makes everything ready, then does to the device what a hostile driver might.
import { run, runMain } from './lib/child.mjs';
import { setup } from './lib/setup.mjs';

await runMain(async () => {
  const ws = await setup();
  const args = ['--filter', '@xengt/integration', 'fuzz', ...process.argv.slice(2)];
  const { code } = await run('pnpm', args, { env: ws.env });
  return code;
});
