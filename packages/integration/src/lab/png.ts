import { encode } from 'fast-png';
import type { Frame } from './host-view.ts';

/** A frame as a PNG file: 8-bit RGB, alpha left out. */
export function encodePng(frame: Frame): Uint8Array {
  const { width, height, rgba } = frame;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < data.length; i += 4) {
    data[j++] = rgba[i] as number;
    data[j++] = rgba[i + 1] as number;
    data[j++] = rgba[i + 2] as number;
  }
  return encode({ width, height, data, channels: 3, depth: 8 });
}
