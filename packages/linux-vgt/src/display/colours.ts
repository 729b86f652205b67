import {
  type HaswellDevice,
  displayRegs as R,
  type RegSpace,
  WIRE_LIMITED,
  wireCoding,
} from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';
import { COLOUR, FOLLOWED } from './followed.ts';

const ROWS = FOLLOWED.filter((row) => row.kind === COLOUR);
/** Entries of a pipe's precision palette. */
const PRECISE = 1024;
/** First data dword of the AVI infoframe: checksum 7:0, then bytes 1 to 3; 27:26 the RGB range. */
const AVI_BYTES = 0x224;
const AVI_RANGE_SHIFT = 26;
const AVI_RANGE = 3;
const RANGE_LIMITED = 1;
const RANGE_FULL = 2;
const AVI_ENABLE = 0x1000;
const MSA_LIMITED = 8;

/** How a physical port says that colours are of limited range. */
type Signal = 'infoframe' | 'attributes' | 'none';

/** Gives physical pipes the colours of a VM's pipes: palettes, gamma mode, conversion, range. */
export class PipeColours {
  readonly #device: HaswellDevice;

  constructor(device: HaswellDevice) {
    this.#device = device;
  }

  /** Copies a pipe's colours. Conversion and gamma mode take effect at the next vertical blank. */
  copy(vm: Vgpu, from: number, to: number): void {
    const { regs, display } = this.#device;
    for (const { first, count, stride } of ROWS) {
      const at = (first + from * stride) >>> 2;
      const target = (first + to * stride) >>> 2;
      for (let k = 0; k < count; k++) regs.dw[target + k] = vm.vreg.dw[at + k] as number;
    }
    const entries = vm.palettes.entries.subarray(from * PRECISE, (from + 1) * PRECISE);
    display.palettes.entries.set(entries, to * PRECISE);
    const mode = R.PIPE_CSC_MODE + to * R.CSC_STRIDE;
    // Its write arms the others.
    regs.write32(mode, regs.peek(mode));
  }

  /**
   * Whether a VM's colour conversion is left out: it makes limited range for a sink that the
   * physical port cannot tell of it.
   */
  drops(vm: Vgpu, from: number, to: number): boolean {
    return this.#limited(vm, from) && this.#signal(to) === 'none';
  }

  /**
   * Tells a physical port's sink the range that a VM's pipe has.
   *
   * @param own what dom0 tells: everything else of it stays
   */
  tell(vm: Vgpu, from: number, to: number, own: RegSpace): void {
    const { regs, display } = this.#device;
    const transcoder = display.pipes[to]?.transcoder ?? -1;
    if (transcoder < 0) return;
    const base = R.TRANSCODER_BASE[transcoder] as number;
    const limited = this.#limited(vm, from);
    const signal = this.#signal(to);
    if (signal === 'infoframe') {
      const value = own.peek(base + AVI_BYTES);
      regs.write32(base + AVI_BYTES, withRange(value, limited ? RANGE_LIMITED : RANGE_FULL));
    } else if (signal === 'attributes') {
      const msa = own.peek(base + R.TRANS_MSA_MISC);
      regs.write32(base + R.TRANS_MSA_MISC, limited ? msa | MSA_LIMITED : msa & ~MSA_LIMITED);
    }
  }

  #limited(vm: Vgpu, pipe: number): boolean {
    const transcoder = vm.display?.pipes[pipe]?.transcoder ?? -1;
    return transcoder >= 0 && wireCoding(vm.vreg, transcoder) === WIRE_LIMITED;
  }

  #signal(pipe: number): Signal {
    return signalOf(this.#device.regs, this.#device.display.pipes[pipe]?.transcoder ?? -1);
  }
}

function signalOf(regs: RegSpace, transcoder: number): Signal {
  if (transcoder < 0) return 'none';
  const base = R.TRANSCODER_BASE[transcoder] as number;
  const mode = (regs.peek(base + R.TRANS_DDI_FUNC_CTL) >>> 24) & 7;
  if (mode === R.TRANS_DDI_MODE_DP_SST || mode === R.TRANS_DDI_MODE_DP_MST) return 'attributes';
  const avi = (regs.peek(base + R.VIDEO_DIP_CTL) & AVI_ENABLE) !== 0;
  return mode === R.TRANS_DDI_MODE_HDMI && avi ? 'infoframe' : 'none';
}

/** The infoframe's dword with another range and the checksum that goes with it. */
function withRange(value: number, range: number): number {
  const old = (value >>> AVI_RANGE_SHIFT) & AVI_RANGE;
  const sum = ((value & 0xff) + ((old - range) << (AVI_RANGE_SHIFT - 24))) & 0xff;
  const cleared = value & ~((AVI_RANGE << AVI_RANGE_SHIFT) | 0xff);
  return cleared | (range << AVI_RANGE_SHIFT) | sum;
}
