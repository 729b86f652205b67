// `npm run bench -- ARGS`: makes everything ready, then runs the benches from source.
import { run, runMain } from './lib/child.mjs';
import { setup } from './lib/setup.mjs';

await runMain(async () => {
  const ws = await setup();
  const args = ['--filter', '@xengt/integration', 'bench', ...process.argv.slice(2)];
  const { code } = await run('pnpm', args, { env: ws.env });
  return code;
});
