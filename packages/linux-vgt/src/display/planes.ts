import type { HaswellDevice, Screen } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { PipeColours } from './colours.ts';
import type { ScanOut } from './scan-out.ts';
import { isOff, isSurface, SURFACES, surfaceBytes } from './surface-range.ts';
import { scaledWatermark } from './watermarks.ts';

const PIPES = 3;
const PIPE_STRIDE = 0x1000;
/** Registers of pipe A. i915 `DSPCNTR`, `CURCNTR`, `SPRCTL` and siblings, HSW. */
const PIPESRC = 0x6001c;
const CURCNTR = 0x70080,
  CURBASE = 0x70084,
  DSPCNTR = 0x70180,
  DSPSURF = 0x7019c,
  SPRCTL = 0x70280,
  SPRSURF = 0x7029c;
/** Everything a plane shows, in an order that ends with what makes it take effect. */
// biome-ignore format: cursor, primary, sprite
const PLANE_REGISTERS: readonly number[] = [
  CURCNTR, 0x70088, 0x70090, 0x70094, 0x70098, 0x7009c, 0x700a0, CURBASE,
  DSPCNTR, 0x70184, 0x70188, 0x701a4, DSPSURF,
  SPRCTL, 0x70284, 0x70288, 0x7028c, 0x70290, 0x70294, 0x70298, 0x702a0, 0x702a4, SPRSURF,
];
/** Control register and what makes it take effect, of cursor, primary, sprite. */
const SWITCHES: readonly (readonly [control: number, arm: number])[] = [
  [CURCNTR, CURBASE],
  [DSPCNTR, DSPSURF],
  [SPRCTL, SPRSURF],
];
/** 24 of a control register: the pipe converts the plane's colours. i915 `DISP_PIPE_CSC_ENABLE`. */
const CSC_ENABLE = 0x1000000;
/** Live surfaces cannot be written. */
const SURFACE_LIVE: readonly number[] = [0x700ac, 0x701ac, 0x702ac];

/** A surface that hardware keeps the one before for; no graphics address is odd. */
const NOT_SHOWN = -1;

/** Panel fitter of pipe A; B and C follow at 0x800 each. i915 `PF_CTL`, HSW. */
const PF_STRIDE = 0x800;
const PF_WIN_POS = 0x68070,
  PF_WIN_SZ = 0x68074,
  PF_CTL = 0x68080;
/** Enable, medium 3x3 filter; 30:29 the pipe. i915 `PF_ENABLE`, `PF_FILTER_MED_3x3`. */
const PF_ON = 0x80800000 | 0;
/** Watermarks of pipes A, B, C. i915 `WM0_PIPE_ILK`. */
const WM0: readonly number[] = [0x45100, 0x45104, 0x45200];
/** Stream attributes and AVI infoframe of the transcoders, in which dom0 tells the range. */
const SIGNALS: readonly number[] = [0x60224, 0x61224, 0x62224, 0x60410, 0x61410, 0x62410, 0x6f410];

/** Left, top, right and bottom of a part of a screen: 0 to 1. */
type Window = readonly [number, number, number, number];
const WHOLE: Window = [0, 0, 1, 1];

/** Where a VM's own fitter puts its picture, e.g. between bars; null without one. i915 `pch_pfit`. */
function fitterWindow(vm: Vgpu, { pipe, width, height }: Screen): Window | null {
  const at = pipe * PF_STRIDE;
  const size = vm.vreg.peek(PF_WIN_SZ + at);
  if (vm.vreg.peek(PF_CTL + at) >= 0 || size === 0) return null;
  const position = vm.vreg.peek(PF_WIN_POS + at);
  const [left, top] = [position >>> 16, position & 0xffff];
  const right = Math.min((left + (size >>> 16)) / width, 1);
  const bottom = Math.min((top + (size & 0xffff)) / height, 1);
  const empty = left / width >= right || top / height >= bottom;
  return empty ? null : [left / width, top / height, right, bottom];
}

/** Programs the planes, fitters and watermarks of hardware for the foreground VM. */
export class PhysicalPlanes {
  /** Surfaces of a VM outside its graphics memory: not shown. */
  refusedSurfaces = 0;
  readonly #device: HaswellDevice;
  readonly #dom0: Vgpu;
  readonly #colours: PipeColours;
  readonly #scanOut: ScanOut;

  constructor(device: HaswellDevice, dom0: Vgpu, colours: PipeColours, scanOut: ScanOut) {
    this.#scanOut = scanOut;
    this.#device = device;
    this.#dom0 = dom0;
    this.#colours = colours;
  }

  /** Shows a VM's screen on a physical one. @param theirs undefined leaves it black */
  program(vm: Vgpu, theirs: Screen | undefined, screen: Screen): void {
    const { regs } = this.#device;
    const to = screen.pipe * PIPE_STRIDE;
    if (theirs === undefined) {
      for (const [control, arm] of SWITCHES) {
        regs.write32(control + to, 0);
        regs.write32(arm + to, 0);
      }
      this.#fit(screen, ((screen.width - 1) << 16) | (screen.height - 1), null);
      return;
    }
    const { pipe } = theirs;
    this.#fit(screen, vm.vreg.peek(PIPESRC + pipe * PIPE_STRIDE), fitterWindow(vm, theirs));
    for (const base of PLANE_REGISTERS) this.#put(vm, base, pipe, screen.pipe);
  }

  /** One register of a VM's plane goes to a physical pipe. */
  forward(vm: Vgpu, offset: number, pipe: number, to: number): void {
    const base = offset - pipe * PIPE_STRIDE;
    if (!SURFACE_LIVE.includes(base)) this.#put(vm, base, pipe, to);
  }

  #put(vm: Vgpu, base: number, pipe: number, to: number): void {
    const from = pipe * PIPE_STRIDE;
    const value = vm.vreg.peek(base + from);
    const hardware = isSurface(base)
      ? this.#surface(vm, base, from, to, value)
      : this.#forWire(vm, base, pipe, to, value);
    if (hardware !== NOT_SHOWN) this.#device.regs.write32(base + to * PIPE_STRIDE, hardware);
  }

  /** A plane's control without the colour conversion that the physical sink would not understand. */
  #forWire(vm: Vgpu, base: number, pipe: number, to: number, value: number): number {
    const control = base === CURCNTR || base === DSPCNTR || base === SPRCTL;
    const drop = control && (value & CSC_ENABLE) !== 0 && this.#colours.drops(vm, pipe, to);
    return drop ? value & ~CSC_ENABLE : value;
  }

  /** Where hardware finds a surface of the VM: only in the VM's own graphics memory, with room. */
  #surface(vm: Vgpu, base: number, from: number, to: number, value: number): number {
    const { shared } = vm.slice;
    if (isOff(vm, base, from)) return shared ? this.#scanOut.nothing : value;
    const bytes = surfaceBytes(vm, base, from);
    if (!vm.owns(value & ~0xfff, bytes)) {
      this.refusedSurfaces++;
      return NOT_SHOWN;
    }
    if (!shared) return value;
    const gma = this.#scanOut.place(to * 3 + SURFACES.indexOf(base), value & ~0xfff, bytes);
    return gma < 0 ? NOT_SHOWN : gma | (value & 0xfff);
  }

  /**
   * The VM's source size on the screen's timings. WIN_SZ is written last: it arms the fitter.
   *
   * @param window part of its own screen that the VM fits its picture to; null for all of it
   */
  #fit(screen: Screen, source: number, window: Window | null): void {
    const { regs } = this.#device;
    const at = screen.pipe * PF_STRIDE;
    const width = (source >>> 16) + 1;
    const height = (source & 0xffff) + 1;
    const fits = window === null && width === screen.width && height === screen.height;
    const [left, top, right, bottom] = window ?? WHOLE;
    const x = Math.round(left * screen.width);
    const y = Math.round(top * screen.height);
    const across = Math.round(right * screen.width) - x;
    const down = Math.round(bottom * screen.height) - y;
    regs.write32(PIPESRC + screen.pipe * PIPE_STRIDE, source);
    regs.write32(PF_WIN_POS + at, fits ? 0 : (x << 16) | y);
    regs.write32(PF_CTL + at, fits ? 0 : PF_ON | (screen.pipe << 29));
    regs.write32(PF_WIN_SZ + at, fits ? 0 : (across << 16) | down);
    const watermark = WM0[screen.pipe] as number;
    const own = this.#dom0.vreg.peek(watermark);
    regs.write32(watermark, scaledWatermark(own, width * height, screen.width * screen.height));
  }

  /** What dom0 last wrote to its planes, fitters, watermarks and signals goes back to hardware. */
  restore(): void {
    const { regs } = this.#device;
    const { vreg } = this.#dom0;
    const back = (offset: number): void => regs.write32(offset, vreg.peek(offset));
    for (let p = 0; p < PIPES; p++) {
      const at = p * PIPE_STRIDE;
      back(PIPESRC + at);
      for (const offset of [PF_WIN_POS, PF_CTL, PF_WIN_SZ]) back(offset + p * PF_STRIDE);
      back(WM0[p] as number);
      for (const offset of PLANE_REGISTERS) back(offset + at);
    }
    for (const offset of SIGNALS) back(offset);
  }
}
