import type { Errno } from '../errno.ts';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { CURSOR, decodePlane, type FrameBuffer, PRIMARY, SPRITE } from './frame-buffer.ts';
import { swizzles, VgtBuffer } from './vgt-buffer.ts';

/** Plane numbers of a request: 1 primary, 2 sprite, 3 cursor. Upstream `drm_i915_gem_vgtbuffer`. */
const PLANES: readonly number[] = [-1, PRIMARY, SPRITE, CURSOR];
/** Flags of a request that change the answer; 1, read only, is how every buffer is. */
const QUERY_ONLY = 2,
  CHECK_CAPABILITY = 4;
/** Buffers open at once. */
const BUFFERS_MAX = 256;
const PAGE = 4096;

/** Which plane of which VM somebody wants to see. */
export interface BufferRequest {
  readonly domid: number;
  readonly pipe: number;
  /** 1 primary, 2 sprite, 3 cursor. */
  readonly plane: number;
  readonly flags?: number;
}

export interface BufferAnswer {
  /** Null when only the capability was asked for. */
  readonly info: FrameBuffer | null;
  /** Names the buffer until it is closed; 0 for a query, which makes none. */
  readonly handle: number;
}

/** Pictures of VMs for who has no display of theirs: upstream's indirect display. */
export class IndirectDisplay {
  readonly #vms: () => readonly Vgpu[];
  readonly #buffers = new Map<number, VgtBuffer>();
  #last = 0;

  constructor(vms: () => readonly Vgpu[]) {
    this.#vms = vms;
  }

  /** Buffers that are open. */
  get open(): number {
    return this.#buffers.size;
  }

  /**
   * Asks for a plane of a VM.
   *
   * @param asker the domain that asks: dom0 may
   * @returns EPERM to others; ENODEV without such a VM; ENOENT while plane or pipe are off; EINVAL
   * when there is no such plane, its format has no name or it is not all in the VM's graphics
   * memory; ENOSPC when too many are open
   */
  request(asker: number, r: BufferRequest): BufferAnswer | Errno {
    if (asker !== 0) return 'EPERM';
    const flags = r.flags ?? 0;
    if ((flags & CHECK_CAPABILITY) !== 0) return { info: null, handle: 0 };
    const vm = this.#vms().find((v) => v.domid === r.domid);
    if (vm === undefined) return 'ENODEV';
    const info = this.#decode(vm, r.pipe, PLANES[r.plane] ?? -1);
    if (typeof info === 'string') return info;
    if ((flags & QUERY_ONLY) !== 0) return { info, handle: 0 };
    if (this.#buffers.size >= BUFFERS_MAX) return 'ENOSPC';
    const handle = ++this.#last;
    this.#buffers.set(handle, new VgtBuffer(vm, info, swizzles(vm)));
    return { info, handle };
  }

  #decode(vm: Vgpu, pipe: number, plane: number): FrameBuffer | Errno {
    const running = vm.displayEngine.pipes[pipe]?.beam.running;
    if (running === undefined) return 'EINVAL';
    if (!running) return 'ENOENT';
    const info = decodePlane(vm.shownRegs, pipe, plane);
    if (typeof info === 'string') return info;
    return vm.owns(info.start, info.pages * PAGE) ? info : 'EINVAL';
  }

  /** An open buffer; undefined when there is none of that handle. */
  buffer(handle: number): VgtBuffer | undefined {
    return this.#buffers.get(handle);
  }

  /** @returns whether it was open */
  close(handle: number): boolean {
    return this.#buffers.delete(handle);
  }

  /** A VM ended: what is open of it is closed. */
  forget(vm: Vgpu): void {
    for (const [handle, buffer] of this.#buffers) {
      if (buffer.vm === vm) this.#buffers.delete(handle);
    }
  }

  /** What every plane of a VM shows, a line each: its `frame_buffer_format` node. */
  describe(vm: Vgpu): string {
    let text = '';
    for (let pipe = 0; pipe < 3; pipe++) {
      for (const [plane, name] of [
        [PRIMARY, 'primary'],
        [SPRITE, 'sprite'],
        [CURSOR, 'cursor'],
      ] as const) {
        const info = this.#decode(vm, pipe, plane);
        if (info === 'ENOENT') continue;
        text += `pipe ${'ABC'[pipe]} ${name}: ${typeof info === 'string' ? info : line(info)}\n`;
      }
    }
    return text;
  }
}

function line(f: FrameBuffer): string {
  const tiling = f.tiled ? 'X-tiled' : 'linear';
  const address = `0x${(f.start >>> 0).toString(16)}`;
  return (
    `${f.format} (${f.hwFormat}) ${f.bitsPerPixel} bpp ${tiling} ${f.width}x${f.height} ` +
    `stride ${f.stride} at ${address} + (${f.x}, ${f.y}), ${f.pages} pages, on (${f.left}, ${f.top})`
  );
}
