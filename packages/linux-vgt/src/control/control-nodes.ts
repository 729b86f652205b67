import type { Monitor, PortName } from '@xengt/hsw-device';
import { EDID_BYTES, PORT_NAMES } from '../display/virtual-ports.ts';
import type { Errno } from '../errno.ts';
import type { Vgt } from '../vgt.ts';
import { registerFile } from './device-nodes.ts';
import { type ControlNode, textOf } from './node.ts';
import { firstWord, leadingNumber, leadingNumbers } from './parse.ts';

/** `virtual_event` bits 3:1. Upstream: 1, port A, is not supported. */
const EVENT_PORTS: readonly (PortName | null)[] = ['E', null, 'B', 'C', 'D'];
const EVENT_ALL_VMS = 0xff;
const MIB = 2 ** 20;

/** Files of /sys/kernel/vgt/control. */
export function controlNodes(vgt: Vgt): [string, ControlNode][] {
  const enabled = (on: boolean): string => (on ? 'enabled' : 'disabled');
  return [
    ['create_vgt_instance', { write: (data) => createInstance(vgt, textOf(data)) }],
    [
      'display_owner',
      {
        read: () => '0\n',
        write: (data) => (leadingNumber(textOf(data)) === undefined ? 'EINVAL' : null),
      },
    ],
    [
      'foreground_vm',
      {
        read: () => `${vgt.foreground.vm?.domid ?? 0}\n`,
        write: (data) => numbered(textOf(data), (domid) => vgt.setForeground(domid)),
      },
    ],
    ['virtual_event', { read: () => '', write: (data) => virtualEvent(vgt, textOf(data)) }],
    [
      'ctx_switch',
      {
        read: () => `VGT context switch: ${enabled(vgt.scheduler.enabled)}\n`,
        write: (data) =>
          numbered(textOf(data), (value) => {
            vgt.scheduler.enabled = value !== 0;
            vgt.scheduler.changed();
            return null;
          }),
      },
    ],
    [
      'validate_ctx_switch',
      {
        read: () => `VGT check mmio restore: ${enabled(vgt.switch.validate)}\n`,
        write: (data) =>
          numbered(textOf(data), (value) => {
            vgt.switch.validate = value !== 0;
            return null;
          }),
      },
    ],
    [
      'display_switch_method',
      {
        read: () =>
          'VGT display_owner switch: using the fast-path method. (write 0 to use the slow-path method)\n',
        write: (data) => numbered(textOf(data), () => null),
      },
    ],
    ['available_resource', { read: () => vgt.partition.describe() }],
    ['partition', { read: () => partitionText(vgt) }],
    ['igd_mmio', registerFile(vgt.device.regs)],
    ...PORT_NAMES.flatMap((name) => physicalPort(vgt, name)),
  ];
}

function numbered(text: string, take: (value: number) => Errno | null): Errno | null {
  const value = leadingNumber(text);
  return value === undefined ? 'EINVAL' : take(value);
}

/** `vmid,lowMiB,highMiB,fences[,primary[,cap]]`, or `-vmid`. The cap is upstream's of 2016. */
function createInstance(vgt: Vgt, text: string): Errno | null {
  const n = leadingNumbers(firstWord(text), 6);
  const [domid = 0, lowMiB = 0, highMiB = 0, fences = 0, primary = -1, cap = 0] = n;
  if (n.length === 1) return domid >= 0 ? 'EINVAL' : vgt.destroyVgpu(-domid);
  if (n.length < 4) return 'EINVAL';
  if (domid <= 0 || primary < -1 || primary > 1) return 'EINVAL';
  const params = { lowMiB, highMiB, fences, cap };
  const made = vgt.createVgpu(domid, primary < 0 ? params : { ...params, primary: primary === 1 });
  return typeof made === 'string' ? made : null;
}

/** The mode, then each VM's part in MiB, and in a shared one how many have the same MiB at most. */
function partitionText(vgt: Vgt): string {
  const { partition, vms } = vgt;
  const range = (base: number, bytes: number): string => `${base / MIB}-${(base + bytes) / MIB}`;
  const lines = vms.map(({ domid, slice: s }) => {
    const parts = `${range(s.lowBase, s.lowBytes)}, ${range(s.highBase, s.highBytes)}`;
    return `vm${domid}: ${parts}, ${s.fences} fences, ${s.shared ? 'shared' : 'its own'}`;
  });
  const crowd = partition.mode === 'shared' ? [`most on one MiB: ${partition.crowd}`] : [];
  return `${[partition.mode, ...lines, ...crowd].join('\n')}\n`;
}

/** Bit 0 insert, 3:1 port, 15:8 VM. The display owner's monitors are the real ones. */
function virtualEvent(vgt: Vgt, text: string): Errno | null {
  const command = leadingNumber(text);
  if (command === undefined || command < 0) return 'EINVAL';
  const port = EVENT_PORTS[(command >>> 1) & 7] ?? null;
  const target = (command >>> 8) & 0xff;
  if (port === null) return null;
  for (const vm of vgt.vms) {
    if (vm.isDom0 || (target !== EVENT_ALL_VMS && vm.domid !== target)) continue;
    vm.ports.event(port, (command & 1) !== 0);
  }
  return null;
}

function physicalPort(vgt: Vgt, name: PortName): [string, ControlNode][] {
  const { display } = vgt.device;
  const at = `PORT_${name}`;
  const types = { vga: 'VGT_CRT', hdmi: `VGT_HDMI_${name}`, dp: `VGT_DP_${name}`, edp: 'VGT_DP_A' };
  const typeLine = (m: Monitor | null): string => `${m === null ? 'UNKNOWN' : types[m.kind]}\n`;
  const monitor = (): Monitor | null => display.monitorOn(name);
  return [
    [
      `${at}/connection`,
      { read: () => (monitor() === null ? 'disconnected\n' : 'connected\n'), write: () => null },
    ],
    [`${at}/type`, { read: () => typeLine(monitor()) }],
    [
      `${at}/presence`,
      { read: () => (display.wiring[name] === 'none' ? 'unpresent\n' : 'present\n') },
    ],
    [`${at}/edid`, { read: () => monitor()?.edid.slice(0, EDID_BYTES) ?? new Uint8Array(0) }],
  ];
}
