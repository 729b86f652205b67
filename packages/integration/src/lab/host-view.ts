import type { DomainLife } from './domain-life.ts';

/** One domain, as the lab page and `xengt` show it. */
export interface DomainInfo {
  /** Xen domain id; 0 is dom0. */
  readonly id: number;
  readonly name: string;
  /** What it is doing, one word: `booting`, `running`, `stopped`, `crashed`, ... */
  readonly state: string;
  /** Why it ended; '' before. */
  readonly reason: string;
  /** RAM, MiB. */
  readonly memory: number;
  /** Time its processor was executed, seconds, and whether it waits for an interrupt now. */
  readonly seconds: number;
  readonly blocked: boolean;
  /** Kernel release and the graphics driver's name once they are known. */
  readonly kernel: string | null;
  readonly driver: string | null;
  /** Its part of the GPU; null for a domain without one. MiB, MiB, registers. */
  readonly vgpu: {
    readonly lowGm: number;
    readonly highGm: number;
    readonly fences: number;
    /** How long its commands kept the busiest engine, and each engine, at work, seconds. */
    readonly seconds: number;
    readonly busy: Readonly<Record<string, number>>;
  } | null;
}

/** What a host is: names as `xl info` prints them, in its order. */
export type HostInfo = Readonly<Record<string, string | number>>;

/** One lit screen of a domain. */
export interface ScreenInfo {
  /** Port letter, A to E. */
  readonly port: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Changes whenever the picture may have; absent: it may always have. */
  readonly generation?: number;
}

/** A picture: rows from the top, 4 bytes a pixel, red first, alpha 255. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  /** `width * height * 4` bytes; valid until the next call to {@link HostView.frame}. */
  readonly rgba: Uint8Array | Uint8ClampedArray;
}

/** A node of the mediator's control tree. `errno` is an error name such as ENOENT. */
export type CtlNode =
  | { readonly kind: 'file'; readonly data: string | Uint8Array }
  | { readonly kind: 'directory'; readonly entries: readonly string[] }
  | { readonly kind: 'error'; readonly errno: string };

/** Numbers by group, then name, e.g. `{ 'commands': { RCS: 12 }, 'traps': { mmio: 1e5 } }`. */
export type Counters = Readonly<Record<string, Readonly<Record<string, number>>>>;

/**
 * What the lab server and the command line see of a running host. All calls are synchronous and
 * happen between guest slices, on the host's thread; none may throw for a domain that has gone.
 */
export interface HostView {
  /** What may be done with its domains; null when nothing may. */
  readonly life: DomainLife | null;
  domains(): readonly DomainInfo[];
  /** Domain whose screens the physical display shows. */
  foreground(): number;
  /** @returns why it was refused, a sentence; null when it was done */
  setForeground(domain: number): string | null;
  /** Screens that show something now. */
  screens(domain: number): readonly ScreenInfo[];
  /** The picture on a port; null when it shows nothing. */
  frame(domain: number, port: string): Frame | null;
  /** What the domain's console has said lately; bounded by whoever keeps it. */
  consoleHistory(domain: number): Uint8Array;
  /** Calls `listener` with console output from now on. @returns stops it */
  onConsole(listener: (domain: number, bytes: Uint8Array) => void): () => void;
  consoleInput(domain: number, bytes: Uint8Array): void;
  /** @param path below the tree's root, e.g. `control/foreground_vm`; '' is the root */
  ctlRead(path: string): CtlNode;
  /** @returns an error name, or null when it was done */
  ctlWrite(path: string, data: string | Uint8Array): string | null;
  counters(): Counters;
  info(): HostInfo;
  /** What the hypervisor has said lately, lines. @param clear forgets it */
  messages(clear: boolean): string;
}

/** Everything `GET /api/state` says. */
export interface LabState {
  readonly version: 1;
  readonly foreground: number;
  readonly domains: readonly (DomainInfo & { readonly screens: readonly ScreenInfo[] })[];
  readonly counters: Counters;
}

export function labState(view: HostView): LabState {
  return {
    version: 1,
    foreground: view.foreground(),
    domains: view.domains().map((d) => ({ ...d, screens: view.screens(d.id) })),
    counters: view.counters(),
  };
}
