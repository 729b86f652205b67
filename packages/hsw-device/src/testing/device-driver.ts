import type { HangReason } from '../cs/engine-contract.ts';
import { HaswellDevice } from '../device.ts';
import {
  type EngineId,
  HWS_PGA,
  RING_BASE,
  RING_CTL,
  RING_IMR,
  RING_START,
  RING_TAIL,
  RING_VALID,
} from '../gt/engine.regs.ts';
import { pteAddress } from '../gtt/address-space.ts';
import { DE_IRQ, DE_MASTER, GT_IRQ, IRQ_IER, IRQ_IMR } from '../irq/interrupt.regs.ts';
import { ManualClock } from '../port/clock.ts';
import { MachineMemory } from '../port/memory.ts';

export const DRIVER_BYTES: number = 8 << 20;
const RING_PAGE: Readonly<Record<EngineId, number>> = { RCS: 16, VCS: 20, BCS: 24, VECS: 28 };
const RING_BYTES = 4096;

/**
 * A whole device with 8 MiB of memory under an identity-mapped GGTT and a ring of 4 KiB per engine,
 * driven through BAR0 as a guest does. For tests.
 */
export class DeviceDriver {
  readonly clock: ManualClock = new ManualClock();
  readonly words: Int32Array;
  readonly device: HaswellDevice;

  /** @param words memory to work on; default fresh, with the GGTT and the rings set up */
  constructor(words?: Int32Array) {
    this.words = words ?? new Int32Array(DRIVER_BYTES / 4);
    const memory = new MachineMemory();
    memory.addRegion(0, this.words);
    this.device = new HaswellDevice({ memory, clock: this.clock });
    if (words === undefined) this.#setUp();
  }

  #setUp(): void {
    for (let page = 0; page < DRIVER_BYTES / 4096; page++) {
      this.device.ggtt.write(page, pteAddress(page) | 1);
    }
    for (const id of Object.keys(RING_PAGE) as EngineId[]) {
      this.write(HWS_PGA[id], (RING_PAGE[id] + 1) << 12);
      this.write(RING_BASE[id] + RING_IMR, 0);
      this.write(RING_BASE[id] + RING_START, RING_PAGE[id] << 12);
      this.write(RING_BASE[id] + RING_CTL, RING_VALID);
    }
    this.write(GT_IRQ + IRQ_IMR, 0);
    this.write(GT_IRQ + IRQ_IER, -1);
    this.write(DE_IRQ + IRQ_IER, DE_MASTER);
  }

  read(offset: number): number {
    return this.device.mmio.read(offset, 4);
  }

  write(offset: number, value: number): void {
    this.device.mmio.write(offset, 4, value);
  }

  /** Places dwords at a graphics address. */
  poke(gma: number, ...dwords: number[]): void {
    this.words.set(dwords, gma / 4);
  }

  ringStart(id: EngineId): number {
    return RING_PAGE[id] << 12;
  }

  /** Puts commands into an engine's ring, padded to a qword, and rings the doorbell. */
  submit(id: EngineId, ...dwords: number[]): void {
    if (dwords.length % 2 === 1) dwords.push(0);
    let tail = this.read(RING_BASE[id] + RING_TAIL);
    for (const dword of dwords) {
      this.words[(this.ringStart(id) + tail) / 4] = dword;
      tail = (tail + 4) % RING_BYTES;
    }
    this.write(RING_BASE[id] + RING_TAIL, tail);
  }

  /** Steps until nothing can go on. */
  run(): void {
    for (let i = 0; i < 1000 && this.device.step(1 << 20); i++);
  }

  hang(id: EngineId): HangReason | null {
    return this.device.gt.engine(id).hang;
  }
}
