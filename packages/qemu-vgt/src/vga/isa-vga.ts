import type { AccessSize, TrapTarget } from '@xengt/hsw-device';
import { Dac } from './dac.ts';
import { DISPI_8BIT_DAC, DISPI_ENABLE, Dispi, type MonitorLimit } from './dispi.ts';
import { Picture } from './picture.ts';
import * as V from './vga.regs.ts';
import { VgaMemory } from './vga-memory.ts';
import { VgaRegs } from './vga-regs.ts';

/** Least memory: the four planes of the legacy modes. */
export const VGA_MEMORY_LEAST = 0x40000;

/** An adapter's registers; its memory is the machine's own. */
export interface VgaStateV1 {
  readonly version: 1;
  readonly sequencer: readonly number[];
  readonly graphics: readonly number[];
  readonly attribute: readonly number[];
  readonly crtc: readonly number[];
  readonly dispi: readonly number[];
  readonly dac: readonly number[];
  /** Indices, flip-flops and what else is one value, in the order of `exportState`. */
  readonly scalars: readonly number[];
}

/** What a picture is shown on. */
export interface VgaOptions {
  /** Video memory, bytes: at least 256 KiB, a multiple of 64 KiB, aligned to dwords. */
  readonly memory: Uint8Array;
  /** Largest picture that the monitor takes; asked whenever a guest asks. */
  readonly limit: () => MonitorLimit;
}

/**
 * The ISA VGA that upstream's QEMU puts beside the vGPU: legacy ports and memory below 1 MiB, and the
 * display interface of Bochs, whose linear frame buffer lies at {@link LFB_GPA}. It is no PCI
 * function. It has no clock: retrace goes on as it is read, and nothing blinks.
 *
 * Nothing a guest writes throws, and a picture costs at most its pixels.
 */
export class IsaVga {
  /** Ports 0x3b0 to 0x3bb, 0x3c0 to 0x3df, and 0x1ce to 0x1d0: offsets are from their first. */
  readonly monoPorts: TrapTarget = this.#bytePorts('vga.mono', V.VGA_MONO_PORTS.port);
  readonly ports: TrapTarget = this.#bytePorts('vga.ports', V.VGA_PORTS.port);
  readonly dispiPorts: TrapTarget = {
    name: 'vga.dispi',
    read: (offset, size) => this.#dispiRead(offset, size),
    write: (offset, size, value) => this.#dispiWrite(offset, size, value),
  };
  /** Memory from 0xa0000 to 0xbffff. */
  readonly memory: VgaMemory;
  readonly dispi: Dispi;
  readonly #regs = new VgaRegs();
  readonly #dac = new Dac();
  readonly #picture: Picture;
  #status = 0;
  /** Low byte of a word that a guest writes to 0x1cf in halves. */
  #half = 0;

  constructor(options: VgaOptions) {
    const { memory } = options;
    if (memory.length < VGA_MEMORY_LEAST || memory.length % 0x10000 !== 0) {
      throw new RangeError(`${memory.length} bytes of video memory; 256 KiB is the least`);
    }
    this.dispi = new Dispi(memory, options.limit);
    this.memory = new VgaMemory(memory, this.#regs.sr, this.#regs.gr, this.dispi);
    this.#picture = new Picture(this.#regs, this.#dac, this.dispi, memory);
  }

  /** Size of what it shows, pixels; null before a mode is set. */
  screen(): { readonly width: number; readonly height: number } | null {
    const picture = this.#picture;
    return picture.measure() ? { width: picture.width, height: picture.height } : null;
  }

  /** Draws what it shows. @param out RGBA pixels, room for {@link screen} @returns false when nothing is */
  scanOut(out: Uint32Array): boolean {
    const picture = this.#picture;
    if (!picture.measure() || out.length < picture.width * picture.height) return false;
    picture.draw(out);
    return true;
  }

  #bytePorts(name: string, first: number): TrapTarget {
    return {
      name,
      read: (offset, size) => {
        let value = 0;
        for (let i = 0; i < size; i++) value |= this.#read(first + offset + i) << (i * 8);
        return value;
      },
      write: (offset, size, value) => {
        for (let i = 0; i < size; i++) this.#write(first + offset + i, (value >>> (i * 8)) & 0xff);
      },
    };
  }

  /** The ports of colour answer at 0x3d0, those of monochrome at 0x3b0: one of the two. @returns -1 for the other */
  #crtcPort(port: number): number {
    const colour = port >= 0x3d0;
    if (port >= 0x3c0 && !colour) return port;
    const active = (this.#regs.misc & V.MISC_COLOUR) !== 0;
    return colour === active ? (port & 0xf) | 0x3d0 : -1;
  }

  #read(port: number): number {
    const regs = this.#regs;
    const dac = this.#dac;
    switch (this.#crtcPort(port)) {
      case 0x3c0:
        return regs.attributeData ? 0 : regs.attributeIndex;
      case 0x3c1:
        return regs.ar[regs.attributeIndex & 0x1f] ?? 0;
      case 0x3c2:
        return 0;
      case 0x3c4:
        return regs.sequencerIndex;
      case 0x3c5:
        return regs.sr[regs.sequencerIndex] ?? 0;
      case 0x3c6:
        return dac.mask;
      case 0x3c7:
        return dac.direction;
      case 0x3c8:
        return (dac.writeAt / 3) | 0;
      case 0x3c9:
        return dac.read();
      case 0x3ca:
        return regs.feature;
      case 0x3cc:
        return regs.misc;
      case 0x3ce:
        return regs.graphicsIndex;
      case 0x3cf:
        return regs.gr[regs.graphicsIndex] ?? 0;
      case 0x3d4:
        return regs.crtcIndex;
      case 0x3d5:
        return regs.cr[regs.crtcIndex] ?? 0;
      case 0x3da:
        regs.attributeData = false;
        this.#status ^= V.ST1_RETRACE | V.ST1_DISPLAY_OFF;
        return this.#status;
      default:
        return 0xff;
    }
  }

  #write(port: number, value: number): void {
    const regs = this.#regs;
    const dac = this.#dac;
    switch (this.#crtcPort(port)) {
      case 0x3c0:
        regs.writeAttribute(value);
        break;
      case 0x3c2:
        regs.misc = value & ~0x10;
        break;
      case 0x3c4:
        regs.sequencerIndex = value & 7;
        break;
      case 0x3c5:
        regs.writeSequencer(value);
        break;
      case 0x3c6:
        dac.mask = value;
        break;
      case 0x3c7:
        dac.setRead(value);
        break;
      case 0x3c8:
        dac.setWrite(value);
        break;
      case 0x3c9:
        dac.write(value);
        break;
      case 0x3ce:
        regs.graphicsIndex = value & 0xf;
        break;
      case 0x3cf:
        regs.writeGraphics(value);
        break;
      case 0x3d4:
        regs.crtcIndex = value;
        break;
      case 0x3d5:
        regs.writeCrtc(value);
        break;
      case 0x3da:
        regs.feature = value & 0x10;
        break;
    }
  }

  /** Words at 0x1ce and 0x1cf; 0x1d0 is data too, for who aligns its words. */
  #dispiRead(offset: number, size: AccessSize): number {
    const { dispi } = this;
    if (offset === 0) return size === 1 ? dispi.index & 0xff : dispi.index;
    const value = dispi.read();
    if (size !== 1) return value;
    return offset === 1 ? value & 0xff : value >>> 8;
  }

  #dispiWrite(offset: number, size: AccessSize, value: number): void {
    const { dispi } = this;
    if (offset === 0) {
      dispi.index = value & 0xffff;
      return;
    }
    let word = value & 0xffff;
    if (size === 1 && offset === 1) {
      this.#half = value & 0xff;
      return;
    }
    if (size === 1) word = this.#half | ((value & 0xff) << 8);
    dispi.write(word);
    this.#dac.wide = this.#wide();
  }

  #wide(): boolean {
    return ((this.dispi.regs[DISPI_ENABLE] as number) & DISPI_8BIT_DAC) !== 0;
  }

  exportState(): VgaStateV1 {
    const regs = this.#regs;
    const dac = this.#dac;
    return {
      version: 1,
      sequencer: [...regs.sr],
      graphics: [...regs.gr],
      attribute: [...regs.ar],
      crtc: [...regs.cr],
      dispi: [...this.dispi.regs],
      dac: [...dac.values],
      scalars: [
        regs.misc,
        regs.feature,
        regs.sequencerIndex,
        regs.graphicsIndex,
        regs.crtcIndex,
        regs.attributeIndex,
        regs.attributeData ? 1 : 0,
        this.memory.latch,
        dac.mask,
        dac.writeAt,
        dac.readAt,
        dac.direction,
        this.dispi.index,
        this.#status,
        this.#half,
      ],
    };
  }

  /** @returns why the state was refused, or null; nothing has changed then */
  importState(state: VgaStateV1): string | null {
    if (state.version !== 1) return `VGA state of version ${state.version}, expected 1`;
    const regs = this.#regs;
    const dac = this.#dac;
    const arrays = [
      ['sequencer', regs.sr],
      ['graphics', regs.gr],
      ['attribute', regs.ar],
      ['crtc', regs.cr],
      ['dispi', this.dispi.regs],
      ['dac', dac.values],
    ] as const;
    for (const [name, into] of arrays) {
      if (state[name]?.length !== into.length) return `VGA state without its ${name} registers`;
    }
    if (state.scalars?.length !== SCALARS) return 'VGA state without its indices';
    regs.sr.set(state.sequencer.map((v, i) => v & (V.SEQUENCER_MASKS[i] as number)));
    regs.gr.set(state.graphics.map((v, i) => v & (V.GRAPHICS_MASKS[i] as number)));
    regs.ar.set(state.attribute.map((v, i) => v & (V.ATTRIBUTE_MASKS[i] as number)));
    regs.cr.set(state.crtc);
    dac.values.set(state.dac);
    this.dispi.restore(state.dispi);
    const s = (i: number, mask: number): number => (state.scalars[i] as number) & mask;
    regs.misc = s(0, 0xef);
    regs.feature = s(1, 0x10);
    regs.sequencerIndex = s(2, 7);
    regs.graphicsIndex = s(3, 0xf);
    regs.crtcIndex = s(4, 0xff);
    regs.attributeIndex = s(5, 0x3f);
    regs.attributeData = s(6, 1) !== 0;
    this.memory.latch = s(7, -1);
    dac.mask = s(8, 0xff);
    dac.writeAt = s(9, 0x3ff) % 768;
    dac.readAt = s(10, 0x3ff) % 768;
    dac.direction = s(11, 3);
    this.dispi.index = s(12, 0xffff);
    this.#status = s(13, V.ST1_RETRACE | V.ST1_DISPLAY_OFF);
    this.#half = s(14, 0xff);
    dac.wide = this.#wide();
    return null;
  }
}

/** How many single values a state has. */
const SCALARS = 15;
