import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTraceFilter } from '@xengt/hsw-device';
import { ScriptedEngine } from '@xengt/xen-vgt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TraceFile } from '../insight/trace-file.ts';
import { addScripted, RAM_MIB, scriptedHost, until } from '../life/testing/lab.ts';
import { counters } from './counters.ts';
import type { Host } from './host.ts';
import type { HostDomain } from './host-domain.ts';
import { BCS, pte, ScriptedGuest } from './testing/scripted-guest.ts';

const BAR0 = 0xf0000000;
const OPREGION = 0xfc000000;
/** Frames of the domain that has the GPU. */
const RING = 0x40,
  DATA = 0x80;
const STORE: number = (0x20 << 23) | 0x400002;
const IGD = 0x10;

let host: Host;
beforeEach(() => {
  host = scriptedHost();
});
afterEach(() => host.close());

/** A domain that has the GPU itself, with its BARs set up. */
async function owner(domid: number): Promise<{ domain: HostDomain; cpu: ScriptedEngine }> {
  const cpu = new ScriptedEngine(RAM_MIB);
  const domain = await host.createDomain({
    domid,
    name: `hvm${domid}`,
    memoryMiB: RAM_MIB,
    files: { engine: cpu, emulator: 'scripted 1', image: 'none' },
    gfxPassthru: true,
  });
  domain.machine.placeOpRegion(domain.domain, host.device.display);
  cpu.configWrite(IGD, 0x10, 4, BAR0 | 0);
  cpu.configWrite(IGD, 0x04, 2, 6);
  domain.domain.resume();
  return { domain, cpu };
}

/** A store by the blitter to graphics page 5, which is mapped to a frame. @param turn of the ring */
function store(cpu: ScriptedEngine, gfn: number, value: number): void {
  const write = (at: number, v: number): void => cpu.write32(BAR0 + at, v);
  for (let p = 0; p < 4; p++) write(0x200000 + (0x10 + p) * 4, pte(RING + p));
  write(0x200000 + 5 * 4, pte(gfn));
  [STORE, 0, 0x5000, value].forEach((d, i) => {
    cpu.write32(RING * 4096 + i * 4, d);
  });
  write(0x2203c, 0);
  write(0x22038, 0x10000);
  write(0x22034, 0);
  write(0x22030, 0);
  write(0x2203c, 0x3001);
  write(0x22030, 16);
}

test('a domain has the whole GPU: its own frames, whatever the machine calls them', async () => {
  await addScripted(host, 0);
  host.passthrough.makeAssignable();
  expect(host.passthrough.use).toBe('assignable');
  const { domain, cpu } = await owner(1);
  expect(domain.domain.gfnToMfn(DATA)).not.toBe(DATA);
  store(cpu, DATA, 0x1234);
  await until(() => cpu.read32(DATA * 4096) === 0x1234);
  expect(cpu.read32(DATA * 4096)).toBe(0x1234);
  expect(host.domains.get(0)?.screens(host.device.display)).toEqual([]);
  expect(counters(host)['vt-d']).toMatchObject({ faults: 0 });
});

test('[S4] firmware writes the address of two pages to 0xfc, and the driver finds an OpRegion there', async () => {
  host.passthrough.makeAssignable();
  const { cpu } = await owner(1);
  expect(cpu.configRead(IGD, 0xfc, 4) >>> 0).toBe(OPREGION);
  expect(cpu.read32(OPREGION)).toBe(0x65746e49);
});

test("DMA outside the domain faults, is told, and reaches nobody's memory", async () => {
  const dom0 = await addScripted(host, 0);
  host.passthrough.makeAssignable();
  const { cpu } = await owner(1);
  const was = Uint8Array.from(dom0.engine.ram.bytes);
  const directory = await mkdtemp(join(tmpdir(), 'xengt-faults-'));
  const path = join(directory, 'faults.txt');
  const trace = new TraceFile(host, path, parseTraceFilter('faults'));
  store(cpu, RAM_MIB * 256 + 5, 0x666);
  const told =
    '[VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 2005000, reason 06 - page may not be read';
  await until(() => host.events.includes(told));
  expect(host.events).toContain(told);
  trace.close();
  const said = host.hypervisor.messages.text.replaceAll(/^\(XEN\) \[ *[0-9.]+\] /gm, '');
  expect(said.split('\n')).toContain(told);
  expect(await readFile(path, 'utf8')).toMatch(
    /^ *[0-9.]+ hvm1 0000:00:02\.0 read of 0x2005000 refused: page may not be read$/m,
  );
  await rm(directory, { recursive: true });
  expect(Buffer.compare(was, dom0.engine.ram.bytes)).toBe(0);
  expect(host.passthrough.assignment?.lastFault?.address).toBe(0x2005000);
  store(cpu, DATA, 7);
  await until(() => cpu.read32(DATA * 4096) === 7);
  expect(cpu.read32(DATA * 4096)).toBe(7);
});

test('destroyed, the domain gives it up; dom0 and guests work with the mediator as before', async () => {
  const dom0 = await addScripted(host, 0);
  for (let i = 0; i < 2; i++) {
    host.passthrough.makeAssignable();
    await owner(1);
    expect(() => host.passthrough.giveBack()).toThrow('hvm1 has the GPU');
    host.destroyDomain(1);
    expect(host.passthrough.use).toBe('assignable');
    host.passthrough.giveBack();
    dom0.engine.configWrite(IGD, 0x04, 2, 6);
    dom0.startRing(BCS);
    dom0.submit(BCS, [STORE, 0, dom0.dataGma, 0x77 + i]);
    await until(
      () => dom0.peek(0x100) === 0x77 + i || dom0.apertureRead(dom0.dataGma) === 0x77 + i,
    );
  }
  const guest = await addScripted(host, 2);
  expect(guest).toBeInstanceOf(ScriptedGuest);
  guest.startRing(BCS);
  guest.submit(BCS, [STORE, 0, guest.dataGma, 9]);
  await until(() => guest.apertureRead(guest.dataGma) === 9);
  expect([dom0.vgpu.alive, guest.apertureRead(guest.dataGma)]).toEqual([true, 9]);
});

test('what is refused, with the reason, and nothing half-created', async () => {
  await expect(owner(1)).rejects.toThrow(
    'hvm1: the GPU is not assignable: xengt pci-assignable-add 00:02.0 makes it so',
  );
  expect(host.domains.size).toBe(0);
  await addScripted(host, 2);
  expect(() => host.passthrough.makeAssignable()).toThrow(
    'the GPU cannot be assigned: domain 2 has a vGPU',
  );
  host.destroyDomain(2);
  host.passthrough.makeAssignable();
  await owner(1);
  await expect(owner(3)).rejects.toThrow('hvm3: hvm1 has the GPU');
  await expect(addScripted(host, 4)).rejects.toThrow(
    'scripted4: no vGPU: the GPU is given away as a whole, to hvm1',
  );
  expect([...host.domains.keys()]).toEqual([1]);
});
