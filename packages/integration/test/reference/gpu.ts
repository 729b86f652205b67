/** What the reference may look at: what a CPU could read, without its side effects. */
export interface Gpu {
  /** A display register, 32 bits. @param offset bytes in BAR0 */
  register(offset: number): number;
  /** An entry of the precision palette of a pipe, which hides behind an index register. */
  precisionPalette(pipe: number, index: number): number;
  /** An entry of the GGTT. @param page graphics address / 4096 */
  gtt(page: number): number;
  /** The 1024 dwords of a page of machine memory; null where there is none. @param frame address / 4096 */
  frame(frame: number): Int32Array | null;
}

/** How a surface lies in graphics memory. */
export interface Surface {
  readonly base: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly tiled: boolean;
  /** Reads of X tiles undo the memory controller's bit 6 swizzling. */
  readonly swizzled: boolean;
}

/** Graphics memory as the display reads it: through the global GTT, 0 where that maps nothing. */
export class GraphicsMemory {
  readonly #gpu: Gpu;
  #page = -1;
  #frame: Int32Array | null = null;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /**
   * The aligned dword that holds a byte.
   *
   * Entry: 0 valid, 10:4 address bits 38:32, 31:12 address bits 31:12. HSW PRM vol.5 "GTT entry".
   */
  dword(address: number): number {
    const page = Math.floor(address / 4096);
    if (page !== this.#page) {
      this.#page = page;
      const entry = this.#gpu.gtt(page);
      const frame = (entry >>> 12) + ((entry >>> 4) & 0x7f) * 0x100000;
      this.#frame = (entry & 1) === 1 ? this.#gpu.frame(frame) : null;
    }
    return this.#frame === null ? 0 : (this.#frame[(address % 4096) >>> 2] as number);
  }

  /** Address of a byte of a surface. X tiles are 512 bytes by 8 rows: HSW PRM vol.1 "Tiling". */
  at(surface: Surface, x: number, y: number): number {
    const { base, stride } = surface;
    if (!surface.tiled) return (base + y * stride + x) % 0x100000000;
    const tile = Math.floor(y / 8) * Math.floor(stride / 512) + Math.floor(x / 512);
    let inside = (y % 8) * 512 + (x % 512);
    // Channel swizzle: bit 6 with bits 9 and 10. HSW PRM vol.5 "Tiled channel select decision".
    if (surface.swizzled && ((inside >>> 9) & 1) !== ((inside >>> 10) & 1)) inside ^= 64;
    return (base + tile * 4096 + inside) % 0x100000000;
  }
}
