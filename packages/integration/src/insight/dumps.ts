import { inflateSync } from 'node:zlib';
import { ENGINE_IDS, type EngineId, errorBuffers, readAub } from '@xengt/hsw-device';

/** Commands found in a file. */
export interface CommandBuffer {
  /** What it is, e.g. `rcs0 ring`. */
  readonly title: string;
  readonly engine: EngineId;
  /** Graphics address of the first dword. */
  readonly address: number;
  readonly dwords: Int32Array;
  /** Memory that the file has besides: where batches are followed to. Null when there is none. */
  readonly memory: ((gma: number) => number | null) | null;
  /** 0 for a ring, 1 for a batch. */
  readonly level: 0 | 1;
}

/** How a file without names is to be read. */
export interface DumpDefaults {
  readonly engine: EngineId;
  readonly address: number;
}

/** Buffers of an error state that hold commands. */
const LEVELS: Readonly<Record<string, 0 | 1>> = {
  ring: 0,
  ringbuffer: 0,
  batch: 1,
  'WA batchbuffer': 1,
};
/** A line of a hex dump: an address with a colon, which may be left out, then dwords. */
const HEX_LINE = /^\s*(?:(?:0x)?([0-9a-f]{1,12}):\s+)?((?:(?:0x)?[0-9a-f]{8}\s*)+)$/i;
/** More would not be one buffer. */
const INFLATED_MAX: number = 64 << 20;

/**
 * Finds the commands in a file: an i915 error state, an AUB file, a dump in hexadecimal dwords, or
 * else the dwords themselves.
 */
export function commandBuffers(bytes: Uint8Array, defaults: DumpDefaults): CommandBuffer[] {
  const aub = readAub(bytes);
  if (aub !== null) {
    return aub.submissions.map((s, i) => ({
      title: `${s.engine} submission ${i}`,
      engine: s.engine,
      address: s.address,
      dwords: s.dwords,
      memory: s.memory,
      level: 0,
    }));
  }
  const text = textOf(bytes);
  if (text === null) return [plain('binary', dwordsOf(bytes), defaults)];
  const buffers = errorBuffers(text, inflate);
  if (buffers.length > 0) {
    return buffers.flatMap((b) => {
      const level = LEVELS[b.name];
      const engine = engineOf(b.engine);
      if (level === undefined || engine === undefined) return [];
      const { address, dwords } = b;
      return [{ title: `${b.engine} ${b.name}`, engine, address, dwords, memory: null, level }];
    });
  }
  return hexBuffers(text, defaults);
}

function plain(title: string, dwords: Int32Array, d: DumpDefaults): CommandBuffer {
  return { title, engine: d.engine, address: d.address, dwords, memory: null, level: 1 };
}

function dwordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(new Uint8Array(bytes.subarray(0, bytes.length & ~3)).buffer);
}

/** The file as text; null when it has bytes that no text has. */
function textOf(bytes: Uint8Array): string | null {
  for (const byte of bytes) {
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) return null;
    if (byte > 126) return null;
  }
  return new TextDecoder().decode(bytes);
}

function hexBuffers(text: string, d: DumpDefaults): CommandBuffer[] {
  const dwords: number[] = [];
  let address: number | null = null;
  for (const line of text.split('\n')) {
    const m = HEX_LINE.exec(line);
    if (m === null) continue;
    if (dwords.length === 0 && m[1] !== undefined) address = Number.parseInt(m[1], 16);
    for (const word of (m[2] as string).trim().split(/\s+/)) {
      dwords.push(Number.parseInt(word.replace(/^0x/i, ''), 16) | 0);
    }
  }
  if (dwords.length === 0) return [];
  return [plain('dump', Int32Array.from(dwords), { ...d, address: address ?? d.address })];
}

/** `rcs0`, or the names that older kernels gave. */
function engineOf(name: string): EngineId | undefined {
  const old = ({ render: 'RCS', bsd: 'VCS', blitter: 'BCS', blt: 'BCS', vebox: 'VECS' } as const)[
    name.split(' ')[0] as 'render'
  ];
  return old ?? ENGINE_IDS.find((id) => name.startsWith(id.toLowerCase()));
}

function inflate(bytes: Uint8Array): Uint8Array | null {
  try {
    return inflateSync(bytes, { maxOutputLength: INFLATED_MAX });
  } catch {
    return null;
  }
}
