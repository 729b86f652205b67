import type { Clock } from '@xengt/hsw-device';
import type { AttributeTable } from '../attr/attribute-table.ts';
import { type ReservedMemory, RING_BYTES_MAX } from '../partition/reserved.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { CommandScanner, SCAN_LATER, SCAN_REFUSED } from './scanner.ts';
import type { VirtualEngine } from './virtual-engine.ts';

/**
 * Hands the new part of a loaded VM's ring to hardware: copied, checked, written to the shadow ring
 * at the same offsets, then TAIL. The guest's own ring is never executed.
 */
export class Submitter {
  readonly scanner: CommandScanner;
  /** Rings whose commands are not checked, a bit per engine; a debugging aid. Upstream: bypass_scan. */
  bypassScan = 0;
  readonly #clock: Clock;
  readonly #reserved: ReservedMemory;
  readonly #part = new Int32Array(RING_BYTES_MAX / 4);

  constructor(clock: Clock, attr: AttributeTable, reserved: ReservedMemory) {
    this.#clock = clock;
    this.#reserved = reserved;
    this.scanner = new CommandScanner(attr, reserved.words.length);
  }

  /** Submits what is pending in one ring. The VM is loaded and may run. */
  submit(vgpu: Vgpu, ring: VirtualEngine, resting: boolean): void {
    ring.retire(resting);
    const from = ring.copied;
    const bytes = ring.bytes;
    const count = ((ring.tail - from) & (bytes - 1)) >>> 2;
    if (count === 0) return;
    const place = this.#placeOf(ring, from, count);
    if (!this.#copyIn(vgpu, ring, from, count, place)) {
      vgpu.crash(`ring of engine ${ring.index} is not mapped`);
      return;
    }
    const scanner = this.scanner;
    const result = this.#scan(vgpu, ring, count, place);
    if (result === SCAN_REFUSED) {
      vgpu.crash(scanner.reason);
      return;
    }
    ring.stalled = result === SCAN_LATER;
    if (ring.stalled) vgpu.counters.stalls++;
    const done = scanner.stoppedAt;
    vgpu.counters.commands += scanner.commands;
    vgpu.counters.batchCommands += scanner.batchCommands;
    this.#countBatches(vgpu);
    ring.commands += scanner.commands;
    if (done === 0) {
      if (ring.stalled && resting && scanner.full) vgpu.crash('batches too large to be checked');
      return;
    }
    for (let i = 0; i < scanner.cutCount && (scanner.cuts[i] as number) <= done; i++) {
      ring.addCut((scanner.cuts[i] as number) * 4);
    }
    if (place < 0) this.#copyOut(ring, from, done);
    vgpu.counters.submissions++;
    this.#started(vgpu, ring);
    ring.submit((from + done * 4) & (bytes - 1));
  }

  #countBatches({ counters }: Vgpu): void {
    const { batches, dwords, largest } = this.scanner.copied;
    counters.batches += batches;
    counters.batchDwords += dwords;
    if (largest > counters.largestBatch) counters.largestBatch = largest;
  }

  /** How long the work waited. */
  #started({ sched }: Vgpu, ring: VirtualEngine): void {
    if (ring.waitingSince < 0) sched.latency.recordZero();
    else sched.latency.record(this.#clock.now - ring.waitingSince);
    ring.waitingSince = -1;
  }

  /** Looks after batches in flight that only a change of theirs ends. */
  followLoops(vgpu: Vgpu, ring: VirtualEngine, resting: boolean): void {
    ring.retire(resting);
    if (ring.arena.loops.count === 0) return;
    vgpu.counters.loopChanges += this.scanner.followLoops(vgpu, ring.index, ring.arena);
  }

  /**
   * Where new commands go in the shadow ring, an index in the mediator's memory: they may be checked
   * there, since hardware fetches nothing beyond its TAIL. -1 where they go round the ring's end, or
   * lie over what hardware has not fetched, as those of a driver that outruns its own HEAD.
   */
  #placeOf(ring: VirtualEngine, from: number, count: number): number {
    const bytes = count * 4;
    if (from + bytes > ring.bytes || bytes > ring.bytes - ring.inFlight) return -1;
    return this.#reserved.index(ring.shadowRing) + (from >>> 2);
  }

  #scan(vgpu: Vgpu, ring: VirtualEngine, count: number, place: number): number {
    const scanner = this.scanner;
    if ((this.bypassScan & (1 << ring.index)) !== 0) {
      vgpu.ggtt.install();
      return scanner.accept(count);
    }
    return place < 0
      ? scanner.scanRing(vgpu, ring.index, ring.arena, this.#part, 0, count)
      : scanner.scanRing(vgpu, ring.index, ring.arena, this.#reserved.words, place, count);
  }

  /** Copies a part of the guest's ring, which may wrap, into one linear piece: see {@link #placeOf}. */
  #copyIn(vgpu: Vgpu, ring: VirtualEngine, from: number, count: number, place: number): boolean {
    const to = place < 0 ? this.#part : this.#reserved.words;
    const first = Math.max(place, 0);
    const { space } = vgpu.ggtt;
    const start = ring.reg(0x38);
    const mask = ring.bytes - 1;
    let i = 0;
    while (i < count) {
      const offset = (from + i * 4) & mask;
      const gma = start + offset;
      const end = Math.min(count, i + ((0x1000 - (offset & 0xfff)) >>> 2));
      if (!vgpu.owns(gma, 4)) return false;
      const region = space.region(gma >>> 12);
      if (region === 0) return false;
      const words = space.memory.words[region] as Int32Array;
      let at = space.word(gma >>> 12) + ((offset & 0xfff) >>> 2);
      while (i < end) to[first + i++] = words[at++] as number;
    }
    return true;
  }

  #copyOut(ring: VirtualEngine, from: number, count: number): void {
    const words = this.#reserved.words;
    const first = this.#reserved.index(ring.shadowRing);
    const mask = (ring.bytes >>> 2) - 1;
    let at = from >>> 2;
    for (let i = 0; i < count; i++) {
      words[first + at] = this.#part[i] as number;
      at = (at + 1) & mask;
    }
  }
}
