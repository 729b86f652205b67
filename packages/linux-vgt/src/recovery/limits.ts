const MS = 1_000_000;
const SECOND = 1_000 * MS;

/** What recovery goes by; nanoseconds where nothing else is said. */
export interface RecoveryLimits {
  /** How long an engine may show no progress while another VM waits; with one that stands still, at all. */
  readonly hangNs: number;
  /** How long it may loop or wait while nobody else wants it. i915's own heartbeats take less. */
  readonly aloneNs: number;
  /** How long work that does progress may keep the engines from a VM whose turn it is. */
  readonly holdNs: number;
  /** Between two resets of the whole device. */
  readonly deviceResetNs: number;
  /** Hangs within the window that put a VM in quarantine; 0 for never. */
  readonly quarantineHangs: number;
  readonly quarantineNs: number;
  /** Off: a hang is fatal. */
  readonly reset: boolean;
}

/** Names in the configuration; the defaults of holdNs, deviceResetNs and reset are upstream's. */
export interface RecoveryConfig {
  /** Default 350 ms: with two looks, found within half a second. */
  readonly hangNs?: number;
  /** Default 10 s: four of i915's heartbeats. */
  readonly loopAloneNs?: number;
  /** Default 2 s, less than one of i915's heartbeats in the VMs that wait. */
  readonly idleTimeoutNs?: number;
  /** Default 6 s. */
  readonly deviceResetIntervalNs?: number;
  /** Default 8 in 60 s. */
  readonly quarantineHangs?: number;
  readonly quarantineWindowNs?: number;
  /** Default true. Upstream: enable_reset. */
  readonly enableReset?: boolean;
}

export function recoveryLimits(c: RecoveryConfig): RecoveryLimits {
  return {
    hangNs: c.hangNs ?? 350 * MS,
    aloneNs: c.loopAloneNs ?? 10 * SECOND,
    holdNs: c.idleTimeoutNs ?? 2 * SECOND,
    deviceResetNs: c.deviceResetIntervalNs ?? 6 * SECOND,
    quarantineHangs: c.quarantineHangs ?? 8,
    quarantineNs: c.quarantineWindowNs ?? 60 * SECOND,
    reset: c.enableReset ?? true,
  };
}
