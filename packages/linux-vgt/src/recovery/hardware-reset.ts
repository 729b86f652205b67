import { clearedByReset, ENGINE_IDS, engineRegs, type HaswellDevice } from '@xengt/hsw-device';
import { DOM0 } from '../attr/attribute.ts';
import type { AttributeTable } from '../attr/attribute-table.ts';

const R = engineRegs;
const GDRST = 0x941c;
/** GDRST 0: the whole GT. i915 `GEN6_GRDOM_FULL`. */
const GRDOM_FULL = 0x1;
/** Reads of GDRST until a reset must be over. i915 waits 500 us. */
const POLLS = 64;
const RCS_BIT = 1;
const MASK_ALL = 0xffff0000 | 0;

/**
 * Resets of hardware by GDRST. What a reset clears of dom0's own registers is written again: dom0
 * did not ask for the reset, and would not know.
 */
export class HardwareReset {
  readonly #device: HaswellDevice;
  readonly #withRender: Int32Array;
  readonly #withAll: Int32Array;
  readonly #kept: Int32Array;

  constructor(device: HaswellDevice, attr: AttributeTable) {
    this.#device = device;
    const { regs } = device;
    const ofDom0 = (full: boolean): Int32Array =>
      Int32Array.from(
        clearedByReset(full).filter(
          (offset) => attr.policy[offset >>> 2] === DOM0 && regs.rowAt(offset)?.rw !== 0,
        ),
      );
    this.#withRender = ofDom0(false);
    this.#withAll = ofDom0(true);
    this.#kept = new Int32Array(this.#withAll.length);
  }

  /** Resets some engines. @param mask bit per engine */
  engines(mask: number): void {
    let bits = 0;
    for (let i = 0; i < ENGINE_IDS.length; i++) {
      if ((mask & (1 << i)) !== 0) bits |= R.GRDOM[ENGINE_IDS[i] as 'RCS'];
    }
    if ((mask & RCS_BIT) !== 0) this.#write(bits, this.#withRender);
    else this.#device.regs.write32(GDRST, bits);
  }

  /** Resets the whole GT. @returns whether it came back, with every engine off */
  all(): boolean {
    this.#write(GRDOM_FULL, this.#withAll);
    const { regs, gt } = this.#device;
    let polls = 0;
    while ((regs.read32(GDRST) & GRDOM_FULL) !== 0 && polls < POLLS) polls++;
    return polls < POLLS && gt.engines.every((e) => !e.enabled && e.level === 0 && e.hang === null);
  }

  #write(domains: number, cleared: Int32Array): void {
    const { regs } = this.#device;
    for (let k = 0; k < cleared.length; k++) this.#kept[k] = regs.peek(cleared[k] as number);
    regs.write32(GDRST, domains);
    for (let k = 0; k < cleared.length; k++) {
      const offset = cleared[k] as number;
      const value = this.#kept[k] as number;
      if (regs.peek(offset) === value) continue;
      const masked = regs.rowAt(offset)?.masked === true;
      regs.write32(offset, masked ? MASK_ALL | (value & 0xffff) : value);
    }
  }
}
