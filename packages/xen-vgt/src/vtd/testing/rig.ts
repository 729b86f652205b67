import { MachineMemory } from '@xengt/hsw-device';
import { type CapabilityWords, HASWELL_GRAPHICS_UNIT } from '../capabilities.ts';
import { RemappingUnit } from '../unit.ts';
import {
  FRCD_BYTES,
  FRCD_F,
  FRCD_READ,
  FRCD_REASON,
  FRCD_SOURCE,
  FSTS,
  GCMD,
  GSTS,
  GSTS_LASTING,
  IVT,
  PFO,
  RTADDR,
  SRTP,
} from '../vtd.regs.ts';

export const MIB: number = 2 ** 20;

/** What a fault record says. */
export interface Recorded {
  readonly sid: number;
  readonly reason: number;
  readonly read: boolean;
  /** Address / 4096; of an interrupt, index * 2^36. */
  readonly frame: number;
}

/** A unit with one MiB of memory at address 0 for its tables, driven by registers. */
export class Rig {
  readonly memory: MachineMemory = new MachineMemory();
  readonly words: Int32Array = new Int32Array(MIB / 4);
  readonly unit: RemappingUnit;
  readonly messages: [number, number][] = [];

  constructor(caps: CapabilityWords = HASWELL_GRAPHICS_UNIT) {
    this.memory.addRegion(0, this.words);
    this.unit = new RemappingUnit(this.memory, caps);
    this.unit.onMessage = (address, data) => this.messages.push([address, data]);
  }

  write(offset: number, value: number): void {
    this.unit.mmio.write(offset, 4, value);
  }
  read(offset: number): number {
    return this.unit.mmio.read(offset, 4);
  }

  /** GCMD with some bits more, or fewer. */
  command(set: number, clear = 0): void {
    this.write(GCMD, (this.read(GSTS) & GSTS_LASTING & ~clear) | set);
  }

  /** @param frame of the root table */
  root(frame: number): void {
    this.write(RTADDR, frame << 12);
    this.write(RTADDR + 4, frame >>> 20);
    this.command(SRTP);
  }

  /** Stores 8 bytes at a frame. */
  put(frame: number, index: number, low: number, high = 0): void {
    this.words[frame * 1024 + index * 2] = low;
    this.words[frame * 1024 + index * 2 + 1] = high;
  }

  /** Reads 8 bytes as the reference walk does. */
  qword(address: bigint): bigint | null {
    if (address < 0n || address >= BigInt(MIB)) return null;
    const i = Number(address >> 2n);
    const [low, high] = [this.words[i] as number, this.words[i + 1] as number];
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  }

  /** Global invalidation by registers. */
  invalidate(): void {
    this.write(0x2c, (1 << 31) | (1 << 29));
    this.write(this.unit.caps.ivaAt + 12, IVT | (1 << 28));
  }

  /** Takes every fault record and clears what says that there are some. */
  faults(): Recorded[] {
    const { faultsAt, faultRecords } = this.unit.caps;
    const out: Recorded[] = [];
    for (let i = 0; i < faultRecords; i++) {
      const at = faultsAt + i * FRCD_BYTES;
      const status = this.read(at + FRCD_REASON);
      if ((status & FRCD_F) === 0) continue;
      const high = this.read(at + 4) >>> 0;
      out.push({
        sid: this.read(at + FRCD_SOURCE),
        reason: status & 0xff,
        read: (status & FRCD_READ) !== 0,
        frame: (this.read(at) >>> 12) + high * 2 ** 20,
      });
      this.write(at + FRCD_REASON, FRCD_F);
    }
    this.write(FSTS, PFO);
    return out;
  }
}
