import { ENGINE_IDS, engineRegs, type HaswellDevice } from '@xengt/hsw-device';
import type { HangCause } from './hang-watch.ts';

const R = engineRegs;
const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1e6;
/** Records kept; older ones are only counted. */
const KEPT = 64;

/** One hang, as it was found. */
export interface HangRecord {
  readonly atNs: number;
  readonly domid: number;
  /** Engines, a bit each. */
  readonly mask: number;
  readonly cause: HangCause;
  /** How long there had been no progress, nanoseconds. */
  readonly stillNs: number;
  /** How long other VMs had waited for the engines, nanoseconds. */
  readonly waitedNs: number;
  /** HEAD, ACTHD and IPEHR of each engine of the mask, as hardware had them. */
  readonly at: readonly (readonly [head: number, acthd: number, ipehr: number])[];
}

/** What each cause means, for people. */
export const CAUSE_TEXT: Readonly<Record<HangCause, string>> = {
  failed: 'a command that it cannot execute',
  stuck: 'no progress',
  loops: 'an endless loop',
  semaphore: 'a semaphore that nobody signals',
  event: 'an event that does not come',
  holds: 'work that keeps the engine from others',
};

/** The engines of a mask, as upstream's perf/ring names them. */
export function engineNames(mask: number): string {
  return ENGINE_IDS.filter((_, i) => (mask & (1 << i)) !== 0)
    .map((id) => RING_NAMES[id])
    .join(' ');
}

/** Directory names of the engines in upstream's perf/ring. */
export const RING_NAMES = { RCS: 'render', VCS: 'video', BCS: 'blitter', VECS: 've' } as const;

/** The latest hangs. */
export class HangLog {
  readonly records: HangRecord[] = [];

  add(record: HangRecord): void {
    this.records.push(record);
    if (this.records.length > KEPT) this.records.shift();
  }

  /** One line a hang, oldest first. */
  text(): string {
    return this.records.map((r) => `${line(r)}\n`).join('');
  }
}

/** Where engines are. @param mask bit per engine */
export function positions(device: HaswellDevice, mask: number): HangRecord['at'] {
  return device.gt.engines
    .filter((_, i) => (mask & (1 << i)) !== 0)
    .map((e) => [e.reg(R.RING_HEAD), e.acthd, e.reg(R.RING_IPEHR)] as const);
}

function line(r: HangRecord): string {
  const hex = (n: number): string => `0x${(n >>> 0).toString(16).padStart(8, '0')}`;
  const at = r.at.map(
    ([head, acthd, ipehr]) => `HEAD ${hex(head)} ACTHD ${hex(acthd)} IPEHR ${hex(ipehr)}`,
  );
  const time = (r.atNs / NS_PER_SECOND).toFixed(6);
  const still = Math.round(r.stillNs / NS_PER_MS);
  return `${time} vm${r.domid} ${engineNames(r.mask)}: ${CAUSE_TEXT[r.cause]}, ${still} ms, ${at.join(', ')}`;
}
