import { encode } from 'fast-png';

const WIDTH = 1024,
  HEIGHT = 768;
/** Colours at the top and at the bottom, red green blue. */
const TOP = [10, 18, 48] as const,
  BOTTOM = [26, 74, 110] as const;
/** The chip in the lower right corner, and its three screens: left, top, width, height, colour. */
const SHAPES: readonly (readonly [number, number, number, number, readonly number[]])[] = [
  [776, 596, 120, 120, [40, 110, 150]],
  [792, 612, 88, 88, [60, 150, 190]],
  [640, 620, 100, 64, [230, 120, 60]],
  [640, 690, 100, 6, [230, 120, 60]],
  [786, 500, 100, 64, [120, 190, 80]],
  [786, 570, 100, 6, [120, 190, 80]],
  [916, 620, 90, 64, [200, 170, 60]],
  [916, 690, 90, 6, [200, 170, 60]],
  [740, 650, 36, 4, [150, 200, 220]],
  [834, 576, 4, 20, [150, 200, 220]],
  [896, 650, 20, 4, [150, 200, 220]],
];

/** The picture behind GRUB's menu: one chip, several screens. A PNG file that GRUB reads. */
export function menuBackground(): Uint8Array {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    const part = y / (HEIGHT - 1);
    for (let x = 0; x < WIDTH; x++) {
      const at = (y * WIDTH + x) * 3;
      for (let c = 0; c < 3; c++) {
        const from = TOP[c] as number;
        data[at + c] = Math.round(from + ((BOTTOM[c] as number) - from) * part);
      }
    }
  }
  for (const [left, top, width, height, colour] of SHAPES) {
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) data.set(colour, (y * WIDTH + x) * 3);
    }
  }
  return encode({ width: WIDTH, height: HEIGHT, data, channels: 3, depth: 8 });
}
