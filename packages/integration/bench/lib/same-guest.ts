import type { Workload } from './guest-loads.ts';
import type { Machine } from './guest-machine.ts';
import { summary, threadNs } from './measure.ts';
import { SwitchedGpu } from './switched-gpu.ts';

/** Where v86 0.5.462 counts the instructions it executed, a dword of its WebAssembly memory. */
const INSTRUCTIONS_AT = 664;
const DEADLINE_MS = 300_000;
/** Windows that are thrown away first: what is compiled meanwhile is compiled for both ways. */
const WARMUP = 8;

/** Batches after which it is looked at the clock: what a program's end cuts off is at most so many. */
const PART = 250;

/** A stretch of one program's run with one way to the GPU. */
interface Window {
  readonly direct: boolean;
  /** Nanoseconds of the thread, and instructions of the guest, for each batch. */
  readonly ns: number;
  readonly instructions: number;
}

/** What both ways cost, in one guest. */
export interface SameGuest {
  /** Each window against the mean of those before and after it: direct by mediated. */
  readonly ratios: readonly number[];
  /** Medians for each batch: nanoseconds of the thread, and instructions of the guest. */
  readonly ns: { readonly direct: number; readonly mediated: number };
  readonly instructions: { readonly direct: number; readonly mediated: number };
}

/**
 * Runs programs in one guest whose GPU goes past the mediator and back every few thousand batches, while
 * they run. See {@link SwitchedGpu}.
 */
export class SameGuestMeter {
  readonly #machine: Machine;
  readonly #gpu: SwitchedGpu;
  readonly #instructions: Int32Array;
  #windows: Window[] = [];
  /** Batches of a window; 0 while nothing is measured. */
  #size = 0;
  /** What the window at hand has had so far. */
  #count = 0;
  #ns = 0;
  #executed = 0;
  /** Where its latest part ended; -1 before the program's first batch. */
  #atBatch = -1;
  #atNs = 0;
  #atInstruction = 0;
  /** Batches before the program at hand. */
  #before = 0;

  /** @param machine a mediated Domain-0 alone */
  constructor(machine: Machine) {
    const { host, domain } = machine;
    this.#machine = machine;
    this.#gpu = new SwitchedGpu(host, domain);
    const memory = domain.domain.engine.ram.words.buffer;
    this.#instructions = new Int32Array(memory, INSTRUCTIONS_AT, 1);
    host.loop.addStep(() => {
      if (this.#size !== 0) this.#look();
      return false;
    });
  }

  get #batches(): number {
    let n = 0;
    for (const engine of this.#machine.host.device.gt.engines) n += engine.counters.batches;
    return n;
  }

  #look(): void {
    const batches = this.#batches;
    if (this.#atBatch < 0) {
      if (batches !== this.#before) this.#mark(batches);
      return;
    }
    const more = batches - this.#atBatch;
    if (more < PART) return;
    const [ns, instruction] = [this.#atNs, this.#atInstruction];
    this.#mark(batches);
    this.#count += more;
    this.#ns += this.#atNs - ns;
    this.#executed += (this.#atInstruction - instruction) >>> 0;
    if (this.#count < this.#size || !this.#gpu.ready) return;
    this.#windows.push({
      direct: this.#gpu.mode === 'direct',
      ns: this.#ns / this.#count,
      instructions: this.#executed / this.#count,
    });
    this.#gpu.toggle();
    this.#reset();
    this.#mark(batches);
  }

  #mark(batches: number): void {
    this.#atBatch = batches;
    this.#atNs = threadNs();
    this.#atInstruction = this.#instructions[0] as number;
  }

  #reset(): void {
    this.#count = 0;
    this.#ns = 0;
    this.#executed = 0;
  }

  /**
   * @param size batches of a window
   * @param count windows that count
   */
  async measure({ command }: Workload, size: number, count: number): Promise<SameGuest> {
    const { domain } = this.#machine;
    this.#windows = [];
    domain.domain.resume();
    await domain.console.check(command, DEADLINE_MS);
    this.#size = size;
    this.#reset();
    while (this.#windows.length < count + WARMUP) {
      // A window goes on in the program's next run; what lies between two runs is none of it.
      this.#atBatch = -1;
      this.#before = this.#batches;
      await domain.console.check(command, DEADLINE_MS);
    }
    this.#size = 0;
    if (this.#gpu.mode === 'direct') await this.#back();
    domain.domain.pause();
    return compared(this.#windows.slice(WARMUP));
  }

  async #back(): Promise<void> {
    while (!this.#gpu.ready) await new Promise((done) => setImmediate(done));
    this.#gpu.toggle();
  }
}

function compared(windows: readonly Window[]): SameGuest {
  const ratios: number[] = [];
  for (let i = 1; i + 1 < windows.length; i++) {
    const [before, at, after] = windows.slice(i - 1, i + 2) as [Window, Window, Window];
    const others = (before.ns + after.ns) / 2;
    ratios.push(at.direct ? at.ns / others : others / at.ns);
  }
  const of = (what: 'ns' | 'instructions', direct: boolean): number =>
    summary(windows.filter((w) => w.direct === direct).map((w) => w[what])).median;
  return {
    ratios,
    ns: { direct: of('ns', true), mediated: of('ns', false) },
    instructions: { direct: of('instructions', true), mediated: of('instructions', false) },
  };
}
