/** What a DisplayPort sink can do. */
export interface DpCaps {
  /** DPCD revision, e.g. 0x12. */
  readonly revision: number;
  /** Highest link rate, Gbit/s a lane. */
  readonly rate: 1.62 | 2.7 | 5.4;
  readonly lanes: 1 | 2 | 4;
  /** Voltage swing and pre-emphasis, 0 to 3, below which it does not train. Default: it takes any. */
  readonly swing?: number;
  readonly preEmphasis?: number;
  /** Rates, Gbit/s a lane, at which it never recovers the clock: a bad cable. */
  readonly fails?: readonly number[];
  /** Each n-th AUX request is put off. Default: none is. */
  readonly deferEvery?: number;
  /** Most bytes of an I2C request that it handles at once. Default 16. */
  readonly partial?: number;
  /** It can refresh itself while the picture stands still. */
  readonly psr?: boolean;
}

export const DEFAULT_DP_CAPS: DpCaps = { revision: 0x12, rate: 5.4, lanes: 4 };

/** DPCD bytes kept; addresses beyond read 0 and drop writes. */
const DPCD_BYTES = 0x800;
/** DPCD addresses. DisplayPort 1.2 section 2.9.3; drm `drm_dp.h`. */
const LINK_BW_SET = 0x100;
const LANE_COUNT_SET = 0x101;
const TRAINING_PATTERN_SET = 0x102;
const TRAINING_LANE0_SET = 0x103;
const TRAINING_LANE3_SET = 0x106;
const PSR_SUPPORT = 0x070;
const PSR_EN_CFG = 0x170;
const SINK_COUNT = 0x200;
const DEVICE_SERVICE_IRQ = 0x201;
const LANE0_1_STATUS = 0x202;
const LANE2_3_STATUS = 0x203;
const LANE_ALIGN = 0x204;
const SINK_STATUS = 0x205;
const ADJUST_REQUEST = 0x206;
const SINK_OUI = 0x400;
const SET_POWER = 0x600;
/** Beyond what is kept: what a panel that refreshes itself is doing; 2 is that it does. */
const PSR_STATUS = 0x2008;

/** Lane status: clock recovered 1, channel equalised 2, symbol locked 4. */
const CLOCK_RECOVERED = 1;
const LANE_READY = 7;

/** DPCD 0x001: link rate in units of 0.27 Gbit/s. */
function rateCode(rate: number): number {
  return Math.round(rate / 0.27);
}

/**
 * The registers of a DisplayPort sink. It trains if it is asked for no more than it can do, its source
 * sends, and voltage swing and pre-emphasis are what it needs; it asks for those. The status falls when
 * the source stops or another link is asked for. It has no MST: MSTM_CAP reads 0.
 */
export class Dpcd {
  readonly bytes: Uint8Array = new Uint8Array(DPCD_BYTES);
  readonly #caps: DpCaps;
  #requests = 0;
  readonly #sending: () => boolean;

  /** @param sending whether the source's transport is on */
  constructor(caps: DpCaps, sending: () => boolean) {
    this.#caps = caps;
    this.#sending = sending;
    const b = this.bytes;
    b[0x000] = caps.revision;
    b[0x001] = rateCode(caps.rate);
    b[0x002] = caps.lanes | 0x80 | (caps.rate > 2.7 ? 0x40 : 0);
    b[0x003] = 0x01;
    b[0x006] = 0x01;
    b[0x007] = 0x40;
    b[0x008] = 0x02;
    b[SINK_COUNT] = 0x41;
    b[SET_POWER] = 1;
    if (caps.psr === true) b[PSR_SUPPORT] = 1;
    b[SINK_OUI + 3] = 0x58;
    b[SINK_OUI + 4] = 0x47;
  }

  read(address: number): number {
    if (address === PSR_STATUS) return this.refreshesItself ? 2 : 0;
    return this.bytes[address] ?? 0;
  }

  /** Whether it can refresh itself and was told that it shall. */
  get refreshesItself(): boolean {
    return this.#caps.psr === true && ((this.bytes[PSR_EN_CFG] as number) & 1) !== 0;
  }

  /** Whether there are registers to write: not beyond what is kept. */
  holds(address: number, count: number): boolean {
    return address + count <= DPCD_BYTES;
  }

  /** Capabilities and status are read only: such writes are dropped. */
  write(address: number, value: number): void {
    if (address >= DPCD_BYTES || address < LINK_BW_SET) return;
    if (address === DEVICE_SERVICE_IRQ) {
      this.bytes[address] = (this.bytes[address] as number) & ~value;
      return;
    }
    if (address >= SINK_COUNT && address < 0x260) return;
    this.bytes[address] = value;
    if (address >= TRAINING_PATTERN_SET && address <= TRAINING_LANE3_SET) this.#train();
    else if (address === LINK_BW_SET || address === LANE_COUNT_SET) this.lose();
    else if (address === SET_POWER && (value & 3) === 2) this.lose();
  }

  /** Whether the link that is asked for can be made at all. */
  #possible(lanes: number): boolean {
    const rate = this.bytes[LINK_BW_SET] as number;
    return (
      this.#sending() &&
      (lanes === 1 || lanes === 2 || lanes === 4) &&
      lanes <= this.#caps.lanes &&
      (rate === 6 || rate === 10 || rate === 20) &&
      rate <= rateCode(this.#caps.rate) &&
      !(this.#caps.fails ?? []).some((bad) => rateCode(bad) === rate)
    );
  }

  #train(): void {
    const b = this.bytes;
    const pattern = (b[TRAINING_PATTERN_SET] as number) & 3;
    if (pattern === 0) return;
    const lanes = (b[LANE_COUNT_SET] as number) & 0x1f;
    this.lose();
    if (!this.#possible(lanes)) return;
    const { swing = 0, preEmphasis = 0 } = this.#caps;
    let ready = true;
    for (let lane = 0; lane < lanes; lane++) {
      const set = b[TRAINING_LANE0_SET + lane] as number;
      const recovered = (set & 3) >= swing;
      const equal = pattern > 1 && recovered && ((set >>> 3) & 3) >= preEmphasis;
      const status = !recovered ? 0 : equal ? LANE_READY : CLOCK_RECOVERED;
      ready = ready && equal;
      const shift = (lane & 1) * 4;
      const at = lane < 2 ? LANE0_1_STATUS : LANE2_3_STATUS;
      b[at] = (b[at] as number) | (status << shift);
      const request = ADJUST_REQUEST + (lane >>> 1);
      const wanted = pattern > 1 ? swing | (preEmphasis << 2) : swing;
      b[request] = (b[request] as number) | (wanted << shift);
    }
    b[LANE_ALIGN] = ready ? 1 : 0;
    b[SINK_STATUS] = ready ? 1 : 0;
  }

  /** Whether the next AUX request is put off. */
  defers(): boolean {
    const every = this.#caps.deferEvery ?? 0;
    if (every < 2) return false;
    this.#requests = (this.#requests + 1) % every;
    return this.#requests === 0;
  }

  /** Most bytes of an I2C request that are handled at once. */
  get partial(): number {
    return Math.max(this.#caps.partial ?? 16, 1);
  }

  /** The link is lost: training starts over. */
  lose(): void {
    this.bytes.fill(0, LANE0_1_STATUS, ADJUST_REQUEST + 2);
  }
}
