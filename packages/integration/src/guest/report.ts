/** The steps of building a guest image, in the order they run. */
export const GUEST_STEPS = {
  index: 'Package index',
  download: 'Packages',
  unpack: 'Unpack',
  compile: 'Guest programs',
  pack: 'Kernel and initramfs',
} as const;
export type GuestStepId = keyof typeof GUEST_STEPS;

/** Where the build says how far it is. A terminal, a log, or nobody may listen. */
export interface GuestReporter {
  /** A step begins. */
  begin(step: GuestStepId): void;
  /** @param done and @param total are bytes; total 0 when it is not known. */
  progress(step: GuestStepId, done: number, total: number, detail?: string): void;
  /** A step is over. `detail` is one short line of what it did. */
  end(step: GuestStepId, detail: string): void;
  /** Something worth knowing that stops nothing, e.g. "signature not verified: gpgv is not installed". */
  note(text: string): void;
}

/** Listens to nothing. */
export const silentReporter: GuestReporter = {
  begin() {},
  progress() {},
  end() {},
  note() {},
};

/** "51.9 MB", for people. */
export function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
