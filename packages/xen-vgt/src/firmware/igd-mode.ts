import type { TrapTarget } from '@xengt/hsw-device';

/** What firmware takes the graphics function of a guest for. */
export type IgdMode = 'vgt' | 'passthrough';

/** Where a vGPU says that it is one, from BAR0, and its two dwords. Xen patch, hvmloader; i915 `VGT_MAGIC`. */
const MAGIC_AT = 0x78000;
const MAGIC_LOW = 0x76544776,
  MAGIC_HIGH = 0x47765447;

/**
 * Whether a graphics function is a vGPU or the GPU itself: by the magic at the start of the page that a
 * mediator gives each of its guests. Hardware has no register there.
 *
 * @param registers BAR0 of the function; offsets from its start
 */
export function igdModeOf(registers: TrapTarget): IgdMode {
  const vgt =
    (registers.read(MAGIC_AT, 4) | 0) === MAGIC_LOW &&
    (registers.read(MAGIC_AT + 4, 4) | 0) === MAGIC_HIGH;
  return vgt ? 'vgt' : 'passthrough';
}
