import * as V from './vga.regs.ts';

/** The adapter's registers behind their index ports, and what they mean together. */
export class VgaRegs {
  readonly sr: Uint8Array = new Uint8Array(V.SEQUENCER_MASKS.length);
  readonly gr: Uint8Array = new Uint8Array(V.GRAPHICS_MASKS.length);
  readonly ar: Uint8Array = new Uint8Array(V.ATTRIBUTE_MASKS.length);
  readonly cr: Uint8Array = new Uint8Array(V.CRTC_COUNT);
  misc = 0;
  feature = 0;
  sequencerIndex = 0;
  graphicsIndex = 0;
  crtcIndex = 0;
  /** With bit 5, which shows the screen. */
  attributeIndex = 0;
  /** The next write to 0x3c0 is data. */
  attributeData = false;

  writeSequencer(value: number): void {
    writeMasked(this.sr, this.sequencerIndex, value, V.SEQUENCER_MASKS);
  }

  writeGraphics(value: number): void {
    writeMasked(this.gr, this.graphicsIndex, value, V.GRAPHICS_MASKS);
  }

  /** Port 0x3c0: index and data in turn. */
  writeAttribute(value: number): void {
    if (this.attributeData) {
      writeMasked(this.ar, this.attributeIndex & 0x1f, value, V.ATTRIBUTE_MASKS);
    } else this.attributeIndex = value & 0x3f;
    this.attributeData = !this.attributeData;
  }

  writeCrtc(value: number): void {
    const { cr, crtcIndex } = this;
    if (crtcIndex >= cr.length) return;
    const kept = ((cr[V.CR_SYNC_END] as number) & V.CR_SYNC_END_PROTECT) !== 0;
    if (!kept || crtcIndex > V.CR_OVERFLOW) cr[crtcIndex] = value;
    // The line compare's bit is not kept.
    else if (crtcIndex === V.CR_OVERFLOW)
      cr[crtcIndex] = ((cr[crtcIndex] as number) & ~0x10) | (value & 0x10);
  }

  /** Lines of the picture, 1 to 1024. */
  get verticalEnd(): number {
    const { cr } = this;
    const overflow = cr[V.CR_OVERFLOW] as number;
    const low = cr[V.CR_VDE] as number;
    return (low | ((overflow & 0x02) << 7) | ((overflow & 0x40) << 3)) + 1;
  }

  /** The line after which the picture begins anew at address 0. */
  get lineCompare(): number {
    const { cr } = this;
    const overflow = cr[V.CR_OVERFLOW] as number;
    const rows = cr[V.CR_ROW_SCAN] as number;
    return (cr[V.CR_LINE_COMPARE] as number) | ((overflow & 0x10) << 4) | ((rows & 0x40) << 3);
  }

  /** Where the picture begins, in counts of the address. */
  get start(): number {
    return ((this.cr[V.CR_START_HIGH] as number) << 8) | (this.cr[V.CR_START_LOW] as number);
  }

  get cursor(): number {
    return ((this.cr[V.CR_CURSOR_HIGH] as number) << 8) | (this.cr[V.CR_CURSOR_LOW] as number);
  }
}

function writeMasked(
  regs: Uint8Array,
  index: number,
  value: number,
  masks: readonly number[],
): void {
  const mask = masks[index];
  if (mask !== undefined) regs[index] = value & mask;
}
