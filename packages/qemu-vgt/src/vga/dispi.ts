import { LFB_GPA } from './vga.regs.ts';

/** Registers of the display interface by index. Bochs, vbe_display_api.txt; 0xb is XenGT's. */
export const DISPI_ID = 0,
  DISPI_XRES = 1,
  DISPI_YRES = 2,
  DISPI_BPP = 3,
  DISPI_ENABLE = 4,
  DISPI_BANK = 5,
  DISPI_VIRT_WIDTH = 6,
  DISPI_VIRT_HEIGHT = 7,
  DISPI_X_OFFSET = 8,
  DISPI_Y_OFFSET = 9,
  DISPI_MEMORY_64K = 0xa,
  DISPI_LFB_HIGH = 0xb;
/** DISPI_ENABLE. */
export const DISPI_ENABLED = 0x01,
  DISPI_GETCAPS = 0x02,
  DISPI_8BIT_DAC = 0x20,
  DISPI_NOCLEARMEM = 0x80;

const ID_FIRST = 0xb0c0,
  ID_LAST = 0xb0c5;
const BANK_BYTES = 0x10000;
/** Depths there are: bits a pixel, to bytes; 4 is planar. */
const PIXEL_BYTES: Readonly<Record<number, number>> = { 4: 0, 8: 1, 15: 2, 16: 2, 24: 3, 32: 4 };
const FALLBACK_BPP = 8;
/** Widths are whole characters. */
const WIDTH_STEP = 8;
/** What the interface can tell at most. Bochs: `VBE_DISPI_MAX_XRES`, `VBE_DISPI_MAX_YRES`. */
export const DISPI_MAX_WIDTH = 2560,
  DISPI_MAX_HEIGHT = 1600;

/** Largest picture that the monitor takes, pixels. */
export interface MonitorLimit {
  readonly width: number;
  readonly height: number;
}

/**
 * The display interface of Bochs: what a VBE BIOS sets a linear mode with. Values are made to fit
 * when they are written, so that whatever a guest writes describes lines inside the memory.
 */
export class Dispi {
  index = 0;
  /** By index; 0 to 9 are stored. */
  readonly regs: Uint16Array = new Uint16Array(10);
  readonly #memory: Uint8Array;
  readonly #limit: () => MonitorLimit;

  constructor(memory: Uint8Array, limit: () => MonitorLimit) {
    this.#memory = memory;
    this.#limit = limit;
    this.regs[DISPI_ID] = ID_LAST;
    this.regs[DISPI_BPP] = FALLBACK_BPP;
  }

  #reg(index: number): number {
    return this.regs[index] as number;
  }

  get enabled(): boolean {
    return (this.#reg(DISPI_ENABLE) & DISPI_ENABLED) !== 0;
  }

  /** A mode of whole pixels: memory is as it is, planes have no meaning. */
  get linear(): boolean {
    return this.enabled && this.#reg(DISPI_BPP) !== 4;
  }

  /** Bytes from the start of the memory to what the window at 0xa0000 shows. */
  get bankBase(): number {
    return (this.#reg(DISPI_BANK) * BANK_BYTES) % this.#memory.length;
  }

  get width(): number {
    return this.#reg(DISPI_XRES);
  }
  get height(): number {
    return this.#reg(DISPI_YRES);
  }
  get bpp(): number {
    return this.#reg(DISPI_BPP);
  }
  /** Bytes of a line; of all four planes together when they are planes. */
  get pitch(): number {
    return pitchOf(this.#reg(DISPI_VIRT_WIDTH), this.bpp);
  }
  /** Byte of the memory where the picture begins. */
  get start(): number {
    const x = this.#reg(DISPI_X_OFFSET);
    return this.#reg(DISPI_Y_OFFSET) * this.pitch + pitchOf(x, this.bpp);
  }

  read(): number {
    const { index } = this;
    if (index === DISPI_MEMORY_64K) return this.#memory.length >>> 16;
    if (index === DISPI_LFB_HIGH) return LFB_GPA >>> 16;
    if (index > DISPI_LFB_HIGH) return 0;
    if ((this.#reg(DISPI_ENABLE) & DISPI_GETCAPS) !== 0 && index <= DISPI_BPP && index > 0) {
      if (index === DISPI_BPP) return 32;
      return index === DISPI_XRES ? this.#maxWidth() : this.#maxHeight();
    }
    return this.#reg(index);
  }

  #maxWidth(): number {
    return Math.min(this.#limit().width, DISPI_MAX_WIDTH) & ~(WIDTH_STEP - 1);
  }
  #maxHeight(): number {
    return Math.min(this.#limit().height, DISPI_MAX_HEIGHT);
  }

  write(value: number): void {
    const { index, regs } = this;
    if (index === DISPI_ID) {
      if (value >= ID_FIRST && value <= ID_LAST) regs[DISPI_ID] = value;
      return;
    }
    // The virtual height follows from the memory.
    if (index === DISPI_VIRT_HEIGHT || index > DISPI_Y_OFFSET) return;
    const before = this.enabled;
    regs[index] = value;
    if (index === DISPI_ENABLE && !before && this.enabled) {
      regs[DISPI_VIRT_WIDTH] = 0;
      regs[DISPI_X_OFFSET] = 0;
      regs[DISPI_Y_OFFSET] = 0;
      this.#fit();
      if ((value & DISPI_NOCLEARMEM) === 0) this.#memory.fill(0, 0, this.pitch * this.height);
    } else if (this.enabled) this.#fit();
  }

  /** Makes the mode one that the memory holds and the interface has. */
  #fit(): void {
    const { regs } = this;
    const bytes = this.#memory.length;
    if (PIXEL_BYTES[this.bpp] === undefined) regs[DISPI_BPP] = FALLBACK_BPP;
    const { bpp } = this;
    const whole = (pixels: number, least: number): number =>
      Math.min(Math.max(pixels & ~(WIDTH_STEP - 1), least), DISPI_MAX_WIDTH);
    regs[DISPI_XRES] = whole(this.width, WIDTH_STEP);
    regs[DISPI_VIRT_WIDTH] = whole(this.#reg(DISPI_VIRT_WIDTH), this.width);
    const lines = Math.floor(bytes / pitchOf(this.#reg(DISPI_VIRT_WIDTH), bpp));
    regs[DISPI_YRES] = Math.min(Math.max(this.height, 1), DISPI_MAX_HEIGHT, lines);
    regs[DISPI_VIRT_HEIGHT] = Math.min(lines, 0xffff);
    const spareX = this.#reg(DISPI_VIRT_WIDTH) - this.width;
    const spareY = this.#reg(DISPI_VIRT_HEIGHT) - this.height;
    regs[DISPI_X_OFFSET] = Math.min(this.#reg(DISPI_X_OFFSET), spareX);
    regs[DISPI_Y_OFFSET] = Math.min(this.#reg(DISPI_Y_OFFSET), spareY);
  }

  /** Takes registers back that were stored; whatever they say is made to fit. */
  restore(regs: ArrayLike<number>): void {
    for (let i = 0; i < this.regs.length; i++) this.regs[i] = regs[i] ?? 0;
    if (this.enabled) this.#fit();
  }
}

function pitchOf(pixels: number, bpp: number): number {
  const bytes = PIXEL_BYTES[bpp] ?? 1;
  return bytes === 0 ? pixels >>> 1 : pixels * bytes;
}
