import { EDID_BYTES, type VirtualPort, type VirtualPorts } from '../display/virtual-ports.ts';
import type { Errno } from '../errno.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import type { Vgt } from '../vgt.ts';
import { type ControlNode, textOf } from './node.ts';
import { hexBytes, leadingNumber } from './parse.ts';
import { vmRecoveryNode } from './recovery-nodes.ts';

const hex16 = (n: number): string => `${n.toString(16).padStart(16, '0')}\n`;

/** Files of /sys/kernel/vgt/vmN. */
export function vmNodes(vgt: Vgt, vm: Vgpu): [string, ControlNode][] {
  const s = vm.slice;
  return [
    ['vgt_id', { read: () => `${vm.id.toString(16)}\n` }],
    ['gm_sz', { read: () => hex16(s.lowBytes + s.highBytes) }],
    ['aperture_sz', { read: () => hex16(s.lowBytes) }],
    ['aperture_base', { read: () => hex16(s.lowBase) }],
    ['recovery', vmRecoveryNode(vgt, vm)],
    ...vm.ports.ports.flatMap((port) => portNodes(vm, vm.ports, port)),
  ];
}

function portNodes(vm: Vgpu, ports: VirtualPorts, port: VirtualPort): [string, ControlNode][] {
  const at = `PORT_${port.name}`;
  return [
    [
      `${at}/connection`,
      {
        read: () => (port.connected ? 'connected\n' : 'disconnected\n'),
        write: (data) => {
          ports.connection(port.name, textOf(data));
          return null;
        },
      },
    ],
    [
      `${at}/type`,
      {
        read: () => `${port.typeName}\n`,
        write: (data) => {
          const type = leadingNumber(textOf(data));
          if (type === undefined) return 'EINVAL';
          port.pendingType = type;
          return null;
        },
      },
    ],
    [
      `${at}/port_override`,
      {
        read: () => `PORT_${port.override}\n`,
        write: (data) => override(port, textOf(data)),
      },
    ],
    [`${at}/pipe`, { read: () => `${pipeOf(vm, port)}\n` }],
    [
      `${at}/presence`,
      { read: () => (vm.display?.wiring[port.name] === 'none' ? 'unpresent\n' : 'present\n') },
    ],
    [
      `${at}/edid`,
      {
        read: () => port.edid?.slice(0, EDID_BYTES) ?? new Uint8Array(0),
        write: (data) => {
          const bytes = typeof data === 'string' ? binary(data) : data;
          if (bytes.length > EDID_BYTES) return 'EINVAL';
          // As upstream: bytes that are no EDID are taken, and `connect` then finds none.
          ports.writeEdid(port.name, bytes);
          return null;
        },
      },
    ],
    [
      `${at}/edid_text`,
      {
        write: (data) => {
          const bytes = hexBytes(textOf(data), EDID_BYTES);
          if (bytes === null) return 'EINVAL';
          ports.writeEdid(port.name, bytes);
          return null;
        },
      },
    ],
  ];
}

function binary(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

function override(port: VirtualPort, text: string): Errno | null {
  const match = /^PORT_([A-E])/.exec(text);
  if (match === null) return 'EINVAL';
  port.pendingOverride = match[1] as VirtualPort['name'];
  return null;
}

/** The VM's pipe on a port, as upstream names it. */
function pipeOf(vm: Vgpu, port: VirtualPort): string {
  if (port.name === 'A') return 'PIPE_EDP';
  const screen = vm.display?.screens().find((s) => s.port === port.name);
  return screen === undefined ? 'PIPE X' : `Pipe ${'ABC'[screen.pipe]}`;
}
