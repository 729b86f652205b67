import { closeSync, openSync, writeSync } from 'node:fs';
import { DeviceTrace, type TraceFilter, traceJson, traceLine } from '@xengt/hsw-device';
import { UsageError } from '../cli/context.ts';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';

/** Records kept between two writes to the file. */
const CAPACITY: number = 1 << 18;
/** Records that make a write worth while. */
const BATCH = 4096;

/** A host's trace on its way into a file: lines of text, or of JSON when the name ends in `.jsonl`. */
export class TraceFile {
  readonly path: string;
  /** Lines written. */
  written = 0;
  readonly #trace: DeviceTrace;
  readonly #line: typeof traceLine;
  readonly #file: number;
  readonly #host: Host;
  #closed = false;

  /** @throws UsageError when the file cannot be made */
  constructor(host: Host, path: string, filter: TraceFilter) {
    this.path = path;
    this.#host = host;
    this.#line = path.endsWith('.jsonl') ? traceJson : traceLine;
    this.#file = open(path);
    this.#trace = new DeviceTrace(host.device, { capacity: CAPACITY, filter });
    host.passthrough.onFault = ({ device, access, address, why: reason }) => {
      const source = host.passthrough.owner?.name ?? 'vt-d';
      this.#trace.refused(source, { device, access, address, reason });
    };
    host.loop.addStep(() => {
      const { trace, reader } = this.#trace;
      if (!this.#closed && trace.count - this.written - reader.lost >= BATCH) this.#write();
      return false;
    });
  }

  /** Traces a domain's virtual GPU too: what its driver does with registers that are not hardware. */
  addDomain(domain: HostDomain): void {
    const { vgpu } = domain;
    if (vgpu !== null) this.#trace.addRegisters(`vgpu${vgpu.domid}`, vgpu.vreg, vgpu.irq);
  }

  /** Events that came faster than they could be written. */
  get lost(): number {
    return this.#trace.reader.lost;
  }

  #write(): void {
    let text = '';
    for (const event of this.#trace.reader.read()) {
      text += `${this.#line(event)}\n`;
      this.written++;
    }
    writeSync(this.#file, text);
  }

  /** Ends the trace and the file. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#write();
    this.#trace.stop();
    this.#host.passthrough.onFault = () => {};
    closeSync(this.#file);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError('NO_FILE', `${path}: cannot be written (${code})`);
  }
}
