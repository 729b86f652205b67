import type { RegSpace } from '../reg/reg-space.ts';
import type { RegRow } from '../reg/row.ts';

/** Registers of transcoder A's audio, bytes; B and C follow 0x100 apart. i915: `HSW_AUD_*`. */
const AUD_EDID_DATA = 0x65050;
const AUD_DIP_ELD_CTRL = 0x650b4;
const AUD_STRIDE = 0x100;
/** Which transcoder's ELD is good and which one sends sound, four bits each. i915: `AUDIO_ELD_VALID`. */
const AUD_PIN_ELD_CP_VLD = 0x650c0;
const ELD_VALID = 1;

/** AUD_DIP_ELD_CTRL 14:10 dwords of the buffer, read only; 9:5 the next one that is moved. */
const ELD_SIZE = 0x7c00;
const ELD_DWORDS = 21;
const ELD_ADDRESS = 0x3e0;
const TRANSCODERS = 3;
const SRC = 'HSW PRM vol.2c AUD_HDMIW_HDMIEDID, AUD_DIP_ELD_CTRL_ST; i915 hsw_audio_codec_enable';

/**
 * The buffers through which a display driver tells the sound driver what a sink can play: an ELD for
 * each transcoder, written and read a dword at a time at an address that moves on.
 */
export class Audio {
  readonly rows: readonly RegRow[];
  readonly #regs: RegSpace;
  /** By transcoder * 21 + dword. */
  readonly buffers: Int32Array = new Int32Array(TRANSCODERS * ELD_DWORDS);

  constructor(regs: RegSpace) {
    this.#regs = regs;
    const rows: RegRow[] = [];
    for (let t = 0; t < TRANSCODERS; t++) {
      const x = 'ABC'[t] as string;
      const at = t * AUD_STRIDE;
      // biome-ignore format: one register a line
      rows.push(
        { name: `AUD_EDID_DATA_${x}`, offset: AUD_EDID_DATA + at, onRead: () => this.buffers[this.#next(t)] as number, onWrite: (_o, v) => this.#put(t, v), src: SRC },
        { name: `AUD_DIP_ELD_CTRL_${x}`, offset: AUD_DIP_ELD_CTRL + at, reset: ELD_DWORDS << 10, rw: ~ELD_SIZE, src: SRC },
      );
    }
    rows.push({ name: 'AUD_PIN_ELD_CP_VLD', offset: AUD_PIN_ELD_CP_VLD, src: SRC });
    this.rows = rows;
  }

  /** Place in {@link buffers} that is moved now; the address goes on, round after the last dword. */
  #next(transcoder: number): number {
    const at = AUD_DIP_ELD_CTRL + transcoder * AUD_STRIDE;
    const control = this.#regs.peek(at);
    const dword = ((control & ELD_ADDRESS) >>> 5) % ELD_DWORDS;
    this.#regs.poke(at, (control & ~ELD_ADDRESS) | (((dword + 1) % ELD_DWORDS) << 5));
    return transcoder * ELD_DWORDS + dword;
  }

  #put(transcoder: number, value: number): void {
    this.buffers[this.#next(transcoder)] = value;
  }

  /** ELD of a transcoder, 84 bytes; null while the driver says that it is not valid. Makes an array. */
  eld(transcoder: number): Uint8Array | null {
    const valid = this.#regs.peek(AUD_PIN_ELD_CP_VLD) & (ELD_VALID << (transcoder * 4));
    if (valid === 0) return null;
    const from = transcoder * ELD_DWORDS;
    return new Uint8Array(this.buffers.slice(from, from + ELD_DWORDS).buffer);
  }

  reset(): void {
    this.buffers.fill(0);
  }
}
