import { type PortName, portRow } from '@xengt/hsw-device';
import type { TestGuest } from './bench.ts';

const bit31: number = 0x80000000 | 0;
const FDI = 4;
const DP = 2;
const EDP = 0x6f000;
const EDP_CONF = 0x7f008;
/** TRANS_DDI_FUNC_CTL 14:12 of the EDP transcoder: which pipe it takes. */
const EDP_INPUT: readonly number[] = [4, 5, 6];

/** Lights a pipe by registers alone, as i915 does without training: VGA on port E, DisplayPort else. */
export function light(
  guest: TestGuest,
  pipe: number,
  width: number,
  height: number,
  source: readonly [number, number] = [width, height],
  port: PortName = 'E',
): void {
  const own = 0x60000 + pipe * 0x1000;
  const t = port === 'A' ? EDP : own;
  const { index } = portRow(port);
  guest.write(t, ((width + 319) << 16) | (width - 1));
  guest.write(t + 0xc, ((height + 37) << 16) | (height - 1));
  guest.write(t + 0x10, ((height + 37) << 16) | (height - 1));
  guest.write(own + 0x1c, ((source[0] - 1) << 16) | (source[1] - 1));
  // The port takes the SPLL's 162 MHz; M over N makes 60 frames a second of it.
  guest.write(0x46020, bit31);
  guest.write(0x46100 + index * 4, 0x60000000);
  guest.write(t + 0x40, Math.round(((width + 320) * (height + 38) * 60) / 1000));
  guest.write(t + 0x44, 162_000);
  const input = port === 'A' ? (EDP_INPUT[pipe] as number) << 12 : index << 28;
  guest.write(t + 0x400, bit31 | ((port === 'E' ? FDI : DP) << 24) | input);
  guest.write(port === 'A' ? EDP_CONF : 0x70008 + pipe * 0x1000, bit31);
}

/** Stops a pipe and what it feeds. */
export function dark(guest: TestGuest, pipe: number, port: PortName = 'E'): void {
  guest.write(port === 'A' ? EDP_CONF : 0x70008 + pipe * 0x1000, 0);
  guest.write((port === 'A' ? EDP : 0x60000 + pipe * 0x1000) + 0x400, 0);
}

/** Switches a pipe's primary plane on, linear XRGB8888. */
export function plane(guest: TestGuest, pipe: number, surface: number, stride: number): void {
  const at = pipe * 0x1000;
  guest.write(0x70188 + at, stride);
  guest.write(0x70180 + at, 0xd8000000 | 0);
  guest.write(0x7019c + at, surface);
}
