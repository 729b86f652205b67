import type { DomainLife } from './domain-life.ts';
import type {
  Counters,
  CtlNode,
  DomainInfo,
  Frame,
  HostInfo,
  HostView,
  ScreenInfo,
} from './host-view.ts';

/** A host for tests: two domains, a screen each, a small control tree, everything settable. */
export class FakeHost implements HostView {
  life: DomainLife | null = null;
  list: DomainInfo[] = [domain(0, 'Domain-0'), domain(1, 'guest1')];
  front = 0;
  said = '(XEN) [    0.000001] d1 guest1: running\n';
  readonly frames: Map<string, Frame> = new Map([
    ['0:B', frame(4, 3, 0x11)],
    ['1:E', frame(2, 2, 0x22)],
  ]);
  readonly nodes: Map<string, string | Uint8Array> = new Map<string, string | Uint8Array>([
    ['control/foreground_vm', '0\n'],
    ['vm1/PORT_B/edid', Uint8Array.of(0, 255, 255)],
  ]);
  readonly history: Map<number, string> = new Map([[1, 'login: ']]);
  readonly typed: string[] = [];
  generation: number | null = null;
  readonly #listeners = new Set<(domain: number, bytes: Uint8Array) => void>();

  info(): HostInfo {
    return { host: 'here', total_memory: 4096 };
  }
  messages(clear: boolean): string {
    const said = this.said;
    if (clear) this.said = '';
    return said;
  }
  domains(): readonly DomainInfo[] {
    return this.list;
  }
  foreground(): number {
    return this.front;
  }
  setForeground(id: number): string | null {
    if (!this.list.some((d) => d.id === id)) return `there is no domain ${id}`;
    this.front = id;
    return null;
  }
  screens(id: number): readonly ScreenInfo[] {
    return [...this.frames]
      .filter(([key]) => key.startsWith(`${id}:`))
      .map(([key, { width, height }]) => {
        const info = { port: key.slice(-1), width, height };
        return this.generation === null ? info : { ...info, generation: this.generation };
      });
  }
  frame(id: number, port: string): Frame | null {
    return this.frames.get(`${id}:${port}`) ?? null;
  }
  consoleHistory(id: number): Uint8Array {
    return new TextEncoder().encode(this.history.get(id) ?? '');
  }
  onConsole(listener: (domain: number, bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  get listeners(): number {
    return this.#listeners.size;
  }
  say(id: number, text: string): void {
    for (const l of this.#listeners) l(id, new TextEncoder().encode(text));
  }
  consoleInput(id: number, bytes: Uint8Array): void {
    this.typed.push(`${id}:${new TextDecoder().decode(bytes)}`);
  }
  ctlRead(path: string): CtlNode {
    const data = this.nodes.get(path);
    if (data !== undefined) return { kind: 'file', data };
    const prefix = path === '' ? '' : `${path}/`;
    const below = [...this.nodes.keys()].filter((k) => k.startsWith(prefix));
    if (below.length === 0) return { kind: 'error', errno: 'ENOENT' };
    const entries = below.map((k) => k.slice(prefix.length).split('/')[0] as string);
    return { kind: 'directory', entries: [...new Set(entries)] };
  }
  ctlWrite(path: string, data: string | Uint8Array): string | null {
    if (!this.nodes.has(path)) return 'ENOENT';
    if (data === 'bad') return 'EINVAL';
    this.nodes.set(path, data);
    return null;
  }
  counters(): Counters {
    return { commands: { RCS: 12, BCS: 3 } };
  }
}

function domain(id: number, name: string): DomainInfo {
  return {
    id,
    name,
    state: 'running',
    reason: '',
    memory: 512,
    seconds: 12.34,
    blocked: id !== 0,
    kernel: '6.1.0-50-686',
    driver: 'i915',
    vgpu: { lowGm: 64, highGm: 448, fences: 4, seconds: 1.5, busy: { RCS: 1, BCS: 0.25 } },
  };
}

/** A frame of one grey, opaque. */
export function frame(width: number, height: number, grey: number): Frame {
  const rgba = new Uint8Array(width * height * 4).fill(grey);
  for (let i = 3; i < rgba.length; i += 4) rgba[i] = 255;
  return { width, height, rgba };
}
