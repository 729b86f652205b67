import type { AddressSpace } from '../gtt/address-space.ts';
import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import { Audio } from './audio.ts';
import { drivingTranscoder } from './clocks.ts';
import { Connectors } from './connectors.ts';
import * as R from './display.regs.ts';
import { type DisplayStateV1, exportDisplay, importDisplay } from './display-state.ts';
import { FrameCrcs } from './frame-crc.ts';
import type { DisplayInterrupts } from './hotplug.ts';
import type { Monitor } from './monitor/monitor.ts';
import { PrecisionPalettes } from './palette.ts';
import { PanelPower } from './panel-power.ts';
import { Pipe, type PipeEvents } from './pipe.ts';
import { DESKTOP_WIRING, type PortName, type PortWiring, portRow } from './ports.ts';
import { powerRows } from './power.ts';
import { Savings } from './savings.ts';
import { type PlaneState, readPrimary } from './scan/plane-state.ts';
import { Scanner } from './scan/scanner.ts';
import { litScreens, type Screen } from './screens.ts';
import { South } from './south.ts';
import { storageRows } from './storage.regs.ts';
import { strapRows } from './straps.ts';
import { transcoderRows } from './transcoder.regs.ts';
import { unclaimedRows } from './unclaimed-flag.ts';
import { Waits } from './waits.ts';

/** See {@link DisplayOptions.beamHoldNs}. Longer than a vCPU is away between two of its slices. */
const BEAM_HOLD_NS = 8_000_000;
/** Pipe and kind of each MI_DISPLAY_FLIP plane code. */
const FLIP_PIPE: readonly number[] = [0, 1, 0, 1, 2, 2];
const FLIP_SPRITE: readonly number[] = [0, 0, 1, 1, 0, 1];

/** What a display engine is made of. */
export interface DisplayOptions {
  readonly regs: RegSpace;
  readonly clock: Clock;
  readonly irq: DisplayInterrupts;
  /** Where surface addresses point: the GGTT. */
  readonly space: AddressSpace;
  /** Which ports the board has. Default {@link DESKTOP_WIRING}. */
  readonly wiring?: Readonly<Record<PortName, PortWiring>>;
  /** GMBUS and AUX take the time they take on wires. Default: they answer at once. */
  readonly busTiming?: boolean;
  /** How long vertical blank waits for a driver that looks at the beam, nanoseconds. Default 8 ms. */
  readonly beamHoldNs?: number;
}

/**
 * The display engine of a Haswell with its LPT-H PCH: pipes, planes, ports, clocks, DDC and AUX. It
 * owns every display register but the interrupt sets. A vGPU has one of its own, over its virtual
 * registers and its virtual monitors.
 */
export class DisplayEngine implements RegBlock, PipeEvents {
  readonly rows: readonly RegRow[];
  readonly pipes: readonly Pipe[];
  readonly palettes: PrecisionPalettes;
  readonly south: South;
  readonly connectors: Connectors;
  readonly panel: PanelPower;
  readonly audio: Audio;
  readonly wiring: Readonly<Record<PortName, PortWiring>>;
  readonly clock: Clock;
  /** Called after the CPU or a command wrote a plane or cursor register. */
  onPlaneWrite: (pipe: number, offset: number) => void = () => {};
  /** Called when a pipe starts, stops or is driven by other timings. */
  onPipe: (pipe: number, running: boolean) => void = () => {};
  /** Called when a frame went out, before planes latch for the next. */
  onFrameEnd: (pipe: number) => void = () => {};
  /** Called at each vertical blank, after planes latched. */
  onVblank: (pipe: number) => void = () => {};
  /** Called after a monitor was plugged in, or taken out. */
  onMonitor: (port: PortName, monitor: Monitor | null) => void = () => {};
  /** Called when the legacy VGA plane is switched on or off. */
  onVga: (on: boolean) => void = () => {};
  readonly #regs: RegSpace;
  readonly #irq: DisplayInterrupts;
  readonly #scanner: Scanner;
  readonly #waits: Waits;
  readonly #crcs: FrameCrcs;
  readonly #savings: Savings;

  constructor(options: DisplayOptions) {
    const { regs, clock, irq } = options;
    this.clock = clock;
    this.wiring = options.wiring ?? DESKTOP_WIRING;
    this.#regs = regs;
    this.#irq = irq;
    const hold = options.beamHoldNs ?? BEAM_HOLD_NS;
    this.pipes = [0, 1, 2].map((index) => new Pipe(index, regs, clock, this, hold));
    this.palettes = new PrecisionPalettes(regs);
    this.south = new South(regs);
    this.panel = new PanelPower(regs, clock);
    this.audio = new Audio(regs);
    const timed = options.busTiming === true;
    const powered = (): boolean => this.panel.powered;
    this.connectors = new Connectors(regs, clock, irq, this.wiring, timed, powered);
    this.#scanner = new Scanner(regs, options.space, this.palettes, this.pipes);
    this.#crcs = new FrameCrcs(regs, irq, this.#scanner);
    this.#waits = new Waits(regs, clock, this.pipes);
    this.#savings = new Savings(regs, this.pipes[0] as Pipe, () =>
      this.connectors.panelRefreshes(),
    );
    this.rows = [
      // biome-ignore format: one register a line
      { name: 'CPU_VGACNTRL', offset: R.CPU_VGACNTRL, reset: R.VGA_DISP_DISABLE, onWrite: (_o, v, old) => this.#vga(v, old), src: 'HSW PRM vol.2c VGA_CONTROL' },
      ...storageRows(),
      ...powerRows(regs),
      ...strapRows(this.wiring, clock),
      ...unclaimedRows(regs),
      ...transcoderRows(regs, this),
      ...this.pipes.flatMap((pipe) => pipe.rows),
      ...this.palettes.rows,
      ...this.south.rows,
      ...this.panel.rows,
      ...this.audio.rows,
      ...this.#savings.rows,
      ...this.connectors.rows,
    ];
  }

  #vga(value: number, old: number): void {
    if (((value ^ old) & R.VGA_DISP_DISABLE) !== 0) this.onVga((value & R.VGA_DISP_DISABLE) === 0);
  }

  /** Whether the legacy VGA's picture is let through to a monitor. */
  get vgaOn(): boolean {
    return (this.#regs.peek(R.CPU_VGACNTRL) & R.VGA_DISP_DISABLE) === 0;
  }

  /** As the video BIOS leaves it for a driver to find: the VGA plane is on. Nobody is told. */
  lightVga(): void {
    const { CPU_VGACNTRL } = R;
    this.#regs.poke(CPU_VGACNTRL, this.#regs.peek(CPU_VGACNTRL) & ~R.VGA_DISP_DISABLE);
  }

  // --- pipes ---

  sending(transcoder: number): boolean {
    return this.pipes.some((pipe) => pipe.drivenBy() === transcoder);
  }

  /** Starts and stops pipes so that they are driven as the registers say. */
  drive(): void {
    for (const pipe of this.pipes) {
      const transcoder = drivingTranscoder(this.#regs, pipe.index);
      if (transcoder === pipe.transcoder) continue;
      pipe.drive(transcoder);
      this.onPipe(pipe.index, transcoder >= 0);
    }
    for (let t = 0; t < R.PIPECONF.length; t++) {
      if (this.#ending(t) && !this.pipes.some((pipe) => pipe.transcoder === t)) this.#end(t);
    }
  }

  /** A running transcoder feeds another port. */
  reroute(transcoder: number): void {
    this.drive();
    for (const pipe of this.pipes) {
      if (pipe.drivenBy() === transcoder) this.onPipe(pipe.index, true);
    }
  }

  /** Timings written while the transcoder runs take effect at once. */
  retime(transcoder: number): void {
    for (const pipe of this.pipes) {
      if (pipe.drivenBy() !== transcoder) continue;
      pipe.drive(transcoder);
      this.onPipe(pipe.index, true);
    }
  }

  raiseDe(bits: number): void {
    this.#irq.raiseDe(bits);
  }

  sourceWritten(pipe: number, offset: number): void {
    this.pipes[pipe]?.resize();
    if (pipe === 0) this.#savings.changed();
    this.planeWritten(pipe, offset);
  }

  planeWritten(pipe: number, offset: number): void {
    if (pipe === 0 && offset < R.SPRCTL && offset >= R.DSPCNTR) this.#savings.changed();
    else if (pipe === 0) this.#savings.wake();
    this.onPlaneWrite(pipe, offset);
  }

  frameEnd(pipe: number): void {
    this.#crcs.frame(this.pipes[pipe] as Pipe);
    this.onFrameEnd(pipe);
  }

  crcTaken(pipe: number): void {
    this.#crcs.taken(pipe);
  }

  vblank(pipe: number): void {
    if (pipe === 0) this.#savings.vblank();
    this.onVblank(pipe);
  }

  frameOver(pipe: number): void {
    const { transcoder } = this.pipes[pipe] as Pipe;
    if (transcoder < 0 || !this.#ending(transcoder)) return;
    this.#end(transcoder);
    this.drive();
  }

  /** Whether a transcoder was switched off and its state bit still says that it is on. */
  #ending(transcoder: number): boolean {
    const conf = this.#regs.peek(R.PIPECONF[transcoder] as number);
    return (conf & R.PIPECONF_STATE) !== 0 && (conf & R.PIPECONF_ENABLE) === 0;
  }

  #end(transcoder: number): void {
    const at = R.PIPECONF[transcoder] as number;
    this.#regs.poke(at, this.#regs.peek(at) & ~R.PIPECONF_STATE);
  }

  // --- ports ---

  /**
   * Plugs a monitor in; one that was there is taken out first. Does nothing on a port that the board
   * lacks.
   *
   * @returns whether the port exists
   */
  connect(port: PortName, monitor: Monitor): boolean {
    const connected = this.connectors.connect(port, monitor);
    if (connected) this.onMonitor(port, monitor);
    return connected;
  }

  /** Takes the monitor of a port out. */
  disconnect(port: PortName): void {
    const had = this.monitorOn(port) !== null;
    this.connectors.disconnect(port);
    if (had) this.onMonitor(port, null);
  }

  /** Puts a monitor on a port, or takes it off, without a hotplug pulse. */
  replaceMonitor(port: PortName, monitor: Monitor | null): void {
    this.connectors.replace(port, monitor);
  }

  /** A short pulse on a DisplayPort's hotplug line: the sink wants attention. */
  shortPulse(port: PortName): void {
    this.connectors.shortPulse(port);
  }

  /** Monitor on a port; null without one. */
  monitorOn(port: PortName): Monitor | null {
    return this.connectors.monitors[portRow(port).index] ?? null;
  }

  /** The ports that pipes light now. Makes a new list: not for hot paths. */
  screens(): readonly Screen[] {
    return litScreens(this.#regs, this);
  }

  // --- what the command streamers ask ---

  /**
   * MI_DISPLAY_FLIP. PRM vol.2a: dword 0 bits 21:19 name the plane, dword 1 holds stride and tiling,
   * dword 2 the surface.
   *
   * @returns false when there is no such plane or the command is a stereo flip
   */
  displayFlip(cmd: Int32Array, length: number): boolean {
    if (length !== 3) return false;
    return this.flip(((cmd[0] as number) >>> 19) & 7, cmd[1] as number, cmd[2] as number);
  }

  /**
   * Flips a plane.
   *
   * @param plane 0 A, 1 B, 2 sprite A, 3 sprite B, 4 C, 5 sprite C
   * @param strideDw bytes in 15:6, tiling in 0
   * @param surfaceDw address in 31:12; bits 1:0 are 1 for an asynchronous flip
   * @returns false when there is no such plane
   */
  flip(plane: number, strideDw: number, surfaceDw: number): boolean {
    const pipe = this.pipes[FLIP_PIPE[plane] ?? -1];
    if (pipe === undefined) return false;
    pipe.flip(FLIP_SPRITE[plane] === 1, strideDw, surfaceDw);
    return true;
  }

  /** Whether a flip of that plane waits for vertical blank. @param plane as for {@link flip} */
  flipPending(plane: number): boolean {
    return this.pipes[FLIP_PIPE[plane] ?? -1]?.flipPending(FLIP_SPRITE[plane] === 1) === true;
  }

  /** Line a pipe's beam is on, from its first active one; 0 when it stands. */
  scanline(pipe: number): number {
    return (this.pipes[pipe] as Pipe).scanline();
  }

  /**
   * Whether an MI_WAIT_FOR_EVENT still waits. Ask again after {@link onVblank} or at
   * {@link lineEvent}. A pipe that stands holds nobody up. PRM vol.2a: of pipe A, bit 0 scan line
   * window, 1 primary flip, 2 sprite flip, 3 vertical blank; pipe B the same from bit 8; pipe C 14,
   * 15, 20, 21.
   *
   * @param header dword 0 of the command
   */
  eventPending(header: number): boolean {
    return this.#waits.pending(header);
  }

  /** MI_LOAD_SCAN_LINES: the window that waits for a scan line compare with. */
  loadScanLines(pipe: number, window: number): void {
    this.#regs.write32(R.DE_LOAD_SL + pipe * R.PIPE_STRIDE, window);
  }

  /**
   * When a pipe's beam next satisfies the scan line window of DE_LOAD_SL (what MI_LOAD_SCAN_LINES
   * loads): outside the lines, or inside for an inclusive one.
   *
   * @returns time in nanoseconds; 0 when it does now
   */
  lineEvent(pipe: number): number {
    return this.#waits.line(pipe);
  }

  // --- pictures ---

  /**
   * Draws what a pipe's monitor shows, as RGBA bytes, into a caller's buffer.
   *
   * @param out 32-bit pixels, red in the low byte; at least width * height of the mode
   * @returns whether anything was drawn: false when the pipe stands or the buffer is too small;
   *   the size is in {@link scanWidth} and {@link scanHeight} either way
   */
  scanOut(pipe: number, out: Uint32Array): boolean {
    return this.#scanner.scanOut(this.pipes[pipe] as Pipe, out, true);
  }

  /** As {@link scanOut}, but the values on the wires: a sink may take them for limited RGB or YCbCr. */
  wireOut(pipe: number, out: Uint32Array): boolean {
    return this.#scanner.scanOut(this.pipes[pipe] as Pipe, out, false);
  }

  /** Size of the latest {@link scanOut}, pixels. */
  get scanWidth(): number {
    return this.#scanner.outWidth;
  }
  get scanHeight(): number {
    return this.#scanner.outHeight;
  }

  /** Reads what a pipe's primary plane shows, without making anything. */
  primaryPlane(pipe: number, into: PlaneState): void {
    readPrimary(this.pipes[pipe] as Pipe, into);
  }

  // --- life ---

  /** After the registers went back to their reset values. Monitors stay plugged in. */
  reset(): void {
    for (const pipe of this.pipes) pipe.reset();
    this.palettes.reset();
    this.south.reset();
    this.panel.reset();
    this.audio.reset();
    this.#waits.reset();
    this.#savings.reset();
    this.connectors.reset();
  }

  /** Everything but the register file, which is its owner's to save. */
  exportState(): DisplayStateV1 {
    return exportDisplay(this);
  }

  /**
   * Takes over a state, after the registers have been restored. Bus transactions that were under way
   * are forgotten: a driver tries again.
   *
   * @returns why the state was refused; null when it was taken
   */
  importState(state: unknown): string | null {
    return importDisplay(this, state);
  }
}
