import type { HaswellDevice } from '@xengt/hsw-device';
import type { HostDomain } from '../src/host/host-domain.ts';
import { LONG_MS, SHORT_MS } from './fixture.ts';
import type { Gpu } from './reference/gpu.ts';
import { shownOf } from './reference/sink.ts';
import { differenceOf, timingsOf, transcoderOf, wireOf } from './reference/wire.ts';

/** A mode as modetest lists it. */
export interface ListedMode {
  readonly index: number;
  readonly name: string;
  /** Active, sync start, sync end, total. */
  readonly h: readonly number[];
  readonly v: readonly number[];
  readonly khz: number;
  /** Frames a second, from clock and totals. */
  readonly hz: number;
}

export interface ListedConnector {
  readonly id: number;
  readonly name: string;
  readonly connected: boolean;
  readonly modes: readonly ListedMode[];
}

export interface ListedPlane {
  readonly id: number;
  readonly pipes: number;
  readonly formats: readonly string[];
  /** 0 overlay, 1 primary, 2 cursor. */
  readonly type: number;
}

/** What `modetest -c -e -p` said. */
export interface Listing {
  readonly connectors: readonly ListedConnector[];
  /** Ids in the order of pipes. */
  readonly crtcs: readonly number[];
  readonly planes: readonly ListedPlane[];
}

const MODE =
  /^ {2}#(\d+) (\S+) ([\d.]+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) flags/;

function modeOf(line: string): ListedMode | null {
  const m = MODE.exec(line);
  if (m === null) return null;
  const n = m.slice(4).map(Number);
  const [h, v, khz] = [n.slice(0, 4), n.slice(4, 8), n[8] as number];
  const dots = (h[3] as number) * (v[3] as number);
  return { index: Number(m[1]), name: m[2] as string, h, v, khz, hz: (khz * 1000) / dots };
}

/** Reads modetest's tables. */
export function parseListing(text: string): Listing {
  const section = (name: string): string[] => {
    const lines = text.split('\n');
    const from = lines.indexOf(`${name}:`);
    const to = lines.findIndex((line, i) => i > from && /^\w+:$/.test(line));
    return from < 0 ? [] : lines.slice(from + 1, to < 0 ? lines.length : to);
  };
  const connectors: (ListedConnector & { modes: ListedMode[] })[] = [];
  for (const line of section('Connectors')) {
    const head = /^(\d+)\t\d+\t(\w+)\t(\S+)/.exec(line);
    if (head !== null) {
      const connected = head[2] === 'connected';
      connectors.push({ id: Number(head[1]), name: head[3] as string, connected, modes: [] });
    }
    const mode = modeOf(line);
    if (mode !== null) connectors.at(-1)?.modes.push(mode);
  }
  const crtcs = section('CRTCs').flatMap((line) => {
    const head = /^(\d+)\t\d+\t\(/.exec(line);
    return head === null ? [] : [Number(head[1])];
  });
  const planes: { id: number; pipes: number; formats: string[]; type: number }[] = [];
  let property = '';
  for (const line of section('Planes')) {
    const head = /^(\d+)\t.*\t0x([0-9a-f]{8})\s*$/.exec(line);
    if (head !== null) {
      planes.push({
        id: Number(head[1]),
        pipes: Number.parseInt(head[2] as string, 16),
        formats: [],
        type: -1,
      });
    }
    const plane = planes.at(-1);
    if (plane === undefined) continue;
    if (line.startsWith('  formats: ')) plane.formats.push(...line.slice(11).trim().split(' '));
    property = /^\t\d+ (\S+):$/.exec(line)?.[1] ?? property;
    if (property === 'type' && line.startsWith('\t\tvalue: ')) plane.type = Number(line.slice(9));
  }
  return { connectors, crtcs, planes };
}

/** Pipes in the guest whose far end a run reads: it holds what it has set until it gets a line. */
const ENDS = [9, 7, 6] as const;

/** Runs modetest in a guest, up to three at once. */
export class Modetest {
  readonly #domain: HostDomain;
  #runs = 0;

  constructor(domain: HostDomain) {
    this.#domain = domain;
  }

  /**
   * To be called once. An open render node keeps the driver from going back to its console between
   * two runs.
   */
  async prepare(): Promise<Listing> {
    await this.#domain.console.check('exec 8</dev/dri/renderD128', SHORT_MS);
    return await this.list();
  }

  /** To be called once, when the console shall come back after a run. */
  async list(): Promise<Listing> {
    const { console } = this.#domain;
    const ends = ENDS.map((end) => `mkfifo /tmp/end${end}; exec ${end}<>/tmp/end${end}`).join('; ');
    await console.check(ends, SHORT_MS);
    return parseListing(await console.check('modetest -M i915 -c -e -p', LONG_MS));
  }

  /**
   * Starts a run that sets something and holds it.
   *
   * @param alone the runs before end first
   * @returns what they said
   */
  async start(options: string, alone = true): Promise<string> {
    const stop = alone ? `${this.#stopping()};` : '';
    const end = ENDS[this.#runs++];
    const run = `modetest -M i915 ${options} </tmp/end${end} >/tmp/said${end} 2>&1 &`;
    return await this.#domain.console.check(`${stop} ${run} :`, LONG_MS);
  }

  /** Waits until a run with `-d` has given up its mastery of the card. */
  async untilNoMaster(): Promise<void> {
    const clients = '/sys/kernel/debug/dri/0/clients';
    const wanted = this.#runs;
    await this.#domain.console.check(
      `until [ $(grep -Ec 'modetest +[0-9]+ +0 +n' ${clients}) -ge ${wanted} ]; do sleep 0.05; done`,
      SHORT_MS,
    );
  }

  /** Ends all runs. @returns what they said */
  async stop(): Promise<string> {
    return await this.#domain.console.check(this.#stopping(), LONG_MS);
  }

  #stopping(): string {
    const ends = ENDS.slice(0, this.#runs);
    this.#runs = 0;
    if (ends.length === 0) return ':';
    return `${ends.map((end) => `echo >&${end};`).join(' ')} wait; cat /tmp/said*; rm /tmp/said*`;
  }
}

/** Waits, while the guest runs. @throws when it does not come true */
export async function until(what: string, done: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!done()) {
    if (performance.now() > end) throw new Error(`after ${ms / 1000} s: no ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

/** Calls back at a pipe's next vertical blank, when all that was written so far has taken effect. */
export function atVblank<T>(
  display: { onVblank: (pipe: number) => void },
  pipe: number,
  look: () => T,
): Promise<T> {
  const told = display.onVblank;
  return new Promise((resolve) => {
    display.onVblank = (which) => {
      told(which);
      if (which !== pipe) return;
      display.onVblank = told;
      resolve(look());
    };
  });
}

/** A plane's control, surface and live surface register of pipe A. */
const PLANES: readonly (readonly [number, number, number])[] = [
  [0x70180, 0x7019c, 0x701ac],
  [0x70280, 0x7029c, 0x702ac],
  [0x70080, 0x70084, 0x700ac],
];

/** Surface that a pipe's primary plane shows. */
export function surfaceOf(gpu: Gpu, pipe: number): number {
  return gpu.register(0x701ac + pipe * 0x1000);
}

/**
 * Whether a pipe runs a mode, shows its primary plane, and waits for no update.
 *
 * @param not a surface that does not count: the console's
 */
export function showsMode(gpu: Gpu, pipe: number, mode: ListedMode, not: number): boolean {
  if (surfaceOf(gpu, pipe) === not) return false;
  const transcoder = transcoderOf(gpu, pipe);
  if (transcoder < 0) return false;
  const t = timingsOf(gpu, transcoder);
  if (t.h !== mode.h[0] || t.v !== mode.v[0] || t.ht !== mode.h[3] || t.vt !== mode.v[3]) {
    return false;
  }
  const at = pipe * 0x1000;
  if (gpu.register(0x70180 + at) >= 0) return false;
  return PLANES.every(
    ([, surface, live]) => gpu.register(surface + at) === gpu.register(live + at),
  );
}

/** Control registers of a pipe's planes: primary, sprite, cursor. */
export function planeControls(gpu: Gpu, pipe: number): readonly number[] {
  return PLANES.map(([control]) => gpu.register(control + pipe * 0x1000));
}

/** The largest picture, pixels. */
const PIXELS_MAX = 4096 * 2304;

/** A picture of a pipe with what the reference says of it. */
export interface Looked {
  readonly width: number;
  readonly height: number;
  /** As the monitor shows it. */
  readonly rgba: Uint32Array;
  readonly difference: { readonly pixels: number; readonly first: string | null };
}

/** What makes a display's pictures. */
export type Display = Pick<
  HaswellDevice['display'],
  'scanOut' | 'wireOut' | 'scanWidth' | 'scanHeight'
>;

let pixels = new Uint32Array(0);

/** Takes a pipe's picture and what is on its wire, and compares both with the reference. */
export function look(display: Display, gpu: Gpu, pipe: number): Looked {
  const wire = wireOf(gpu, pipe);
  if (wire === null) throw new Error(`pipe ${'ABC'[pipe]} stands`);
  if (pixels.length < PIXELS_MAX) pixels = new Uint32Array(PIXELS_MAX);
  if (!display.wireOut(pipe, pixels)) throw new Error(`pipe ${'ABC'[pipe]} sends nothing`);
  const sent = differenceOf(wire, display.scanWidth, display.scanHeight, pixels);
  if (!display.scanOut(pipe, pixels)) throw new Error(`pipe ${'ABC'[pipe]} shows nothing`);
  const { scanWidth: width, scanHeight: height } = display;
  const shown = differenceOf(shownOf(gpu, pipe, wire), width, height, pixels);
  const difference = sent.first === null ? shown : { ...sent, first: `on the wire: ${sent.first}` };
  return { width, height, rgba: pixels.subarray(0, width * height), difference };
}

/** Colour at a place, as "rrggbb". */
export function colourAt({ width, rgba }: Looked, x: number, y: number): string {
  const p = rgba[Math.floor(y) * width + Math.floor(x)] as number;
  return [p, p >>> 8, p >>> 16].map((c) => (c & 255).toString(16).padStart(2, '0')).join('');
}

/** The seven bars of SMPTE's test picture that modetest draws in its upper two thirds. */
export const BARS: readonly string[] = [
  'c0c0c0',
  'c0c000',
  '00c0c0',
  '00c000',
  'c000c0',
  'c00000',
  '0000c0',
];

/** Whether two colours "rrggbb" are the same but for what a conversion leaves open. */
export function near(a: string, b: string, most = 2): boolean {
  return [0, 2, 4].every((i) => {
    const part = (of: string): number => Number.parseInt(of.slice(i, i + 2), 16);
    return Math.abs(part(a) - part(b)) <= most;
  });
}

/** The colours in the middles of the bars of a picture of that width from `left` on. */
export function bars(seen: Looked, left = 0, width: number = seen.width): string[] {
  return BARS.map((_, i) => colourAt(seen, left + ((i + 0.5) * width) / 7, seen.height / 4));
}
