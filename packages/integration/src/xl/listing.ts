import type { DomainInfo, HostInfo } from '../lab/host-view.ts';

/** What of a guest's name is not fit for a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** A name that a terminal may be given. */
export function printable(name: string): string {
  return name.replaceAll(CONTROL, '.');
}

/**
 * A domain's state as `xl list` has it, a letter or a dash each: running, blocked, paused, shut down,
 * crashed, dying. One that rebooted, and was not started again, has been shut down.
 */
export function stateLetters({ state, blocked }: DomainInfo): string {
  const on = (letter: string, yes: boolean): string => (yes ? letter : '-');
  return [
    on('r', state === 'running' && !blocked),
    on('b', state === 'running' && blocked),
    on('p', state === 'paused' || state === 'created'),
    on('s', state === 'shutdown' || state === 'rebooted'),
    on('c', state === 'crashed'),
    on('d', false),
  ].join('');
}

/** `xl list`: a line a domain, under its heading. */
export function listText(domains: readonly DomainInfo[]): string {
  const rows = domains.map((d) =>
    [
      printable(d.name).padEnd(40),
      String(d.id).padStart(5),
      String(d.memory).padStart(5),
      '1'.padStart(5),
      stateLetters(d).padStart(10),
      d.seconds.toFixed(1).padStart(8),
    ].join(' '),
  );
  return lines([`${'Name'.padEnd(40)}    ID   Mem VCPUs      State  Time(s)`, ...rows]);
}

/** `xl vcpu-list`: each guest has one virtual processor, and all run on the host's one thread. */
export function vcpuText(domains: readonly DomainInfo[]): string {
  const rows = domains.map((d) =>
    [
      printable(d.name).padEnd(32),
      String(d.id).padStart(5),
      '0'.padStart(5),
      (d.state === 'running' ? '0' : '-').padStart(4),
      stateLetters(d).slice(0, 3).padStart(5),
      d.seconds.toFixed(1).padStart(9),
      ' all / all',
    ].join(' '),
  );
  const heading = `${'Name'.padEnd(32)}    ID  VCPU  CPU State   Time(s)  Affinity (Hard / Soft)`;
  return lines([heading, ...rows]);
}

/** `xl info`: a line a fact. */
export function infoText(info: HostInfo): string {
  return lines(Object.entries(info).map(([key, value]) => `${key.padEnd(23)}: ${value}`));
}

/** All domains at a moment. */
export interface Sample {
  /** Host time, milliseconds. */
  readonly at: number;
  readonly domains: readonly DomainInfo[];
}

/**
 * `xentop`: what each domain took of processor and GPU since it was made, and its shares since the
 * sample before, if there was one. Of the GPU it took what its busiest engine worked for it; having the
 * engines and leaving them idle takes nothing.
 *
 * @param width of the screen, characters: lines are cut there
 */
export function topText(
  now: Sample,
  before: Sample | null,
  width: number = Number.MAX_SAFE_INTEGER,
): string {
  const states = now.domains.map(stateLetters);
  const count = (letter: string): number => states.filter((s) => s.includes(letter)).length;
  const heads =
    `${now.domains.length} domains: ${count('r')} running, ${count('b')} blocked, ` +
    `${count('p')} paused, ${count('c')} crashed, ${count('s')} shut down`;
  const seconds = before === null ? Number.NaN : (now.at - before.at) / 1000;
  const rows = now.domains.map((d) => {
    const old = before?.domains.find((o) => o.id === d.id && o.name === d.name);
    const share = (took: number | undefined): string =>
      (took === undefined || !(seconds > 0)
        ? '-'
        : ((Math.max(0, took) / seconds) * 100).toFixed(1)
      ).padStart(6);
    const engines = worked(d, old);
    return [
      printable(d.name).padStart(14),
      stateLetters(d),
      d.seconds.toFixed(1).padStart(9),
      share(old === undefined ? undefined : d.seconds - old.seconds),
      String(d.memory * 1024).padStart(9),
      '1'.padStart(5),
      String(d.id).padStart(5),
      (d.vgpu === null ? '-' : d.vgpu.seconds.toFixed(1)).padStart(8),
      share(engines && Math.max(...Object.values(engines))),
      share(engines?.['RCS']),
      share(engines?.['BCS']),
    ].join(' ');
  });
  const heading =
    '          NAME  STATE   CPU(s) CPU(%)    MEM(k) VCPUS   ID   GPU(s) GPU(%) RCS(%) BCS(%)';
  return lines([heads, heading, ...rows].map((line) => line.slice(0, width)));
}

/** How long each engine worked for a domain between two samples, seconds; absent: it was not in both. */
function worked(
  { vgpu }: DomainInfo,
  old: DomainInfo | undefined,
): Readonly<Record<string, number>> | undefined {
  const then = old?.vgpu;
  if (vgpu === null || then === null || then === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(vgpu.busy).map(([id, seconds]) => [id, seconds - (then.busy[id] ?? 0)]),
  );
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}
