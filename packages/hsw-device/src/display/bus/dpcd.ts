/** What a DisplayPort sink can do. */
export interface DpCaps {
  /** DPCD revision, e.g. 0x12. */
  readonly revision: number;
  /** Highest link rate, Gbit/s a lane. */
  readonly rate: 1.62 | 2.7 | 5.4;
  readonly lanes: 1 | 2 | 4;
}

export const DEFAULT_DP_CAPS: DpCaps = { revision: 0x12, rate: 5.4, lanes: 4 };

/** DPCD bytes kept; addresses beyond read 0 and drop writes. */
const DPCD_BYTES = 0x800;
/** DPCD addresses. DisplayPort 1.2 section 2.9.3; drm `drm_dp.h`. */
const LINK_BW_SET = 0x100;
const LANE_COUNT_SET = 0x101;
const TRAINING_PATTERN_SET = 0x102;
const SINK_COUNT = 0x200;
const DEVICE_SERVICE_IRQ = 0x201;
const LANE0_1_STATUS = 0x202;
const LANE2_3_STATUS = 0x203;
const LANE_ALIGN = 0x204;
const SINK_STATUS = 0x205;
const SINK_OUI = 0x400;
const SET_POWER = 0x600;

/** Lane status: clock recovered 1, channel equalised 2, symbol locked 4. */
const CLOCK_RECOVERED = 1;
const LANE_READY = 7;

/** DPCD 0x001: link rate in units of 0.27 Gbit/s. */
function rateCode(rate: number): number {
  return Math.round(rate / 0.27);
}

/**
 * The registers of a DisplayPort sink. It trains at once at any voltage, if it is asked for no more
 * than it can do and its source sends; the status falls when the source stops or another link
 * is asked for. It has no MST.
 */
export class Dpcd {
  readonly bytes: Uint8Array = new Uint8Array(DPCD_BYTES);
  readonly #caps: DpCaps;
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
    b[SINK_OUI + 3] = 0x58;
    b[SINK_OUI + 4] = 0x47;
  }

  read(address: number): number {
    return this.bytes[address] ?? 0;
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
    if (address === TRAINING_PATTERN_SET) this.#train(value & 3);
    else if (address === LINK_BW_SET || address === LANE_COUNT_SET) this.lose();
    else if (address === SET_POWER && (value & 3) === 2) this.lose();
  }

  #train(pattern: number): void {
    if (pattern === 0) return;
    const b = this.bytes;
    const lanes = (b[LANE_COUNT_SET] as number) & 0x1f;
    const rate = b[LINK_BW_SET] as number;
    const possible =
      this.#sending() &&
      (lanes === 1 || lanes === 2 || lanes === 4) &&
      lanes <= this.#caps.lanes &&
      (rate === 6 || rate === 10 || rate === 20) &&
      rate <= rateCode(this.#caps.rate);
    if (!possible) {
      this.lose();
      return;
    }
    const lane = pattern === 1 ? CLOCK_RECOVERED : LANE_READY;
    b[LANE0_1_STATUS] = lanes === 1 ? lane : lane | (lane << 4);
    b[LANE2_3_STATUS] = lanes === 4 ? lane | (lane << 4) : 0;
    b[LANE_ALIGN] = pattern === 1 ? 0 : 1;
    b[SINK_STATUS] = pattern === 1 ? 0 : 1;
  }

  /** The link is lost: training starts over. */
  lose(): void {
    this.bytes.fill(0, LANE0_1_STATUS, SINK_STATUS + 1);
  }
}
