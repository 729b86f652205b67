/** Palette of 256 colours: three bytes each, of 6 bits, or of 8 where the display interface says so. */
export class Dac {
  /** Red, green, blue, in turn. */
  readonly values: Uint8Array = new Uint8Array(768);
  mask = 0xff;
  /** 8 bits a colour instead of 6. Bochs: `VBE_DISPI_8BIT_DAC`. */
  wide = false;
  /** Next byte that port 0x3c9 writes and reads, 0 to 767. */
  writeAt = 0;
  readAt = 0;
  /** What port 0x3c7 reads: 0 after an index to write was set, 3 after one to read. */
  direction = 0;

  setRead(index: number): void {
    this.readAt = (index & 0xff) * 3;
    this.direction = 3;
  }

  setWrite(index: number): void {
    this.writeAt = (index & 0xff) * 3;
    this.direction = 0;
  }

  read(): number {
    const value = this.values[this.readAt] as number;
    this.readAt = this.readAt === 767 ? 0 : this.readAt + 1;
    return value;
  }

  write(value: number): void {
    this.values[this.writeAt] = this.wide ? value : value & 0x3f;
    this.writeAt = this.writeAt === 767 ? 0 : this.writeAt + 1;
  }

  /** One colour as a pixel: bytes R, G, B, 255 in memory. */
  pixel(index: number): number {
    const at = (index & this.mask) * 3;
    const r = this.#level(at);
    const g = this.#level(at + 1);
    return r | (g << 8) | (this.#level(at + 2) << 16) | (0xff << 24) | 0;
  }

  #level(at: number): number {
    const value = this.values[at] as number;
    return this.wide ? value : ((value & 0x3f) << 2) | ((value & 0x3f) >> 4);
  }
}
