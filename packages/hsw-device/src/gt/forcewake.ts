import type { RegSpace } from '../reg/reg-space.ts';
import type { RegBlock, RegRow } from '../reg/row.ts';

/** Wake requests: one bit a requester, and the older form with one requester in all. */
export const FORCEWAKE_MT = 0xa188;
export const FORCEWAKE = 0xa18c;
export const FORCEWAKE_ACK_HSW = 0x130044;
const FORCEWAKE_ACK = 0x130090;
const ECOBUS = 0xa180;
/** ECOBUS 5: several requesters. i915: `FORCEWAKE_MT_ENABLE`. */
const FORCEWAKE_MT_ENABLE = 0x20;

const SRC = 'HSW PRM vol.2c FORCEWAKE; i915 intel_uncore.c fw_domain_get, gt/intel_gt_regs.h';

/**
 * Requests that keep the GT's power well on. An acknowledge follows its request at once: a driver
 * polls for it and cannot tell.
 */
export class Forcewake implements RegBlock {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;

  /** @param changed called when a request came or went */
  constructor(regs: RegSpace, changed: () => void) {
    this.#regs = regs;
    const acknowledge = (ack: number, value: number): void => {
      regs.poke(ack, value);
      changed();
    };
    // Without several requesters the register of several only remembers.
    const several = (): boolean => (regs.peek(ECOBUS) & FORCEWAKE_MT_ENABLE) !== 0;
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'ECOBUS', offset: ECOBUS, reset: FORCEWAKE_MT_ENABLE, src: SRC },
      { name: 'FORCEWAKE_MT', offset: FORCEWAKE_MT, masked: true, rw: 0xffff, onWrite: (_, v) => { if (several()) acknowledge(FORCEWAKE_ACK_HSW, v); }, src: SRC },
      { name: 'FORCEWAKE', offset: FORCEWAKE, rw: 1, onWrite: (_, v) => acknowledge(FORCEWAKE_ACK, v), src: SRC },
      { name: 'FORCEWAKE_ACK_HSW', offset: FORCEWAKE_ACK_HSW, rw: 0, src: SRC },
      { name: 'FORCEWAKE_ACK', offset: FORCEWAKE_ACK, rw: 0, src: SRC },
    ];
  }

  /** Whether anybody keeps the GT awake. */
  get held(): boolean {
    const regs = this.#regs;
    return (regs.peek(FORCEWAKE_ACK_HSW) | regs.peek(FORCEWAKE_ACK)) !== 0;
  }
}
