import type { VgpuHeaderV1, VgpuStateV1 } from './vgpu-state.ts';

/** Last dwords of an image: upstream's magic, and `_VGT`. */
export const IMAGE_MAGIC: number = 0xdead0bad | 0;
export const IMAGE_NAME = 0x5447565f;
/** Upstream's bound of an image, bytes. */
export const IMAGE_BYTES_MAX: number = 9 << 20;
const FORMAT = 1;
/** Dwords of the trailer: format, parts, bytes before it, checksum of the trailer, magic, name. */
const TRAILER_DW = 6;
/** Dwords behind each part: its name, its bytes, its checksum. */
const FOOTER_DW = 3;

// Image, dwords, little endian:
//
//   part | name | bytes | checksum        for each part, in the order below
//   format | parts | bytes | checksum | 0xdead0bad | "_VGT"
//
// It is read from its end: a stream that was cut short, or one of something else, has no trailer.

/** Parts in the order they are written; names of four letters. */
const PARTS = ['head', 'vreg', 'sreg', 'ggtt', 'ctxi', 'hide'] as const;

/** Bytes of a state that {@link unpackVgpu} takes back. Upstream: what the `state` node reads. */
export function packVgpu(state: VgpuStateV1): Uint8Array<ArrayBuffer> {
  const parts = [
    wordsOf(textBytes(JSON.stringify(state.header))),
    state.vreg,
    state.sreg,
    state.ggtt,
    state.context,
    state.hidden,
  ];
  const length = parts.reduce((n, part) => n + part.length + FOOTER_DW, 0);
  const out = new Int32Array(length + TRAILER_DW);
  let at = 0;
  parts.forEach((part, i) => {
    out.set(part, at);
    at += part.length;
    out.set([nameOf(PARTS[i] as string), part.length * 4, checksum(part)], at);
    at += FOOTER_DW;
  });
  const trailer = [FORMAT, parts.length, length * 4];
  out.set([...trailer, checksum(Int32Array.from(trailer)), IMAGE_MAGIC, IMAGE_NAME], at);
  return new Uint8Array(out.buffer);
}

/** @returns the state, or why the bytes are none: the parts are checked from the last to the first */
export function unpackVgpu(bytes: Uint8Array): VgpuStateV1 | string {
  const at = bytes.length - TRAILER_DW * 4;
  if (at < 0 || bytes.length % 4 !== 0 || bytes.length > IMAGE_BYTES_MAX) {
    return `a vGPU image has no ${bytes.length} bytes`;
  }
  const words = wordsOf(bytes);
  const trailer = words.subarray(at / 4);
  const [format, count, length, sum, magic, name] = trailer;
  if (magic !== IMAGE_MAGIC || name !== IMAGE_NAME) return 'not a vGPU image: it ends otherwise';
  if (sum !== checksum(trailer.subarray(0, 3))) return 'the trailer of the vGPU image is damaged';
  if (format !== FORMAT) {
    return `a vGPU image of format ${format}; this version reads format ${FORMAT}`;
  }
  if (length !== at) return `a vGPU image of ${at} bytes that should have ${length}`;
  const parts: Int32Array[] = [];
  let end = at / 4;
  for (let i = (count as number) - 1; i >= 0; i--) {
    const footer = end - FOOTER_DW;
    const first = footer - (words[footer + 1] ?? -1) / 4;
    const wanted = PARTS[i];
    if (wanted === undefined || words[footer] !== nameOf(wanted) || !(first >= 0)) {
      return `part ${i} of the vGPU image is not its ${wanted ?? 'own'}`;
    }
    const part = words.slice(first, footer);
    if (checksum(part) !== words[footer + 2]) {
      return `part "${wanted}" of the vGPU image is damaged`;
    }
    parts.unshift(part);
    end = first;
  }
  if (end !== 0 || parts.length !== PARTS.length) return 'the vGPU image has not all its parts';
  const [head, vreg, sreg, ggtt, context, hidden] = parts as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  const header = headerOf(head);
  return header === null
    ? 'the header of the vGPU image is no JSON'
    : { header, vreg, sreg, ggtt, context, hidden };
}

function headerOf(words: Int32Array): VgpuHeaderV1 | null {
  try {
    const bytes = new Uint8Array(words.buffer);
    let text = '';
    for (let i = 0; i < bytes.length && bytes[i] !== 0; i++) {
      text += String.fromCharCode(bytes[i] as number);
    }
    return JSON.parse(text) as VgpuHeaderV1;
  } catch {
    return null;
  }
}

/** JSON as ASCII: what is beyond it is escaped. */
function textBytes(json: string): Uint8Array {
  const ascii = json.replace(
    /[^\x20-\x7e]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Uint8Array.from(ascii, (c) => c.charCodeAt(0));
}

/** A copy of bytes as dwords, the last one filled up with zeros. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const out = new Int32Array((bytes.length + 3) >>> 2);
  new Uint8Array(out.buffer).set(bytes);
  return out;
}

function nameOf(letters: string): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word |= letters.charCodeAt(i) << (i * 8);
  return word;
}

/** FNV-1a over dwords, with their number: it finds damage, not intent. */
function checksum(words: Int32Array): number {
  let sum = 0x811c9dc5 ^ words.length;
  for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ (words[i] as number), 0x01000193);
  return sum | 0;
}
