import type { HaswellDevice, Screen } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { ScanOut } from './scan-out.ts';

const PIPE_STRIDE = 0x1000;
const PIPES = 3;
/** Plane registers of pipe A. i915 `DSPCNTR`, `CURCNTR`, `SPRCTL` and siblings, HSW. */
const PIPESRC = 0x6001c;
const DSPSURF = 0x7019c,
  DSPSURFLIVE = 0x701ac,
  SPRSURF = 0x7029c,
  SPRSURFLIVE = 0x702ac,
  CURBASE = 0x70084,
  CURSURFLIVE = 0x700ac;
/** Everything a plane shows, in an order that ends with what makes it take effect. */
// biome-ignore format: cursor, primary, sprite
const PLANE_REGISTERS: readonly number[] = [
  0x70080, 0x70088, CURBASE,
  0x70180, 0x70184, 0x70188, 0x701a4, DSPSURF,
  0x70280, 0x70284, 0x70288, 0x7028c, 0x70290, 0x702a4, SPRSURF,
];
/** Control registers of cursor, primary and sprite; 24: the pipe converts colours. i915 `DISP_PIPE_CSC_ENABLE`. */
const CURCNTR = 0x70080,
  DSPCNTR = 0x70180,
  SPRCTL = 0x70280,
  CSC_ENABLE = 0x1000000;
/** Panel fitter of pipe A; B and C follow at 0x800 each. i915 `PF_CTL`, HSW. */
const PF_STRIDE = 0x800;
const PF_WIN_POS = 0x68070,
  PF_WIN_SZ = 0x68074,
  PF_CTL = 0x68080;
/** Enable, medium 3x3 filter; 30:29 the pipe. i915 `PF_ENABLE`, `PF_FILTER_MED_3x3`. */
const PF_ON = 0x80800000 | 0;
/** DE interrupts of pipe A: primary and sprite flip done; B and C are 5 and 10 bits up. */
const DE_PRIMARY_FLIP = 0x8,
  DE_SPRITE_FLIP = 0x10;

/** What arms a plane: cursor, primary, sprite. */
const SURFACES: readonly number[] = [CURBASE, DSPSURF, SPRSURF];
/** From a surface register of a primary plane or sprite: control, stride, x and y offset. */
const TO_CONTROL = -0x1c,
  TO_STRIDE = -0x14,
  TO_OFFSET = 8;
const SPRSIZE = 0x70290;
const CONTROL_TILED = 0x400;
const TILE_ROWS = 8;
/** CURCNTR 5:0, and bytes of the largest cursor: 256 by 256. i915 `MCURSOR_MODE_MASK`. */
const CURSOR_MODE = 0x27;
const CURSOR_SIDE: readonly number[] = [64, 64, 128, 256];

function isSurface(base: number): boolean {
  return base === DSPSURF || base === SPRSURF || base === CURBASE;
}

/** Whether the plane that a surface register arms is off. @param pipe of the VM, as an offset */
function isOff(vm: Vgpu, surface: number, pipe: number): boolean {
  if (surface === CURBASE) return (vm.vreg.peek(CURCNTR + pipe) & CURSOR_MODE) === 0;
  return vm.vreg.peek(surface + TO_CONTROL + pipe) >= 0;
}

/** Bytes from its address that a plane may read. */
function surfaceBytes(vm: Vgpu, surface: number, pipe: number): number {
  const { vreg } = vm;
  if (surface === CURBASE) {
    // Modes 0x22 and 0x23 are 128 and 256 pixels, 0x27 and the rest 64.
    const mode = vreg.peek(CURCNTR + pipe) & CURSOR_MODE;
    const side = (mode & 4) !== 0 ? 64 : (CURSOR_SIDE[mode & 3] as number);
    return side * side * 4;
  }
  const size = surface === SPRSURF ? vreg.peek(SPRSIZE + pipe) >>> 16 : vreg.peek(PIPESRC + pipe);
  const y = (vreg.peek(surface + TO_OFFSET + pipe) >>> 16) & 0xfff;
  const rows = y + (size & 0xfff) + 1;
  const tiled = (vreg.peek(surface + TO_CONTROL + pipe) & CONTROL_TILED) !== 0;
  const read = tiled ? (rows + TILE_ROWS - 1) & ~(TILE_ROWS - 1) : rows;
  return Math.max(4096, (vreg.peek(surface + TO_STRIDE + pipe) & 0xffc0) * read);
}

/**
 * Whose planes the physical screens show. dom0 owns timings and ports; while another VM is in the
 * foreground, that VM's plane registers go to the physical pipes and dom0's are kept until it
 * returns. A picture of another size than the screen goes through the panel fitter.
 */
export class Foreground {
  vm: Vgpu | null = null;
  /** Times it changed. */
  switches = 0;
  /** Surfaces of a foreground VM outside its graphics memory: not shown. */
  refusedSurfaces = 0;
  readonly #device: HaswellDevice;
  readonly #dom0: Vgpu;
  readonly #scanOut: ScanOut;
  /** Physical pipe -> the foreground VM's pipe; -1 where it shows nothing. */
  readonly #pipeOf = [-1, -1, -1];

  constructor(device: HaswellDevice, dom0: Vgpu, scanOut: ScanOut) {
    this.#device = device;
    this.#scanOut = scanOut;
    this.#dom0 = dom0;
    this.vm = dom0;
    dom0.foreground = true;
    const told = device.display.onPipe;
    device.display.onPipe = (pipe, running) => {
      told(pipe, running);
      this.refresh();
    };
  }

  /** Puts a VM's planes on the physical screens. */
  show(vm: Vgpu): void {
    if (this.vm === vm) return;
    if (this.vm !== null) this.vm.foreground = false;
    this.vm = vm;
    this.switches++;
    this.#scanOut.show(vm.slice.shared ? vm.ggtt : null);
    if (vm === this.#dom0) this.#restoreDom0();
    vm.foreground = true;
    this.refresh();
  }

  /** Maps pipes and programs them anew: screens came, went or changed their size. */
  refresh(): void {
    const vm = this.vm;
    if (vm === null || vm.display === null) return;
    const theirs = vm.display.screens();
    const ours = this.#device.display.screens();
    for (let p = 0; p < PIPES; p++) {
      const screen = ours.find((s) => s.pipe === p);
      this.#pipeOf[p] = screen === undefined ? -1 : this.#match(vm, screen, theirs);
      if (screen !== undefined) this.#program(vm, screen);
    }
  }

  /** The VM's pipe on the same port, else its first: a screen the VM does not drive shows a clone. */
  #match(vm: Vgpu, screen: Screen, theirs: readonly Screen[]): number {
    const same = theirs.find((s) => vm.ports.physical(s.port) === screen.port);
    return (same ?? theirs[0])?.pipe ?? -1;
  }

  #program(vm: Vgpu, screen: Screen): void {
    const { regs } = this.#device;
    const to = screen.pipe * PIPE_STRIDE;
    const pipe = this.#pipeOf[screen.pipe] as number;
    if (pipe < 0) {
      // Nothing of the VM's to show: planes off.
      for (const [control, arm] of [
        [0x70080, CURBASE],
        [0x70180, DSPSURF],
        [0x70280, SPRSURF],
      ] as const) {
        regs.write32(control + to, 0);
        regs.write32(arm + to, 0);
      }
      return;
    }
    const from = pipe * PIPE_STRIDE;
    this.#fit(screen, vm.vreg.peek(PIPESRC + from));
    for (const offset of PLANE_REGISTERS) {
      const value = vm.vreg.peek(offset + from);
      if (!this.#mayShow(vm, offset, from, value)) continue;
      this.#write(vm, offset, from, screen.pipe, value);
    }
  }

  /** Whether a surface lies in the VM's own graphics memory; other registers always may. */
  #mayShow(vm: Vgpu, base: number, pipe: number, value: number): boolean {
    if (!isSurface(base) || isOff(vm, base, pipe)) return true;
    if (vm.owns(value & ~0xfff, surfaceBytes(vm, base, pipe))) return true;
    this.refusedSurfaces++;
    return false;
  }

  /** Writes a plane register of the VM's pipe at `from` to a physical pipe. */
  #write(vm: Vgpu, base: number, from: number, pipe: number, value: number): void {
    const to = pipe * PIPE_STRIDE;
    const forHardware =
      isSurface(base) && vm.slice.shared
        ? this.#mapped(vm, base, from, pipe, value)
        : this.#forWire(base, to, value);
    if (forHardware >= 0 || !isSurface(base)) this.#device.regs.write32(base + to, forHardware);
  }

  /** Where hardware finds a surface of a VM that shares its addresses; -1 without room. */
  #mapped(vm: Vgpu, base: number, from: number, pipe: number, value: number): number {
    if (isOff(vm, base, from)) return this.#scanOut.nothing;
    const plane = pipe * 3 + SURFACES.indexOf(base);
    const bytes = surfaceBytes(vm, base, from);
    const gma = this.#scanOut.place(plane, value & ~0xfff, bytes);
    return gma < 0 ? -1 : gma | (value & 0xfff);
  }

  /**
   * A plane register's value on a physical pipe. Whether colours are converted is as dom0 has it: it
   * told the monitor whether they come in limited range, and the conversion is its own.
   */
  #forWire(base: number, to: number, value: number): number {
    if (base !== CURCNTR && base !== DSPCNTR && base !== SPRCTL) return value;
    return (value & ~CSC_ENABLE) | (this.#dom0.vreg.peek(DSPCNTR + to) & CSC_ENABLE);
  }

  /** The VM's source size on the screen's timings. WIN_SZ is written last: it arms the fitter. */
  #fit(screen: Screen, source: number): void {
    const { regs } = this.#device;
    const at = screen.pipe * PF_STRIDE;
    const width = (source >>> 16) + 1;
    const height = (source & 0xffff) + 1;
    const fits = width === screen.width && height === screen.height;
    regs.write32(PIPESRC + screen.pipe * PIPE_STRIDE, source);
    regs.write32(PF_WIN_POS + at, 0);
    regs.write32(PF_CTL + at, fits ? 0 : PF_ON | (screen.pipe << 29));
    regs.write32(PF_WIN_SZ + at, fits ? 0 : (screen.width << 16) | screen.height);
  }

  /** What dom0 last wrote to its planes and fitters goes back to hardware. */
  #restoreDom0(): void {
    const { regs } = this.#device;
    const { vreg } = this.#dom0;
    for (let p = 0; p < PIPES; p++) {
      const at = p * PIPE_STRIDE;
      const fitter = p * PF_STRIDE;
      this.#pipeOf[p] = -1;
      regs.write32(PIPESRC + at, vreg.peek(PIPESRC + at));
      for (const offset of [PF_WIN_POS, PF_CTL, PF_WIN_SZ]) {
        regs.write32(offset + fitter, vreg.peek(offset + fitter));
      }
      for (const offset of PLANE_REGISTERS) regs.write32(offset + at, vreg.peek(offset + at));
    }
  }

  /** A VM wrote a plane register which did not go to hardware by itself. */
  planeWritten(vm: Vgpu, offset: number): void {
    if (vm === this.#dom0) this.#keptForDom0(offset);
    else if (vm === this.vm) this.#forward(vm, offset);
  }

  #forward(vm: Vgpu, offset: number): void {
    if (offset >= PF_WIN_POS && offset < PF_WIN_POS + PIPES * PF_STRIDE) return;
    const pipe = ((offset >>> 12) & 0xf) % PIPES;
    for (let p = 0; p < PIPES; p++) {
      if (this.#pipeOf[p] !== pipe) continue;
      if (offset === PIPESRC + pipe * PIPE_STRIDE) {
        this.refresh();
        return;
      }
      const value = vm.vreg.peek(offset);
      const base = offset - pipe * PIPE_STRIDE;
      if (!this.#mayShow(vm, base, pipe * PIPE_STRIDE, value)) continue;
      this.#write(vm, base, pipe * PIPE_STRIDE, p, value);
    }
  }

  /** dom0 draws unseen: its surfaces go live and its flips are done at once. */
  #keptForDom0(offset: number): void {
    const { vreg, irq } = this.#dom0;
    const pipe = ((offset >>> 12) & 0xf) % PIPES;
    const base = offset - pipe * PIPE_STRIDE;
    const at = pipe * PIPE_STRIDE;
    if (base === DSPSURF) {
      vreg.poke(DSPSURFLIVE + at, vreg.peek(offset));
      irq.raiseDe(DE_PRIMARY_FLIP << (pipe * 5));
    } else if (base === SPRSURF) {
      vreg.poke(SPRSURFLIVE + at, vreg.peek(offset));
      irq.raiseDe(DE_SPRITE_FLIP << (pipe * 5));
    } else if (base === CURBASE) {
      vreg.poke(CURSURFLIVE + at, vreg.peek(offset));
    }
  }

  /** The VM's pipe that a physical pipe shows; -1 when none or when dom0 is in the foreground. */
  pipeOf(physical: number): number {
    return this.#pipeOf[physical] ?? -1;
  }
}
