import type { Errno } from '../errno.ts';
import type { Vgt } from '../vgt.ts';
import { controlNodes } from './control-nodes.ts';
import { debugNodes } from './debug-nodes.ts';
import { deviceNodes } from './device-nodes.ts';
import { klogNodes } from './klog.ts';
import { lifecycleNodes } from './lifecycle-nodes.ts';
import type { ControlNode } from './node.ts';
import { parameterNodes } from './parameter-nodes.ts';
import { schedulerNodes, shareNodes } from './sched-nodes.ts';
import { vmNodes } from './vm-nodes.ts';

/** What a read gives: text, or bytes for `edid`, or an error name. */
export type ControlRead =
  | { readonly ok: true; readonly data: string | Uint8Array }
  | { readonly ok: false; readonly errno: Errno };

/** Files by their path below the tree's root, e.g. `control/foreground_vm`, `vm5/PORT_B/edid`. */
export type NodeMap = ReadonlyMap<string, ControlNode>;

const SYSFS = '/sys/kernel/vgt/';
const DEBUGFS = '/sys/kernel/debug/vgt/';
const MODULE = '/sys/module/xen_vgt/parameters/';

/**
 * The mediator's control files as upstream has them in sysfs and debugfs, in memory: one
 * implementation of every control operation. Paths are absolute, or relative to
 * `/sys/kernel/vgt/`; `debug/` leads to debugfs.
 */
export class ControlTree {
  readonly #vgt: Vgt;

  constructor(vgt: Vgt) {
    this.#vgt = vgt;
  }

  #nodes(): NodeMap {
    const vgt = this.#vgt;
    const map = new Map<string, ControlNode>();
    for (const [path, node] of [...controlNodes(vgt), ...schedulerNodes(vgt)]) {
      map.set(`control/${path}`, node);
    }
    for (const vm of vgt.vms) {
      const nodes = [...vmNodes(vgt, vm), ...shareNodes(vgt, vm), ...lifecycleNodes(vgt, vm)];
      for (const [path, node] of nodes) map.set(`vm${vm.domid}/${path}`, node);
    }
    for (const [path, node] of debugNodes(vgt)) map.set(`debug/${path}`, node);
    for (const [path, node] of klogNodes(vgt.klog)) map.set(`debug/${path}`, node);
    for (const [path, node] of parameterNodes(vgt)) map.set(`module/${path}`, node);
    for (const [path, node] of deviceNodes(vgt)) map.set(`dev/${path}`, node);
    return map;
  }

  #relative(path: string): string {
    if (path.startsWith(DEBUGFS)) return `debug/${path.slice(DEBUGFS.length)}`;
    if (path.startsWith(MODULE)) return `module/${path.slice(MODULE.length)}`;
    if (path.startsWith(SYSFS)) return path.slice(SYSFS.length);
    return path.replace(/^\/+/, '');
  }

  read(path: string): ControlRead {
    const node = this.#nodes().get(this.#relative(path));
    if (node === undefined) return { ok: false, errno: 'ENOENT' };
    if (node.read === undefined) return { ok: false, errno: 'EACCES' };
    const data = node.read();
    if (typeof data === 'object' && 'errno' in data) return { ok: false, errno: data.errno };
    return { ok: true, data };
  }

  /** A part of a binary file. @param offset, bytes as of a `pread` */
  readAt(path: string, offset: number, bytes: number): ControlRead {
    const node = this.#nodes().get(this.#relative(path));
    const part = node?.readAt?.(offset, bytes);
    if (part !== undefined) {
      return 'errno' in part ? { ok: false, errno: part.errno } : { ok: true, data: part };
    }
    const whole = this.read(path);
    return whole.ok ? { ok: true, data: whole.data.slice(offset, offset + bytes) } : whole;
  }

  /** @returns the error's name, or null when the write was taken; EBUSY while the GPU is lent */
  write(path: string, data: string | Uint8Array): Errno | null {
    const node = this.#nodes().get(this.#relative(path));
    if (node === undefined) return 'ENOENT';
    if (this.#vgt.lifecycle.lending.lent) return 'EBUSY';
    return node.write === undefined ? 'EACCES' : node.write(data);
  }

  /** Names in a directory, sorted; empty when there is none. `''` is the root. */
  list(path: string): readonly string[] {
    const prefix = this.#relative(path).replace(/\/*$/, '');
    const below = prefix === '' ? '' : `${prefix}/`;
    const names = new Set<string>();
    for (const node of this.#nodes().keys()) {
      if (!node.startsWith(below)) continue;
      names.add(node.slice(below.length).split('/')[0] as string);
    }
    return [...names].sort();
  }
}
