import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GuestBuildFlags } from '../guest/command.ts';
import { runDecode } from '../insight/decode.ts';
import { findHost } from '../lab/client.ts';
import { FakeHost } from '../lab/fake-host.ts';
import { type LabServer, LabServerError, startLabServer } from '../lab/server.ts';
import type { Actions, DemoOptions, IgtOptions } from './context.ts';
import { runXengt } from './run.ts';

let directory: string;
let server: LabServer;
const host = new FakeHost();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xengt-cli-'));
  server = await startLabServer(host, { port: 0, runDirectory: join(directory, 'run') });
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
let demoed: DemoOptions[] = [];
let built: GuestBuildFlags[] = [];
let tested: IgtOptions[] = [];

async function xengt(line: string, more: Partial<Actions> = {}): Promise<Ran> {
  demoed = [];
  built = [];
  tested = [];
  let out = '';
  let err = '';
  const actions: Actions = {
    demo: async (options) => {
      demoed.push(options);
      return 0;
    },
    igt: async (options) => {
      tested.push(options);
      return 1;
    },
    decode: runDecode,
    guestBuild: async (flags) => {
      built.push(flags);
      return 0;
    },
    guestList: async (flags, io) => {
      io.out(JSON.stringify(flags));
      return 0;
    },
    guestDisk: async (flags, io) => {
      io.out(JSON.stringify(flags));
      return 0;
    },
    findHost: (port) => findHost(port, join(directory, 'run')),
    ...more,
  };
  const code = await runXengt(
    line === '' ? [] : line.split(' '),
    '0.1.0',
    {
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
    },
    actions,
  );
  return { code, out, err };
}

describe('help and wrong use', () => {
  test('without arguments the help teaches what to start with', async () => {
    const { code, out } = await xengt('');
    expect(code).toBe(0);
    expect(out).toContain('xengt demo                 boot Domain-0 and a guest');
    expect(out).toContain('Exit codes: 0 done, 1 it failed, 2 wrong use or configuration');
  });

  test('each command has help with examples, and --json', async () => {
    for (const command of [
      'demo',
      'guest build',
      'guest list',
      'ctl read',
      'ctl write',
      'decode',
      'screenshot',
    ]) {
      const { code, out } = await xengt(`${command} --help`);
      expect(code, command).toBe(0);
      expect(out, command).toContain('--json');
      if (command !== 'guest list') expect(out, command).toContain('Examples:');
    }
    expect((await xengt('--version')).out).toBe('0.1.0\n');
  });

  test.each([
    [
      'demo --domain 3',
      'xengt: there is no flag --domain; did you mean --domains?\nTry `xengt demo --help`.\n',
    ],
    [
      'demo --domains 0',
      'xengt: domains "0": expected a whole number from 1 to 16\nTry `xengt demo --help`.\n',
    ],
    ['dmeo', 'xengt: there is no command "dmeo"; did you mean demo?\nTry `xengt --help`.\n'],
    ['guest frob', 'xengt: there is no command "frob"\nTry `xengt guest --help`.\n'],
    ['ctl read', 'xengt: expected argument for path\nTry `xengt ctl read --help`.\n'],
    [
      'guest build --kernel amd64',
      'xengt: expected "amd64" to be one of (686|686-pae)\nTry `xengt guest build --help`.\n',
    ],
    ['ctl write a', 'xengt: give either a value or --from FILE\n'],
  ])('%s is refused with exit code 2', async (line, err) => {
    expect(await xengt(line)).toEqual({ code: 2, out: '', err });
  });

  test('with --json an error is a document on stdout', async () => {
    const { code, out, err } = await xengt('demo --json --domain 3');
    expect([code, err]).toEqual([2, '']);
    expect(JSON.parse(out)).toEqual({
      error: { code: 'USAGE', message: 'there is no flag --domain; did you mean --domains?' },
    });
  });
});

describe('demo', () => {
  test('control case: the flags of the acceptance run reach the host', async () => {
    expect((await xengt('demo --headless --json --domains 2 --exit')).code).toBe(0);
    expect(demoed).toEqual([
      {
        domains: 2,
        configs: [],
        headless: true,
        exit: true,
        json: true,
        port: 8412,
        screens: 'xengt-screens',
        partition: 'static',
        memoryMiB: 512,
        boot: 'state',
        scheduler: 'timer',
        dom0: 'deprivileged',
        packages: null,
        trace: null,
        aub: null,
      },
    ]);
  });

  test('how Domain-0 reaches the mediator is said by name; another one is refused', async () => {
    await xengt('demo --dom0 hooks');
    expect(demoed[0]?.dom0).toBe('hooks');
    const wrong = await xengt('demo --dom0 traps');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('expected "traps" to be one of (deprivileged|hooks)');
  });

  test('the scheduler reaches the host; a wrong name does not', async () => {
    await xengt('demo --scheduler fair');
    expect(demoed[0]?.scheduler).toBe('fair');
    const wrong = await xengt('demo --scheduler lottery');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('"lottery"');
    expect(wrong.err).toContain('(timer|fair|event)');
    expect(demoed).toEqual([]);
  });

  test('a shared partition and the RAM of guests reach the host; wrong ones do not', async () => {
    await xengt('demo --domains 16 --partition shared --memory 256');
    expect(demoed[0]).toMatchObject({ domains: 16, partition: 'shared', memoryMiB: 256 });
    const wrong = await xengt('demo --partition halves');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('(static|shared)');
    expect((await xengt('demo --memory 64')).err).toContain('a whole number from 128 to 2048');
    expect(demoed).toEqual([]);
  });

  test('a trace and its filter reach the host; a filter alone or a wrong one does not', async () => {
    await xengt('demo --trace t.txt --trace-filter commands,0x2000-0x2fff');
    expect(demoed[0]?.trace).toEqual({
      path: 't.txt',
      filter: { kinds: ['command', 'hang'], registers: [[0x2000, 0x2fff]] },
    });
    const alone = await xengt('demo --trace-filter write');
    expect(alone).toMatchObject({ code: 2, err: 'xengt: --trace-filter needs --trace FILE\n' });
    const wrong = await xengt('demo --trace t.txt --trace-filter wirte');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('"wirte" is none of')]);
    expect(demoed).toEqual([]);
  });

  test('domain files become guests; their number is the number of domains', async () => {
    const file = join(directory, 'a.cfg');
    await writeFile(file, 'name = "a"\nmemory = 256\n');
    await xengt(`demo -c ${file}`);
    expect(demoed[0]).toMatchObject({ domains: 2, configs: [{ name: 'a', memory: 256 }] });
    expect(await xengt(`demo -c ${file} -c ${file}`)).toMatchObject({
      code: 2,
      err: 'xengt: two domain files are named a\n',
    });
    expect((await xengt(`demo -c ${file} --domains 1`)).err).toBe(
      'xengt: --domains 1 leaves no room for 1 guests beside Domain-0\n',
    );
  });

  test('a bad domain file stops everything, all its errors with their places', async () => {
    const file = join(directory, 'bad.cfg');
    await writeFile(file, 'name = "a"\nmemory = 1\nvgt = maybe\n');
    expect(await xengt(`demo --config ${file}`)).toEqual({
      code: 2,
      out: '',
      err:
        `xengt: ${file}:2:10: memory: found 1; allowed: a whole number of MiB from 64 to 2048\n` +
        `xengt: ${file}:3:7: expected a value for vgt, found maybe: quote strings\n`,
    });
    expect(demoed).toEqual([]);
    const json = JSON.parse((await xengt(`demo --config ${file} --json`)).out);
    expect(json.error).toMatchObject({
      code: 'BAD_CONFIG',
      issues: [
        { file, line: 2, column: 10, key: 'memory' },
        { line: 3, column: 7 },
      ],
    });
    expect((await xengt('demo -c /nowhere.cfg')).err).toBe(
      'xengt: /nowhere.cfg: cannot be read (ENOENT)\n',
    );
  });

  test('a guest fault ends with 3, a failure with 1 and its code', async () => {
    expect((await xengt('demo', { demo: async () => 3 })).code).toBe(3);
    const busy = async (): Promise<0> => {
      throw new LabServerError('PORT_IN_USE', 'port 8412 on 127.0.0.1 is taken');
    };
    expect(await xengt('demo', { demo: busy })).toEqual({
      code: 1,
      out: '',
      err: 'xengt: port 8412 on 127.0.0.1 is taken\n',
    });
    expect(JSON.parse((await xengt('demo --json', { demo: busy })).out)).toEqual({
      error: { code: 'PORT_IN_USE', message: 'port 8412 on 127.0.0.1 is taken' },
    });
  });
});

describe('guest', () => {
  test('build and list pass their flags on, and their exit codes back', async () => {
    await xengt('guest build --packages debs --kernel 686-pae --profile igt --refresh');
    expect(built).toEqual([
      {
        packages: 'debs',
        kernel: '686-pae',
        profile: 'igt',
        refresh: true,
        force: false,
        json: false,
      },
    ]);
    expect((await xengt('guest list --json')).out).toBe('{"json":true}');
    expect(JSON.parse((await xengt('guest disk --gfxmode auto')).out)).toEqual({
      gfxmode: 'auto',
      timeout: 10,
      extra: '',
      json: false,
    });
    expect((await xengt('guest disk --timeout soon')).code).toBe(2);
    expect((await xengt('guest build', { guestBuild: async () => 1 })).code).toBe(1);
  });
});

describe('igt', () => {
  test('passes its flags on, and its exit code back', async () => {
    const { code } = await xengt(
      'igt --list fast-feedback --subset igt@kms_* --on mediated --timeout 30 --speed 4 --resume --write-docs',
    );
    expect(code).toBe(1);
    const [given] = tested;
    await xengt('igt');
    const defaults = {
      list: 'default',
      subset: null,
      on: 'direct',
      timeout: 120,
      speed: 1,
      alone: false,
      resume: false,
      retry: false,
      results: 'xengt-igt',
      packages: null,
      writeDocs: false,
      json: false,
    };
    expect(tested).toEqual([defaults]);
    expect(given).toEqual({
      ...defaults,
      list: 'fast-feedback',
      subset: 'igt@kms_*',
      on: 'mediated',
      timeout: 30,
      speed: 4,
      resume: true,
      writeDocs: true,
    });
    const wrong = await xengt('igt --timeout 0');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('expected a whole number from 1 to 3600');
  });
});

describe('decode', () => {
  test('a dump of a batch comes out with names, and as JSON', async () => {
    const file = join(directory, 'batch.txt');
    await writeFile(
      file,
      '00001000: 7a000003 00100000 0 \n00001000: 7a000003 00100000\n05000000\n',
    );
    const { code, out } = await xengt(`decode ${file}`);
    expect([code, out]).toEqual([
      0,
      'dump at 0x1000\n' +
        '00001000  7a000003    PIPE_CONTROL\n' +
        '00001004  00100000      CS Stall 1, Post-sync 0\n' +
        '00001008  05000000      Address 0x5000000\n',
    ]);
    const json = JSON.parse((await xengt(`decode ${file} --json`)).out);
    expect(json.buffers[0].commands[0]).toMatchObject({ name: 'PIPE_CONTROL', level: 1 });
  });

  test('a file without commands, or none at all, is told', async () => {
    const file = join(directory, 'words.txt');
    await writeFile(file, 'nothing of the kind\n');
    expect(await xengt(`decode ${file}`)).toMatchObject({
      code: 2,
      err: `xengt: ${file}: no commands in it\n`,
    });
    expect((await xengt('decode /nowhere')).err).toBe('xengt: /nowhere: cannot be read (ENOENT)\n');
    expect((await xengt(`decode ${file} --address 3`)).code).toBe(2);
  });
});

describe('a running host', () => {
  test('ctl read prints text, lists directories, shows bytes in hexadecimal', async () => {
    host.nodes.set('control/foreground_vm', '0\n');
    expect((await xengt('ctl read control/foreground_vm')).out).toBe('0\n');
    expect((await xengt('ctl read vm1')).out).toBe('PORT_B\n');
    expect((await xengt('ctl read vm1/PORT_B/edid')).out).toBe('0000  00 ff ff\n');
    expect((await xengt('ctl read vm1/PORT_B/edid --raw')).out).toBe('\0\xff\xff');
    expect(JSON.parse((await xengt('ctl read vm1/PORT_B/edid --json')).out)).toEqual({
      path: 'vm1/PORT_B/edid',
      kind: 'file',
      base64: 'AP//',
    });
    expect(await xengt('ctl read vm7')).toEqual({
      code: 1,
      out: '',
      err: 'xengt: vm7: there is no such node (ENOENT)\n',
    });
  });

  test('ctl write takes a value or a file', async () => {
    expect((await xengt('ctl write control/foreground_vm 1')).code).toBe(0);
    expect(host.nodes.get('control/foreground_vm')).toBe('1');
    const file = join(directory, 'edid');
    await writeFile(file, Uint8Array.of(1, 2, 3));
    const ran = await xengt(`ctl write vm1/PORT_B/edid --from ${file} --json`);
    expect(JSON.parse(ran.out)).toEqual({ path: 'vm1/PORT_B/edid', written: 3 });
    expect(host.nodes.get('vm1/PORT_B/edid')).toEqual(Uint8Array.of(1, 2, 3));
    host.nodes.set('vm1/PORT_B/edid', Uint8Array.of(0, 255, 255));
  });

  test('screenshot saves PNG files of what is lit', async () => {
    const to = join(directory, 'shots');
    const { files } = JSON.parse((await xengt(`screenshot -o ${to} --json`)).out);
    expect(files).toEqual([
      { domain: 0, port: 'B', width: 4, height: 3, path: join(to, 'dom0-B.png') },
      { domain: 1, port: 'E', width: 2, height: 2, path: join(to, 'dom1-E.png') },
    ]);
    expect((await readFile(join(to, 'dom1-E.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await xengt(`screenshot -o ${to} -d 1`)).out).toBe(`${join(to, 'dom1-E.png')}  2x2\n`);
    expect((await xengt('screenshot -d 9')).err).toBe(
      'xengt: there is no domain 9; there are 0, 1\n',
    );
    expect((await xengt('screenshot --screen A')).code).toBe(2);
  });

  test('without a host every one of them says how to start one', async () => {
    const nowhere = join(directory, 'empty');
    const ran = await xengt('ctl read control', { findHost: (p) => findHost(p, nowhere) });
    expect(ran).toEqual({
      code: 1,
      out: '',
      err: `xengt: no host is running (looked in ${nowhere}); start one with \`xengt demo\`\n`,
    });
  });
});
