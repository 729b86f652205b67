import {
  barBase,
  ENGINE_IDS,
  engineRegs,
  GM_PAGES,
  GTTMMIO_BYTES,
  irqRegs,
  type TrapTarget,
} from '@xengt/hsw-device';
import type { Vgpu, Vgt } from '@xengt/linux-vgt';
import type { Host } from '../../src/host/host.ts';
import type { HostDomain } from '../../src/host/host-domain.ts';

const R = engineRegs;
const I = irqRegs;
const SETS = [I.GT_IRQ, I.PM_IRQ, I.DE_IRQ, I.PCH_IRQ] as const;
const GTT = 0x200000;
const ALL_BITS = 0xffff0000 | 0;

/**
 * The GPU of one running Domain-0, taken past the mediator and back, while its driver works and does not
 * notice: the same emulator with the same compiled code, the same kernel in the same state, and only
 * the way to the GPU is another one. That works for Domain-0 alone: its guest addresses are machine
 * addresses, and its part of the global GTT lies where its driver thinks it does.
 *
 * Past the mediator, BAR0 and BAR2 are the device's own, the engines run the guest's own rings through
 * its own page tables, and interrupts are the device's. The mediator does nothing, not even its tick.
 */
export class SwitchedGpu {
  mode: 'mediated' | 'direct' = 'mediated';
  readonly #host: Host;
  readonly #domain: HostDomain;
  readonly #vgt: Vgt;
  readonly #vgpu: Vgpu;
  /** The physical interrupt's way to the mediator. */
  readonly #serve: (high: boolean) => void;
  /** GTT entries as they were when the mediator was left. */
  readonly #entries: Int32Array = new Int32Array(GM_PAGES);

  /** @param host with the mediator, and no domain beside Domain-0 */
  constructor(host: Host, domain: HostDomain) {
    this.#host = host;
    this.#domain = domain;
    this.#vgt = host.vgt as Vgt;
    this.#vgpu = this.#vgt.dom0;
    this.#serve = host.device.irq.onLine;
  }

  /** Whether nothing is under way in engines and interrupts, so that the way may change. */
  get ready(): boolean {
    const { device } = this.#host;
    const { switch: sw } = this.#vgt;
    if (!sw.steady || sw.owner !== this.#vgpu || !sw.allResting || this.#vgpu.irq.asserted) {
      return false;
    }
    if (this.mode === 'mediated' && this.#vgpu.pending) return false;
    for (const base of SETS) {
      if (device.regs.peek(base + I.IRQ_IIR) !== 0) return false;
      if (this.mode === 'mediated' && this.#vgpu.vreg.peek(base + I.IRQ_IIR) !== 0) return false;
    }
    return true;
  }

  /** To be called when {@link ready}, between two steps of the device. */
  toggle(): void {
    if (this.mode === 'mediated') this.#leave();
    else this.#enter();
  }

  #map(mmio: TrapTarget, aperture: TrapTarget): void {
    const { domain } = this.#domain;
    const { space } = this.#vgpu.config;
    for (const [bar, bytes, kind, target] of [
      [0, GTTMMIO_BYTES, 'gttmmio', mmio],
      [2, this.#host.device.apertureBytes, 'aperture', aperture],
    ] as const) {
      const at = barBase(space, bar);
      domain.unmapTrap(at, bytes);
      if (!domain.mapTrap(at, bytes, kind, target)) throw new Error(`BAR${bar} is not mapped`);
    }
  }

  #leave(): void {
    const vgt = this.#vgt;
    const { device } = this.#host;
    const { regs } = device;
    const { vreg, engines } = this.#vgpu;
    vgt.recovery.watch.rest();
    vgt.lifecycle.lending.lent = true;
    // A driver of a vGPU asks for no forcewake.
    vgt.forcewake.get();
    for (const ring of engines) {
      const b = ring.base;
      const [head, on] = [regs.peek(b + R.RING_HEAD), vreg.peek(b + R.RING_CTL)];
      regs.write32(b + R.RING_CTL, 0);
      regs.write32(b + R.RING_GFX_MODE, ALL_BITS | vreg.peek(b + R.RING_GFX_MODE));
      regs.write32(b + R.RING_PP_DIR_DCLV, -1);
      regs.write32(b + R.RING_PP_DIR_BASE, vreg.peek(b + R.RING_PP_DIR_BASE));
      regs.write32(b + R.RING_IMR, vreg.peek(b + R.RING_IMR));
      regs.write32(b + R.RING_START, vreg.peek(b + R.RING_START));
      regs.write32(b + R.RING_HEAD, head);
      regs.write32(b + R.RING_TAIL, head & R.HEAD_ADDR);
      regs.write32(b + R.RING_CTL, on);
    }
    device.irq.onLine = (high) => this.#vgpu.config.line(high);
    for (const base of SETS) {
      regs.write32(base + I.IRQ_IMR, vreg.peek(base + I.IRQ_IMR));
      regs.write32(base + I.IRQ_IER, vreg.peek(base + I.IRQ_IER));
    }
    for (let i = 0; i < GM_PAGES; i++) this.#entries[i] = device.ggtt.read(i);
    this.#map(device.mmio, device.aperture);
    this.mode = 'direct';
  }

  #enter(): void {
    const vgt = this.#vgt;
    const vgpu = this.#vgpu;
    const { device } = this.#host;
    const { regs } = device;
    const { vreg } = vgpu;
    for (const base of SETS) {
      vreg.poke(base + I.IRQ_IMR, regs.peek(base + I.IRQ_IMR));
      vreg.poke(base + I.IRQ_IER, regs.peek(base + I.IRQ_IER));
    }
    for (let i = 0; i < GM_PAGES; i++) {
      const entry = device.ggtt.read(i);
      if (entry !== this.#entries[i]) vgpu.mmio.write(GTT + i * 4, 4, entry);
    }
    for (const ring of vgpu.engines) {
      for (const offset of KEPT) vreg.poke(ring.base + offset, regs.peek(ring.base + offset));
      regs.write32(ring.base + R.RING_CTL, 0);
      ring.load();
    }
    for (const id of ENGINE_IDS) {
      regs.write32(R.RING_BASE[id] + R.RING_INSTPM, TLB_INVALIDATE);
    }
    vgpu.ppgtt.resync();
    device.irq.onLine = this.#serve;
    vgt.interrupts.recompute();
    this.#map(vgpu.mmio, vgpu.aperture);
    vgt.forcewake.put();
    vgt.lifecycle.lending.lent = false;
    this.mode = 'mediated';
  }
}
/** Registers of a ring that a driver may have changed past the mediator. */
const KEPT = [
  R.RING_START,
  R.RING_HEAD,
  R.RING_TAIL,
  R.RING_CTL,
  R.RING_IMR,
  R.RING_MI_MODE,
  R.RING_INSTPM,
  R.RING_GFX_MODE,
  R.RING_PP_DIR_BASE,
] as const;
const TLB_INVALIDATE: number = (R.INSTPM_TLB_INVALIDATE << 16) | R.INSTPM_TLB_INVALIDATE;
