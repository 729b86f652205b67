/** Registers that XY_SETUP_* commands load and PIXEL, SCANLINES and TEXT use. PRM vol.2a "BR01".. */
export const SETUP_KIND = 0;
export const SETUP_BR00 = 1;
export const SETUP_BR01 = 2;
export const SETUP_CLIP1 = 3;
export const SETUP_CLIP2 = 4;
export const SETUP_BASE = 5;
export const SETUP_BG = 6;
export const SETUP_FG = 7;
/** Address of a colour pattern, or the first dword of a monochrome one. */
export const SETUP_PATTERN = 8;
export const SETUP_PATTERN1 = 9;
export const SETUP_WORDS = 10;

/** {@link SETUP_KIND}: nothing yet, XY_SETUP_BLT, XY_SETUP_MONO_PATTERN_SL_BLT. */
export const SETUP_COLOR = 1;
export const SETUP_MONO = 2;

export class BltSetup {
  readonly words: Int32Array = new Int32Array(SETUP_WORDS);

  get(index: number): number {
    return this.words[index] as number;
  }

  /** XY_SETUP_BLT and XY_SETUP_MONO_PATTERN_SL_BLT: dwords 0 to 7 or 8, as they lie. */
  load(kind: number, dw: Int32Array): void {
    const words = this.words;
    words[SETUP_KIND] = kind;
    for (let i = 0; i < 8; i++) words[SETUP_BR00 + i] = dw[i] as number;
    words[SETUP_PATTERN1] = kind === SETUP_MONO ? (dw[8] as number) : 0;
  }

  loadClip(dw: Int32Array): void {
    this.words[SETUP_CLIP1] = dw[1] as number;
    this.words[SETUP_CLIP2] = dw[2] as number;
  }

  /** Copies the registers out: whoever shares the engine keeps them for the one that leaves it. */
  save(into: Int32Array): void {
    for (let i = 0; i < SETUP_WORDS; i++) into[i] = this.words[i] as number;
  }

  /** Puts back what {@link save} gave; zeros are the state after a reset. */
  restore(from: Int32Array): void {
    for (let i = 0; i < SETUP_WORDS; i++) this.words[i] = from[i] as number;
  }

  reset(): void {
    this.words.fill(0);
  }
}
