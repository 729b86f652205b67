import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';

/** Where a running host can be reached; one file per host, named after its port or its process. */
export interface RunState {
  readonly version: 1;
  readonly pid: number;
  /** Unix socket that commands talk to. */
  readonly socket: string;
  /** Base address of its lab page, e.g. `http://127.0.0.1:8412`; null when it has none. */
  readonly url: string | null;
  readonly port: number | null;
  /** ISO date. */
  readonly started: string;
}

const schema: v.GenericSchema<unknown, RunState> = v.object({
  version: v.literal(1),
  pid: v.pipe(v.number(), v.integer(), v.minValue(1)),
  socket: v.pipe(v.string(), v.startsWith('/')),
  url: v.nullable(v.pipe(v.string(), v.startsWith('http://127.0.0.1:'))),
  port: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))),
  started: v.string(),
});

/** Directory of the run-state files: `$XDG_RUNTIME_DIR/xengt`, else `~/.cache/xengt/run`. */
export function runDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env['XDG_RUNTIME_DIR'];
  if (runtime !== undefined && runtime !== '') return join(runtime, 'xengt');
  const cache = env['XDG_CACHE_HOME'];
  return join(
    cache !== undefined && cache !== '' ? cache : join(homedir(), '.cache'),
    'xengt',
    'run',
  );
}

type Named = Pick<RunState, 'port' | 'pid'>;
const nameOf = ({ port, pid }: Named): string => (port === null ? `pid${pid}` : String(port));
const fileOf = (directory: string, host: Named): string =>
  join(directory, `lab-${nameOf(host)}.json`);

/** Where a host listens for commands: beside the file that tells of it. */
export function socketPath(directory: string, host: Named): string {
  return join(directory, `lab-${nameOf(host)}.sock`);
}

/** Tells other commands of this user where the host is. Written whole or not at all. */
export async function writeRunState(directory: string, state: RunState): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = fileOf(directory, state);
  const part = `${file}.${process.pid}.part`;
  await writeFile(part, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  await rename(part, file);
}

export async function removeRunState(directory: string, host: Named): Promise<void> {
  await rm(fileOf(directory, host), { force: true });
}

/** Hosts whose process is alive, those without a page first, then by port; files of dead ones and damaged files are passed over. */
export async function runningHosts(
  directory: string,
  alive: (pid: number) => boolean = isAlive,
): Promise<RunState[]> {
  const names = await readdir(directory).catch(() => [] as string[]);
  const found: RunState[] = [];
  for (const name of names) {
    if (!/^lab-(pid)?\d+\.json$/.test(name)) continue;
    const text = await readFile(join(directory, name), 'utf8').catch(() => '');
    const state = v.safeParse(schema, parse(text));
    if (state.success && alive(state.output.pid)) found.push(state.output);
  }
  return found.sort((a, b) => (a.port ?? 0) - (b.port ?? 0) || a.pid - b.pid);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
