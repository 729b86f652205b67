import { LiveHostView } from '../../host/view.ts';
import { startLabServer } from '../../lab/server.ts';
import { HostLife } from '../host-life.ts';
import { addScripted, SCRIPTED, scriptedHost } from './lab.ts';

// A process of its own with a host that takes scripted domains: `node host-process.ts RUN_DIRECTORY`.
// It prints its lab server's port and ends when its standard input does.
const host = scriptedHost();
await addScripted(host, 0, 'Domain-0');
const view = new LiveHostView(host, new HostLife(host, () => SCRIPTED));
const server = await startLabServer(view, { port: 0, runDirectory: process.argv[2] as string });
process.stdout.write(`${server.port}\n`);
process.stdin.resume();
process.stdin.on('end', () => {
  host.close();
  void server.close();
});
