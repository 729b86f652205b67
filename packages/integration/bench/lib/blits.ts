const br13 = (rop: number, pitch: number): number => (3 << 24) | (rop << 16) | pitch;
const RGBA = 3 << 20;

/** XY_COLOR_BLT of a 32-bit picture. @param pitch bytes; an X- or Y-tiled one is given in dwords */
export function fillBlt(gma: number, width: number, height: number, tiled = false): number[] {
  const pitch = tiled ? width : width * 4;
  const head = (2 << 29) | (0x50 << 22) | 4 | RGBA | (tiled ? 1 << 11 : 0);
  return [head, br13(0xf0, pitch), 0, (height << 16) | width, gma, 0x12345678];
}

/** XY_SRC_COPY_BLT of a 32-bit picture. */
export function copyBlt(
  to: number,
  from: number,
  width: number,
  height: number,
  toTiled = false,
  fromTiled = false,
): number[] {
  const pitch = (tiled: boolean): number => (tiled ? width : width * 4);
  const tiles = (toTiled ? 1 << 11 : 0) | (fromTiled ? 1 << 15 : 0);
  const head = (2 << 29) | (0x53 << 22) | 6 | RGBA | tiles;
  const size = (height << 16) | width;
  return [head, br13(0xcc, pitch(toTiled)), 0, size, to, 0, pitch(fromTiled), from];
}
