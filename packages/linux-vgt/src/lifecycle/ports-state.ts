import type { PortName } from '@xengt/hsw-device';
import { EDID_BYTES, PORT_NAMES, type VirtualPorts } from '../display/virtual-ports.ts';

/** Most bytes of a monitor's EDID: a base block and what extensions there can be. */
const EDID_MAX: number = EDID_BYTES * 256;

/** One virtual port: what is plugged in, and what was written but not yet taken. */
export interface PortStateV1 {
  readonly name: PortName;
  /** Empty: nothing. */
  readonly edid: readonly number[];
  readonly type: number;
  readonly override: PortName;
  readonly pending: readonly number[];
  readonly pendingType: number;
  readonly pendingOverride: PortName;
}

export function exportPorts(ports: VirtualPorts): PortStateV1[] {
  return ports.ports.map((p) => ({
    name: p.name,
    edid: [...(p.edid ?? [])],
    type: p.type,
    override: p.override,
    pending: [...(p.pending ?? [])],
    pendingType: p.pendingType,
    pendingOverride: p.pendingOverride,
  }));
}

/** Why a state of the right form is none of ports; null when it is. */
export function portsError(states: readonly PortStateV1[]): string | null {
  for (const [i, s] of states.entries()) {
    if (s.name !== PORT_NAMES[i]) return `port ${i} is named ${s.name}`;
    const known = PORT_NAMES.includes(s.override) && PORT_NAMES.includes(s.pendingOverride);
    if (!known) return `port ${s.name} stands for no port`;
    for (const bytes of [s.edid, s.pending]) {
      const edid = bytes.length <= EDID_MAX && bytes.every((b) => Number.isInteger(b));
      if (!edid) return `port ${s.name}: bad EDID`;
    }
  }
  return null;
}

/** Takes what {@link portsError} has passed. The display has the monitors already. */
export function importPorts(ports: VirtualPorts, states: readonly PortStateV1[]): void {
  for (const [i, s] of states.entries()) {
    const port = ports.ports[i];
    if (port === undefined) continue;
    const bytes = (list: readonly number[]) => (list.length === 0 ? null : Uint8Array.from(list));
    port.edid = bytes(s.edid);
    port.type = s.type;
    port.override = s.override;
    port.pending = bytes(s.pending);
    port.pendingType = s.pendingType;
    port.pendingOverride = s.pendingOverride;
  }
}
