import { Session } from 'node:inspector/promises';

/** Distance of samples, microseconds. */
const INTERVAL_US = 200;

/**
 * Part of the thread's busy time that is spent in a package and in what it calls, 0 to 1, while
 * `work` runs. From a sampled CPU profile; the profiler's own time is left out.
 */
export async function shareOf(pkg: string, work: () => Promise<unknown>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    await session.post('Profiler.start');
    await work();
    const { profile } = await session.post('Profiler.stop');
    const parent = new Map<number, number>();
    for (const node of profile.nodes) for (const c of node.children ?? []) parent.set(c, node.id);
    const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
    let [inside, busy] = [0, 0];
    profile.samples?.forEach((id, i) => {
      const us = profile.timeDeltas?.[i] ?? 0;
      const { functionName, url } = frames.get(id) ?? { functionName: '', url: '' };
      if (functionName === '(idle)' || url.startsWith('node:inspector')) return;
      busy += us;
      for (let at: number | undefined = id; at !== undefined; at = parent.get(at)) {
        if (frames.get(at)?.url.includes(`/${pkg}/`) !== true) continue;
        inside += us;
        return;
      }
    });
    return inside / busy;
  } finally {
    session.disconnect();
  }
}
