import * as R from '../display.regs.ts';
import type { Pipe } from '../pipe.ts';
import { FORMAT_BYTES, PRIMARY_FORMAT } from './formats.ts';

/** What a primary plane shows now; one object is used again and again. */
export interface PlaneState {
  enabled: boolean;
  /** One of `FORMAT_*`. */
  format: number;
  bytesPerPixel: number;
  tiled: boolean;
  /** Graphics address of the surface, bytes, as int32. */
  surface: number;
  /** Bytes a row. */
  stride: number;
  /** Pixel of the surface that is at the top left. */
  x: number;
  y: number;
}

/** A {@link PlaneState} to be filled. */
export function newPlaneState(): PlaneState {
  return {
    enabled: false,
    format: 0,
    bytesPerPixel: 0,
    tiled: false,
    surface: 0,
    stride: 0,
    x: 0,
    y: 0,
  };
}

/** Reads what the primary plane of a pipe shows since the latest vertical blank. */
export function readPrimary(pipe: Pipe, into: PlaneState): void {
  const { control, live } = pipe.planes.primary;
  const offset = live[3] as number;
  into.enabled = pipe.beam.running && (control & R.PLANE_ENABLE) !== 0;
  into.format = PRIMARY_FORMAT[(control >>> 26) & 15] as number;
  into.bytesPerPixel = FORMAT_BYTES[into.format] as number;
  into.tiled = (control & R.PLANE_TILED) !== 0;
  into.surface = pipe.planes.primary.surface & ~0xfff;
  into.stride = (live[2] as number) & 0xffc0;
  into.x = offset & 0x1fff;
  into.y = (offset >>> 16) & 0x1fff;
}
