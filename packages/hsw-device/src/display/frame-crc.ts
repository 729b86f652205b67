import type { RegSpace } from '../reg/reg-space.ts';
import * as R from './display.regs.ts';
import type { DisplayInterrupts } from './hotplug.ts';
import type { Pipe } from './pipe.ts';
import { pictureCrc } from './scan/crc.ts';
import { PLANE_PRIMARY, PLANE_SPRITE, PLANES_ALL, type Scanner } from './scan/scanner.ts';

/** DE interrupt that says that GEN7_ERR_INT has something. i915: `DE_ERR_INT_IVB`. */
const DE_ERR_INT = 0x40000000;
/** GEN7_ERR_INT 2 and each third bit up: a pipe's CRC is done. i915: `ERR_INT_PIPE_CRC_DONE`. */
const CRC_DONE = 4;

/** Planes by PIPE_CRC_CTL 30:29: primary, sprite, panel fitter's output. i915: `PIPE_CRC_SOURCE_*_IVB`. */
const CRC_PLANES: readonly number[] = [PLANE_PRIMARY, PLANE_SPRITE, PLANES_ALL, PLANES_ALL];

/** The CRC of each pipe's frames, while its PIPE_CRC_CTL asks for them. */
export class FrameCrcs {
  readonly #regs: RegSpace;
  readonly #irq: DisplayInterrupts;
  readonly #scanner: Scanner;
  /** 1: the CRC of a frame waits for the driver, by pipe. */
  readonly #unread: Uint8Array = new Uint8Array(R.PIPE_COUNT);

  constructor(regs: RegSpace, irq: DisplayInterrupts, scanner: Scanner) {
    this.#regs = regs;
    this.#irq = irq;
    this.#scanner = scanner;
  }

  /** A frame of a pipe went out. */
  frame(pipe: Pipe): void {
    const regs = this.#regs;
    const base = R.TRANSCODER_BASE[pipe.index] as number;
    const control = regs.peek(base + R.PIPE_CRC_CTL);
    if ((control & R.PIPE_CRC_ENABLE) === 0) return;
    const done = CRC_DONE << (pipe.index * 3);
    const { GEN7_ERR_INT } = R;
    // A picture takes longer to sum than a short frame lasts: none for a driver that does not look.
    if (this.#unread[pipe.index] === 1 && (regs.peek(GEN7_ERR_INT) & done) !== 0) return;
    this.#unread[pipe.index] = 1;
    const image = this.#scanner.onWire(pipe, CRC_PLANES[(control >>> 29) & 3] as number);
    regs.poke(base + R.PIPE_CRC_RES_1, pictureCrc(image.pixels, image.width * image.height));
    regs.poke(GEN7_ERR_INT, regs.peek(GEN7_ERR_INT) | done);
    this.#irq.raiseDe(DE_ERR_INT);
  }

  /** The driver read a pipe's CRC. */
  taken(pipe: number): void {
    this.#unread[pipe] = 0;
  }
}
