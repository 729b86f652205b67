import {
  barBase,
  type ConfigSpace,
  type ConfigStateV1,
  GTTMMIO_BYTES,
  IGD_MSI,
  igdConfigSpace,
  igdInD0,
  MSI_ENABLE,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MEMORY,
  type TrapTarget,
} from '@xengt/hsw-device';
import type { Mpt } from '../port/mpt.ts';

/** Class of a display that is the primary VGA, and of one that is not. */
const CLASS_VGA = 0x030000;
const CLASS_OTHER = 0x038080;
const SWSCI = 0xe8;
/** SWSCI 0 starts a call to firmware, 15 says that calls come as system control interrupts. */
const SWSCI_TRIGGER = 1;

export interface VgpuConfigOptions {
  readonly domid: number;
  readonly deviceId: number;
  readonly apertureMiB: number;
  readonly primary: boolean;
  readonly mpt: Mpt;
  readonly mmio: TrapTarget;
  readonly aperture: TrapTarget;
  /** A driver wrote the OpRegion's address (ASLS, 0xfc). */
  readonly onAsls?: (value: number) => void;
  /** A driver calls firmware through SWSCI. */
  readonly onSwsci?: () => void;
  /** The driver asks for a reset of the function: of the vGPU, not of the hardware. */
  readonly onFunctionReset?: () => void;
}

/** A vGPU's configuration space and what of its interrupt is on its way. */
export interface VgpuConfigStateV1 {
  readonly space: ConfigStateV1;
  readonly injected: number;
  readonly line: boolean;
}

/**
 * PCI configuration of a vGPU at 00:02.0. BAR writes and the memory enable move its traps in the
 * guest's address space; MSI or INTA# carry its interrupt. Stolen memory is none: the guest's
 * share of memory is all its own.
 */
export class VgpuConfig {
  readonly space: ConfigSpace;
  /** MSIs sent. */
  injected = 0;
  readonly #o: VgpuConfigOptions;
  #mmioAt = -1;
  #apertureAt = -1;
  #line = false;
  #intx = false;

  constructor(o: VgpuConfigOptions) {
    this.#o = o;
    const remap = (): void => this.#remap();
    this.space = igdConfigSpace({
      name: `vgpu${o.domid}.config`,
      deviceId: o.deviceId,
      classCode: o.primary ? CLASS_VGA : CLASS_OTHER,
      apertureMiB: o.apertureMiB,
      stolenMiB: 0,
      onCommand: () => this.#commandWritten(),
      onBar0: remap,
      onBar2: remap,
      onMsiControl: () => this.#level(),
      onAsls: (value) => o.onAsls?.(value),
      onSwsci: (value, old) => this.#swsci(value, old),
      onPower: () => this.#commandWritten(),
      onFunctionReset: () => {
        this.#commandWritten();
        o.onFunctionReset?.();
      },
    });
  }

  #commandWritten(): void {
    this.#remap();
    this.#level();
  }

  /** Puts the traps where the BARs say; takes them away while memory is disabled. */
  #remap(): void {
    const { mpt, domid, apertureMiB, mmio, aperture } = this.#o;
    const { space } = this;
    const on = (space.peek(PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) !== 0 && igdInD0(space);
    const place = (index: number): number => {
      const at = barBase(space, index);
      return on && at !== 0 ? at : -1;
    };
    const mmioAt = place(0);
    if (mmioAt !== this.#mmioAt) {
      if (this.#mmioAt >= 0) mpt.unmapTrap(domid, this.#mmioAt, GTTMMIO_BYTES);
      if (mmioAt >= 0) mpt.mapTrap(domid, mmioAt, GTTMMIO_BYTES, mmio, 'gttmmio');
      this.#mmioAt = mmioAt;
    }
    const apertureAt = place(2);
    const bytes = apertureMiB << 20;
    if (apertureAt === this.#apertureAt) return;
    if (this.#apertureAt >= 0) mpt.unmapTrap(domid, this.#apertureAt, bytes);
    if (apertureAt >= 0) mpt.mapTrap(domid, apertureAt, bytes, aperture, 'aperture');
    this.#apertureAt = apertureAt;
  }

  /** A call of firmware is over at once: the trigger reads back as done. Upstream: vgt SWSCI. */
  #swsci(value: number, old: number): void {
    if ((value & SWSCI_TRIGGER) === 0) return;
    this.space.poke(SWSCI, 2, value & ~SWSCI_TRIGGER);
    if ((old & SWSCI_TRIGGER) === 0) this.#o.onSwsci?.();
  }

  get msiEnabled(): boolean {
    return (this.space.peek(IGD_MSI + 2, 2) & MSI_ENABLE) !== 0;
  }

  /** The vGPU's interrupt line changed. A rising edge is one message, or a level on INTA#. */
  line(high: boolean): void {
    this.#line = high;
    if (high && this.msiEnabled) {
      this.injected++;
      const { mpt, domid } = this.#o;
      mpt.injectMsi(domid, this.space.peek(IGD_MSI + 4, 4) >>> 0, this.space.peek(IGD_MSI + 8, 2));
    }
    this.#level();
  }

  #level(): void {
    const disabled = (this.space.peek(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE) !== 0;
    const level = this.#line && !disabled && !this.msiEnabled;
    if (level === this.#intx) return;
    this.#intx = level;
    this.#o.mpt.setIntx(this.#o.domid, level);
  }

  /** Everything of it: the bytes, messages sent, the line's level. */
  exportState(): VgpuConfigStateV1 {
    return { space: this.space.exportState(), injected: this.injected, line: this.#line };
  }

  /**
   * Takes a state into a vGPU that nobody uses yet: its traps appear where the BARs are, and INTA# has
   * the level it had. A message is not sent again.
   *
   * @returns why it was refused, or null
   */
  importState(s: VgpuConfigStateV1): string | null {
    const refused = this.space.importState(s.space);
    if (refused !== null) return refused;
    this.injected = s.injected;
    this.#line = s.line;
    this.#commandWritten();
    return null;
  }

  /** The vGPU is gone: nothing answers for its ranges. */
  release(): void {
    this.space.poke(PCI_COMMAND, 2, 0);
    this.#remap();
    this.line(false);
  }
}
