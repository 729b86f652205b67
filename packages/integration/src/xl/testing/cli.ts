import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Actions, CommandIo } from '../../cli/context.ts';
import { runXengt } from '../../cli/run.ts';
import type { Host } from '../../host/host.ts';
import { LiveHostView } from '../../host/view.ts';
import { findHost } from '../../lab/client.ts';
import { type LabServer, startLabServer } from '../../lab/server.ts';
import { HostLife } from '../../life/host-life.ts';
import { addScripted, SCRIPTED, scriptedHost } from '../../life/testing/lab.ts';
import { ScriptedSource } from './scripted-source.ts';

/** How a command ended, and what it printed. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A host with Domain-0, its socket, and the command. */
export interface CliHost {
  readonly directory: string;
  readonly host: Host;
  readonly source: ScriptedSource;
  readonly server: LabServer;
  xengt(words: readonly string[], io?: Partial<CommandIo>): Promise<Ran>;
  close(): Promise<void>;
}

/** Starts a host of scripted guests; the commands talk to it through its socket. */
export async function cliHost(): Promise<CliHost> {
  const directory = await mkdtemp(join(tmpdir(), 'xengt-xl-'));
  const host = scriptedHost();
  const source = new ScriptedSource();
  await addScripted(host, 0, 'Domain-0');
  const life = new HostLife(
    host,
    () => SCRIPTED,
    () => source,
  );
  const server = await startLabServer(new LiveHostView(host, life), {
    port: null,
    runDirectory: join(directory, 'run'),
  });
  const actions = {
    findHost: (choice) => findHost(choice, join(directory, 'run')),
  } as Actions;
  return {
    directory,
    host,
    source,
    server,
    xengt: (words, io = {}) => ran(words, io, actions),
    close: async () => {
      await server.close();
      host.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Runs a command, with everything that it prints. */
export async function ran(
  words: readonly string[],
  io: Partial<CommandIo>,
  actions: Actions,
): Promise<Ran> {
  let out = '';
  let err = '';
  const whole: CommandIo = {
    out: (text) => {
      out += text;
    },
    bytes: (data) => {
      out += Buffer.from(data).toString('latin1');
    },
    err: (text) => {
      err += text;
    },
    signal: new AbortController().signal,
    ...io,
  };
  const code = await runXengt(words, '0.1.0', whole, actions);
  return { code, out, err };
}
