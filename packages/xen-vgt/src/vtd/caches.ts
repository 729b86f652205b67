/** Translations that are kept; a power of two. */
const PAGES = 1024;
const CONTEXTS = 64;
/** Frames above 32 bits, and a domain, in one tag: frames have 36 bits. */
const HIGH_FRAMES = 16;

/** Translations of pages, one place for each hash of domain and frame. Flat: nothing is allocated. */
export class Iotlb {
  /** Of the place that {@link find} found: the machine frame, and what may be done there. */
  mfn = 0;
  rights = 0;
  readonly #frame = new Int32Array(PAGES);
  /** (domain + 1) * 16 + frame bits 35:32; 0 is an empty place. */
  readonly #tag = new Int32Array(PAGES);
  readonly #mfn = new Int32Array(PAGES);
  readonly #rights = new Uint8Array(PAGES);

  /** @param access what must be allowed @returns whether a translation that allows it is kept */
  find(did: number, frame: number, access: number): boolean {
    const i = place(did, frame);
    if (this.#frame[i] !== (frame | 0) || this.#tag[i] !== tag(did, frame)) return false;
    this.rights = this.#rights[i] as number;
    this.mfn = this.#mfn[i] as number;
    return (access & ~this.rights) === 0;
  }

  keep(did: number, frame: number, mfn: number, rights: number): void {
    const i = place(did, frame);
    this.#frame[i] = frame;
    this.#tag[i] = tag(did, frame);
    this.#mfn[i] = mfn;
    this.#rights[i] = rights;
  }

  forget(): void {
    this.#tag.fill(0);
  }

  forgetDomain(did: number): void {
    for (let i = 0; i < PAGES; i++) {
      if (Math.floor((this.#tag[i] as number) / HIGH_FRAMES) === did + 1) this.#tag[i] = 0;
    }
  }

  /** @param first of 2^mask frames, rounded down to a multiple of that */
  forgetPages(did: number, first: number, mask: number): void {
    const count = 2 ** mask;
    const from = first - (first % count);
    for (let i = 0; i < PAGES; i++) {
      const t = this.#tag[i] as number;
      if (Math.floor(t / HIGH_FRAMES) !== did + 1) continue;
      const frame = ((this.#frame[i] as number) >>> 0) + (t % HIGH_FRAMES) * 2 ** 32;
      if (frame >= from && frame < from + count) this.#tag[i] = 0;
    }
  }
}

const place = (did: number, frame: number): number =>
  ((frame | 0) ^ ((frame | 0) >>> 10) ^ (did * 0x9e5)) & (PAGES - 1);
const tag = (did: number, frame: number): number =>
  (did + 1) * HIGH_FRAMES + Math.floor(frame / 2 ** 32);

/** Context entries, one place for each hash of the source id. */
export class ContextCache {
  readonly sid: Int32Array = new Int32Array(CONTEXTS).fill(-1);
  readonly did: Int32Array = new Int32Array(CONTEXTS);
  readonly table: Int32Array = new Int32Array(CONTEXTS);
  readonly levels: Uint8Array = new Uint8Array(CONTEXTS);
  readonly passes: Uint8Array = new Uint8Array(CONTEXTS);
  readonly silent: Uint8Array = new Uint8Array(CONTEXTS);

  /** Where a device's entry is, or will be. */
  place(sid: number): number {
    return (sid ^ (sid >>> 6)) & (CONTEXTS - 1);
  }

  forget(): void {
    this.sid.fill(-1);
  }

  forgetDomain(did: number): void {
    for (let i = 0; i < CONTEXTS; i++) if (this.did[i] === did) this.sid[i] = -1;
  }

  /** @param mask functions that are meant beside: 0 none, 1, 2 and 3 leave so many low bits open */
  forgetDevice(sid: number, mask: number): void {
    const open = [0, 4, 6, 7][mask & 3] as number;
    for (let i = 0; i < CONTEXTS; i++) {
      if (((this.sid[i] as number) & ~open) === (sid & ~open)) this.sid[i] = -1;
    }
  }
}
