import { GM_PAGES, HaswellDevice, MachineMemory, ManualClock } from '@xengt/hsw-device';
import { type PartitionMode, type Vgpu, Vgt } from '@xengt/linux-vgt';
import { Hypervisor, MediatorPort, ScriptedEngine } from '@xengt/xen-vgt';
import { beforeEach, describe, expect, test } from 'vitest';
import { IGD_DEVFN } from './machine.ts';
import { ATTACKS, POISON, type Victim } from './testing/attacks.ts';
import { BCS, DATA_GFN, RCS, ScriptedGuest } from './testing/scripted-guest.ts';

const RAM_MIB = 4;
/** Upper half of every marked word: none of the attackers' commands has it. */
const MARK = 0x5ec2;
/** Together longer than an engine that hangs may take to come to rest. */
const STEPS = 300;
const STEP_NS = 10_000_000;
/** Shared: all there is beside dom0, so that the HVM and the attacker have the same addresses. */
const SIZES = {
  static: { lowMiB: 16, highMiB: 64, fences: 4 },
  shared: { lowMiB: 128, highMiB: 1132, fences: 32 },
} as const;

/** A machine with dom0, an HVM and an attacker; every free word of the first two's RAM is marked. */
class Machine {
  readonly mode: PartitionMode;
  readonly memory: MachineMemory = new MachineMemory();
  readonly clock: ManualClock = new ManualClock();
  readonly device: HaswellDevice = new HaswellDevice({ memory: this.memory, clock: this.clock });
  readonly hypervisor: Hypervisor = new Hypervisor(this.memory);
  readonly vgt: Vgt;
  readonly dom0: ScriptedGuest;
  readonly hvm: ScriptedGuest;
  readonly evil: ScriptedGuest;

  constructor(mode: PartitionMode) {
    this.mode = mode;
    this.vgt = new Vgt({
      device: this.device,
      clock: this.clock,
      mpt: new MediatorPort(this.hypervisor, IGD_DEVFN),
      config: { partition: mode },
    });
    this.dom0 = this.#guest(0, true);
    this.hvm = this.#guest(1, true);
    this.evil = this.#guest(2, false);
  }

  #guest(domid: number, marked: boolean): ScriptedGuest {
    const engine = new ScriptedEngine(RAM_MIB);
    const domain = this.hypervisor.createDomain({ name: `dom${domid}`, engine, domid });
    const made = domid === 0 ? this.vgt.dom0 : this.vgt.createVgpu(domid, SIZES[this.mode]);
    if (marked)
      engine.ram.words.forEach((_, i, words) => {
        words[i] = (MARK << 16) | (i & 0xffff);
      });
    const guest = new ScriptedGuest(domain, engine, made as Vgpu);
    for (const e of [RCS, BCS]) guest.startRing(e);
    return guest;
  }

  /** Steps device and mediator until both are at rest. */
  run(): void {
    for (let i = 0; i < STEPS; i++) {
      this.device.step(4096);
      this.vgt.tick();
      const rest = !this.device.gt.runnable && this.vgt.switch.steady;
      if (rest && !this.vgt.vms.some((vm) => vm.hasWork)) return;
      this.clock.advance(STEP_NS);
    }
  }

  /** A VM's entries, and what of them hardware has: in a part of its own, all. */
  entries(of: ScriptedGuest): Uint8Array {
    const { ggtt, slice } = of.vgpu;
    const all = new Int32Array(GM_PAGES * 2);
    all.set(ggtt.machine);
    for (let i = 0; !slice.shared && i < GM_PAGES; i++) {
      if (ggtt.owns(i)) all[GM_PAGES + i] = this.device.ggtt.read(i);
    }
    return new Uint8Array(all.buffer);
  }
}

const store = (gma: number, value: number): number[] => [(0x20 << 23) | 0x400002, 0, gma, value];
const copyOf = (guest: ScriptedGuest): Uint8Array => Uint8Array.from(guest.engine.ram.bytes);
const same = (guest: ScriptedGuest, was: Uint8Array): boolean =>
  Buffer.compare(guest.engine.ram.bytes, was) === 0;

let m: Machine;
function start(mode: PartitionMode): void {
  m = new Machine(mode);
  // Everybody has run something, so that all have render state in the mediator's hands.
  for (const g of [m.dom0, m.hvm, m.evil]) g.submit(RCS, store(g.dataGma + 0x20000, 1));
  m.run();
}

function aim(at: ScriptedGuest): Victim {
  return { gma: at.dataGma, high: at.high, mfn: at.domain.gfnToMfn(DATA_GFN) };
}

describe.each(['static', 'shared'] as const)('in a %s partition', (mode) => {
  beforeEach(() => start(mode));

  test('control case: what the attacker does to itself works, and is seen by the checks', () => {
    const { evil } = m;
    evil.map(evil.dataGma + 0x8000, DATA_GFN + 1);
    evil.apertureWrite(evil.dataGma + 0x8000, POISON);
    evil.submit(BCS, [...store(evil.dataGma, POISON)]);
    m.run();
    expect([evil.peek(DATA_GFN), evil.peek(DATA_GFN + 1)]).toEqual([POISON, POISON]);
    expect(evil.apertureRead(evil.dataGma)).toBe(POISON);
    expect(evil.vgpu.alive).toBe(true);
    const was = copyOf(m.hvm);
    m.hvm.poke(DATA_GFN, [POISON]);
    expect(same(m.hvm, was)).toBe(false);
  });

  const targets = [
    ['dom0', 'dom0'],
    ['the HVM', 'hvm'],
  ] as const;
  for (const [who, key] of targets) {
    test.each(ATTACKS)(`against ${who}: $name`, (attack) => {
      const { dom0, hvm, evil } = m;
      const was = [copyOf(dom0), copyOf(hvm)] as const;
      const entries = [m.entries(dom0), m.entries(hvm)];
      // What is an address of the attacker's as well is not refused: it leads to its own memory.
      const ownToo = mode === 'shared' && key === 'hvm';
      attack.run(evil, aim(m[key]));
      m.run();
      evil.submit(BCS, store(evil.dataGma + 0x30000, 2));
      m.run();

      expect([same(dom0, was[0]), same(hvm, was[1])]).toEqual([true, true]);
      expect([dom0, hvm].map((g, i) => Buffer.compare(m.entries(g), entries[i]!))).toEqual([0, 0]);
      expect(evil.engine.ram.words.some((w) => w >>> 16 === MARK)).toBe(false);
      if (attack.stopped === null || (ownToo && evil.vgpu.alive)) {
        expect([evil.vgpu.crashReason, evil.domain.state]).toEqual([null, 'running']);
      } else {
        if (!ownToo) expect(evil.vgpu.crashReason).toMatch(attack.stopped as RegExp);
        expect(evil.domain.state).toBe('crashed');
        expect(evil.domain.reason).toBe(evil.vgpu.crashReason);
        expect(evil.peek(DATA_GFN + 0x30)).toBe(0);
      }

      for (const g of [dom0, hvm]) {
        g.submit(BCS, store(g.dataGma + 0x21000, 77));
        m.run();
        expect(g.peek(DATA_GFN + 0x21)).toBe(77);
        expect(g.domain.state).toBe('running');
      }
    });
  }
});
