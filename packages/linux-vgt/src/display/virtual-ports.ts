import {
  type DisplayEngine,
  type Monitor,
  type MonitorKind,
  monitorFromEdid,
  type PortName,
  portRow,
} from '@xengt/hsw-device';

export const PORT_NAMES: readonly PortName[] = ['A', 'B', 'C', 'D', 'E'];
export const EDID_BYTES = 128;

/** What a port's `type` node counts: upstream's `enum vgt_port_type`. */
export const PORT_TYPES: readonly string[] = [
  'VGT_CRT',
  'VGT_DP_A',
  'VGT_DP_B',
  'VGT_DP_C',
  'VGT_DP_D',
  'VGT_HDMI_B',
  'VGT_HDMI_C',
  'VGT_HDMI_D',
];
const NO_TYPE = 8;
const HEADER: readonly number[] = [0, 255, 255, 255, 255, 255, 255, 0];

/** Whether 128 bytes are an EDID base block: its header and its checksum. */
export function isEdid(block: Uint8Array): boolean {
  if (block.length !== EDID_BYTES) return false;
  if (!HEADER.every((byte, i) => block[i] === byte)) return false;
  return block.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;
}

/** A base block that says it has no extensions, with the checksum to match. */
export function withoutExtensions(block: Uint8Array): Uint8Array {
  const copy = block.slice(0, EDID_BYTES);
  copy[127] = ((copy[127] as number) + (copy[126] as number)) & 0xff;
  copy[126] = 0;
  return copy;
}

/** One virtual port: what is plugged in, and what was written but not yet taken. */
export class VirtualPort {
  readonly name: PortName;
  edid: Uint8Array | null = null;
  type: number = NO_TYPE;
  override: PortName;
  /** Written by the nodes; `connect` and `flush` take it. */
  pending: Uint8Array | null = null;
  pendingType: number = NO_TYPE;
  pendingOverride: PortName;

  constructor(name: PortName) {
    this.name = name;
    this.override = name;
    this.pendingOverride = name;
  }

  get connected(): boolean {
    return this.edid !== null;
  }

  get typeName(): string {
    return PORT_TYPES[this.type] ?? 'UNKNOWN';
  }
}

/** What ports tell their VM. */
export interface PortEvents {
  /** The guest was told that a monitor came or went. */
  hotplug(port: PortName, present: boolean): void;
  /** A port has another monitor, or stands for another physical port. */
  changed(): void;
}

/** The five ports of a VM and the monitors on them. */
export class VirtualPorts {
  readonly ports: readonly VirtualPort[] = PORT_NAMES.map((name) => new VirtualPort(name));
  /** Whether what is plugged into a physical port is plugged into those that stand for it. */
  follows = false;
  /** Connect requests without a valid EDID. */
  ignored = 0;
  readonly #display: DisplayEngine | null;
  readonly #events: PortEvents;

  /** @param display the VM's display engine; null for dom0, whose monitors are the physical ones */
  constructor(display: DisplayEngine | null, events: PortEvents) {
    this.#display = display;
    this.#events = events;
  }

  port(name: PortName): VirtualPort {
    return this.ports[portRow(name).index] as VirtualPort;
  }

  /** The physical port that stands for a virtual one. */
  physical(name: PortName): PortName {
    return this.port(name).override;
  }

  /** Puts a monitor on a port at once. @returns false when the board has no such port */
  plug(name: PortName, monitor: Monitor): boolean {
    const port = this.port(name);
    if (this.#display !== null && !this.#display.connect(name, monitor)) return false;
    port.edid = monitor.edid;
    port.type = typeOf(name, monitor.kind);
    port.pending = monitor.edid;
    port.pendingType = port.type;
    this.#told(port);
    return true;
  }

  /** Takes the monitor of a port out. */
  unplug(name: PortName): void {
    this.#disconnect(this.port(name));
  }

  /** A monitor was plugged into a physical port, or taken out of it. */
  physicalChanged(name: PortName, monitor: Monitor | null): void {
    if (!this.follows) return;
    for (const port of this.ports) {
      if (port.override !== name) continue;
      if (monitor === null) this.unplug(port.name);
      else this.plug(port.name, monitor);
    }
  }

  /** Bytes for the `edid` node. @returns false when they are no EDID: nothing is kept */
  writeEdid(name: PortName, block: Uint8Array): boolean {
    if (!isEdid(block)) return false;
    this.port(name).pending = withoutExtensions(block);
    return true;
  }

  /** The `connection` node. A word that is none of the three changes nothing. */
  connection(name: PortName, word: string): void {
    const port = this.port(name);
    if (word.startsWith('connect')) this.#connect(port);
    else if (word.startsWith('disconnect')) this.#disconnect(port);
    else if (word.startsWith('flush')) this.#flush(port);
  }

  #connect(port: VirtualPort): void {
    if (port.pending === null) {
      this.ignored++;
      return;
    }
    if (port.edid !== null && sameBytes(port.edid, port.pending)) return;
    const monitor = this.#take(port);
    if (monitor !== null) this.#display?.connect(port.name, monitor);
    this.#told(port);
  }

  #disconnect(port: VirtualPort): void {
    if (!port.connected) return;
    port.pending = null;
    this.#take(port);
    this.#display?.disconnect(port.name);
    this.#told(port);
  }

  /** What was written takes effect and the guest is not told. */
  #flush(port: VirtualPort): void {
    const monitor = this.#take(port);
    this.#display?.replaceMonitor(port.name, monitor);
    this.#events.changed();
  }

  #told(port: VirtualPort): void {
    this.#events.hotplug(port.name, port.connected);
    this.#events.changed();
  }

  /** Takes what was written over. @returns the monitor that it describes */
  #take(port: VirtualPort): Monitor | null {
    port.override = port.pendingOverride;
    port.edid = port.pending;
    if (port.pending === null) {
      port.type = NO_TYPE;
      return null;
    }
    const kind = kindOf(port.name, port.pendingType);
    port.type = typeOf(port.name, kind);
    return monitorFromEdid(kind, port.pending);
  }

  /** A hotplug of the same monitor, or its removal. Upstream: the virtual_event node. */
  event(name: PortName, insert: boolean): void {
    const port = this.port(name);
    if (!insert) {
      this.#disconnect(port);
      return;
    }
    if (port.edid === null || this.#display === null) return;
    this.#display.connect(name, monitorFromEdid(kindOf(name, port.type), port.edid));
    this.#told(port);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Kind of monitor that a port type asks for; by itself E is VGA, A is a panel, the rest HDMI. */
function kindOf(name: PortName, type: number): MonitorKind {
  if (name === 'E') return 'vga';
  if (name === 'A') return 'edp';
  return type >= 1 && type <= 4 ? 'dp' : 'hdmi';
}

function typeOf(name: PortName, kind: MonitorKind): number {
  if (kind === 'vga') return 0;
  const index = portRow(name).index;
  return kind === 'hdmi' ? 4 + index : 1 + index;
}
