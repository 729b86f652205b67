import type { AddressSpace } from '../gtt/address-space.ts';
import type { Clock } from '../port/clock.ts';
import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import { AuxChannel, type AuxSink } from './bus/aux-channel.ts';
import { Dpcd } from './bus/dpcd.ts';
import { Gmbus } from './bus/gmbus.ts';
import { gpioRows } from './bus/gpio.ts';
import { DdcSlave } from './bus/i2c.ts';
import { pixelClockKhz, transcoderPort } from './clocks.ts';
import { Ddi } from './ddi.ts';
import * as R from './display.regs.ts';
import { type DisplayInterrupts, Hotplug } from './hotplug.ts';
import type { Monitor } from './monitor/monitor.ts';
import { PrecisionPalettes } from './palette.ts';
import { PanelPower } from './panel-power.ts';
import { Pipe, type PipeEvents } from './pipe.ts';
import {
  DESKTOP_WIRING,
  PORTS,
  type PortName,
  type PortRow,
  type PortWiring,
  portRow,
} from './ports.ts';
import { powerRows } from './power.ts';
import { crc32 } from './scan/crc.ts';
import { Scanner } from './scan/scanner.ts';
import { South } from './south.ts';
import { storageRows } from './storage.regs.ts';

/** GMBUS interrupt of the PCH. i915: `SDE_GMBUS_CPT`. */
const SDE_GMBUS = 0x20000;
/** DE interrupt that says that GEN7_ERR_INT has something. i915: `DE_ERR_INT_IVB`. */
const DE_ERR_INT = 0x40000000;
/** Bytes a second on the wires when bus timing is asked for: DDC 100 kHz, AUX 1 Mbit/s. */
const DDC_BYTE_NS = 90_000;
const AUX_BYTE_NS = 8_000;

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
  /** How long vertical blank waits for a driver that looks at the beam, nanoseconds. Default 0. */
  readonly beamHoldNs?: number;
}

/** A port whose monitor a pipe lights. */
export interface Screen {
  readonly pipe: number;
  readonly port: PortName;
  /** Active pixels of the mode. */
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly refreshHz: number;
  readonly monitor: Monitor | null;
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
  readonly wiring: Readonly<Record<PortName, PortWiring>>;
  /** Called after the CPU or a command wrote a plane or cursor register. */
  onPlaneWrite: (pipe: number, offset: number) => void = () => {};
  /** Called when a pipe starts, stops or is driven by other timings. */
  onPipe: (pipe: number, running: boolean) => void = () => {};
  /** Called at each vertical blank, after planes latched. */
  onVblank: (pipe: number) => void = () => {};
  readonly #regs: RegSpace;
  readonly #clock: Clock;
  readonly #irq: DisplayInterrupts;
  readonly #ddi: Ddi;
  readonly #hotplug: Hotplug;
  readonly #panel: PanelPower;
  readonly #gmbus: Gmbus;
  readonly #aux: readonly AuxChannel[];
  readonly #ddc: readonly DdcSlave[] = PORTS.map(() => new DdcSlave());
  readonly #sinks: (AuxSink | null)[] = PORTS.map(() => null);
  readonly #monitors: (Monitor | null)[] = PORTS.map(() => null);
  readonly #scanner: Scanner;
  /** Frame in which a wait for vertical blank began, by pipe. */
  readonly #vblankFrom: number[] = [NOBODY_WAITS, NOBODY_WAITS, NOBODY_WAITS];

  constructor(options: DisplayOptions) {
    const { regs, clock, irq } = options;
    const wiring = options.wiring ?? DESKTOP_WIRING;
    this.wiring = wiring;
    this.#regs = regs;
    this.#clock = clock;
    this.#irq = irq;
    const hold = options.beamHoldNs ?? 0;
    this.pipes = [0, 1, 2].map((index) => new Pipe(index, regs, clock, this, hold));
    this.palettes = new PrecisionPalettes(regs);
    this.south = new South(regs);
    this.#ddi = new Ddi(regs, wiring.A !== 'none', (port) => this.#ddiChanged(port));
    this.#hotplug = new Hotplug(regs, irq, wiring.E !== 'none');
    this.#panel = new PanelPower(regs, clock);
    const timed = options.busTiming === true;
    const byPin = (pin: number): DdcSlave | null => this.#slave(pin, 'gmbusPin');
    const gmbusDone = (): void => irq.raisePch(SDE_GMBUS);
    this.#gmbus = new Gmbus(regs, clock, byPin, gmbusDone, timed ? DDC_BYTE_NS : 0);
    this.#aux = PORTS.filter((row) => row.aux !== 0).map((row) => this.#auxOf(row, timed));
    this.#scanner = new Scanner(regs, options.space, this.palettes);
    this.rows = this.#makeRows();
  }

  #makeRows(): RegRow[] {
    const regs = this.#regs;
    return [
      ...storageRows(),
      ...powerRows(regs),
      ...this.#strapRows(),
      ...this.#transcoderRows(),
      ...this.pipes.flatMap((pipe) => pipe.rows),
      ...this.palettes.rows,
      ...this.south.rows,
      ...this.#ddi.rows,
      ...this.#hotplug.rows,
      ...this.#panel.rows,
      ...this.#gmbus.rows,
      ...this.#aux.flatMap((aux) => aux.rows),
      ...gpioRows(regs, R.GPIO_BASE, (gpio) => this.#slave(gpio, 'gpio')),
    ];
  }

  #strapRows(): RegRow[] {
    let straps = R.SFUSE_STRAP_FUSE_LOCK;
    for (const row of PORTS) if (this.wiring[row.name] !== 'none') straps |= row.strap;
    if (this.wiring.E === 'none') straps |= R.SFUSE_STRAP_CRT_DISABLED;
    const stamp = (): number => Math.floor(this.#clock.now / 1000) | 0;
    // biome-ignore format: one register a line
    return [
      { name: 'SFUSE_STRAP', offset: R.SFUSE_STRAP, reset: straps, rw: 0, src: 'i915 intel_setup_outputs' },
      { name: 'DE_TIMESTAMP', offset: R.DE_TIMESTAMP, rw: 0, onRead: stamp, src: 'HSW PRM vol.2c TIMESTAMP_CTR' },
    ];
  }

  #transcoderRows(): RegRow[] {
    const src = 'HSW PRM vol.2c transcoder timing; i915 hsw_get_pipe_config';
    return R.TRANSCODER_BASE.flatMap((base, t) => {
      const x = ['A', 'B', 'C', 'EDP'][t] as string;
      const retime = (): void => this.#retime(t);
      const conf = (offset: number, value: number): void => {
        const on = (value & R.PIPECONF_ENABLE) !== 0;
        this.#regs.poke(offset, on ? value | R.PIPECONF_STATE : value & ~R.PIPECONF_STATE);
        this.#drive();
      };
      // biome-ignore format: one register a line
      const rows: RegRow[] = [
        { name: `TRANS_TIMING_${x}`, offset: base, count: 6, onWrite: retime, src },
        { name: `TRANS_DDI_FUNC_CTL_${x}`, offset: base + R.TRANS_DDI_FUNC_CTL, onWrite: () => this.#drive(), src },
        { name: `PIPECONF_${x}`, offset: R.PIPECONF[t] as number, rw: ~R.PIPECONF_STATE, onWrite: conf, src },
      ];
      // biome-ignore format: one register a line
      if (t !== R.TRANSCODER_EDP) rows.push(
        { name: `PIPESRC_${x}`, offset: base + R.PIPESRC, onWrite: (o) => this.planeWritten(t, o), src },
        { name: `PIPE_CRC_CTL_${x}`, offset: base + R.PIPE_CRC_CTL, src: 'i915 intel_pipe_crc.c' },
        { name: `PIPE_CRC_RES_1_${x}`, offset: base + R.PIPE_CRC_RES_1, rw: 0, src: 'i915 hsw_pipe_crc_irq_handler' },
      );
      return rows;
    });
  }

  #auxOf(row: PortRow, timed: boolean): AuxChannel {
    const irq = this.#irq;
    const done = (): void => {
      if (row.name === 'A') irq.raiseDe(row.auxBit);
      else irq.raisePch(row.auxBit);
    };
    const sink = (): AuxSink | null => this.#sinks[row.index] ?? null;
    const ns = timed ? AUX_BYTE_NS : 0;
    return new AuxChannel(this.#regs, this.#clock, row.name, row.aux, sink, done, ns);
  }

  /** DDC memory behind a GMBUS pin or GPIO; null when no port has that one. */
  #slave(value: number, key: 'gmbusPin' | 'gpio'): DdcSlave | null {
    for (const row of PORTS) {
      if (row[key] === value && value !== 0) return this.#ddc[row.index] as DdcSlave;
    }
    return null;
  }

  // --- pipes ---

  /** Which transcoder drives a pipe; -1 when none does. The EDP one may take any pipe. */
  #transcoderOf(pipe: number): number {
    if (this.#enabled(R.TRANSCODER_EDP)) {
      const ctl = this.#regs.peek(0x6f000 + R.TRANS_DDI_FUNC_CTL);
      const input = (ctl >>> 12) & 7;
      const from = input === 5 ? 1 : input === 6 ? 2 : 0;
      if ((ctl & R.TRANS_DDI_FUNC_ENABLE) !== 0 && from === pipe) return R.TRANSCODER_EDP;
    }
    return this.#enabled(pipe) ? pipe : -1;
  }

  #enabled(transcoder: number): boolean {
    const conf = this.#regs.peek(R.PIPECONF[transcoder] as number);
    return (conf & R.PIPECONF_ENABLE) !== 0;
  }

  /** Starts and stops pipes so that they are driven as the registers say. */
  #drive(): void {
    for (const pipe of this.pipes) {
      const transcoder = this.#transcoderOf(pipe.index);
      if (transcoder === pipe.transcoder) continue;
      pipe.drive(transcoder);
      this.onPipe(pipe.index, transcoder >= 0);
    }
  }

  /** Timings written while the transcoder runs take effect at once. */
  #retime(transcoder: number): void {
    for (const pipe of this.pipes) {
      if (pipe.transcoder !== transcoder) continue;
      pipe.drive(transcoder);
      this.onPipe(pipe.index, true);
    }
  }

  raiseDe(bits: number): void {
    this.#irq.raiseDe(bits);
  }

  planeWritten(pipe: number, offset: number): void {
    this.onPlaneWrite(pipe, offset);
  }

  vblank(pipe: number): void {
    const base = R.TRANSCODER_BASE[pipe] as number;
    if ((this.#regs.peek(base + R.PIPE_CRC_CTL) & 0x80000000) !== 0) this.#crc(pipe, base);
    this.onVblank(pipe);
  }

  #crc(pipe: number, base: number): void {
    const regs = this.#regs;
    const image = this.#scanner.compose(this.pipes[pipe] as Pipe);
    regs.poke(base + R.PIPE_CRC_RES_1, crc32(image.pixels, image.width * image.height));
    regs.poke(R.GEN7_ERR_INT, regs.peek(R.GEN7_ERR_INT) | (4 << (pipe * 3)));
    this.#irq.raiseDe(DE_ERR_INT);
  }

  // --- ports ---

  #ddiChanged(port: number): void {
    if (!this.#ddi.sending(port)) this.#sinks[port]?.dpcd.lose();
  }

  /**
   * Plugs a monitor in; one that was there is taken out first. Does nothing on a port that the board
   * lacks.
   *
   * @returns whether the port exists
   */
  connect(port: PortName, monitor: Monitor): boolean {
    const row = portRow(port);
    if (this.wiring[port] === 'none') return false;
    if (this.#monitors[row.index] !== null) this.disconnect(port);
    this.#monitors[row.index] = monitor;
    const dp = monitor.kind === 'dp' || monitor.kind === 'edp';
    const ddc = this.#ddc[row.index] as DdcSlave;
    if (dp) {
      const over = new DdcSlave();
      over.edid = monitor.edid;
      const dpcd = new Dpcd(monitor.dp, () => this.#ddi.sending(row.index));
      this.#sinks[row.index] = { dpcd, ddc: over };
    } else ddc.edid = monitor.edid;
    this.#hotplug.plug(row, true);
    return true;
  }

  /** Takes the monitor of a port out. */
  disconnect(port: PortName): void {
    const row = portRow(port);
    if (this.#monitors[row.index] === null) return;
    this.#monitors[row.index] = null;
    this.#sinks[row.index] = null;
    (this.#ddc[row.index] as DdcSlave).edid = null;
    this.#hotplug.plug(row, false);
  }

  /** A short pulse on a DisplayPort's hotplug line: the sink wants attention. */
  shortPulse(port: PortName): void {
    this.#hotplug.pulse(portRow(port), false);
  }

  /** Monitor on a port; null without one. */
  monitorOn(port: PortName): Monitor | null {
    return this.#monitors[portRow(port).index] ?? null;
  }

  /** The ports that pipes light now. Makes a new list: not for hot paths. */
  screens(): readonly Screen[] {
    const list: Screen[] = [];
    for (const pipe of this.pipes) {
      if (!pipe.beam.running) continue;
      const port = transcoderPort(this.#regs, pipe.transcoder);
      if (port < 0) continue;
      const base = R.TRANSCODER_BASE[pipe.transcoder] as number;
      const htotal = this.#regs.peek(base + R.HTOTAL);
      const vtotal = this.#regs.peek(base + R.VTOTAL);
      const dots = ((htotal >>> 16) + 1) * ((vtotal >>> 16) + 1);
      const name = (PORTS[port] as PortRow).name;
      list.push({
        pipe: pipe.index,
        port: name,
        width: (htotal & 0x1fff) + 1,
        height: (vtotal & 0x1fff) + 1,
        refreshHz: (pixelClockKhz(this.#regs, pipe.transcoder) * 1000) / dots,
        monitor: this.monitorOn(name),
      });
    }
    return list;
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
    let pending = false;
    for (const pipe of this.pipes) {
      const i = pipe.index;
      if (!pipe.beam.running) {
        this.#vblankFrom[i] = NOBODY_WAITS;
        continue;
      }
      if ((header & (WAIT_PRIMARY[i] as number)) !== 0)
        pending = pipe.flipPending(false) || pending;
      if ((header & (WAIT_SPRITE[i] as number)) !== 0) pending = pipe.flipPending(true) || pending;
      if ((header & (WAIT_LINE[i] as number)) !== 0) pending = this.lineEvent(i) !== 0 || pending;
      if ((header & (WAIT_VBLANK[i] as number)) !== 0)
        pending = this.#vblankPending(pipe) || pending;
    }
    return pending;
  }

  /** The wait begins when it is first asked about, and ends with the next frame. */
  #vblankPending(pipe: Pipe): boolean {
    const frame = pipe.frame();
    const from = this.#vblankFrom[pipe.index] as number;
    const over = from !== NOBODY_WAITS && from !== frame;
    this.#vblankFrom[pipe.index] = over ? NOBODY_WAITS : from === NOBODY_WAITS ? frame : from;
    return !over;
  }

  /**
   * When a pipe's beam next satisfies the scan line window of DE_LOAD_SL (what MI_LOAD_SCAN_LINES
   * loads): outside the lines, or inside for an inclusive one.
   *
   * @returns time in nanoseconds; 0 when it does now
   */
  lineEvent(index: number): number {
    const pipe = this.pipes[index] as Pipe;
    const window = this.#regs.peek(DE_LOAD_SL + index * R.PIPE_STRIDE);
    const first = (window >>> 16) & 0x1fff;
    const last = window & 0x1fff;
    const inclusive = (window & 0x80000000) !== 0;
    const line = pipe.scanline();
    const inside = line >= first && line <= last;
    if (inside === inclusive) return 0;
    return pipe.beam.timeOfLine(inclusive ? first : last + 1, this.#clock.now);
  }

  // --- pictures ---

  /**
   * Draws what a pipe shows, as RGBA bytes, into a caller's buffer.
   *
   * @param out 32-bit pixels, red in the low byte; at least width * height of the mode
   * @returns whether anything was drawn: false when the pipe stands or the buffer is too small;
   *   the size is in {@link scanWidth} and {@link scanHeight} either way
   */
  scanOut(pipe: number, out: Uint32Array): boolean {
    return this.#scanner.scanOut(this.pipes[pipe] as Pipe, out);
  }

  /** Size of the latest {@link scanOut}, pixels. */
  get scanWidth(): number {
    return this.#scanner.outWidth;
  }
  get scanHeight(): number {
    return this.#scanner.outHeight;
  }

  /** After the registers went back to their reset values. Monitors stay plugged in. */
  reset(): void {
    for (const pipe of this.pipes) pipe.reset();
    this.palettes.reset();
    this.south.reset();
    this.#panel.reset();
    this.#gmbus.reset();
    for (const aux of this.#aux) aux.reset();
    for (const sink of this.#sinks) sink?.dpcd.lose();
    this.#hotplug.reset();
  }
}

/** Not a frame number: those are int32. */
const NOBODY_WAITS = 0x100000000;
/** Scan line window of pipe A: 31 inclusive, 28:16 first, 12:0 last line. PRM vol.2c "DE_LOAD_SL". */
const DE_LOAD_SL = 0x70068;
/** Pipe and kind of each MI_DISPLAY_FLIP plane code. */
const FLIP_PIPE: readonly number[] = [0, 1, 0, 1, 2, 2];
const FLIP_SPRITE: readonly number[] = [0, 0, 1, 1, 0, 1];
/** MI_WAIT_FOR_EVENT bits by pipe. */
const WAIT_LINE: readonly number[] = [0x1, 0x100, 0x4000];
const WAIT_PRIMARY: readonly number[] = [0x2, 0x200, 0x8000];
const WAIT_SPRITE: readonly number[] = [0x4, 0x400, 0x100000];
const WAIT_VBLANK: readonly number[] = [0x8, 0x800, 0x200000];
