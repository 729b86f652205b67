// `npm run docs`: makes everything ready, then writes the generated parts of docs/.
import { run, runMain } from './lib/child.mjs';
import { setup } from './lib/setup.mjs';

await runMain(async () => {
  const ws = await setup();
  const { code } = await run(ws.node, ['scripts/docs/main.ts', ...process.argv.slice(2)], {
    env: ws.env,
  });
  return code;
});
