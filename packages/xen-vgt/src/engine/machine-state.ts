import { EngineError } from '../port/engine.ts';

/** What comes before the machine's own bytes. */
interface MachineHeader {
  readonly kind: string;
  readonly version: 1;
  readonly memoryBytes: number;
}

// Bytes: length of the header, header as JSON in ASCII, the machine's own bytes.

/** @param header survives JSON and is ASCII */
export function packMachine<H extends MachineHeader>(
  header: H,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(header);
  const out = new Uint8Array(4 + text.length + body.length);
  new DataView(out.buffer).setUint32(0, text.length, true);
  for (let i = 0; i < text.length; i++) out[4 + i] = text.charCodeAt(i);
  out.set(body, 4 + text.length);
  return out;
}

/**
 * @param kind, memoryBytes what the engine is that takes it
 * @throws EngineError when it is a state of another kind of machine, or none
 */
export function unpackMachine<H extends MachineHeader>(
  state: Uint8Array,
  kind: string,
  memoryBytes: number,
): { header: H; body: Uint8Array } {
  const bad = (why: string): EngineError => new EngineError('BAD_STATE', why);
  if (state.length < 4) throw bad('a machine state has a header');
  const length = new DataView(state.buffer, state.byteOffset).getUint32(0, true);
  if (4 + length > state.length) throw bad('the header of the machine state is cut short');
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(state[4 + i] as number);
  let header: H;
  try {
    header = JSON.parse(text) as H;
  } catch {
    throw bad('the header of the machine state is no JSON');
  }
  if (header.version !== 1) throw bad(`machine state of version ${header.version}, expected 1`);
  if (header.kind !== kind) throw bad(`a state of ${header.kind}; this engine is ${kind}`);
  if (header.memoryBytes !== memoryBytes) {
    const mib = (n: number): number => n / 2 ** 20;
    throw bad(`a machine with ${mib(header.memoryBytes)} MiB, this one has ${mib(memoryBytes)}`);
  }
  return { header, body: state.subarray(4 + length) };
}
