import type { TestGuest } from './bench.ts';

const bit31: number = 0x80000000 | 0;

/** Lights a pipe by registers alone: port E, as i915 does for VGA, without training. */
export function light(
  guest: TestGuest,
  pipe: number,
  width: number,
  height: number,
  source: readonly [number, number] = [width, height],
): void {
  const t = 0x60000 + pipe * 0x1000;
  guest.write(t, ((width + 319) << 16) | (width - 1));
  guest.write(t + 0xc, ((height + 37) << 16) | (height - 1));
  guest.write(t + 0x10, ((height + 37) << 16) | (height - 1));
  guest.write(t + 0x1c, ((source[0] - 1) << 16) | (source[1] - 1));
  // Port E takes the SPLL's 162 MHz; M over N makes 60 frames a second of it.
  guest.write(0x46020, bit31);
  guest.write(0x46110, 0x60000000);
  guest.write(t + 0x40, Math.round(((width + 320) * (height + 38) * 60) / 1000));
  guest.write(t + 0x44, 162_000);
  guest.write(t + 0x400, bit31 | (4 << 28) | (4 << 24));
  guest.write(0x70008 + pipe * 0x1000, bit31);
}

/** Switches a pipe's primary plane on, linear XRGB8888. */
export function plane(guest: TestGuest, pipe: number, surface: number, stride: number): void {
  const at = pipe * 0x1000;
  guest.write(0x70188 + at, stride);
  guest.write(0x70180 + at, 0xd8000000 | 0);
  guest.write(0x7019c + at, surface);
}
