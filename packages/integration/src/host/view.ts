import type { DomainLife } from '../lab/domain-life.ts';
import type {
  Counters,
  CtlNode,
  DomainInfo,
  Frame,
  HostInfo,
  HostView,
  ScreenInfo,
} from '../lab/host-view.ts';
import { counters } from './counters.ts';
import { domainInfo, ScreenShot, screensOf } from './domain-view.ts';
import type { Host } from './host.ts';
import type { HostDomain } from './host-domain.ts';
import { hostInfo } from './host-info.ts';

/** A running host as the lab page and the command line see it. */
export class LiveHostView implements HostView {
  readonly #host: Host;
  readonly #shot = new ScreenShot();

  readonly life: DomainLife | null;

  /** @param life what may be done with its domains; default: nothing */
  constructor(host: Host, life: DomainLife | null = null) {
    this.#host = host;
    this.life = life;
  }

  #domain(id: number): HostDomain | undefined {
    return this.#host.domains.get(id);
  }

  info(): HostInfo {
    return hostInfo(this.#host);
  }

  messages(clear: boolean): string {
    const { messages } = this.#host.hypervisor;
    const { text } = messages;
    if (clear) messages.clear();
    return text;
  }

  domains(): readonly DomainInfo[] {
    this.#host.vgt?.scheduler.settle();
    return [...this.#host.domains.values()].map(domainInfo);
  }

  foreground(): number {
    return this.#host.vgt?.foreground.vm?.domid ?? 0;
  }

  setForeground(domain: number): string | null {
    const refused = this.#host.vgt?.setForeground(domain) ?? null;
    if (refused === 'ENODEV') return `domain ${domain} has no vGPU`;
    if (refused === 'EAGAIN') return `domain ${domain}'s driver has not set up its display yet`;
    return refused;
  }

  screens(domain: number): readonly ScreenInfo[] {
    const d = this.#domain(domain);
    return d === undefined ? [] : screensOf(this.#host, d);
  }

  frame(domain: number, port: string): Frame | null {
    const d = this.#domain(domain);
    return d === undefined ? null : this.#shot.take(this.#host, d, port);
  }

  consoleHistory(domain: number): Uint8Array {
    return this.#domain(domain)?.history ?? new Uint8Array(0);
  }

  onConsole(listener: (domain: number, bytes: Uint8Array) => void): () => void {
    const stops: (() => void)[] = [];
    const listen = (d: HostDomain): void => {
      stops.push(d.onConsole((bytes) => listener(d.domid, bytes)));
    };
    for (const domain of this.#host.domains.values()) listen(domain);
    stops.push(this.#host.onDomain(listen));
    return () => {
      for (const stop of stops) stop();
    };
  }

  consoleInput(domain: number, bytes: Uint8Array): void {
    this.#domain(domain)?.domain.engine.sendSerial(bytes);
  }

  ctlRead(path: string): CtlNode {
    const { vgt } = this.#host;
    if (vgt === null) return { kind: 'error', errno: 'ENODEV' };
    const entries = vgt.control.list(path);
    if (entries.length > 0) return { kind: 'directory', entries };
    const got = vgt.control.read(path);
    if (!got.ok) return { kind: 'error', errno: got.errno };
    return { kind: 'file', data: got.data };
  }

  ctlWrite(path: string, data: string | Uint8Array): string | null {
    return this.#host.vgt === null ? 'ENODEV' : this.#host.vgt.control.write(path, data);
  }

  counters(): Counters {
    return counters(this.#host);
  }
}
