import type { Clock, ClockEvent } from '@xengt/hsw-device';

/** Events that a VM may send at once, and how long one more takes to be allowed, nanoseconds. */
const BURST = 8;
const REFILL_NS = 100_000_000;

interface Sender {
  tokens: number;
  /** When {@link tokens} was right. */
  since: number;
  /** What waits, the newest of each kind. */
  readonly waiting: Map<string, string>;
  timer: ClockEvent | null;
}

/**
 * Uevents on their way to whoever listens. A guest can cause any number of them: beyond a burst they
 * come ten a second for each VM, and of each kind only the newest is told. Upstream keeps one slot
 * for each kind, for all VMs together.
 */
export class UeventGate {
  /** Events that a newer one of their kind replaced. */
  merged = 0;
  readonly #clock: Clock;
  readonly #deliver: (text: string, domid: number) => void;
  readonly #senders = new Map<number, Sender>();

  constructor(clock: Clock, deliver: (text: string, domid: number) => void) {
    this.#clock = clock;
    this.#deliver = deliver;
  }

  /** @param kind of which only the newest counts */
  send(domid: number, kind: string, text: string): void {
    const sender = this.#sender(domid);
    if (sender.waiting.delete(kind)) this.merged++;
    sender.waiting.set(kind, text);
    this.#flush(domid, sender);
  }

  #sender(domid: number): Sender {
    let sender = this.#senders.get(domid);
    if (sender === undefined) {
      sender = { tokens: BURST, since: this.#clock.now, waiting: new Map(), timer: null };
      this.#senders.set(domid, sender);
    }
    return sender;
  }

  #flush(domid: number, sender: Sender): void {
    const { now } = this.#clock;
    const earned = Math.floor((now - sender.since) / REFILL_NS);
    sender.tokens = Math.min(BURST, sender.tokens + earned);
    sender.since += earned * REFILL_NS;
    for (const [kind, text] of sender.waiting) {
      if (sender.tokens === 0) break;
      sender.tokens--;
      sender.waiting.delete(kind);
      this.#deliver(text, domid);
    }
    if (sender.waiting.size === 0 || sender.timer !== null) return;
    sender.timer = this.#clock.at(sender.since + REFILL_NS, () => {
      sender.timer = null;
      this.#flush(domid, sender);
    });
  }

  /** The VM is gone: what waits is not told any more. */
  forget(domid: number): void {
    this.#senders.get(domid)?.timer?.cancel();
    this.#senders.delete(domid);
  }
}
