import { HaswellDevice, MachineMemory, ManualClock, engineRegs as R } from '@xengt/hsw-device';
import { Hypervisor, type VcpuEngine } from '@xengt/xen-vgt';
import { interleave, quotients, type Row, row, summary } from '../lib/measure.ts';
import { accessNs, BAR, BAR_BYTES, bareGuest, type LoopGuest, loopEngine } from '../lib/v86.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'registers';

// biome-ignore format: one access a line
const CASES = [
  { name: 'read, stored register (0x4090)', offset: 0x4090, write: false },
  { name: 'read, computed register (BCS ACTHD)', offset: R.RING_BASE.BCS + R.RING_ACTHD, write: false },
  { name: 'read, the beam of a pipe that stands (PIPEDSL_A)', offset: 0x70000, write: false },
  { name: 'read, unclaimed offset (0x180000)', offset: 0x180000, write: false },
  { name: 'read, GTT entry', offset: 0x200000, write: false },
  { name: 'write, stored register (0x4090)', offset: 0x4090, write: true },
  { name: 'write, masked register (0x7000)', offset: 0x7000, write: true },
  { name: 'write, register with a consequence (DEIMR)', offset: 0x44004, write: true },
  { name: 'write, doorbell of an empty ring (BCS TAIL)', offset: R.RING_BASE.BCS + R.RING_TAIL, write: true },
  { name: 'write, GTT entry', offset: 0x200000, write: true },
] as const;

/** A guest in v86 whose BAR0 is the device's own. */
class DirectGuest implements LoopGuest {
  readonly words: Int32Array;
  readonly engine: VcpuEngine;

  constructor(engine: VcpuEngine) {
    const memory = new MachineMemory();
    const device = new HaswellDevice({ memory, clock: new ManualClock() });
    const domain = new Hypervisor(memory).createDomain({ name: 'bench', engine, domid: 0 });
    domain.mapTrap(BAR, BAR_BYTES, 'gttmmio', device.mmio);
    this.engine = engine;
    this.words = engine.ram.words;
  }
  run(): void {
    this.engine.run();
  }
  pause(): void {
    this.engine.pause();
  }
}

/** A guest's register access to a device that is all its own, against v86's own bare handler. */
export async function registersSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const { name, offset, write } of CASES) {
    progress(name);
    const plain = await bareGuest(offset, write);
    const engine = await loopEngine(offset, write);
    const direct = new DirectGuest(engine);
    const { a, b } = await interleave(
      quick ? 5 : 21,
      3,
      () => accessNs(direct, 1),
      () => accessNs(plain, 1),
    );
    const detail = `${summary(a).median.toFixed(0)} ns, bare ${summary(b).median.toFixed(0)} ns`;
    rows.push(row(SUITE, name, 'x', quotients(a, b), null, detail));
    engine.destroy();
  }
  return rows;
}
