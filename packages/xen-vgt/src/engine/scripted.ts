import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import {
  type EngineCounters,
  EngineError,
  type EngineEvent,
  engineCounters,
  type GuestRam,
  type VcpuEngine,
} from '../port/engine.ts';
import { RangeMap } from '../trap/range-map.ts';
import { wideRead, wideWrite } from '../trap/wide.ts';
import { packMachine, unpackMachine } from './machine-state.ts';
import { OPEN_BUS } from './open-bus.ts';

const TOP = 2 ** 32;
const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;
/** The hole in RAM that belongs to a VGA, in blocks of 128 KiB, while somebody has it. */
const LEGACY_BLOCK = 0xa0000 >>> 17;
const BLOCK_BITS = 17;
/** Video memory and where it lies. */
const VIDEO_GPA = 0xe0000000;
const VIDEO_BYTES: number = 1 << 20;
/** Interrupts kept for a test to look at; later ones are counted only. */
const LOG_MAX = 4096;

/** An interrupt as the guest took it. */
export type TakenInterrupt =
  | { readonly kind: 'msi'; readonly address: number; readonly data: number }
  | {
      readonly kind: 'intx';
      readonly devfn: number;
      readonly pin: number;
      readonly level: boolean;
    };

/** A scripted machine's state without RAM. */
interface ScriptedHeader {
  readonly kind: string;
  readonly version: 1;
  readonly memoryBytes: number;
  readonly pending: readonly TakenInterrupt[];
  readonly configAddress: number;
  readonly serial: readonly number[];
}

/** What a script gives at a safe point: `halt` waits for an interrupt, nothing goes on. */
export type ScriptPoint = 'halt' | undefined;

/** A guest's program: accesses to its machine, with a safe point at each `yield`. */
export type Script = (guest: ScriptedEngine) => Generator<ScriptPoint, void, void>;

/**
 * A guest without a processor: a TypeScript program that makes the accesses a driver would. Every
 * run is the same. Accesses may also be made directly, without a program.
 */
export class ScriptedEngine implements VcpuEngine {
  readonly kind = 'scripted';
  readonly paging = true;
  readonly ram: GuestRam;
  readonly video: Uint8Array<SharedArrayBuffer> = new Uint8Array(
    new SharedArrayBuffer(VIDEO_BYTES),
  );
  readonly counters: EngineCounters = engineCounters();
  /** Interrupts in the order they were taken, the first 4096. */
  readonly taken: TakenInterrupt[] = [];
  /** Bytes the host sent to the serial port and keyboard. */
  readonly serialIn: number[] = [];
  readonly scancodesIn: number[] = [];
  /** Whether its system listens to the power button, and how often it was pressed then. */
  listensToPower = false;
  powerPresses = 0;
  readonly #script: Generator<ScriptPoint, void, void> | null;
  readonly #mmio = new RangeMap<TrapTarget>();
  readonly #ports = new RangeMap<TrapTarget>();
  readonly #protected = new Map<number, TrapTarget>();
  readonly #functions = new Map<number, TrapTarget>();
  readonly #hooks: (() => void)[] = [];
  readonly #endListeners: ((event: EngineEvent) => void)[] = [];
  readonly #serialListeners: ((byte: number) => void)[] = [];
  readonly #configListeners: ((address: number) => void)[] = [];
  readonly #pending: TakenInterrupt[] = [];
  #configAddress = 0;
  #running = false;
  #halted = false;
  #inSlice = false;
  #ended: EngineEvent | null = null;

  /** @param memoryMib guest RAM, MiB @param script its program; without one tests make the accesses */
  constructor(memoryMib: number, script?: Script) {
    const memory = new SharedArrayBuffer(memoryMib << 20);
    this.ram = { bytes: new Uint8Array(memory), words: new Int32Array(memory) };
    this.#script = script?.(this) ?? null;
    this.mapPorts(CONFIG_ADDRESS, 8, this.#configPorts());
  }

  /**
   * Runs the script to its next safe point and takes interrupts there.
   *
   * @returns whether there is more to run now; false when halted, paused or over
   */
  step(): boolean {
    if (!this.running || this.#halted) return false;
    this.#inSlice = true;
    const point = this.#script?.next();
    this.#inSlice = false;
    if (this.#ended !== null) {
      this.#tell();
      return false;
    }
    if (point?.value === 'halt') this.#halted = true;
    if (point?.done === true) this.stop({ kind: 'power-off', reason: 'the script ended' });
    this.safePoint();
    return this.running && !this.#halted;
  }

  /** A point at which interrupts are taken; called by {@link step}, or by a test. */
  safePoint(): void {
    this.counters.safePoints++;
    for (const hook of this.#hooks) hook();
    for (const interrupt of this.#pending.splice(0)) {
      if (this.taken.length < LOG_MAX) this.taken.push(interrupt);
      if (interrupt.kind === 'intx') {
        if (interrupt.level) this.counters.intxRaised++;
        else this.counters.intxLowered++;
      }
      if (interrupt.kind === 'msi' || interrupt.level) this.#halted = false;
    }
  }

  read8(gpa: number): number {
    return this.#read(gpa, 1) & 0xff;
  }
  read16(gpa: number): number {
    return this.#read(gpa, 2) & 0xffff;
  }
  /** @returns int32 */
  read32(gpa: number): number {
    return this.#read(gpa, 4) | 0;
  }
  write8(gpa: number, value: number): void {
    this.#write(gpa, 1, value & 0xff);
  }
  write16(gpa: number, value: number): void {
    this.#write(gpa, 2, value & 0xffff);
  }
  write32(gpa: number, value: number): void {
    this.#write(gpa, 4, value | 0);
  }

  /** A load of an 8, 16 or 32 byte register. @returns false when the width is none of these */
  readWide(gpa: number, bytes: number, into: Int32Array): boolean {
    const target = this.#mmio.find(gpa) ?? null;
    if (target !== null) return wideRead(target, gpa - this.#mmio.first, bytes, into);
    return wideRead(this.#whole, gpa, bytes, into);
  }
  writeWide(gpa: number, bytes: number, from: Int32Array): boolean {
    const target = this.#mmio.find(gpa) ?? null;
    if (target !== null) return wideWrite(target, gpa - this.#mmio.first, bytes, from);
    return wideWrite(this.#whole, gpa, bytes, from);
  }

  in(port: number, size: AccessSize): number {
    const target = this.#ports.find(port);
    return target === undefined
      ? OPEN_BUS.read(0, size)
      : target.read(port - this.#ports.first, size);
  }
  out(port: number, size: AccessSize, value: number): void {
    this.#ports.find(port)?.write(port - this.#ports.first, size, value);
  }

  /** A configuration read by mechanism #1, of a function on bus 0. */
  configRead(devfn: number, offset: number, size: AccessSize): number {
    this.out(CONFIG_ADDRESS, 4, (1 << 31) | (devfn << 8) | (offset & 0xfc));
    return this.in(CONFIG_DATA + (offset & 3), size);
  }
  configWrite(devfn: number, offset: number, size: AccessSize, value: number): void {
    this.out(CONFIG_ADDRESS, 4, (1 << 31) | (devfn << 8) | (offset & 0xfc));
    this.out(CONFIG_DATA + (offset & 3), size, value);
  }

  /** Writes text to the guest's console. */
  print(text: string): void {
    for (const char of text)
      for (const listener of this.#serialListeners) listener(char.charCodeAt(0));
  }

  /** Ends the guest as a guest does: reset, power-off or a fault of its processor. */
  end(event: EngineEvent): void {
    this.stop(event);
  }

  readonly #whole: TrapTarget = {
    name: 'guest',
    read: (offset, size) => this.#read(offset, size),
    write: (offset, size, value) => this.#write(offset, size, value),
  };

  #read(gpa: number, size: AccessSize): number {
    const bytes = this.ram.bytes;
    const ram = gpa + size <= bytes.length;
    if (ram && gpa >>> BLOCK_BITS !== LEGACY_BLOCK) return bytesAt(bytes, gpa, size);
    const target = this.#mmio.find(gpa);
    if (target !== undefined) return target.read(gpa - this.#mmio.first, size);
    if (ram) return bytesAt(bytes, gpa, size);
    const at = this.#videoAt(gpa, size);
    return at < 0 ? OPEN_BUS.read(0, size) : bytesAt(this.video, at, size);
  }

  /** @returns offset in the video memory, or -1 */
  #videoAt(gpa: number, size: AccessSize): number {
    const at = gpa - VIDEO_GPA;
    return at >= 0 && at + size <= VIDEO_BYTES ? at : -1;
  }

  #write(gpa: number, size: AccessSize, value: number): void {
    const bytes = this.ram.bytes;
    const ram = gpa + size <= bytes.length;
    const outside = !ram || gpa >>> BLOCK_BITS === LEGACY_BLOCK;
    const target = outside ? this.#mmio.find(gpa) : undefined;
    if (target !== undefined) target.write(gpa - this.#mmio.first, size, value);
    else if (ram) {
      const guard = this.#protected.get(gpa >>> 12);
      if (guard !== undefined) guard.write(gpa & 0xfff, size, value);
      else for (let i = 0; i < size; i++) bytes[gpa + i] = value >>> (i * 8);
    } else {
      const at = this.#videoAt(gpa, size);
      if (at >= 0) for (let i = 0; i < size; i++) this.video[at + i] = value >>> (i * 8);
    }
  }

  #configPorts(): TrapTarget {
    return {
      name: 'pci.config',
      read: (offset, size) => {
        if (offset < 4) return this.#configAddress >>> (offset * 8);
        return this.#selected().read((this.#configAddress & 0xfc) + (offset & 3), size);
      },
      write: (offset, size, value) => {
        if (offset === 0 && size === 4) {
          this.#configAddress = value;
          for (const listener of this.#configListeners) listener(value);
        } else if (offset >= 4) {
          this.#selected().write((this.#configAddress & 0xfc) + (offset & 3), size, value);
        }
      },
    };
  }

  #selected(): TrapTarget {
    const enabled = this.#configAddress < 0 && ((this.#configAddress >>> 16) & 0xff) === 0;
    const target = this.#functions.get((this.#configAddress >>> 8) & 0xff);
    if (enabled && target !== undefined) return target;
    this.counters.configStray++;
    return OPEN_BUS;
  }

  get running(): boolean {
    return this.#running && this.#ended === null;
  }
  get halted(): boolean {
    return this.#halted;
  }
  get ended(): EngineEvent | null {
    return this.#ended;
  }

  mapMmio(gpa: number, bytes: number, target: TrapTarget): boolean {
    const legacy =
      gpa >>> BLOCK_BITS === LEGACY_BLOCK && bytes <= (LEGACY_BLOCK + 1) * 2 ** BLOCK_BITS - gpa;
    const free = legacy || (gpa >= this.ram.bytes.length && gpa + bytes <= TOP);
    const legal = this.#ended === null && free;
    return this.#accepted(legal && this.#mmio.add(gpa, bytes, target));
  }
  unmapMmio(gpa: number, bytes: number): void {
    this.#mmio.remove(gpa, bytes);
  }
  mapPorts(port: number, count: number, target: TrapTarget): boolean {
    const legal = this.#ended === null && port >= 0 && port + count <= 0x10000;
    return this.#accepted(legal && this.#ports.add(port, count, target));
  }
  unmapPorts(port: number, count: number): void {
    this.#ports.remove(port, count);
  }
  #accepted(done: boolean): boolean {
    if (!done) this.counters.mapsRefused++;
    return done;
  }

  setPciFunction(devfn: number, target: TrapTarget | null): void {
    if (target === null) this.#functions.delete(devfn);
    else this.#functions.set(devfn, target);
  }
  onConfigAddress(listener: (address: number) => void): void {
    this.#configListeners.push(listener);
  }
  /** A scripted guest has no machine of its own: every slot is empty. */
  pciFunction(): TrapTarget {
    return OPEN_BUS;
  }
  protectPage(gfn: number, target: TrapTarget | null): boolean {
    if (gfn < 0 || gfn >= this.ram.bytes.length >>> 12) return false;
    if (target === null) this.#protected.delete(gfn);
    else this.#protected.set(gfn, target);
    return true;
  }
  ramWritten(): void {}

  setIntx(devfn: number, pin: number, level: boolean): void {
    this.#raise({ kind: 'intx', devfn, pin, level });
  }
  sendMsi(address: number, data: number): boolean {
    if (address >>> 20 !== 0xfee) {
      this.counters.msiRefused++;
      return false;
    }
    this.counters.msiSent++;
    this.#raise({ kind: 'msi', address, data });
    return true;
  }
  #raise(interrupt: TakenInterrupt): void {
    if (this.#pending.length < LOG_MAX) this.#pending.push(interrupt);
    if (this.#inSlice) this.counters.deferred++;
    else this.wake();
  }

  /** A halted guest is at a safe point already. */
  wake(): void {
    if (this.#inSlice || !this.#halted || !this.running) return;
    this.counters.wakeUps++;
    this.safePoint();
  }

  onSafePoint(hook: () => void): void {
    this.#hooks.push(hook);
  }
  onEnd(listener: (event: EngineEvent) => void): void {
    this.#endListeners.push(listener);
  }
  onSerial(listener: (byte: number) => void): void {
    this.#serialListeners.push(listener);
  }
  sendSerial(bytes: Uint8Array): void {
    this.serialIn.push(...bytes);
  }
  sendScancodes(codes: Uint8Array): void {
    this.scancodesIn.push(...codes);
  }
  pressPower(): boolean {
    if (this.listensToPower) this.powerPresses++;
    return this.listensToPower;
  }

  run(): void {
    this.#running = true;
  }
  pause(): void {
    this.#running = false;
  }
  stop(event: EngineEvent): void {
    if (this.#ended !== null) return;
    this.#ended = event;
    this.#mmio.clear();
    this.#ports.clear();
    this.#functions.clear();
    this.#protected.clear();
    if (!this.#inSlice) this.#tell();
  }
  #tell(): void {
    const event = this.#ended;
    if (event !== null) for (const listener of this.#endListeners.splice(0)) listener(event);
  }
  destroy(): void {
    this.stop({ kind: 'power-off', reason: 'destroyed' });
  }

  /** Interrupts not yet taken and the configuration address; a script in progress cannot be saved. */
  saveMachine(): Uint8Array<ArrayBuffer> {
    if (this.#inSlice) throw new EngineError('BUSY', 'a machine is saved between slices');
    const header: ScriptedHeader = {
      kind: this.kind,
      version: 1,
      memoryBytes: this.ram.bytes.length,
      pending: [...this.#pending],
      configAddress: this.#configAddress,
      serial: [...this.serialIn],
    };
    return packMachine(header, this.video.subarray(0, used(this.video)));
  }
  restoreMachine(state: Uint8Array): void {
    const { header, body } = unpackMachine<ScriptedHeader>(state, this.kind, this.ram.bytes.length);
    this.#pending.splice(0, this.#pending.length, ...header.pending);
    this.#configAddress = header.configAddress;
    this.video.fill(0);
    this.video.set(body.subarray(0, VIDEO_BYTES));
    this.serialIn.splice(0, this.serialIn.length, ...header.serial);
  }
  detach(): void {
    this.#mmio.clear();
    this.#ports.clear();
    this.#functions.clear();
    this.#protected.clear();
    for (const list of [
      this.#hooks,
      this.#endListeners,
      this.#serialListeners,
      this.#configListeners,
    ])
      list.length = 0;
    this.mapPorts(CONFIG_ADDRESS, 8, this.#configPorts());
  }

  /** RAM only: a script in progress cannot be saved. */
  saveState(): Uint8Array<ArrayBuffer> {
    if (this.#inSlice) throw new EngineError('BUSY', 'a state is saved between slices');
    return new Uint8Array(this.ram.bytes);
  }
  restoreState(state: Uint8Array<ArrayBuffer>): void {
    if (state.length !== this.ram.bytes.length) {
      throw new EngineError(
        'BAD_STATE',
        `${state.length} bytes of RAM, not ${this.ram.bytes.length}`,
      );
    }
    this.ram.bytes.set(state);
  }
}

function bytesAt(bytes: Uint8Array, at: number, size: AccessSize): number {
  let value = 0;
  for (let i = 0; i < size; i++) value |= (bytes[at + i] as number) << (i * 8);
  return value;
}

/** Bytes up to the last one that is not 0. */
function used(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}
