import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';
import type { Ggtt } from './ggtt.ts';
import { FAULT_INVALID_PTE, type Ppgtt } from './ppgtt.ts';

/** First fault of each engine, 0x100 apart in the order of ENGINE_IDS. i915: `RING_FAULT_REG`. */
export const RING_FAULT = 0x4094;
// RING_FAULT, HSW:  31:12 graphics address | 11 GGTT, not PPGTT | 10:3 source | 2:1 FAULT_* | 0 valid
export const RING_FAULT_VALID = 1;
export const RING_FAULT_GGTT = 0x800;
/** What kinds of fault there were. Bits 0, 2 and 8: invalid PTE, invalid PDE, unloaded PDE. */
export const ERROR_GEN6 = 0x40a0;
const ERROR_BITS = [1 << 0, 1 << 2, 1 << 8] as const;
/** Bit 0 drops every cached translation. i915: `gen6_ggtt_invalidate`. */
export const GFX_FLSH_CNTL = 0x101008;

/**
 * "Page fault" bits in GTIIR, by engine: seven above each engine's user interrupt. PRM vol.2c "GT
 * Interrupt Bit Definition": raised by PPGTT faults. No bit is documented for VECS.
 */
export const GT_PAGE_FAULT: readonly number[] = [1 << 7, 1 << 19, 1 << 29, 0];

/** An engine as the arbiter sees it. */
export interface GamClient {
  readonly ppgtt: Ppgtt;
  interrupt(bit: number): void;
}

/**
 * The graphics arbiter of memory: which accesses found no translation, and when cached translations
 * are dropped. PRM vol.2c "GAM registers", vol.5 "Memory interface"; i915 `gen6_check_faults`,
 * `intel_gt_clear_error_registers`.
 *
 * An access that faults reads 0 or is dropped, and its engine goes on (GAB_CTL 8). The first fault of
 * an engine stays until its valid bit is cleared.
 */
export class Gam implements RegBlock {
  readonly rows: readonly RegRow[];
  /** Engine that executes now, by place in ENGINE_IDS; -1 while only the CPU and the display may. */
  client = -1;
  readonly counters = {
    /** Engines' accesses that found no entry, through the GGTT and the PPGTT. */
    ggttFaults: 0,
    ppgttFaults: 0,
    /** Times GFX_FLSH_CNTL dropped the translations. */
    flushes: 0,
  };
  readonly #regs: RegSpace;
  readonly #clients: readonly GamClient[];

  /** @param clients the engines in the order of ENGINE_IDS */
  constructor(regs: RegSpace, ggtt: Ggtt, clients: readonly GamClient[]) {
    this.#regs = regs;
    this.#clients = clients;
    const src = 'HSW PRM vol.2c GAM; i915 gt/intel_gt_regs.h';
    const flush = (offset: number, value: number): void => {
      regs.poke(offset, 0);
      if ((value & 1) === 0) return;
      this.counters.flushes++;
      ggtt.space.invalidate();
      for (const { ppgtt } of clients) ppgtt.space.invalidate();
    };
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'GAB_CTL', offset: 0x24000, src },
      { name: 'GFX_FLSH_CNTL_GEN6', offset: GFX_FLSH_CNTL, rw: 1, onWrite: flush, src },
    ];
    ggtt.space.onInvalid = (gma): void => {
      if (this.client >= 0) this.#record(this.client, RING_FAULT_GGTT, gma, FAULT_INVALID_PTE);
    };
    clients.forEach(({ ppgtt }, i) => {
      ppgtt.space.onInvalid = (gma): void => this.#record(i, 0, gma, ppgtt.faultKind);
    });
  }

  #record(client: number, ggtt: number, gma: number, kind: number): void {
    const regs = this.#regs;
    if (ggtt !== 0) this.counters.ggttFaults++;
    else this.counters.ppgttFaults++;
    regs.poke(ERROR_GEN6, regs.peek(ERROR_GEN6) | (ERROR_BITS[kind] as number));
    const register = RING_FAULT + client * 0x100;
    if ((regs.peek(register) & RING_FAULT_VALID) !== 0) return;
    // The unit that asked is not modelled: source 0.
    regs.poke(register, (gma & ~0xfff) | ggtt | (kind << 1) | RING_FAULT_VALID);
    const bit = GT_PAGE_FAULT[client] as number;
    if (ggtt === 0 && bit !== 0) (this.#clients[client] as GamClient).interrupt(bit);
  }
}
