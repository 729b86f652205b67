import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addScripted } from '../life/testing/lab.ts';
import { parseBdf } from './bdf.ts';
import { type CliHost, cliHost, type Ran } from './testing/cli.ts';

const GPU = '0000:00:02.0';
const DONE: Ran = { code: 0, out: '', err: '' };
const FORM =
  '[DDDD:]BB:DD.F in hexadecimal, as 00:02.0: a domain to ffff, a bus to ff, a device to 1f, a function to 7';

let lab: CliHost;
beforeEach(async () => {
  lab = await cliHost();
});
afterEach(() => lab.close());

const xengt = (line: string): Promise<Ran> => lab.xengt(line.split(' '));
const add = (): Promise<Ran> => xengt('pci-assignable-add 00:02.0');
const list = async (): Promise<string> => (await xengt('pci-assignable-list')).out;
const use = (): string => lab.host.passthrough.use;
async function create(...more: string[]): Promise<Ran> {
  const file = join(lab.directory, 'p.cfg');
  await writeFile(file, 'name="p"\nmemory=64\ngfx_passthru=1');
  return lab.xengt(['create', file, ...more]);
}
/** Domain-0's driver is there. */
async function driver(): Promise<void> {
  const dom0 = lab.host.domains.get(0);
  if (dom0 !== undefined) await lab.source.loadDriver(dom0);
  lab.source.driver.length = 0;
}
const fails = (text: string, code = 1): Ran => ({ code, out: '', err: `xengt: ${text}\n` });

test('a PCI function is spelled as for xl', () => {
  expect(['00:02.0', '0000:00:02.0', '0:2.0', '0:00:02.0'].map(parseBdf)).toEqual(
    Array.from({ length: 4 }, () => GPU),
  );
  expect(parseBdf('aBcD:fF:1f.7')).toBe('abcd:ff:1f.7');
  const wrong = ['', '02.0', '00:02', '00:02.8', '00:20.0', '00000:00:02.0', '00:02.0 ', '00:02.*'];
  expect(wrong.map(parseBdf)).toEqual(wrong.map(() => null));
});

describe('pci-assignable-add', () => {
  test('without a driver in Domain-0 the GPU is let go at once; it is listed until a domain has it', async () => {
    expect([await list(), use()]).toEqual(['', 'mediated']);
    expect(await add()).toEqual(DONE);
    expect([await list(), use(), lab.source.driver]).toEqual([`${GPU}\n`, 'assignable', []]);
    expect(await create()).toMatchObject({ code: 0, out: 'p is domain 1\n' });
    expect(lab.host.passthrough.owner?.name).toBe('p');
    expect([await list(), (await xengt('info')).out]).toEqual([
      '',
      expect.stringMatching(/^vgt_mode +: assigned$/m),
    ]);
    await xengt('destroy p');
    expect(await list()).toBe(`${GPU}\n`);
    expect(JSON.parse((await xengt('pci-assignable-list --json')).out)).toEqual({ devices: [GPU] });
  });

  test("Domain-0's driver is unloaded for it, as xl unbinds it, and comes again with -r only", async () => {
    await driver();
    expect(await add()).toEqual(DONE);
    expect([use(), lab.source.driver]).toEqual(['assignable', ['unload Domain-0']]);
    expect(await xengt('pci-assignable-remove 00:02.0')).toEqual(DONE);
    expect([use(), lab.source.driver.length]).toEqual(['mediated', 1]);
    await add();
    expect(await xengt(`pci-assignable-remove -r ${GPU}`)).toEqual(DONE);
    expect([use(), lab.source.driver.at(-1)]).toEqual(['mediated', 'load Domain-0']);
    expect(lab.host.vgt?.lifecycle.lending.driverInTheWay).toBe(true);
  });

  test('twice, or while a domain has it: it stays so, with a word', async () => {
    await add();
    const twice = await add();
    expect(twice).toEqual({ ...DONE, err: `xengt: ${GPU} is assignable already\n` });
    await create();
    expect((await add()).err).toBe(`xengt: ${GPU} is assignable already: p has it\n`);
    expect(JSON.parse((await xengt('pci-assignable-add --json 0:2.0')).out)).toEqual({
      device: GPU,
      warning: `${GPU} is assignable already: p has it`,
    });
  });

  test('two at once: one takes it, the other is told', async () => {
    await driver();
    const both = await Promise.all([add(), add()]);
    expect(both.map((ran) => ran.code)).toEqual([0, 0]);
    expect(lab.source.driver).toEqual(['unload Domain-0']);
    expect(both.map((ran) => ran.err).sort()).toEqual([
      '',
      `xengt: ${GPU} is assignable already\n`,
    ]);
  });

  test("a guest's vGPU is in the way: nothing is unloaded for nothing", async () => {
    await driver();
    await addScripted(lab.host, 3);
    expect(await add()).toEqual(fails('the GPU cannot be assigned: domain 3 has a vGPU'));
    expect([use(), lab.source.driver]).toEqual(['mediated', []]);
  });

  test('a driver that does not go keeps the GPU', async () => {
    await driver();
    lab.source.driverRefuses =
      "rmmod: can't unload module 'i915': Resource temporarily unavailable";
    expect(await add()).toEqual(
      fails(`Domain-0's driver keeps the GPU: ${lab.source.driverRefuses}`),
    );
    expect([use(), await list()]).toEqual(['mediated', '']);
  });
});

describe('pci-assignable-remove', () => {
  test('what is not assignable stays as it is, with a word', async () => {
    expect(await xengt('pci-assignable-remove 00:02.0')).toEqual({
      ...DONE,
      err: `xengt: ${GPU} is not assignable\n`,
    });
    await add();
    expect((await xengt('pci-assignable-remove -r 00:02.0')).err).toBe(
      "xengt: Domain-0's driver was not unloaded for it: it is not loaded\n",
    );
    expect([use(), lab.source.driver]).toEqual(['mediated', []]);
  });

  test('not while a domain has it', async () => {
    await add();
    await create();
    expect(await xengt('pci-assignable-remove 00:02.0')).toEqual(fails('p has the GPU'));
    expect(use()).toBe('assigned');
  });

  test("a driver that does not come up is told; the GPU is Domain-0's, and -r tries again", async () => {
    await driver();
    await add();
    lab.source.driverRefuses = 'no';
    expect(await xengt('pci-assignable-remove -r 00:02.0')).toEqual(
      fails(`${GPU} is Domain-0's again, but its driver did not come up: no`),
    );
    expect(use()).toBe('mediated');
    lab.source.driverRefuses = null;
    expect((await xengt('pci-assignable-remove -r 00:02.0')).code).toBe(0);
    expect(lab.host.vgt?.lifecycle.lending.driverInTheWay).toBe(true);
  });
});

describe('wrong use', () => {
  test.each(['add', 'remove'])('pci-assignable-%s', async (verb) => {
    const name = `pci-assignable-${verb}`;
    expect(await xengt(`${name} 2.0`)).toEqual(
      fails(`${name}: malformed BDF specification "2.0"; allowed: ${FORM}`, 2),
    );
    expect(await xengt(`${name} 00:1f.0`)).toEqual(
      fails(`no device at 0000:00:1f.0 can be given to a domain; allowed: ${GPU}`),
    );
    expect((await xengt(name)).code).toBe(2);
    expect(use()).toBe('mediated');
  });

  test('a domain is not given what is not assignable, and is told how it becomes so', async () => {
    const { code, err } = await create();
    expect([code, err.replace(/^.*\/p\.cfg/, '')]).toEqual([
      2,
      ':3:14: p: the GPU is not assignable: xengt pci-assignable-add 00:02.0 makes it so\n',
    ]);
    await add();
    expect(await create("name='q'")).toMatchObject({ code: 0 });
    expect((await create()).err).toContain(':3:14: p: q has the GPU\n');
  });
});
