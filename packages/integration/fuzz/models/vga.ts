import { IsaVga, VGA_MEMORY_LEAST, VGA_MONO_PORTS, VGA_PORTS } from '@xengt/qemu-vgt';
import type { Random } from '../lib/random.ts';
import type { Model, ModelLife } from './model.ts';

const SIZES = [1, 2, 4] as const;
const WINDOW_BYTES = 0x20000;
/** Largest picture that registers can ask for: 256 characters of 18 dots; the display interface's height. */
const WIDTH_MOST = 4608,
  HEIGHT_MOST = 1600;
/** A picture is looked at once in so many cases. */
const LOOK_EVERY = 2000;
/** Values that the display interface's registers take in real modes. */
const LIKELY: readonly number[] = [0, 1, 4, 8, 15, 16, 24, 32, 0x41, 0xc1, 0x61, 2, 640, 480, 1920];
const out = new Uint32Array(WIDTH_MOST * HEIGHT_MOST);

class VgaLife implements ModelLife {
  readonly #memory: Uint8Array;
  readonly #vga: IsaVga;
  #limit = { width: 1024, height: 768 };

  constructor(random: Random) {
    this.#memory = new Uint8Array(VGA_MEMORY_LEAST << random.below(4));
    this.#vga = new IsaVga({ memory: this.#memory, limit: () => this.#limit });
  }

  step(random: Random): string | null {
    const vga = this.#vga;
    const size = random.pick(SIZES);
    switch (random.below(8)) {
      case 0:
        return read(vga.memory.read(random.below(WINDOW_BYTES), size));
      case 1:
      case 2:
        vga.memory.write(random.below(WINDOW_BYTES), size, random.u32());
        return null;
      case 3:
        vga.dispiPorts.write(0, 2, random.once(20) ? random.value() : random.below(12));
        vga.dispiPorts.write(1, size, random.once(4) ? random.value() : random.pick(LIKELY));
        return read(vga.dispiPorts.read(random.below(3), size));
      case 4:
        // Index and data in one word: registers of the sequencer, the graphics and the CRT controller.
        vga.ports.write(
          random.pick([0x04, 0x0e, 0x14]),
          2,
          random.below(0x19) | (random.u32() << 8),
        );
        return null;
      case 5:
        vga.ports.write(random.below(VGA_PORTS.count), size, random.value());
        return null;
      case 6:
        vga.monoPorts.write(random.below(VGA_MONO_PORTS.count), size, random.value());
        return read(vga.monoPorts.read(random.below(VGA_MONO_PORTS.count), size));
      default:
        if (random.once(LOOK_EVERY / 8)) return this.#look();
        if (random.once(64))
          this.#limit = { width: random.below(5000), height: random.below(5000) };
        return read(vga.ports.read(random.below(VGA_PORTS.count), size));
    }
  }

  #look(): string | null {
    const size = this.#vga.screen();
    if (size === null) return this.#vga.scanOut(out) ? 'a picture without a size' : null;
    const { width, height } = size;
    const legal = width > 0 && height > 0 && width <= WIDTH_MOST && height <= HEIGHT_MOST;
    if (!legal) return `a picture of ${width} by ${height}`;
    if (!this.#vga.scanOut(out)) return `a picture of ${width} by ${height} that is not drawn`;
    return null;
  }

  /** A state taken back is the state that was saved. */
  end(): string | null {
    const state = this.#vga.exportState();
    const other = new IsaVga({ memory: this.#memory, limit: () => this.#limit });
    const refused = other.importState(JSON.parse(JSON.stringify(state)));
    if (refused !== null) return `its own state is refused: ${refused}`;
    const same = JSON.stringify(other.exportState()) === JSON.stringify(state);
    return same ? this.#look() : 'a state changes when it is taken back';
  }
}

function read(value: number): string | null {
  return Number.isInteger(value) ? null : `a read of ${value}`;
}

/** Ports and memory of the VGA, and the display interface that VBE calls end in. */
export const vgaModel: Model = { name: 'vga', make: (random) => new VgaLife(random) };
