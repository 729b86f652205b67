/** What a channel between a virtual processor and whoever serves its requests is for. */
export type ChannelUse = 'device-model' | 'device-model-buffered' | 'vgt';

/** One channel: a port of Domain-0 bound to one of a guest's. */
export interface EventChannel {
  /** Number in Domain-0's table, from 1. */
  readonly port: number;
  readonly domid: number;
  readonly use: ChannelUse;
}

/** Ports of a 32-bit domain. Xen: the 2-level ABI's 32 * 32. */
const PORTS_MAX = 1024;

/** Domain-0's event channels, by port: the lowest that is free is given out. */
export class EventChannels {
  readonly #channels = new Map<number, EventChannel>();

  /** @returns null when all ports are taken */
  open(domid: number, use: ChannelUse): EventChannel | null {
    let port = 1;
    while (this.#channels.has(port)) port++;
    if (port >= PORTS_MAX) return null;
    const channel = { port, domid, use };
    this.#channels.set(port, channel);
    return channel;
  }

  /** Gives all of a domain's back. */
  closeAll(domid: number): void {
    for (const { port } of this.of(domid)) this.#channels.delete(port);
  }

  /** A domain's, by ascending port. */
  of(domid: number): readonly EventChannel[] {
    return [...this.#channels.values()]
      .filter((channel) => channel.domid === domid)
      .sort((a, b) => a.port - b.port);
  }
}
