import type { Counters } from '../lab/host-view.ts';
import { TIME } from './guest-engine.ts';
import type { Host } from './host.ts';

/** Everything a host counts, by group. */
export function counters(host: Host): Counters {
  const { device, vgt } = host;
  const out: Record<string, Record<string, number>> = {
    commands: Object.fromEntries(device.gt.engines.map((e) => [e.id, e.counters.commands])),
    engines: Object.fromEntries(
      device.gt.engines.flatMap((e) => [
        [`${e.id} batches`, e.counters.batches],
        [`${e.id} blits`, e.counters.blits],
        [`${e.id} not executed`, e.counters.notExecuted],
        [`${e.id} hangs`, e.counters.hangs],
      ]),
    ),
    gpu: {
      interrupts: device.irq.edges,
      faults: device.ggtt.space.faults,
      unclaimed: device.regs.unclaimed,
      resets: device.gt.resets,
    },
    time: { 'withheld ms': Math.round(TIME.lost) },
  };
  if (vgt !== null) out['switch'] = { ...vgt.switch.counters };
  for (const d of host.domains.values()) {
    out[`${d.name} traps`] = d.domain.counters.snapshot();
    if (d.vgpu !== null) out[`${d.name} vgpu`] = { ...d.vgpu.counters };
  }
  return out;
}
