import type { TrapTarget } from '@xengt/hsw-device';
import { V86 } from 'v86';
import {
  type EngineCounters,
  EngineError,
  type EngineEvent,
  engineCounters,
  type GuestRam,
  type VcpuEngine,
} from '../../port/engine.ts';
import type { TimeSource, WaitSource } from '../../steady-time.ts';
import { packMachine, unpackMachine } from '../machine-state.ts';
import { ConfigAddress } from './config-address.ts';
import { CACHE_LINE_FLUSH, CLFLUSH_AS_SFENCE, PAGE_ATTRIBUTE_TABLE } from './cpu-identity.ts';
import { INTERRUPTS_AT_SAFE_POINTS } from './deferred-irqs.ts';
import { GuestTime } from './guest-time.ts';
import { InputQueue } from './input.ts';
import {
  FLAG_IF,
  JIT_TABLE_OFFSET,
  SLICE_INSTRUCTIONS,
  STATE_CR0,
  STATE_FLAGS,
  STATE_IDTR_SIZE,
  STATE_IN_HLT,
  STATE_INSTRUCTIONS,
  type V86Cpu,
  type V86Env,
  type V86Loop,
  type V86Machine,
  type V86Pci,
  type WasmApi,
} from './internals.ts';
import { IntxLines } from './intx.ts';
import { IrqChips } from './irq-chips.ts';
import { MmioMap } from './mmio-map.ts';
import type { V86Options } from './options.ts';
import { PciBus } from './pci-bus.ts';
import { installPlatform, pressPowerButton } from './platform.ts';
import { PortMap } from './port-map.ts';
import { VGA_DEVFN, VgaFunction } from './vga-function.ts';
import { editAll, exportAs, shareJitMemory, shareMainMemory, WASM_PAGE } from './wasm-patch.ts';

declare const WebAssembly: WasmApi;

const MIB: number = 1 << 20;
const PAGE_BYTES = 4096;
const US_PER_MS = 1000;
/** Wasm memory beside guest RAM: v86's own state, VGA memory, JIT buffers, a state being restored. */
const SPARE_BYTES: number = 256 * MIB;
const CPU_EDITS = [...PAGE_ATTRIBUTE_TABLE, ...CACHE_LINE_FLUSH, ...INTERRUPTS_AT_SAFE_POINTS];
/** SeaBIOS runs every ROM of this directory as a video BIOS that belongs to no PCI function. */
const VGA_ROM_FILE = 'vgaroms/vgabios.bin';
/** Where v86's panic message is kept short. */
const REASON_LENGTH = 200;

/**
 * Makes a guest machine out of v86: a PC with PIIX3/4, one processor, serial port and video memory.
 *
 * @throws EngineError when shared memory is missing or an image is not what it should be
 */
export async function createV86Engine(options: V86Options): Promise<VcpuEngine> {
  if (typeof SharedArrayBuffer === 'undefined') {
    throw new EngineError(
      'NO_SHARED_MEMORY',
      'no SharedArrayBuffer here: a page must be cross-origin isolated to run guests',
    );
  }
  const maxPages = Math.min(65536, (options.memoryMib * MIB + SPARE_BYTES) / WASM_PAGE);
  const shared = shareMainMemory(options.wasm, maxPages);
  const edited = shared === null ? null : editAll(shared, CPU_EDITS);
  const wasm = edited === null ? null : exportAs(edited, ...CLFLUSH_AS_SFENCE);
  if (wasm === null) throw new EngineError('BAD_IMAGE', 'v86.wasm is not a module of v86 0.5.462');
  const panic = { text: '' };
  const { machine, time } = await startMachine(options, wasm, panic);
  return new V86Engine({ machine, options, maxPages, panic, time });
}

function startMachine(
  options: V86Options,
  wasm: Uint8Array<ArrayBuffer>,
  panic: { text: string },
): Promise<{ machine: V86Machine; time: GuestTime }> {
  return new Promise((resolve, reject) => {
    let guestTime: GuestTime;
    const image = (bytes: Uint8Array) => ({ buffer: bytes.slice().buffer });
    const settings: Record<string, unknown> = {
      wasm_fn: (imports: { env: V86Env }) =>
        new Promise((loaded) => {
          let memory: { readonly buffer: ArrayBufferLike } | null = null;
          const { time } = options;
          guestTime = new GuestTime(time === undefined ? imports.env.microtick : () => time.now());
          imports.env.microtick = guestTime.now;
          imports.env.console_log_from_wasm = (at, length): void => {
            if (memory === null) return;
            const bytes = new Uint8Array(
              memory.buffer,
              at >>> 0,
              Math.min(length >>> 0, REASON_LENGTH),
            );
            panic.text = String.fromCharCode(...bytes);
          };
          WebAssembly.instantiate(wasm, { env: imports.env }).then(
            ({ instance }) => {
              memory = instance.exports['memory'] as { readonly buffer: ArrayBufferLike };
              loaded(instance.exports);
            },
            (error: unknown) =>
              reject(new EngineError('BAD_IMAGE', `v86.wasm does not load: ${String(error)}`)),
          );
        }),
      bios: image(options.bios),
      memory_size: options.memoryMib * MIB,
      vga_memory_size: (options.vgaMemoryMib ?? 8) * MIB,
      acpi: options.acpi ?? true,
      autostart: false,
      disable_speaker: true,
      disable_keyboard: true,
      disable_mouse: true,
      net_device: { type: 'none' },
      ...options.extra,
    };
    if (options.kernel !== undefined) {
      settings['bzimage'] = image(options.kernel);
      settings['cmdline'] = options.cmdline ?? '';
    }
    if (options.initrd !== undefined) settings['initrd'] = image(options.initrd);
    const machine = new V86(settings as never) as unknown as V86Machine;
    machine.add_listener('emulator-loaded', () => {
      const { vgaBios } = options;
      forgetTimer(machine.v86.cpu);
      if (vgaBios !== undefined) {
        machine.v86.cpu.option_roms.push({ name: VGA_ROM_FILE, data: vgaBios });
      }
      resolve({ machine, time: guestTime });
    });
  });
}

/** A machine's state without RAM: what goes before v86's own. */
interface V86Header {
  readonly kind: string;
  readonly version: 1;
  readonly memoryBytes: number;
  /** The guest's time, milliseconds. */
  readonly timeMs: number;
  readonly serial: readonly number[];
  readonly keys: readonly number[];
}

/** What v86 packs instead of RAM. */
const NO_MEMORY = {
  bitmap: { get_buffer: () => new ArrayBuffer(0) },
  packed_memory: new Uint8Array(0),
};

class V86Engine implements VcpuEngine {
  readonly kind = 'v86';
  readonly ram: GuestRam;
  readonly video: Uint8Array<SharedArrayBuffer>;
  readonly #counters: EngineCounters = engineCounters();
  readonly #machine: V86Machine;
  readonly #time: TimeSource | null;
  readonly #waits: WaitSource | null;
  readonly #loop: V86Loop;
  readonly #cpu: V86Cpu;
  readonly #panic: { text: string };
  readonly #mmio: MmioMap;
  readonly #ports: PortMap;
  readonly #configAddress: ConfigAddress;
  readonly #pci: PciBus;
  readonly #chips: IrqChips;
  readonly #intx: IntxLines;
  readonly #serialIn = new InputQueue();
  readonly #keysIn = new InputQueue();
  /** Ports mapped by others, not by the platform: first port to count. */
  readonly #portRanges = new Map<number, number>();
  readonly #hooks: (() => void)[] = [];
  readonly #endListeners: ((event: EngineEvent) => void)[] = [];
  readonly #serialListeners: ((byte: number) => void)[] = [];
  readonly #guestTime: GuestTime;
  readonly #vga: VgaFunction;
  readonly #halted: Uint8Array;
  readonly #eflags: Int32Array;
  readonly #idtLimit: Int32Array;
  readonly #cr0: Int32Array;
  readonly #instructions: Int32Array;
  #inSlice = false;
  #woken = false;
  /** How long the halted processor means to sleep, ms: that passes in full, whoever looked meanwhile. */
  #sleepMs = 0;
  #wantRun = false;
  #ranMs = 0;
  /** Set inside a slice; the guest ends when the slice does. */
  #ending: EngineEvent | null = null;
  #ended: EngineEvent | null = null;

  constructor(o: {
    machine: V86Machine;
    options: V86Options;
    maxPages: number;
    panic: { text: string };
    time: GuestTime;
  }) {
    const { machine, options, maxPages } = o;
    this.#machine = machine;
    this.#loop = machine.v86;
    this.#time = options.time ?? null;
    this.#waits = options.waits ?? null;
    this.#guestTime = o.time;
    this.#cpu = machine.v86.cpu;
    this.#panic = o.panic;
    const cpu = this.#cpu;
    const memory = cpu.wasm_memory.buffer as SharedArrayBuffer;
    const at = cpu.mem8.byteOffset;
    const size = cpu.memory_size[0] as number;
    this.ram = {
      bytes: new Uint8Array(memory, at, size),
      words: new Int32Array(memory, at, size >>> 2),
    };
    const { svga_memory, vga_memory_size } = cpu.devices.vga;
    this.video = new Uint8Array(memory, svga_memory.byteOffset, vga_memory_size);
    this.#halted = new Uint8Array(memory, STATE_IN_HLT, 1);
    this.#eflags = new Int32Array(memory, STATE_FLAGS, 1);
    this.#idtLimit = new Int32Array(memory, STATE_IDTR_SIZE, 1);
    this.#cr0 = new Int32Array(memory, STATE_CR0, 1);
    this.#instructions = new Int32Array(memory, STATE_INSTRUCTIONS, 1);
    this.#mmio = new MmioMap(cpu);
    this.#ports = new PortMap(cpu);
    this.#configAddress = new ConfigAddress(this.#ports);
    this.#pci = new PciBus(cpu, this.#ports);
    this.#chips = new IrqChips(cpu);
    this.#intx = new IntxLines(this.#chips, this.#counters);
    this.#vga = new VgaFunction(this.#pci.own(VGA_DEVFN), () => this.paging);
    this.#pci.set(VGA_DEVFN, this.#vga);
    const serial = (byte: number): void => {
      for (const listener of this.#serialListeners) listener(byte);
    };
    machine.add_listener('serial0-output-byte', serial as (value: never) => void);
    installPlatform(cpu, this.#ports, (event) => this.#endSoon(event));
    this.#installJit(maxPages);
    this.#installLoop();
  }

  /** The JIT's modules import the memory as plain; only they are rewritten. */
  #installJit(maxPages: number): void {
    const cpu = this.#cpu;
    cpu.codegen_finalize = (index, start, flags, at, length): void => {
      // The memory grows; earlier views stay valid but do not see the new pages.
      const buffer = cpu.wasm_memory.buffer;
      const code = shareJitMemory(new Uint8Array(buffer, at >>> 0, length >>> 0), maxPages);
      if (code === null) {
        this.#endSoon({
          kind: 'crash',
          reason: 'v86 made a module that does not import its memory',
        });
        return;
      }
      WebAssembly.instantiate(code, { e: cpu.jit_imports }).then(
        ({ instance }) => {
          if (this.#ended !== null) return;
          cpu.wm.wasm_table.set(index + JIT_TABLE_OFFSET, instance.exports['f']);
          cpu.codegen_finalize_finished(index, start, flags);
        },
        (error: unknown) => this.#end({ kind: 'crash', reason: `v86 JIT: ${String(error)}` }),
      );
    };
  }

  #installLoop(): void {
    const cpu = this.#cpu;
    const loop = this.#loop;
    const timers = cpu.run_hardware_timers;
    // v86 calls this between runs of about 100,000 instructions and before a halted processor
    // sleeps; it looks for interrupts right after.
    cpu.run_hardware_timers = (acpi, now): number => {
      const wait = timers.call(cpu, acpi, now);
      this.#safePoint();
      return wait;
    };
    loop.do_tick = (): void => this.#slice();
    const waits = this.#waits;
    if (waits === null) return;
    loop.yield = (ms, tick): void => {
      const go = (): void => loop.yield_callback(tick);
      if (ms < 1) waits.soon(go);
      else waits.after(ms, go);
    };
  }

  #slice(): void {
    const loop = this.#loop;
    this.#woken = false;
    if (this.#sleepMs > 0) {
      this.#time?.waited(this.#sleepMs);
      this.#sleepMs = 0;
    }
    if (!this.#wantRun || this.#ended !== null) {
      loop.running = false;
      return;
    }
    this.#useTime();
    loop.idle = false;
    let wait = 0;
    const began = this.#guestTime.now();
    this.#inSlice = true;
    try {
      wait = this.#cpu.main_loop();
    } catch (error) {
      this.#ending ??= this.#fault(error);
    }
    this.#inSlice = false;
    this.#ranMs += this.#guestTime.now() - began;
    if (this.#ending === null && this.#halted[0] !== 0 && !this.#interruptible()) {
      this.#ending = { kind: 'halt', reason: 'halted with interrupts off' };
    }
    if (this.#ending !== null) this.#end(this.#ending);
    // Timers count whole milliseconds: cut off, a halted guest would spin through the last one.
    else if (this.#wantRun) this.#again(wait);
    else {
      loop.running = false;
      this.#guestTime.stop();
    }
  }

  /** v86's devices in JavaScript read one clock for all machines: it is this one's from now on. */
  #useTime(): void {
    this.#loop.constructor.microtick = this.#guestTime.now;
  }

  /** @param wait milliseconds until the processor has something to do */
  #again(wait: number): void {
    const ms = wait < 1 ? wait : Math.ceil(wait);
    this.#sleepMs = wait < 1 ? 0 : ms;
    this.#loop.next_tick(ms);
  }

  #interruptible(): boolean {
    return ((this.#eflags[0] as number) & FLAG_IF) !== 0;
  }

  /** What a fault of the processor, or of a target, means. v86 has no double fault: it panics. */
  #fault(error: unknown): EngineEvent {
    const text = this.#panic.text;
    if (text !== '' && this.#idtLimit[0] === 0)
      return { kind: 'triple-fault', reason: 'triple fault' };
    const message = text !== '' ? text : error instanceof Error ? error.message : String(error);
    return { kind: 'crash', reason: `virtual processor: ${message}` };
  }

  #safePoint(): void {
    const counters = this.#counters;
    counters.safePoints++;
    for (const hook of this.#hooks) hook();
    if (!this.#serialIn.empty) {
      const held = this.#cpu.devices.uart0.input.length;
      this.#serialIn.feed(held, (byte) => this.#machine.bus.send('serial0-input', byte));
    }
    if (!this.#keysIn.empty) {
      this.#keysIn.feed(0, (code) => this.#machine.bus.send('keyboard-code', code));
    }
    if (this.#intx.pending) this.#intx.apply();
  }

  /** Takes every target of ours out of the guest's reach. */
  #isolate(): void {
    this.#mmio.clear();
    this.#pci.clear();
    for (const [port, count] of this.#portRanges) this.#ports.unmap(port, count);
    this.#portRanges.clear();
  }

  #endSoon(event: EngineEvent): void {
    if (this.#inSlice) this.#ending ??= event;
    else this.#end(event);
  }

  #end(event: EngineEvent): void {
    if (this.#ended !== null) return;
    this.#ended = event;
    this.#wantRun = false;
    this.#loop.running = false;
    this.#isolate();
    for (const listener of this.#endListeners) listener(event);
  }

  get counters(): Readonly<EngineCounters> {
    this.#counters.configStray = this.#pci.stray;
    this.#counters.inputDropped = this.#serialIn.dropped + this.#keysIn.dropped;
    this.#counters.ranUs = Math.round(this.#ranMs * US_PER_MS);
    return this.#counters;
  }

  get running(): boolean {
    return this.#wantRun && this.#ended === null;
  }

  get halted(): boolean {
    return this.#halted[0] !== 0;
  }

  get ended(): EngineEvent | null {
    return this.#ended;
  }

  get paging(): boolean {
    return (this.#cr0[0] as number) < 0;
  }

  mapMmio(gpa: number, bytes: number, target: TrapTarget): boolean {
    const done = this.#ended === null && this.#mmio.map(gpa, bytes, target);
    if (!done) this.#counters.mapsRefused++;
    return done;
  }

  unmapMmio(gpa: number, bytes: number): void {
    this.#mmio.unmap(gpa, bytes);
  }

  mapPorts(port: number, count: number, target: TrapTarget): boolean {
    const done = this.#ended === null && this.#ports.map(port, count, target);
    if (done) this.#portRanges.set(port, count);
    else this.#counters.mapsRefused++;
    return done;
  }

  unmapPorts(port: number, count: number): void {
    if (this.#portRanges.get(port) !== count) return;
    this.#portRanges.delete(port);
    this.#ports.unmap(port, count);
  }

  setPciFunction(devfn: number, target: TrapTarget | null): void {
    this.#pci.set(devfn, target);
  }

  onConfigAddress(listener: (address: number) => void): void {
    this.#configAddress.listeners.push(listener);
  }

  pciFunction(devfn: number): TrapTarget {
    return this.#pci.own(devfn);
  }

  protectPage(): boolean {
    return false;
  }

  ramWritten(gpa: number, bytes: number): void {
    this.#cpu.jit_dirty_cache(gpa, gpa + bytes);
  }

  setIntx(devfn: number, pin: number, level: boolean): void {
    if (this.#intx.set(devfn, pin, level)) this.#deliver();
  }

  sendMsi(address: number, data: number): boolean {
    if (!this.#chips.message(address, data)) {
      this.#counters.msiRefused++;
      return false;
    }
    this.#counters.msiSent++;
    this.#deliver();
    return true;
  }

  #deliver(): void {
    if (!this.#inSlice) {
      this.wake();
      return;
    }
    this.#counters.deferred++;
    // As if it had executed its share: the safe point comes after the code that runs now.
    this.#instructions[0] = ((this.#instructions[0] as number) + SLICE_INSTRUCTIONS) | 0;
  }

  wake(): void {
    if (this.#inSlice || this.#woken || !this.running || this.#halted[0] === 0) return;
    this.#woken = true;
    this.#counters.wakeUps++;
    this.#loop.next_tick(0);
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
    this.#serialIn.push(bytes);
    this.wake();
  }

  sendScancodes(codes: Uint8Array): void {
    this.#keysIn.push(codes);
    this.wake();
  }

  pressPower(): boolean {
    const { acpi } = this.#cpu.devices;
    if (acpi === undefined || !pressPowerButton(acpi)) return false;
    this.wake();
    return true;
  }

  run(): void {
    if (this.running || this.#ended !== null) return;
    this.#wantRun = true;
    this.#guestTime.go();
    this.#loop.stopping = false;
    this.#loop.running = true;
    if (!this.#inSlice) this.#loop.next_tick(0);
  }

  pause(): void {
    if (!this.#wantRun) return;
    this.#wantRun = false;
    if (!this.#inSlice) this.#guestTime.stop();
  }

  stop(event: EngineEvent): void {
    this.#isolate();
    this.#endSoon(event);
  }

  destroy(): void {
    this.#end({ kind: 'power-off', reason: 'destroyed' });
    this.#loop.destroy();
  }

  detach(): void {
    if (this.#inSlice) throw new EngineError('BUSY', 'a guest is given away between slices');
    this.#isolate();
    this.#intx.release();
    this.#pci.set(VGA_DEVFN, this.#vga);
    for (const list of [
      this.#hooks,
      this.#endListeners,
      this.#serialListeners,
      this.#configAddress.listeners,
    ])
      list.length = 0;
  }

  saveMachine(): Uint8Array<ArrayBuffer> {
    const cpu = this.#cpu;
    cpu.pack_memory = () => NO_MEMORY;
    try {
      const header: V86Header = {
        kind: this.kind,
        version: 1,
        memoryBytes: this.ram.bytes.length,
        timeMs: this.#guestTime.now(),
        serial: this.#serialIn.waiting,
        keys: this.#keysIn.waiting,
      };
      return packMachine(header, this.saveState());
    } finally {
      delete cpu.pack_memory;
    }
  }

  restoreMachine(state: Uint8Array): void {
    const { header, body } = unpackMachine<V86Header>(state, this.kind, this.ram.bytes.length);
    const cpu = this.#cpu;
    this.#guestTime.set(header.timeMs);
    cpu.unpack_memory = () => {};
    try {
      this.#putState(Uint8Array.from(body));
    } finally {
      delete cpu.unpack_memory;
    }
    this.#serialIn.push(Uint8Array.from(header.serial));
    this.#keysIn.push(Uint8Array.from(header.keys));
  }

  saveState(): Uint8Array<ArrayBuffer> {
    if (this.#inSlice) throw new EngineError('BUSY', 'a state is saved between slices');
    this.#useTime();
    return new Uint8Array(this.#loop.save_state());
  }

  restoreState(state: Uint8Array<ArrayBuffer>): void {
    this.#putState(state.slice());
  }

  /** @param state a copy that v86 may keep parts of */
  #putState(state: Uint8Array<ArrayBuffer>): void {
    if (this.#inSlice) throw new EngineError('BUSY', 'a state is restored between slices');
    this.#useTime();
    const filled = fillBars(this.#cpu.devices.pci);
    const all = clearOnlyWritten(this.#cpu);
    try {
      this.#loop.restore_state(state.buffer);
    } catch (error) {
      throw new EngineError('BAD_STATE', `not a state of this machine: ${String(error)}`);
    } finally {
      this.#cpu.zero_memory = all;
      for (const { bars, index } of filled) bars[index] = undefined;
    }
    forgetTimer(this.#cpu);
  }
}

/**
 * v86's ACPI timer keeps to the largest value it had. That was another clock's: the process's while
 * the machine was made, or another guest's. Behind it, the guest's timer would stand still.
 */
function forgetTimer(cpu: V86Cpu): void {
  if (cpu.devices.acpi !== undefined) cpu.devices.acpi.timer_last_value = 0;
}

/**
 * v86 clears all of a guest's RAM before it puts a state's pages there: memory that the host would
 * then have to give to every guest. Pages that are clear already are only looked at.
 *
 * @returns what it did before
 */
function clearOnlyWritten(cpu: V86Cpu): V86Cpu['zero_memory'] {
  const zero = cpu.zero_memory;
  cpu.zero_memory = (at, bytes): void => {
    for (let page = at; page < at + bytes; page += PAGE_BYTES) {
      if (!cpu.is_memory_zeroed(page, PAGE_BYTES)) zero.call(cpu, page, PAGE_BYTES);
    }
  };
  return zero;
}

/**
 * v86 fails to restore a function whose I/O BAR it has no description of, as its IDE's legacy ones
 * when no firmware has cleared them. Empty descriptions stand in while a state is taken back.
 */
function fillBars(pci: V86Pci): { bars: (object | undefined)[]; index: number }[] {
  const filled: { bars: (object | undefined)[]; index: number }[] = [];
  for (const device of pci.devices) {
    const bars = device?.pci_bars ?? [];
    for (let index = 0; index < bars.length; index++) {
      if (bars[index] !== undefined) continue;
      bars[index] = { size: 0, original_bar: 0, entries: [] };
      filled.push({ bars, index });
    }
  }
  return filled;
}
