import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';
import * as R from './display.regs.ts';
import type { Pipe } from './pipe.ts';

/** DPFC_CONTROL 31 enable, and 30:29 the plane, of which this part compresses A only. */
const DPFC_ENABLE = 0x80000000;
/** MSG_FBC_REND_STATE 2: everything compressed is out of date. i915: `FBC_REND_NUKE`. */
const FBC_NUKE = 4;
/** Most lines that are compressed; each one is a segment. PRM vol.12 "Frame Buffer Compression". */
const SEGMENTS_MAX = 2047;
/** IPS_CTL 31: wanted when written, in effect when read. i915: `hsw_ips_enable`. */
const IPS_ENABLE = 0x80000000;
/** SRD_CTL 31 enable. SRD_STATUS 31:29 = 2 asleep, 27:26 = 1 link on, 19:16 how often. */
const PSR_ENABLE = 0x80000000;
const PSR_ASLEEP = 0x40000000;
const PSR_LINK_ON = 0x4000000;

const FBC = 'HSW PRM vol.2c FBC_CTL, FBC_STATUS; i915 ivb_fbc_activate, snb_fbc_nuke';
const IPS = 'HSW PRM vol.2c IPS_CTL; i915 hsw_ips_enable';
const PSR = 'HSW PRM vol.2c SRD_CTL, SRD_STATUS, SRD_PERF_CNT; i915 EDP_PSR_STATUS';

/**
 * What saves power while a picture stands still, as far as registers show it: frame buffer
 * compression of plane A, IPS, and panel self refresh. The picture itself is always read from memory.
 */
export class Savings {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  readonly #pipe: Pipe;
  readonly #panelSleeps: () => boolean;
  /** Lines that are compressed. */
  #segments = 0;
  #nuked = false;
  #ipsWanted = false;
  /** Frames without a change, and how often the panel went to sleep and for how many frames. */
  #still = 0;
  #sleeps = 0;
  #sleepFrames = 0;

  /**
   * @param pipe pipe A
   * @param panelSleeps whether the panel can refresh itself and was told to
   */
  constructor(regs: RegSpace, pipe: Pipe, panelSleeps: () => boolean) {
    this.#regs = regs;
    this.#pipe = pipe;
    this.#panelSleeps = panelSleeps;
    // biome-ignore format: one register a line
    this.rows = [
      { name: 'DPFC_CB_BASE', offset: R.DPFC_CB_BASE, count: 2, src: FBC },
      { name: 'DPFC_CONTROL', offset: R.DPFC_CONTROL, onWrite: (_o, v, old) => this.#control(v, old), src: FBC },
      { name: 'DPFC_RECOMP_CTL', offset: R.DPFC_CONTROL + 4, src: FBC },
      { name: 'DPFC_STATUS', offset: R.DPFC_STATUS, rw: 0, onRead: () => this.#segments, src: FBC },
      { name: 'DPFC_STATUS2', offset: R.DPFC_STATUS + 4, rw: 0, onRead: () => this.#segments, src: FBC },
      { name: 'DPFC_FENCE_YOFF', offset: R.DPFC_STATUS + 8, count: 10, src: FBC },
      { name: 'MSG_FBC_REND_STATE', offset: R.MSG_FBC_REND_STATE, onWrite: (o, v) => this.#message(o, v), src: FBC },
      { name: 'IPS_CTL', offset: R.IPS_CTL, onWrite: (o, v) => this.#ips(o, v), src: IPS },
      { name: 'SRD_CTL', offset: R.SRD_CTL, onWrite: () => this.changed(), src: PSR },
      { name: 'SRD_AUX', offset: R.SRD_CTL + 4, count: 12, src: PSR },
      { name: 'SRD_STATUS', offset: R.SRD_STATUS, rw: 0, onRead: () => this.#psrStatus(), src: PSR },
      { name: 'SRD_PERF_CNT', offset: R.SRD_STATUS + 4, rw: 0, onRead: () => this.#sleepFrames & 0xffffff, src: PSR },
    ];
  }

  #control(value: number, old: number): void {
    if (((value ^ old) & DPFC_ENABLE) !== 0) this.changed();
  }

  #message(offset: number, value: number): void {
    if ((value & FBC_NUKE) !== 0) this.changed();
    this.#regs.poke(offset, 0);
  }

  #ips(offset: number, value: number): void {
    this.#ipsWanted = (value & IPS_ENABLE) !== 0;
    this.#regs.poke(offset, value & ~IPS_ENABLE);
  }

  /** Plane A shows something else: what was compressed is out of date, and the panel wakes up. */
  changed(): void {
    this.#nuked = true;
    this.#segments = 0;
    this.wake();
  }

  /** The pipe shows something else above plane A: the panel wakes up. */
  wake(): void {
    this.#still = 0;
  }

  /** A frame of pipe A is over. */
  vblank(): void {
    const regs = this.#regs;
    const lit =
      this.#pipe.beam.running && (this.#pipe.planes.primary.control & R.PLANE_ENABLE) !== 0;
    const compresses = (regs.peek(R.DPFC_CONTROL) & DPFC_ENABLE) !== 0 && lit;
    const lines = (regs.peek((R.TRANSCODER_BASE[0] as number) + R.PIPESRC) & 0xfff) + 1;
    this.#segments = compresses && !this.#nuked ? Math.min(lines, SEGMENTS_MAX) : 0;
    this.#nuked = false;
    const ips = regs.peek(R.IPS_CTL) & ~IPS_ENABLE;
    regs.poke(R.IPS_CTL, this.#ipsWanted && lit ? ips | IPS_ENABLE : ips);
    this.#refresh();
  }

  /** SRD_CTL 3:0: frames without a change after which the panel goes to sleep. */
  #refresh(): void {
    const control = this.#regs.peek(R.SRD_CTL);
    if ((control & PSR_ENABLE) === 0 || !this.#panelSleeps()) {
      this.#still = 0;
      return;
    }
    const before = this.#still;
    const idle = Math.max(control & 15, 1);
    this.#still = Math.min(before + 1, idle);
    if (this.#still < idle) return;
    if (before < idle) this.#sleeps++;
    else this.#sleepFrames = (this.#sleepFrames + 1) & 0xffffff;
  }

  #psrStatus(): number {
    const control = this.#regs.peek(R.SRD_CTL);
    const asleep = (control & PSR_ENABLE) !== 0 && this.#still >= Math.max(control & 15, 1);
    return (asleep ? PSR_ASLEEP : PSR_LINK_ON) | ((this.#sleeps & 15) << 16);
  }

  reset(): void {
    this.#segments = 0;
    this.#nuked = false;
    this.#ipsWanted = false;
    this.#still = 0;
    this.#sleeps = 0;
    this.#sleepFrames = 0;
  }
}
