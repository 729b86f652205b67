import { engineRegs as R } from '@xengt/hsw-device';
import { IGD_DEVFN } from '../../src/host/machine.ts';
import type { Driver } from '../lib/driver.ts';
import type { HostileTarget } from './target.ts';

/** Accesses of one storm. */
const STORM = 20_000;
const MMIO_BYTES = 0x200000;
const GTT_WINDOW = 0x200000;
const GTT_ENTRIES = 0x80000;
const PVINFO = 0x78000;
/** A storm that stopped its VM is over; asked so many accesses apart. */
const LOOK_EVERY = 64;

/** The driver of an attacker. */
export interface Attacker extends Driver {
  readonly target: HostileTarget;
}

/**
 * Registers at which almost any value stops the VM, or makes it run what is left in a ring: an
 * attacker who wants to go on writes them seldom.
 */
const DEADLY: ReadonlySet<number> = new Set([
  ...R.ENGINE_IDS.flatMap((id) => {
    const base = R.RING_BASE[id];
    const offsets = [R.RING_TAIL, R.RING_CTL, R.RING_CCID, R.RING_PP_DIR_BASE, 0x148];
    return [...offsets.map((offset) => base + offset), R.HWS_PGA[id]];
  }),
  PVINFO + 0x80c,
  PVINFO + 0x810,
  PVINFO + 0x814,
]);
const DEADLY_ONE_IN = 512;

/** Runs `access` until a storm is over or its VM is. */
function storm(d: Attacker, access: (i: number) => void): void {
  const { target } = d;
  const end = d.accesses + STORM;
  for (let i = 0; d.accesses < end; i++) {
    if (i % LOOK_EVERY === 0 && !target.standing) return;
    access(i);
  }
}

function write(d: Attacker, at: number, value: number): void {
  if (DEADLY.has(at & ~3) && !d.random.once(DEADLY_ONE_IN)) d.read(at & ~3, 4);
  else d.write(at & ~3, 4, value);
}

/** Any register, any value. */
export function anyRegister(d: Attacker): void {
  const r = d.random;
  storm(d, () => {
    const v = r.u32();
    const at = (v >>> 11) & (MMIO_BYTES - 4);
    if ((v & 3) === 0) d.read(at, 4);
    else write(d, at, r.value());
  });
}

/** Registers that do something, any value. */
export function knownRegister(d: Attacker): void {
  const r = d.random;
  storm(d, () => {
    const at = d.register();
    if (r.once(4)) d.read(at, 4);
    else write(d, at, r.value());
  });
}

/** One register over and over, as fast as it goes; and odd widths of it. */
export function oneRegister(d: Attacker): void {
  const r = d.random;
  const at = r.once(4) ? r.below(MMIO_BYTES) & ~3 : d.register();
  const deadly = DEADLY.has(at);
  storm(d, (i) => {
    if (deadly || (i & 3) === 0) d.read(at, 4);
    else if ((i & 63) === 1) d.write(at + ((i >>> 6) & 3), 1, i);
    else d.write(at, 4, i & 4 ? -1 : i);
  });
}

/** The GTT: others' frames in one's own slice, anything outside of it. */
export function gttStorm(d: Attacker): void {
  const r = d.random;
  const { low, lowBytes, high, highBytes } = d.target.ranges;
  storm(d, (i) => {
    const kind = i & 7;
    let page = (r.u32() >>> 0) % GTT_ENTRIES;
    if (kind < 3) page = (low >>> 12) + r.below(lowBytes >>> 12);
    else if (kind < 6) page = (high >>> 12) + r.below(highBytes >>> 12);
    if (kind === 7) d.read(GTT_WINDOW + page * 4, 4);
    else d.write(GTT_WINDOW + page * 4, 4, d.entry());
  });
}

/** The aperture: everywhere, through whatever entries and fences there are. */
export function apertureStorm(d: Attacker): void {
  const r = d.random;
  const { aperture, ranges } = d.target;
  for (let fence = 0; fence < 8; fence++) {
    d.write(0x100000 + fence * 8, 4, (r.u32() & ~0xfff) | 1);
    d.write(0x100004 + fence * 8, 4, (r.u32() & ~0xfff) | r.below(32));
  }
  storm(d, (i) => {
    d.accesses++;
    const at = (i & 3) === 0 ? r.u32() & 0xfffffff : ranges.low + r.below(ranges.lowBytes);
    if ((i & 4) === 0) aperture.read(at & ~3, 4);
    else aperture.write(at & ~3, 4, r.u32());
  });
}

/** Configuration space by its ports: every register, BARs that move, MSI on and off. */
export function configStorm(d: Attacker): void {
  const r = d.random;
  const { engine } = d.target;
  storm(d, (i) => {
    d.accesses += 2;
    if ((i & 31) === 0) engine.out(0xcf8, 4, r.u32());
    const size = r.pick([1, 2, 4] as const);
    const at = r.below(256 / size) * size;
    if ((i & 1) === 0) engine.configRead(IGD_DEVFN, at, size);
    else engine.configWrite(IGD_DEVFN, at, size, r.value());
  });
  engine.configWrite(IGD_DEVFN, 0xd4, 2, 0);
  engine.configWrite(IGD_DEVFN, 0x10, 4, 0xf0000000 | 0);
  engine.configWrite(IGD_DEVFN, 0x18, 4, 0xc0000000 | 0);
  engine.configWrite(IGD_DEVFN, 0x04, 2, 6);
}

/** The PV page: everything that tells somebody something. */
export function pvStorm(d: Attacker): void {
  const r = d.random;
  storm(d, (i) => {
    const at = PVINFO + ((i & 3) === 0 ? r.below(0x1000) : r.pick([0x804, 0x818, 0x830, 0x834]));
    write(d, at, (i & 4) === 0 ? r.below(4) : r.value());
  });
}

/** Masks, enables and identities of interrupts, with events to go with them. */
export function interruptStorm(d: Attacker): void {
  const r = d.random;
  const sets = [0x44000, 0x44010, 0x44020, 0xc4000];
  storm(d, (i) => {
    const at = r.pick(sets) + (i & 12);
    if ((i & 16) === 0) d.write(at, 4, r.value());
    else d.write(r.pick([0x20a8, 0x120a8, 0x220a8, 0x1a0a8]), 4, r.value());
    if ((i & 255) === 0) d.write(0x4400c, 4, 0x80000000 | r.u32());
  });
}

/** Hotplug: pulses and levels, and the buses that a driver then asks on. */
export function hotplugStorm(d: Attacker): void {
  const r = d.random;
  const { ports } = d.target.evil;
  storm(d, (i) => {
    if ((i & 1023) === 0) {
      // The host does this, and need not be told of it.
      const { told } = d.target;
      ports.event(r.pick(['B', 'C', 'D', 'E'] as const), r.once(2));
      d.target.told = told;
    }
    const at = r.pick([0xc4030, 0xe1100, 0xc5100, 0xc5104, 0xc510c, 0xe4110, 0x64010, 0xc7204]);
    if ((i & 3) === 0) d.read(at, 4);
    else d.write(at, 4, r.value() | (at === 0xe4110 || at === 0x64010 ? 0x80000000 : 0));
  });
}

/** Flips, mode sets and palettes of three pipes. */
export function displayStorm(d: Attacker): void {
  const r = d.random;
  storm(d, (i) => {
    const pipe = ((i & 3) % 3) << 12;
    const kind = i & 63;
    if (kind < 40) d.write(0x70180 + pipe + r.below(12) * 4, 4, d.gma() & ~0xfff);
    else if (kind < 50) d.write(0x70080 + pipe + r.below(4) * 4, 4, r.value());
    else if (kind < 60) d.write(0x4a000 + (i & 0xfff), 4, r.u32());
    else if (kind === 60) d.write(0x60000 + pipe + r.below(8) * 4, 4, r.u32() & 0x0fff0fff);
    else if (kind === 61) d.write(0x70008 + pipe, 4, r.u32());
    else if (kind === 62) d.write(0x60400 + pipe, 4, r.u32());
    else d.read(0x70000 + pipe + r.below(0x50), 4);
  });
}

const WIDE: Int32Array = new Int32Array(8);
const BAR0 = 0xf0000000;
const BAR2 = 0xc0000000;
const BAR0_BYTES = 0x400000;
const BAR2_BYTES = 0x10000000;

/** Whether an access of so many bytes touches a register that stops the VM. */
function isDeadly(at: number, bytes: number): boolean {
  for (let k = at & ~3; k < at + bytes; k += 4) if (DEADLY.has(k)) return true;
  return false;
}

/** Loads and stores of one to 32 bytes, at any alignment, in the BARs and over their ends. */
export function trapStorm(d: Attacker): void {
  const r = d.random;
  const { engine } = d.target;
  storm(d, (i) => {
    d.accesses++;
    const size = 1 << ((r.u32() & 7) % 6);
    const registers = (i & 3) !== 0;
    const bytes = registers ? BAR0_BYTES : BAR2_BYTES;
    const near = (i & 31) === 4 ? bytes - 40 + r.below(80) : r.below(bytes);
    const at = (registers ? BAR0 : BAR2) + near;
    const load = (i & 1) === 0 || (registers && isDeadly(near, size));
    if (size > 4) {
      if (load) engine.readWide(at, size, WIDE);
      else engine.writeWide(at, size, WIDE);
    } else if (size === 4) load ? engine.read32(at) : engine.write32(at, r.value());
    else if (size === 2) load ? engine.read16(at) : engine.write16(at, r.u32());
    else load ? engine.read8(at) : engine.write8(at, r.u32());
  });
}
