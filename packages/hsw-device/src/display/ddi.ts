import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import { portClockKhz } from './clocks.ts';
import * as R from './display.regs.ts';

/** DDIs, A to E; E carries FDI to the PCH for VGA. */
const DDI_COUNT = 5;
const DDI_E = 4;
/** DP_TP_CTL 10:8: what is sent. i915: `DP_TP_CTL_LINK_TRAIN_*`. */
const TP_PATTERN = 0x700;
const TP_IDLE = 0x200;
/** FDI_RX_IIR and IMR of the receiver: 8 bit lock, 9 symbol lock. i915: `FDI_RX_BIT_LOCK`. */
const FDI_RX_IIR = 0xf0014;
const FDI_RX_IMR = 0xf0018;
const FDI_BIT_LOCK = 0x100;
const FDI_SYMBOL_LOCK = 0x200;
const SRC =
  'HSW PRM vol.2c DDI_BUF_CTL, DP_TP_CTL, FDI_RX_CTL; i915 intel_ddi.c, hsw_fdi_link_train';

/**
 * The DDI buffers, the DisplayPort transports and the FDI receiver.
 *
 * A buffer is idle unless enabled; an idle pattern is done as soon as it is sent; FDI is trained when
 * DDI E and its transport, the receiver and its PLL, all of them with auto training, are on and the
 * port has a clock.
 */
export class Ddi {
  readonly rows: readonly RegRow[];
  /** Whether the straps say that a panel was on DDI A at power-on. */
  readonly displayOnA: boolean;
  readonly #regs: RegSpace;
  readonly #changed: (port: number) => void;

  /** @param changed called when a port's buffer or transport was written */
  constructor(regs: RegSpace, displayOnA: boolean, changed: (port: number) => void) {
    this.#regs = regs;
    this.displayOnA = displayOnA;
    this.#changed = changed;
    const rows: RegRow[] = [];
    for (let port = 0; port < DDI_COUNT; port++) rows.push(...this.#portRows(port));
    const onWrite = (): void => this.#trainFdi();
    rows.push({ name: 'FDI_RX_CTL', offset: R.FDI_RX_CTL, onWrite, src: SRC });
    this.rows = rows;
  }

  #portRows(port: number): RegRow[] {
    const x = 'ABCDE'[port] as string;
    const at = port * R.DDI_STRIDE;
    const detected = port === 0 && this.displayOnA ? R.DDI_INIT_DISPLAY_DETECTED : 0;
    const readOnly = R.DDI_BUF_IS_IDLE | R.DDI_INIT_DISPLAY_DETECTED;
    // biome-ignore format: one register a line
    return [
      { name: `DDI_BUF_CTL_${x}`, offset: R.DDI_BUF_CTL + at, reset: R.DDI_BUF_IS_IDLE | detected, rw: ~readOnly, onWrite: (o, v) => this.#buffer(port, o, v), src: SRC },
      { name: `DP_TP_CTL_${x}`, offset: R.DP_TP_CTL + at, onWrite: (_o, v) => this.#transport(port, v), src: SRC },
      { name: `DP_TP_STATUS_${x}`, offset: R.DP_TP_STATUS + at, rw: 0, w1c: 0x0d000000, src: SRC },
    ];
  }

  #buffer(port: number, offset: number, value: number): void {
    const on = (value & R.DDI_BUF_ENABLE) !== 0;
    this.#regs.poke(offset, on ? value & ~R.DDI_BUF_IS_IDLE : value | R.DDI_BUF_IS_IDLE);
    if (port === DDI_E) this.#trainFdi();
    this.#changed(port);
  }

  #transport(port: number, control: number): void {
    const status = R.DP_TP_STATUS + port * R.DDI_STRIDE;
    const on = (control & R.DP_TP_ENABLE) !== 0;
    const idle = on && (control & TP_PATTERN) === TP_IDLE;
    const old = this.#regs.peek(status);
    this.#regs.poke(
      status,
      idle ? old | R.DP_TP_STATUS_IDLE_DONE : old & ~R.DP_TP_STATUS_IDLE_DONE,
    );
    if (port === DDI_E) this.#trainFdi();
    this.#changed(port);
  }

  #trainFdi(): void {
    const regs = this.#regs;
    this.#trainByHand();
    const at = DDI_E * R.DDI_STRIDE;
    const transport = regs.peek(R.DP_TP_CTL + at);
    const receiver = regs.peek(R.FDI_RX_CTL);
    const wanted = R.FDI_RX_ENABLE | R.FDI_RX_PLL_ENABLE | R.FDI_LINK_TRAIN_AUTO;
    const trained =
      (regs.peek(R.DDI_BUF_CTL + at) & R.DDI_BUF_ENABLE) !== 0 &&
      (transport & R.DP_TP_ENABLE) !== 0 &&
      (transport & R.DP_TP_FDI_AUTOTRAIN) !== 0 &&
      (receiver & wanted) === wanted &&
      portClockKhz(regs, DDI_E) > 0;
    const old = regs.peek(R.DP_TP_STATUS + at);
    const was = (old & R.DP_TP_STATUS_AUTOTRAIN_DONE) !== 0;
    if (trained && !was) this.#locked(FDI_BIT_LOCK | FDI_SYMBOL_LOCK);
    regs.poke(
      R.DP_TP_STATUS + at,
      trained ? old | R.DP_TP_STATUS_AUTOTRAIN_DONE : old & ~R.DP_TP_STATUS_AUTOTRAIN_DONE,
    );
  }

  /**
   * Training by hand: the receiver locks to the pattern that both ends name. PRM vol.2c "FDI_RX_IIR".
   */
  #trainByHand(): void {
    const regs = this.#regs;
    const transport = regs.peek(R.DP_TP_CTL + DDI_E * R.DDI_STRIDE);
    const receiver = regs.peek(R.FDI_RX_CTL);
    if ((receiver & R.FDI_LINK_TRAIN_AUTO) !== 0 || (transport & R.DP_TP_FDI_AUTOTRAIN) !== 0)
      return;
    const on = R.FDI_RX_ENABLE | R.FDI_RX_PLL_ENABLE;
    if ((receiver & on) !== on || (transport & R.DP_TP_ENABLE) === 0) return;
    const pattern = (receiver >>> 8) & 3;
    if (pattern > 1 || pattern !== (transport & TP_PATTERN) >>> 8) return;
    this.#locked(pattern === 0 ? FDI_BIT_LOCK : FDI_SYMBOL_LOCK);
  }

  #locked(bits: number): void {
    const open = bits & ~this.#regs.peek(FDI_RX_IMR);
    this.#regs.poke(FDI_RX_IIR, this.#regs.peek(FDI_RX_IIR) | open);
  }

  /** Whether a DisplayPort transport sends anything on its port. */
  sending(port: number): boolean {
    const at = port * R.DDI_STRIDE;
    return (
      (this.#regs.peek(R.DP_TP_CTL + at) & R.DP_TP_ENABLE) !== 0 &&
      (this.#regs.peek(R.DDI_BUF_CTL + at) & R.DDI_BUF_ENABLE) !== 0
    );
  }
}
