import { setTimeout } from 'node:timers/promises';
import type { VgtConfig } from '@xengt/linux-vgt';
import { ScriptedEngine } from '@xengt/xen-vgt';
import { Host } from '../../host/host.ts';
import type { HostDomain } from '../../host/host-domain.ts';
import type { HostOptions } from '../../host/host-options.ts';
import { ScriptedGuest } from '../../host/testing/scripted-guest.ts';
import type { GuestMaker } from '../domain-life.ts';

/** RAM of a scripted guest: its machine keeps the last 16 MiB to itself. */
export const RAM_MIB = 32;

/** What makes engines of scripted guests. */
export const SCRIPTED: GuestMaker = {
  emulator: 'scripted 1',
  make: async (memoryMiB) => new ScriptedEngine(memoryMiB),
};

/** A host with nobody in it but the mediator. */
export function scriptedHost(vgt: VgtConfig = {}, options: HostOptions = {}): Host {
  return new Host({ ...options, vgt });
}

/** Adds a scripted domain; its driver has mapped its BARs. */
export async function addScripted(
  host: Host,
  domid: number,
  name?: string,
): Promise<ScriptedGuest> {
  const engine = new ScriptedEngine(RAM_MIB);
  const made = await host.createDomain({
    domid,
    name: name ?? `scripted${domid}`,
    memoryMiB: RAM_MIB,
    files: { engine, emulator: SCRIPTED.emulator, image: 'none' },
    vgpu: { lowMiB: 16, highMiB: 64, fences: 4, primary: true },
  });
  return new ScriptedGuest(made.domain, engine, made.vgpu as NonNullable<HostDomain['vgpu']>);
}

/** The same guest after it came to another domain. */
export function again(guest: ScriptedGuest, there: HostDomain): ScriptedGuest {
  const engine = there.domain.engine as ScriptedEngine;
  return new ScriptedGuest(there.domain, engine, there.vgpu as ScriptedGuest['vgpu'], guest);
}

/** Waits until something is so, as long as a busy machine may need. */
export async function until(true_: () => boolean): Promise<void> {
  for (let i = 0; i < 5000 && !true_(); i++) await setTimeout(2);
}
