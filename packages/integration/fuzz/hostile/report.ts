import type { FuzzOptions } from '../lib/options.ts';
import type { HostileReport } from './campaign.ts';

const n = (value: number): string => value.toLocaleString('en-US');
const most = ([, a]: readonly [string, number], [, b]: readonly [string, number]): number => b - a;

/** What a campaign came to, for people. @param seconds of the wall's clock */
export function hostileFigures(r: HostileReport, seconds: number): string {
  const perSecond = n(Math.round(r.operations / seconds));
  const shares = r.shares.map((share) => `${(share * 100).toFixed(0)} %`).join(', ');
  const lines = [
    `${n(r.operations)} hostile operations in ${n(r.rounds)} rounds, ${seconds.toFixed(1)} s (${perSecond} a second), ${r.seconds.toFixed(1)} s of the machine's time`,
    `${n(r.lives)} attackers; jobs done for the others: ${r.jobs.map(n).join(', ')}: ${shares} of their fair share`,
    `the host was told ${n(r.told)} things; slowest round ${r.slowest.ms.toFixed(0)} ms (${r.slowest.kind}, round ${r.slowest.round}); ${n(Math.round(r.grown / 1024))} KiB of objects more kept in the second half`,
  ];
  for (const [kind, count] of [...r.byKind].sort(most)) lines.push(`${n(count)} by ${kind}`);
  for (const [why, times] of [...r.stops].sort(most))
    lines.push(`stopped ${n(times)} times: ${why}`);
  return lines.join('\n');
}

/** The command that shows a failure again. */
export function hostileReplay(o: FuzzOptions, r: HostileReport): string {
  const attack = o.attack === null ? '' : ` --attack "${o.attack}"`;
  return `npm run fuzz -- --hostile ${o.hostile} --seed ${o.seed} --partition ${o.partition}${attack} --rounds ${r.rounds + 1}`;
}
