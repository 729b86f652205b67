import { Blitter } from '../blt/blitter.ts';
import type { Engine } from '../cs/engine.ts';
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
import { Gt } from '../gt/gt.ts';
import { pteAddress } from '../gtt/address-space.ts';
import { Ggtt } from '../gtt/ggtt.ts';
import { GT_IRQ, IRQ_IER, IRQ_IIR, IRQ_IMR } from '../irq/interrupt.regs.ts';
import { Interrupts } from '../irq/interrupts.ts';
import { ManualClock } from '../port/clock.ts';
import { MachineMemory } from '../port/memory.ts';
import { RegSpace } from '../reg/reg-space.ts';

const RING_PAGE: Readonly<Record<EngineId, number>> = { RCS: 16, VCS: 20, BCS: 24, VECS: 28 };
const RING_BYTES = 4096;

/**
 * A GT with 8 MiB of memory under an identity-mapped GGTT, one ring of 4 KiB per engine, status
 * pages behind the rings: the least a driver sets up. For tests.
 */
export class GtDriver {
  readonly clock: ManualClock = new ManualClock();
  readonly memory: MachineMemory = new MachineMemory();
  readonly words: Int32Array = new Int32Array((8 << 20) / 4);
  readonly regs: RegSpace = new RegSpace();
  readonly ggtt: Ggtt;
  readonly irq: Interrupts;
  readonly gt: Gt;
  wakes = 0;
  /** What MI_WAIT_FOR_EVENT sees. */
  eventPending = false;
  readonly flips: number[][] = [];

  constructor() {
    this.memory.addRegion(0, this.words);
    this.ggtt = new Ggtt(this.memory);
    for (let page = 0; page < this.words.length / 1024; page++) {
      this.ggtt.write(page, pteAddress(page) | 1);
    }
    this.irq = new Interrupts(this.regs);
    this.regs.add(this.irq.rows);
    this.gt = new Gt({
      regs: this.regs,
      memory: this.memory,
      ggtt: this.ggtt,
      irq: this.irq,
      clock: this.clock,
      blitter: new Blitter(this.memory),
      flips: {
        loadScanLines: (pipe, window) => this.regs.write32(0x70068 + pipe * 0x1000, window),
        displayFlip: (cmd, length) => {
          this.flips.push([...cmd.subarray(0, length)]);
          return true;
        },
        eventPending: () => this.eventPending,
      },
      wake: () => {
        this.wakes++;
      },
    });
    for (const id of Object.keys(RING_PAGE) as EngineId[]) {
      const base = RING_BASE[id];
      this.regs.write32(HWS_PGA[id], (RING_PAGE[id] + 1) << 12);
      this.regs.write32(base + RING_IMR, 0);
      this.regs.write32(base + RING_START, RING_PAGE[id] << 12);
      this.regs.write32(base + RING_CTL, RING_VALID);
    }
    this.regs.write32(GT_IRQ + IRQ_IMR, 0);
    this.regs.write32(GT_IRQ + IRQ_IER, -1);
  }

  engine(id: EngineId): Engine {
    return this.gt.engine(id);
  }

  statusPage(id: EngineId): number {
    return (RING_PAGE[id] + 1) << 12;
  }

  /** Puts commands into an engine's ring, padded to a qword, and rings the doorbell. */
  submit(id: EngineId, ...dwords: number[]): void {
    const base = RING_BASE[id];
    if (dwords.length % 2 === 1) dwords.push(0);
    let tail = this.regs.read32(base + RING_TAIL);
    for (const dword of dwords) {
      this.words[(RING_PAGE[id] << 10) + tail / 4] = dword;
      tail = (tail + 4) % RING_BYTES;
    }
    this.regs.write32(base + RING_TAIL, tail);
  }

  /** Places dwords at a graphics address. */
  poke(gma: number, ...dwords: number[]): void {
    this.words.set(dwords, gma / 4);
  }

  peek(gma: number): number {
    return this.words[gma / 4] as number;
  }

  /** Steps until nothing can go on. @returns whether every engine is idle */
  run(): boolean {
    for (let i = 0; i < 1000; i++) {
      const seen = this.wakes;
      if (!this.gt.step(1 << 20) && seen === this.wakes) break;
    }
    return this.gt.idle;
  }

  /** GTIIR, cleared as a driver does. */
  takeGtInterrupts(): number {
    const iir = this.regs.read32(GT_IRQ + IRQ_IIR);
    this.regs.write32(GT_IRQ + IRQ_IIR, iir);
    return iir;
  }
}
