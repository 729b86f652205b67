import type { Vgpu } from '../vgpu/vgpu.ts';

/** Registers of pipe A. i915 `DSPSURF`, `CURCNTR`, `SPRSIZE` and siblings, HSW. */
const PIPESRC = 0x6001c;
const CURCNTR = 0x70080,
  CURBASE = 0x70084,
  DSPSURF = 0x7019c,
  SPRSIZE = 0x70290,
  SPRSURF = 0x7029c;
/** What arms a plane: cursor, primary, sprite. */
export const SURFACES: readonly number[] = [CURBASE, DSPSURF, SPRSURF];
/** From a surface register of a primary plane or sprite: control, stride, x and y offset. */
const TO_CONTROL = -0x1c,
  TO_STRIDE = -0x14,
  TO_OFFSET = 8;
const CONTROL_TILED = 0x400;
const TILE_ROWS = 8;
/** CURCNTR 5:0, and side of a cursor by its 1:0. i915 `MCURSOR_MODE_MASK`. */
const CURSOR_MODE = 0x27;
const CURSOR_SIDE: readonly number[] = [64, 64, 128, 256];

/** Whether a plane register of pipe A arms its plane. */
export function isSurface(base: number): boolean {
  return base === DSPSURF || base === SPRSURF || base === CURBASE;
}

/** Whether the plane that a surface register arms is off. @param pipe of the VM, as an offset */
export function isOff(vm: Vgpu, surface: number, pipe: number): boolean {
  if (surface === CURBASE) return (vm.vreg.peek(CURCNTR + pipe) & CURSOR_MODE) === 0;
  return vm.vreg.peek(surface + TO_CONTROL + pipe) >= 0;
}

/** Bytes from its address that a plane may read. @param pipe of the VM, as an offset */
export function surfaceBytes(vm: Vgpu, surface: number, pipe: number): number {
  const { vreg } = vm;
  if (surface === CURBASE) {
    // Modes 0x22 and 0x23 are 128 and 256 pixels, 0x27 and the rest 64.
    const mode = vreg.peek(CURCNTR + pipe) & CURSOR_MODE;
    const side = (mode & 4) !== 0 ? 64 : (CURSOR_SIDE[mode & 3] as number);
    return side * side * 4;
  }
  const size = surface === SPRSURF ? vreg.peek(SPRSIZE + pipe) >>> 16 : vreg.peek(PIPESRC + pipe);
  const y = (vreg.peek(surface + TO_OFFSET + pipe) >>> 16) & 0xfff;
  const rows = y + (size & 0xfff) + 1;
  const tiled = (vreg.peek(surface + TO_CONTROL + pipe) & CONTROL_TILED) !== 0;
  const read = tiled ? (rows + TILE_ROWS - 1) & ~(TILE_ROWS - 1) : rows;
  return Math.max(4096, (vreg.peek(surface + TO_STRIDE + pipe) & 0xffc0) * read);
}
