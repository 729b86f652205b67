import { COMMANDS, ENGINE_IDS, type Engine } from '@xengt/hsw-device';
import type { SchedEntity } from '@xengt/linux-vgt';
import type { Domain } from '@xengt/xen-vgt';
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
        [`${e.id} refused`, e.counters.refusedWrites],
        [`${e.id} hangs`, e.counters.hangs],
      ]),
    ),
    'not executed': Object.fromEntries(device.gt.engines.flatMap(notExecuted)),
    gpu: {
      interrupts: device.irq.edges,
      faults: ggttFaults(host),
      unclaimed: device.regs.unclaimed,
      resets: device.gt.resets,
    },
    time: { 'withheld ms': Math.round(TIME.lost) },
  };
  if (vgt !== null) {
    vgt.scheduler.settle();
    out['switch'] = {
      ...vgt.switch.counters,
      'p50 us': us(vgt.switch.costs.quantile(0.5)),
      'p99 us': us(vgt.switch.costs.quantile(0.99)),
    };
    out['scheduler'] = { ...vgt.scheduler.counters };
    out['gtt'] = { ...vgt.residency.counters, ...vgt.scanOut.counters };
  }
  Object.assign(out, remapping(host));
  for (const d of host.domains.values()) {
    out[`${d.name} traps`] = d.domain.counters.snapshot();
    for (const [path, counted] of Object.entries(requestCounters(d.domain))) {
      out[`${d.name} ${path}`] = counted;
    }
    if (d.vgpu === null) continue;
    out[`${d.name} vgpu`] = { ...d.vgpu.counters };
    out[`${d.name} share`] = share(d.vgpu.sched);
  }
  return out;
}

/** A domain's requests, by who served them; Domain-0's faults in their place. */
export function requestCounters(domain: Domain): Record<string, Record<string, number>> {
  const { dom0, deviceModel, vgt } = domain;
  if (dom0 !== null) return vgt === null ? {} : { faults: { ...dom0.faults } };
  return {
    'device model requests': deviceModel.snapshot(),
    ...(vgt === null ? {} : { 'vgt requests': vgt.snapshot() }),
  };
}

const us = (ns: number): number => Math.round(ns / 1000);

/** What a domain had of the engines' time, and how long its work waited for them. */
function share({ weight, cap, ranNs, busyNs, latency }: SchedEntity): Record<string, number> {
  return {
    weight,
    cap,
    'ran us': us(ranNs),
    ...Object.fromEntries(ENGINE_IDS.map((id, i) => [`${id} busy us`, us(busyNs[i] as number)])),
    'latency p50 us': us(latency.quantile(0.5)),
    'latency p99 us': us(latency.quantile(0.99)),
    'latency max us': us(latency.maxNs),
  };
}

/** Accesses through the GGTT that found no memory: the engines', and processors' through apertures. */
export function ggttFaults(host: Host): number {
  const vms = host.vgt?.vms ?? [];
  return vms.reduce((n, vm) => n + vm.ggtt.space.faults, host.device.ggtt.space.faults);
}

/** The DMA remapping unit's, once it was used. */
function remapping({ passthrough }: Host): Record<string, Record<string, number>> {
  const { unit, assignment } = passthrough;
  if (unit.counters.requests === 0) return {};
  return {
    'vt-d': {
      ...unit.counters,
      ...unit.faults.counters,
      ...(assignment === null ? {} : { 'interrupts sent': assignment.counters.interrupts }),
    },
  };
}

/** Commands that an engine parsed and did not execute, by name; those that came. */
function notExecuted(e: Engine): [string, number][] {
  return COMMANDS.flatMap((row, i) => {
    const count = e.skipped[i] ?? 0;
    return count === 0 ? [] : [[`${e.id} ${row.name}`, count] as [string, number]];
  });
}
