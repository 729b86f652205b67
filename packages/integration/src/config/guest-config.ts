import { WEIGHT_DEFAULT } from '@xengt/linux-vgt';
import * as v from 'valibot';
import { GUEST_KEYS, type GuestKeyRow, IGNORED_KEYS } from './guest-keys.ts';
import { type MonitorSpec, parseMonitorSpec } from './monitor-spec.ts';
import { type Position, parseXl, type XlEntry, type XlValue } from './xl-parse.ts';

/** A domain as its file describes it, defaults filled in. */
export interface GuestConfig {
  readonly name: string;
  /** MiB. */
  readonly memory: number;
  /** Paths as written; null takes the built guest image's. */
  readonly kernel: string | null;
  readonly ramdisk: string | null;
  readonly disk: string | null;
  /** Added to the kernel command line; `root=` included. */
  readonly extra: string;
  readonly vgt: VgtConfig | null;
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
export interface ConfigIssue {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Key, or '' for a syntax error. */
  readonly key: string;
  readonly message: string;
}

export type GuestConfigResult =
  | { readonly ok: true; readonly config: GuestConfig; readonly ignored: readonly string[] }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/** `file:line:column: message`, one issue a line. */
export function formatIssues(issues: readonly ConfigIssue[]): string {
  return issues.map((i) => `${i.file}:${i.line}:${i.column}: ${i.message}`).join('\n');
}

/**
 * Reads a domain file and checks every key.
 *
 * @param text the file
 * @param file its name, for messages
 * @returns the domain, or everything that is wrong, in the file's order
 */
export function parseGuestConfig(text: string, file: string): GuestConfigResult {
  const { entries, issues: syntax } = parseXl(text);
  const issues: ConfigIssue[] = syntax.map((s) => issue(file, s.at, '', s.message));
  const add = (at: Position, key: string, message: string): void => {
    issues.push(issue(file, at, key, message));
  };
  const seen = new Map<string, XlEntry>();
  const ignored: string[] = [];
  const values = new Map<string, unknown>();
  for (const entry of entries) {
    const first = seen.get(entry.key);
    if (first !== undefined) {
      add(entry.at, entry.key, `${entry.key} is set again; it was set on line ${first.at.line}`);
      continue;
    }
    seen.set(entry.key, entry);
    const row = GUEST_KEYS.find((k) => k.key === entry.key);
    if (row !== undefined) {
      const value = check(row, entry, add);
      if (value !== undefined) values.set(entry.key, value);
    } else if (IGNORED_KEYS.has(entry.key)) ignored.push(entry.key);
    else add(entry.at, entry.key, unknownKey(entry.key));
  }
  if (!seen.has('name') && syntax.length === 0) {
    add(
      { line: 1, column: 1 },
      'name',
      'name is missing; a domain needs one, e.g. name = "guest1"',
    );
  }
  const file1 = seen.get('vgt_monitor_config_file');
  const inline = seen.get('monitors');
  if (file1 !== undefined && inline !== undefined) {
    add(inline.at, 'monitors', 'monitors and vgt_monitor_config_file are both set; keep one');
  }
  if (issues.length > 0) {
    issues.sort((a, b) => a.line - b.line || a.column - b.column);
    return { ok: false, issues };
  }
  return { ok: true, config: build(values), ignored };
}

function issue(file: string, at: Position, key: string, message: string): ConfigIssue {
  return { file, line: at.line, column: at.column, key, message };
}

/** @returns the checked value, or undefined when an issue was added */
function check(
  row: GuestKeyRow,
  entry: XlEntry,
  add: (at: Position, key: string, message: string) => void,
): unknown {
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
    add(item.at, row.key, `${row.key}: found ${show(item)}; allowed: ${row.allowed}`);
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
  const text = value.text.length > 60 ? `${value.text.slice(0, 60)}...` : value.text;
  return JSON.stringify(text);
}

function unknownKey(key: string): string {
  const near = GUEST_KEYS.map((k) => ({ key: k.key, far: distance(key, k.key) }))
    .filter((k) => k.far <= Math.max(1, Math.floor(k.key.length / 3)))
    .sort((a, b) => a.far - b.far)[0];
  return near === undefined
    ? `${key} is no key of a domain file; known are ${GUEST_KEYS.map((k) => k.key).join(', ')}`
    : `${key} is no key of a domain file; did you mean ${near.key}?`;
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

function build(values: ReadonlyMap<string, unknown>): GuestConfig {
  const text = (key: string): string | null => (values.get(key) as string | undefined) ?? null;
  const number = (key: string, otherwise: number): number =>
    (values.get(key) as number | undefined) ?? otherwise;
  const root = text('root');
  const vgt: VgtConfig = {
    lowGm: number('vgt_low_gm_sz', 64),
    highGm: number('vgt_high_gm_sz', 448),
    fences: number('vgt_fence_sz', 4),
    primary: number('vgt_primary', -1),
    weight: number('vgt_weight', WEIGHT_DEFAULT),
    cap: number('vgt_cap', 0),
    monitorConfigFile: text('vgt_monitor_config_file'),
    monitors: ((values.get('monitors') as string[] | undefined) ?? []).map(
      (m) => parseMonitorSpec(m) as MonitorSpec,
    ),
  };
  return {
    name: text('name') as string,
    memory: Math.max(number('memory', 512), number('maxmem', 0)),
    kernel: text('kernel'),
    ramdisk: text('ramdisk'),
    disk: (values.get('disk') as string[] | undefined)?.[0] ?? null,
    extra: [root === null ? '' : `root=${root}`, text('extra') ?? ''].filter(Boolean).join(' '),
    vgt: number('vgt', 1) === 1 ? vgt : null,
  };
}
