import type { HaswellDevice } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { PipeColours } from './colours.ts';
import * as F from './followed.ts';
import { mapPipes, UNMAPPED } from './pipe-map.ts';
import { PhysicalPlanes } from './planes.ts';
import type { ScanOut } from './scan-out.ts';

const PIPES = 3;
const PIPE_STRIDE = 0x1000;
/** Surface registers of pipe A with what shows that they took effect, and the DE interrupt that says so. */
// biome-ignore format: one plane a line
const SURFACES: readonly (readonly [surface: number, live: number, done: number])[] = [
  [0x7019c, 0x701ac, 0x08],
  [0x7029c, 0x702ac, 0x10],
  [0x70084, 0x700ac, 0],
];

/**
 * Whose pictures the physical screens show. dom0 owns timings and ports; while another VM is in the
 * foreground, hardware has that VM's planes and colours, and dom0's are kept until it returns. A
 * picture of another size than the screen goes through the panel fitter.
 *
 * A switch is over at each pipe's next vertical blank: planes are double buffered, and what is not
 * waits for them. No frame has something of two VMs.
 */
export class Foreground {
  vm: Vgpu | null = null;
  /** Times it changed. */
  switches = 0;
  readonly #device: HaswellDevice;
  readonly #dom0: Vgpu;
  readonly #scanOut: ScanOut;
  readonly #planes: PhysicalPlanes;
  readonly #colours: PipeColours;
  /** Physical pipe -> the foreground VM's pipe. */
  readonly #pipeOf = [UNMAPPED, UNMAPPED, UNMAPPED];
  /** 1: a physical pipe's colours are to be set at its vertical blank. */
  readonly #recolour = new Uint8Array(PIPES);
  #refreshing = false;

  constructor(device: HaswellDevice, dom0: Vgpu, scanOut: ScanOut) {
    this.#scanOut = scanOut;
    this.#device = device;
    this.#dom0 = dom0;
    this.#colours = new PipeColours(device);
    this.#planes = new PhysicalPlanes(device, dom0, this.#colours, scanOut);
    this.vm = dom0;
    dom0.foreground = true;
    const { display } = device;
    const [pipe, ended] = [display.onPipe, display.onFrameEnd];
    display.onPipe = (p, running) => {
      pipe(p, running);
      this.refresh();
    };
    display.onFrameEnd = (p) => {
      ended(p);
      if (this.#recolour[p] === 1) this.#setColours(p);
    };
  }

  /** Surfaces of a foreground VM outside its graphics memory: not shown. */
  get refusedSurfaces(): number {
    return this.#planes.refusedSurfaces;
  }

  /** Puts a VM's picture on the physical screens. */
  show(vm: Vgpu): void {
    if (this.vm === vm) return;
    if (this.vm !== null) this.vm.foreground = false;
    if (this.vm === this.#dom0) this.#keepDom0();
    this.vm = vm;
    this.switches++;
    this.#scanOut.show(vm.slice.shared ? vm.ggtt : null);
    if (vm === this.#dom0) this.#planes.restore();
    vm.foreground = true;
    this.refresh();
    for (let p = 0; p < PIPES; p++) this.#colourLater(p);
  }

  /** What hardware has is dom0's: its registers hold it from now on. */
  #keepDom0(): void {
    const { vreg, palettes } = this.#dom0;
    const { regs, display } = this.#device;
    for (const offset of F.FOLLOWED_OFFSETS) vreg.poke(offset, regs.peek(offset));
    palettes.entries.set(display.palettes.entries);
  }

  /** Maps pipes and programs them anew: screens came, went or changed their size. */
  refresh(): void {
    const { vm } = this;
    if (vm === null || vm.display === null || this.#refreshing) return;
    this.#refreshing = true;
    const ours = this.#device.display.screens();
    const theirs = vm.display.screens();
    mapPipes(ours, theirs, (port) => vm.ports.physical(port), this.#pipeOf);
    for (const screen of ours) {
      const from = theirs.find((s) => s.pipe === this.#pipeOf[screen.pipe]);
      this.#planes.program(vm, from, screen);
      this.#colourLater(screen.pipe);
    }
    this.#refreshing = false;
  }

  #colourLater(pipe: number): void {
    this.#recolour[pipe] = 1;
    if (this.#device.display.pipes[pipe]?.beam.running !== true) this.#setColours(pipe);
  }

  #setColours(pipe: number): void {
    this.#recolour[pipe] = 0;
    const { vm } = this;
    if (vm === null) return;
    const own = vm === this.#dom0;
    const from = own ? pipe : (this.#pipeOf[pipe] as number);
    if (from === UNMAPPED) return;
    this.#colours.copy(vm, from, pipe);
    if (!own) this.#colours.tell(vm, from, pipe, this.#dom0.vreg);
  }

  /** A VM wrote a followed register which did not go to hardware by itself. */
  planeWritten(vm: Vgpu, offset: number): void {
    if (vm === this.#dom0) this.#dom0Wrote(offset);
    else if (vm === this.vm) this.#forward(vm, offset);
  }

  #forward(vm: Vgpu, offset: number): void {
    const kind = F.followedKind(offset);
    if (kind === F.SOURCE_SIZE || kind === F.SIGNAL || kind === F.FITTER) {
      this.refresh();
      return;
    }
    const pipe = F.followedPipe(offset);
    for (let p = 0; p < PIPES; p++) {
      if (this.#pipeOf[p] !== pipe) continue;
      if (kind === F.COLOUR) this.#colourLater(p);
      else if (kind === F.PLANE_REGISTER) this.#planes.forward(vm, offset, pipe, p);
    }
  }

  /** dom0 draws unseen: its surfaces go live and its flips are done at once. */
  #dom0Wrote(offset: number): void {
    const kind = F.followedKind(offset);
    if (kind === F.WATERMARK || kind === F.SIGNAL) this.refresh();
    if (kind !== F.PLANE_REGISTER) return;
    const { vreg, irq } = this.#dom0;
    const pipe = F.followedPipe(offset);
    const at = pipe * PIPE_STRIDE;
    for (const [surface, live, done] of SURFACES) {
      if (offset !== surface + at) continue;
      vreg.poke(live + at, vreg.peek(offset));
      if (done !== 0) irq.raiseDe(done << (pipe * 5));
    }
  }

  /** The VM's pipe that a physical pipe shows; -1 when none or when dom0 is in the foreground. */
  pipeOf(physical: number): number {
    return this.vm === this.#dom0 ? UNMAPPED : (this.#pipeOf[physical] ?? UNMAPPED);
  }
}
