import { WEIGHT_DEFAULT } from '@xengt/linux-vgt';
import { VGT_FENCE_DEFAULT, VGT_HIGH_DEFAULT, VGT_LOW_DEFAULT } from '@xengt/qemu-vgt';
import * as v from 'valibot';
import { type DiskSpec, parseDiskSpec } from './disk-spec.ts';
import { GUEST_KEYS, type GuestKeyRow, IGNORED_KEYS } from './guest-keys.ts';
import { type MonitorSpec, parseMonitorSpec } from './monitor-spec.ts';
import { type Position, parseXl, shown, type XlEntry, type XlValue } from './xl-parse.ts';

/** A domain as its file describes it, defaults filled in. */
export interface GuestConfig {
  readonly name: string;
  /** MiB. */
  readonly memory: number;
  /** Paths as written; null takes the built guest image's. */
  readonly kernel: string | null;
  readonly ramdisk: string | null;
  readonly disks: readonly DiskSpec[];
  /** Added to the kernel command line; `root=` included. */
  readonly extra: string;
  readonly vgt: VgtConfig | null;
  /** The whole GPU for the domain. */
  readonly gfxPassthru: boolean;
  readonly vga: 'std' | 'cirrus' | 'none';
  /** Memory of the legacy VGA, MiB; null takes the usual. */
  readonly videoRam: number | null;
  /** What becomes of it when it ends. */
  readonly on: Readonly<Record<EndKind, EndAction>>;
  /** Where its keys' values stand. */
  readonly places: Readonly<Record<string, Place>>;
}

/** How a domain may end, and what becomes of it then. */
export type EndKind = 'poweroff' | 'reboot' | 'crash';
export type EndAction = 'destroy' | 'restart' | 'preserve';

/** A place in a file; both count from 1. */
export interface Place extends Position {
  readonly file: string;
}

/** What a domain's virtual GPU is made of. */
export interface VgtConfig {
  /** CPU-visible and hidden graphics memory, MiB. Upstream QEMU's defaults: 64 and 448. */
  readonly lowGm: number;
  readonly highGm: number;
  readonly fences: number;
  /** -1: the mediator's own setting decides. */
  readonly primary: number;
  /** Share of the engines' time; see linux-vgt's ShareParams. */
  readonly weight: number;
  readonly cap: number;
  readonly monitorConfigFile: string | null;
  /** Empty when the file says nothing. */
  readonly monitors: readonly MonitorSpec[];
}

/** Something wrong in a domain file. */
export interface ConfigIssue extends Place {
  /** Key, or '' for a syntax error. */
  readonly key: string;
  readonly message: string;
}

export type GuestConfigResult =
  | { readonly ok: true; readonly config: GuestConfig; readonly notes: readonly ConfigIssue[] }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/** `file:line:column: message`, one issue a line. */
export function formatIssues(issues: readonly ConfigIssue[]): string {
  return issues.map((i) => `${i.file}:${i.line}:${i.column}: ${i.message}`).join('\n');
}

const ISSUES_MAX = 500;
/** Longer words are no misspelt keys. */
const KEY_MAX = 64;

interface PlacedEntry {
  readonly entry: XlEntry;
  readonly file: string;
}

/**
 * Reads a domain file and checks every key.
 *
 * @param text the file
 * @param file its name, for messages
 * @param more assignments that replace the file's, e.g. `memory=256`; `argument 1` is the first's name
 * @returns the domain with notes on what is left out; or everything that is wrong, in the file's order
 */
export function parseGuestConfig(
  text: string,
  file: string,
  more: readonly string[] = [],
): GuestConfigResult {
  const sources = [
    { file, text },
    ...more.map((line, i) => ({ file: `argument ${i + 1}`, text: line })),
  ];
  const issues: ConfigIssue[] = [];
  const notes: ConfigIssue[] = [];
  const seen = new Map<string, PlacedEntry>();
  let broken = false;
  for (const source of sources) {
    const { entries, issues: syntax } = parseXl(source.text);
    broken ||= syntax.length > 0;
    for (const s of syntax) issues.push(issue(source.file, s.at, '', s.message));
    for (const entry of entries) {
      const first = seen.get(entry.key);
      if (first?.file === source.file) {
        const message = `${shown(entry.key)} is set again; it was set on line ${first.entry.at.line}`;
        issues.push(issue(source.file, entry.at, entry.key, message));
      } else seen.set(entry.key, { entry, file: source.file });
    }
  }
  const values = new Map<string, unknown>();
  let listed = false;
  for (const placed of seen.values()) {
    const { entry } = placed;
    const row = GUEST_KEYS.find((k) => k.key === entry.key);
    const why = IGNORED_KEYS.get(entry.key);
    if (row !== undefined) {
      const value = check(row, placed, issues);
      if (value !== undefined) values.set(entry.key, value);
    } else if (why !== undefined) {
      notes.push(issue(placed.file, entry.at, entry.key, `${entry.key} is left out: ${why}`));
    } else {
      const near = nearKey(entry.key);
      const message = unknownKey(entry.key, near, !listed);
      listed ||= near === null;
      issues.push(issue(placed.file, entry.at, entry.key, message));
    }
  }
  if (!seen.has('name') && !broken) {
    const message = 'name is missing; a domain needs one, e.g. name = "guest1"';
    issues.push(issue(file, { line: 1, column: 1 }, 'name', message));
  }
  checkTogether(seen, values, issues, notes);
  const order = new Map(sources.map((source, i) => [source.file, i]));
  const byPlace = (a: ConfigIssue, b: ConfigIssue): number =>
    (order.get(a.file) as number) - (order.get(b.file) as number) ||
    a.line - b.line ||
    a.column - b.column;
  if (issues.length > 0) return { ok: false, issues: fewer(issues.sort(byPlace)) };
  return { ok: true, config: build(values, seen), notes: notes.sort(byPlace) };
}

/** The first of very many issues: a file that is none has one a line. */
function fewer(issues: readonly ConfigIssue[]): readonly ConfigIssue[] {
  if (issues.length <= ISSUES_MAX) return issues;
  const next = issues[ISSUES_MAX] as ConfigIssue;
  const message = `and ${issues.length - ISSUES_MAX} more from here on`;
  return [...issues.slice(0, ISSUES_MAX), { ...next, key: '', message }];
}

/** What keys say together. */
function checkTogether(
  seen: ReadonlyMap<string, PlacedEntry>,
  values: ReadonlyMap<string, unknown>,
  issues: ConfigIssue[],
  notes: ConfigIssue[],
): void {
  const at = (to: ConfigIssue[], key: string, message: string): void => {
    const { entry, file } = seen.get(key) as PlacedEntry;
    to.push(issue(file, entry.at, key, message));
  };
  if (seen.has('vgt_monitor_config_file') && seen.has('monitors')) {
    at(issues, 'monitors', 'monitors and vgt_monitor_config_file are both set; keep one');
  }
  // As -vga xengt and -gfx_passthru of the device model.
  if (isOn(values.get('gfx_passthru')) && values.get('vgt') === 1) {
    at(issues, 'gfx_passthru', 'gfx_passthru and vgt are both set: a GPU is shared or given away');
  }
  if (isFirmware(values.get('kernel'))) {
    at(notes, 'kernel', "kernel is left out: hvmloader's part is built in");
  }
  if (((values.get('vcpus') as number | undefined) ?? 1) > 1) {
    at(notes, 'vcpus', 'vcpus: a guest has one virtual processor');
  }
  const devices = ((values.get('disk') as string[] | undefined) ?? []).map(
    (d) => parseDiskSpec(d)?.device,
  );
  const twice = devices.find((d, i) => devices.indexOf(d) !== i);
  if (twice !== undefined) at(issues, 'disk', `disk: ${twice} is there twice`);
}

/** A kernel that is Xen's firmware is none: the domain boots from its disk. */
function isFirmware(kernel: unknown): boolean {
  return typeof kernel === 'string' && /(^|\/)hvmloader$/.test(kernel);
}

function isOn(value: unknown): boolean {
  return value !== undefined && value !== 0 && value !== '0';
}

function issue(file: string, at: Position, key: string, message: string): ConfigIssue {
  return { file, line: at.line, column: at.column, key, message };
}

/** @returns the checked value, or undefined when an issue was added */
function check(row: GuestKeyRow, { entry, file }: PlacedEntry, issues: ConfigIssue[]): unknown {
  const result = v.safeParse(row.schema, plain(entry.value));
  if (result.success) return result.output;
  const told = new Set<XlValue>();
  for (const found of result.issues) {
    const index = found.path?.[0]?.key;
    const item =
      entry.value.kind === 'list' && typeof index === 'number'
        ? (entry.value.items[index] ?? entry.value)
        : entry.value;
    if (told.has(item)) continue;
    told.add(item);
    const message = `${row.key}: found ${show(item)}; allowed: ${row.allowed}`;
    issues.push(issue(file, item.at, row.key, message));
  }
  return undefined;
}

function plain(value: XlValue): unknown {
  if (value.kind === 'list') return value.items.map(plain);
  return value.kind === 'string' ? value.text : value.number;
}

function show(value: XlValue): string {
  if (value.kind === 'number') return String(value.number);
  if (value.kind === 'list') return `a list of ${value.items.length}`;
  return JSON.stringify(shown(value.text));
}

/** The key that somebody may have meant. */
function nearKey(key: string): string | null {
  if (key.length > KEY_MAX) return null;
  const near = GUEST_KEYS.map((k) => ({ key: k.key, far: distance(key, k.key) }))
    .filter((k) => k.far <= Math.max(1, Math.floor(k.key.length / 3)))
    .sort((a, b) => a.far - b.far)[0];
  return near?.key ?? null;
}

/** @param list whether the known ones are listed: once a file */
function unknownKey(key: string, near: string | null, list: boolean): string {
  const none = `${shown(key)} is no key of a domain file`;
  if (near !== null) return `${none}; did you mean ${near}?`;
  return list ? `${none}; known are ${GUEST_KEYS.map((k) => k.key).join(', ')}` : none;
}

/** Letters to add, drop or change to get from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1);
    }
    row = next;
  }
  return row[b.length] as number;
}

function build(
  values: ReadonlyMap<string, unknown>,
  seen: ReadonlyMap<string, PlacedEntry>,
): GuestConfig {
  const text = (key: string): string | null => (values.get(key) as string | undefined) ?? null;
  const number = (key: string, otherwise: number): number =>
    (values.get(key) as number | undefined) ?? otherwise;
  const list = (key: string): string[] => (values.get(key) as string[] | undefined) ?? [];
  const root = text('root');
  const gfxPassthru = isOn(values.get('gfx_passthru'));
  const vga = text('vga');
  const vgt: VgtConfig = {
    lowGm: number('vgt_low_gm_sz', VGT_LOW_DEFAULT),
    highGm: number('vgt_high_gm_sz', VGT_HIGH_DEFAULT),
    fences: number('vgt_fence_sz', VGT_FENCE_DEFAULT),
    primary: number('vgt_primary', -1),
    weight: number('vgt_weight', WEIGHT_DEFAULT),
    cap: number('vgt_cap', 0),
    monitorConfigFile: text('vgt_monitor_config_file'),
    monitors: list('monitors').map((m) => parseMonitorSpec(m) as MonitorSpec),
  };
  return {
    name: text('name') as string,
    memory: Math.max(number('memory', 512), number('maxmem', 0)),
    kernel: isFirmware(values.get('kernel')) ? null : text('kernel'),
    ramdisk: text('ramdisk'),
    disks: list('disk').map((d) => parseDiskSpec(d) as DiskSpec),
    extra: [root === null ? '' : `root=${root}`, text('extra') ?? ''].filter(Boolean).join(' '),
    vgt: number('vgt', gfxPassthru ? 0 : 1) === 1 ? vgt : null,
    gfxPassthru,
    vga: vga === 'none' || vga === 'cirrus' ? vga : 'std',
    videoRam: (values.get('videoram') as number | undefined) ?? null,
    on: {
      poweroff: (text('on_poweroff') ?? 'destroy') as EndAction,
      reboot: (text('on_reboot') ?? 'restart') as EndAction,
      crash: (text('on_crash') ?? 'destroy') as EndAction,
    },
    places: Object.fromEntries(
      [...seen].map(([key, { entry, file }]) => [key, { file, ...entry.value.at }]),
    ),
  };
}
