import type { TrapTarget } from '@xengt/hsw-device';

/** How a guest ended by itself, or was ended by a fault of its virtual processor. */
export type EngineEnd = 'reboot' | 'power-off' | 'halt' | 'triple-fault' | 'crash';

/** The last thing an engine says: after it the guest does not run again. */
export interface EngineEvent {
  readonly kind: EngineEnd;
  /** One line for a person, e.g. `keyboard controller reset` or the processor's own message. */
  readonly reason: string;
}

/** Guest RAM from guest-physical 0 upwards, shared so that other threads can read it. */
export interface GuestRam {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** The same memory as little-endian dwords. */
  readonly words: Int32Array<SharedArrayBuffer>;
}

/** What an engine counts; plain integers, read at any time. */
export interface EngineCounters {
  /** Points at which an interrupt could be taken. */
  safePoints: number;
  /** Times a level interrupt line was raised and lowered in the guest's interrupt controller. */
  intxRaised: number;
  intxLowered: number;
  /** Interrupts asked for while the guest executed, delivered at the safe point after it. */
  deferred: number;
  msiSent: number;
  /** Messages that no processor of the guest could take: wrong address, mode or vector. */
  msiRefused: number;
  /** Times a halted guest was woken for an interrupt or for input. */
  wakeUps: number;
  /** Mappings refused because they cover RAM or something the engine itself serves. */
  mapsRefused: number;
  /** Accesses to configuration space where no function answers. */
  configStray: number;
  /** Input bytes thrown away because the guest did not read. */
  inputDropped: number;
  /** Time the guest was executed, microseconds. */
  ranUs: number;
}

/** All counters at 0. */
export function engineCounters(): EngineCounters {
  return {
    safePoints: 0,
    intxRaised: 0,
    intxLowered: 0,
    deferred: 0,
    msiSent: 0,
    msiRefused: 0,
    wakeUps: 0,
    mapsRefused: 0,
    configStray: 0,
    inputDropped: 0,
    ranUs: 0,
  };
}

/** Host's mistake in using an engine; never thrown for what a guest does. */
export class EngineError extends Error {
  readonly code: 'NO_SHARED_MEMORY' | 'BAD_IMAGE' | 'BAD_STATE' | 'BUSY';
  constructor(code: EngineError['code'], message: string) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
  }
}

/**
 * One guest's processor with its RAM and the rest of its machine.
 *
 * Rules, those of vfio-user, so that an engine may be on another thread or in another process:
 * register writes are posted and stay in order; reads are synchronous and come after the writes
 * before them; an interrupt is taken only at a safe point, never inside an access. Targets see
 * accesses of 1, 2 or 4 bytes; wider ones come as dwords, lowest address first.
 *
 * Calls marked "any time" may come from inside an access of this or of another guest.
 */
export interface VcpuEngine {
  /** `v86` or `scripted`. */
  readonly kind: string;
  readonly ram: GuestRam;
  /**
   * Video memory that the guest reaches at 0xe0000000 without a trap, and that is part of the
   * machine's state. Aligned to dwords.
   */
  readonly video: Uint8Array<SharedArrayBuffer>;
  readonly counters: Readonly<EngineCounters>;
  /** Whether the guest is being executed; false before {@link run}, while paused and after its end. */
  readonly running: boolean;
  /** Whether the processor translates addresses (CR0.PG): firmware does not, every kernel does. */
  readonly paging: boolean;
  /** Whether the processor waits for an interrupt (HLT). */
  readonly halted: boolean;
  /** How the guest ended; null while it has not. */
  readonly ended: EngineEvent | null;

  /**
   * Gives a range of guest-physical addresses to a target. Any time.
   *
   * @param gpa first byte, 0 to 2^32 - 1, a multiple of 16
   * @param bytes multiple of 16; the range ends at or below 4 GiB
   * @returns false when it covers RAM, another mapping or what the engine itself serves there
   */
  mapMmio(gpa: number, bytes: number, target: TrapTarget): boolean;
  /** Gives back whatever of the range was mapped: it behaves as before. Any time. */
  unmapMmio(gpa: number, bytes: number): void;
  /** Gives I/O ports to a target, which sees offsets from `port`. @returns false when refused */
  mapPorts(port: number, count: number, target: TrapTarget): boolean;
  /** Gives ports back; the range is one that was mapped as a whole. */
  unmapPorts(port: number, count: number): void;
  /**
   * Gives a function of bus 0 to a target, which answers its configuration space; null gives the
   * slot back to the engine's own machine.
   *
   * @param devfn device << 3 | function
   */
  setPciFunction(devfn: number, target: TrapTarget | null): void;
  /** Calls `listener` with every dword that the guest writes to port 0xcf8, once it is stored. */
  onConfigAddress(listener: (address: number) => void): void;

  /** The engine's own function in a slot, to read from or to build on; reads all ones if none. */
  pciFunction(devfn: number): TrapTarget;
  /**
   * Traps writes to one page of guest RAM; reads go on unhindered. null ends it.
   *
   * @returns false when the engine cannot: v86 executes RAM accesses without asking
   */
  protectPage(gfn: number, target: TrapTarget | null): boolean;
  /** Tells the processor that RAM was written from outside where it may hold code. */
  ramWritten(gpa: number, bytes: number): void;

  /**
   * Level of a function's interrupt pin. Any time; taken at the next safe point.
   *
   * @param pin 1 is INTA#, 4 is INTD#
   */
  setIntx(devfn: number, pin: number, level: boolean): void;
  /**
   * Sends a message-signalled interrupt. Any time; taken at the next safe point.
   *
   * @param address message address, low 32 bits @param data message data, 16 bits
   * @returns false when nothing in the guest answers to it
   */
  sendMsi(address: number, data: number): boolean;

  /** Calls `hook` at every safe point, before interrupts are delivered. It must be cheap. */
  onSafePoint(hook: () => void): void;
  /** Calls `listener` once, when the guest ends. Never from inside an access. */
  onEnd(listener: (event: EngineEvent) => void): void;
  /** Calls `listener` with every byte the guest writes to its first serial port. */
  onSerial(listener: (byte: number) => void): void;
  /** Bytes for the first serial port; taken at safe points as fast as the guest reads. Any time. */
  sendSerial(bytes: Uint8Array): void;
  /** Scan codes, set 1, for the keyboard. Any time. */
  sendScancodes(codes: Uint8Array): void;
  /**
   * Presses the power button, a fixed event of ACPI. Any time; taken at the next safe point.
   *
   * @returns false when the guest's system does not listen to it: nothing happens then
   */
  pressPower(): boolean;

  run(): void;
  /**
   * The guest stops within its current slice, at most about a millisecond, and its time with it. Any
   * time.
   */
  pause(): void;
  /** Makes a halted guest look for interrupts now. Any time. */
  wake(): void;
  /** Ends the guest from outside: from now on none of its accesses reaches a target. Any time. */
  stop(event: EngineEvent): void;
  /** Ends the guest and gives back what it holds of the host. Between slices only. */
  destroy(): void;

  /**
   * The guest's machine without its RAM: processor, controllers, timers with the guest's own time,
   * input on its way. Between slices only. @throws EngineError
   */
  saveMachine(): Uint8Array<ArrayBuffer>;
  /**
   * Takes a machine back, whose RAM is here already. The guest's time goes on where it stood.
   * @throws EngineError
   */
  restoreMachine(state: Uint8Array): void;
  /**
   * Whoever had the guest gives it to somebody else, RAM and all: nobody's targets, hooks or
   * interrupt levels are left. Paused, between slices only.
   */
  detach(): void;

  /** The whole guest as bytes, RAM included. Between slices only. @throws EngineError */
  saveState(): Uint8Array<ArrayBuffer>;
  /** Takes a state back into an engine made with the same machine. @throws EngineError */
  restoreState(state: Uint8Array<ArrayBuffer>): void;
}
