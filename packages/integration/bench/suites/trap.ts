import { HaswellDevice, MachineMemory, ManualClock, engineRegs as R } from '@xengt/hsw-device';
import { Vgt } from '@xengt/linux-vgt';
import { Hypervisor, MediatorPort, ScriptedEngine, type VcpuEngine } from '@xengt/xen-vgt';
import { bytesEach, bytesEachLater } from '../lib/heap.ts';
import { interleave, quotients, type Row, row, summary } from '../lib/measure.ts';
import {
  ACCESSES,
  accessNs,
  BAR,
  BAR_BYTES,
  bareGuest,
  type LoopGuest,
  loopEngine,
} from '../lib/v86.ts';
import type { SuiteOptions } from './suite.ts';

const SUITE = 'trap';
const TIME = { limit: 2, sense: 'most' } as const;
/** The least object is 12 bytes an access; what remains below is the measurement's own. */
const HEAP = { limit: 0.1, sense: 'most' } as const;
const DEVFN = 0x10;
const RAM_MIB = 16;

// biome-ignore format: one access a line
const CASES = [
  { name: 'read, render register of the owner (0x4040)', offset: 0x4040, write: false },
  { name: 'read, virtual display register (DSPACNTR)', offset: 0x70180, write: false },
  { name: 'read, ring register (BCS HEAD)', offset: R.RING_BASE.BCS + R.RING_HEAD, write: false },
  { name: 'write, render register of the owner (0x4040)', offset: 0x4040, write: true },
  { name: 'write, virtual display register (HTOTAL_A)', offset: 0x60000, write: true },
  { name: 'write, ring register (BCS IMR)', offset: R.RING_BASE.BCS + R.RING_IMR, write: true },
] as const;

/** An HVM in v86 whose BAR0 is its vGPU's, as the render owner. */
class MediatedGuest implements LoopGuest {
  readonly words: Int32Array;
  readonly engine: VcpuEngine;
  readonly access: (count: number) => void;

  constructor(engine: VcpuEngine, offset: number, write: boolean) {
    const memory = new MachineMemory();
    const clock = new ManualClock();
    const device = new HaswellDevice({ memory, clock });
    const hypervisor = new Hypervisor(memory);
    hypervisor.createDomain({ name: 'dom0', engine: new ScriptedEngine(RAM_MIB), domid: 0 });
    const domain = hypervisor.createDomain({ name: 'bench', engine, domid: 1 });
    const vgt = new Vgt({ device, clock, mpt: new MediatorPort(hypervisor, DEVFN) });
    const vgpu = vgt.createVgpu(1, { lowMiB: 16, highMiB: 64, fences: 4 });
    if (typeof vgpu === 'string') throw new Error(vgpu);
    const { mmio } = vgpu;
    domain.mapTrap(BAR, BAR_BYTES, 'gttmmio', mmio);
    // An empty request on BCS makes the VM the render owner.
    const low = vgpu.slice.lowBase;
    for (let p = 0; p < 4; p++) mmio.write(0x200000 + ((low >>> 12) + p) * 4, 4, (p << 12) | 7);
    mmio.write(R.RING_BASE.BCS + R.RING_START, 4, low);
    mmio.write(R.RING_BASE.BCS + R.RING_CTL, 4, 0x3000 | R.RING_VALID);
    mmio.write(R.RING_BASE.BCS + R.RING_TAIL, 4, 8);
    for (let i = 0; i < 1000 && vgt.renderOwner !== vgpu; i++) {
      device.step(1 << 20);
      vgt.tick();
      clock.advance(20_000_000);
    }
    if (vgt.renderOwner !== vgpu) throw new Error('the bench VM did not become the render owner');
    this.engine = engine;
    this.words = engine.ram.words;
    this.access = write
      ? (count) => {
          for (let i = 0; i < count; i++) mmio.write(offset, 4, 0x1000);
        }
      : (count) => {
          for (let i = 0; i < count; i++) mmio.read(offset, 4);
        };
  }
  run(): void {
    this.engine.run();
  }
  pause(): void {
    this.engine.pause();
  }
}

/** A guest's register access through hypervisor and mediator against v86's own bare handler. */
export async function trapSuite({ quick, progress }: SuiteOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const rounds = quick ? 5 : 21;
  const traps = 1_000_000;
  for (const { name, offset, write } of CASES) {
    progress(name);
    const plain = await bareGuest(offset, write);
    const engine = await loopEngine(offset, write);
    const mediated = new MediatedGuest(engine, offset, write);
    const { a, b } = await interleave(
      rounds,
      3,
      () => accessNs(mediated, 1),
      () => accessNs(plain, 1),
    );
    const detail = `${summary(a).median.toFixed(0)} ns, bare ${summary(b).median.toFixed(0)} ns`;
    rows.push(row(SUITE, name, 'x', quotients(a, b), TIME, detail));
    mediated.access(100_000);
    const direct = [0, 1, 2].map(() => bytesEach(traps, () => mediated.access(traps)));
    rows.push(
      row(SUITE, `${name}: heap, mediator`, 'B', direct.map(positive), HEAP, `${traps} accesses`),
    );
    // The same through v86: what the event loop's turns make is in both, so it is taken off.
    const bytes: number[] = [];
    for (let i = 0; i < 3; i++) {
      const n = 4 * ACCESSES;
      const ours = await bytesEachLater(n, () => accessNs(mediated, 4));
      const theirs = await bytesEachLater(n, () => accessNs(plain, 4));
      bytes.push(ours - theirs);
    }
    const beyond = `beyond what the bare handler's run makes, ${4 * ACCESSES} accesses`;
    rows.push(
      row(SUITE, `${name}: heap, guest to register`, 'B', bytes.map(positive), null, beyond),
    );
    engine.destroy();
  }
  return rows;
}

const positive = (n: number): number => Math.max(0, n);
