import type { Clock } from '../port/clock.ts';
import type { RegRow } from '../reg/row.ts';
import {
  DE_TIMESTAMP,
  SFUSE_STRAP,
  SFUSE_STRAP_CRT_DISABLED,
  SFUSE_STRAP_FUSE_LOCK,
} from './display.regs.ts';
import { PORTS, type PortName, type PortWiring } from './ports.ts';

/** Straps that say which ports the board has, and the microsecond counter. */
export function strapRows(
  wiring: Readonly<Record<PortName, PortWiring>>,
  clock: Clock,
): readonly RegRow[] {
  let straps = SFUSE_STRAP_FUSE_LOCK;
  for (const row of PORTS) if (wiring[row.name] !== 'none') straps |= row.strap;
  if (wiring.E === 'none') straps |= SFUSE_STRAP_CRT_DISABLED;
  const microseconds = (): number => Math.floor(clock.now / 1000) | 0;
  // biome-ignore format: one register a line
  return [
    { name: 'SFUSE_STRAP', offset: SFUSE_STRAP, reset: straps, rw: 0, src: 'i915 intel_setup_outputs' },
    { name: 'DE_TIMESTAMP', offset: DE_TIMESTAMP, rw: 0, onRead: microseconds, src: 'HSW PRM vol.2c TIMESTAMP_CTR' },
  ];
}
