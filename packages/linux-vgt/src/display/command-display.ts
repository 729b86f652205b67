import type { FlipPort, HaswellDevice } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';

const PIPE_STRIDE = 0x1000;
/** MI_DISPLAY_FLIP 21:19: which pipe, and whether its sprite. PRM vol.2a, Haswell. */
const FLIP_PIPE: readonly number[] = [0, 1, 0, 1, 2, 2];
const FLIP_SPRITE: readonly boolean[] = [false, false, true, true, false, true];
/** A stereo flip is a dword longer; nobody makes one. */
const FLIP_DWORDS = 3;
/** Control, stride and surface of a primary plane and of a sprite, pipe A. i915 `DSPCNTR`, `SPRCTL`. */
const DSPCNTR = 0x70180,
  DSPSTRIDE = 0x70188,
  DSPSURF = 0x7019c,
  SPRCTL = 0x70280,
  SPRSTRIDE = 0x70288,
  SPRSURF = 0x7029c;
const STRIDE = 0xffc0;
/** Tiling: bit 0 of the command's stride dword, bit 10 of the control register. */
const TILED = 1;
const CONTROL_TILED = 0x400;
/** Surface dword 1:0. */
const ASYNC = 1;

/** Flips and waits by command; they only grow. */
export interface CommandDisplayCounters {
  flips: number;
  /** Stereo flips, planes that are not there, asynchronous flips that change stride or tiling. */
  refusedFlips: number;
  /** Waits of VMs that are not on the screen: they do not hold the engine. */
  skippedWaits: number;
}

/**
 * Commands that name the display, in the order in which engines come to them: a VM's flips are its
 * own display engine's, and what it waits for happens there, as long as the VM is on the screen. In
 * the background nothing waits: nobody sees whether a picture tears.
 */
export class CommandDisplay implements FlipPort {
  readonly counters: CommandDisplayCounters = { flips: 0, refusedFlips: 0, skippedWaits: 0 };
  readonly #device: HaswellDevice;
  readonly #owner: () => Vgpu | null;

  /** @param owner whose commands run now */
  constructor(device: HaswellDevice, owner: () => Vgpu | null) {
    this.#device = device;
    this.#owner = owner;
  }

  displayFlip(cmd: Int32Array, length: number): boolean {
    const vm = this.#owner();
    const plane = ((cmd[0] as number) >>> 19) & 7;
    const pipe = FLIP_PIPE[plane];
    if (vm === null || pipe === undefined || length !== FLIP_DWORDS) return this.#refuse();
    const sprite = FLIP_SPRITE[plane] as boolean;
    const at = pipe * PIPE_STRIDE;
    const [stride, surface] = [cmd[1] as number, cmd[2] as number];
    if (!this.#mayFlip(vm, sprite, at, stride, surface)) return this.#refuse();
    this.counters.flips++;
    if (vm.ownsDisplay) return this.#device.display.displayFlip(cmd, length);
    if (vm.display !== null) vm.display.flip(plane, stride, surface);
    else keepFlip(vm, sprite, at, stride, surface);
    for (const offset of sprite ? [SPRSTRIDE, SPRCTL, SPRSURF] : [DSPSTRIDE, DSPCNTR, DSPSURF]) {
      vm.planeWritten(offset + at);
    }
    return true;
  }

  /** An asynchronous flip keeps stride and tiling. PRM vol.2a "MI_DISPLAY_FLIP". */
  #mayFlip(vm: Vgpu, sprite: boolean, at: number, stride: number, surface: number): boolean {
    if ((surface & 3) !== ASYNC) return true;
    const regs = vm.ownsDisplay ? this.#device.regs : vm.vreg;
    const tiled = (regs.peek((sprite ? SPRCTL : DSPCNTR) + at) & CONTROL_TILED) !== 0;
    if (tiled !== ((stride & TILED) !== 0)) return false;
    return ((regs.peek((sprite ? SPRSTRIDE : DSPSTRIDE) + at) ^ stride) & STRIDE) === 0;
  }

  #refuse(): false {
    this.counters.refusedFlips++;
    return false;
  }

  eventPending(header: number): boolean {
    const vm = this.#owner();
    if (vm?.foreground !== true) {
      this.counters.skippedWaits++;
      return false;
    }
    return (vm.display ?? this.#device.display).eventPending(header);
  }

  loadScanLines(pipe: number, window: number): void {
    const vm = this.#owner();
    (vm?.display ?? this.#device.display).loadScanLines(pipe, window);
  }
}

/** dom0 in the background has no display engine: its registers remember what its planes show. */
function keepFlip(vm: Vgpu, sprite: boolean, at: number, stride: number, surface: number): void {
  const { vreg } = vm;
  if ((surface & 3) !== ASYNC) {
    const control = (sprite ? SPRCTL : DSPCNTR) + at;
    const tiled = (stride & TILED) !== 0 ? CONTROL_TILED : 0;
    vreg.poke((sprite ? SPRSTRIDE : DSPSTRIDE) + at, stride & STRIDE);
    vreg.poke(control, (vreg.peek(control) & ~CONTROL_TILED) | tiled);
  }
  vreg.poke((sprite ? SPRSURF : DSPSURF) + at, surface & ~0xfff);
}
