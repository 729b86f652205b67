import { ENGINE_IDS, engineRegs, type HaswellDevice, irqRegs } from '@xengt/hsw-device';
import type { Vgpu } from '../vgpu/vgpu.ts';

const I = irqRegs;
/** PM events of the video enhancement engine: user, command error, flush. They are rendering's. */
const PM_VECS: number = I.PM_VECS_USER | (1 << 12) | I.PM_VECS_FLUSH;
/** Events that arrive while others are handled are taken up to so many times in a row. */
const ROUNDS_MAX = 8;

/** Counters of the physical interrupt; they only grow. */
export interface PhysicalIrqCounters {
  interrupts: number;
  gt: number;
  pm: number;
  de: number;
  pch: number;
}

/**
 * The physical GPU's interrupt: read, cleared and handed out. Render events go to every VM that
 * has them unmasked, as upstream does; display, power and PCH events are dom0's, since the others
 * have display engines of their own. Hardware's masks are what the VMs' masks make together.
 */
export class PhysicalInterrupts {
  readonly counters: PhysicalIrqCounters = { interrupts: 0, gt: 0, pm: 0, de: 0, pch: 0 };
  readonly #device: HaswellDevice;
  readonly #vms: () => readonly Vgpu[];
  #serving = false;

  constructor(device: HaswellDevice, vms: () => readonly Vgpu[]) {
    this.#device = device;
    this.#vms = vms;
    device.irq.onLine = (high) => {
      if (high) this.#service();
    };
  }

  /** Takes what came after {@link ROUNDS_MAX}: the line is still up then, and will not rise again. */
  poll(): void {
    if (this.#device.irq.asserted) this.#service();
  }

  #take(base: number): number {
    const regs = this.#device.regs;
    const bits = regs.peek(base + I.IRQ_IIR);
    if (bits !== 0) regs.write32(base + I.IRQ_IIR, bits);
    return bits;
  }

  #service(): void {
    // What is handed out may raise the next: that is the next round's, not a call within this one.
    if (this.#serving) return;
    this.#serving = true;
    this.#rounds();
    this.#serving = false;
  }

  #rounds(): void {
    const device = this.#device;
    for (let round = 0; round < ROUNDS_MAX && device.irq.asserted; round++) {
      this.counters.interrupts++;
      const pch = this.#take(I.PCH_IRQ);
      const de = this.#take(I.DE_IRQ) & ~I.DE_PCH_EVENT;
      const gt = this.#take(I.GT_IRQ);
      const pm = this.#take(I.PM_IRQ);
      if (gt !== 0) this.counters.gt++;
      if (pm !== 0) this.counters.pm++;
      if (de !== 0) this.counters.de++;
      if (pch !== 0) this.counters.pch++;
      for (const vm of this.#vms()) {
        if (!vm.alive) continue;
        if (gt !== 0) vm.irq.raiseGt(gt);
        const forVm = vm.isDom0 ? pm : pm & PM_VECS;
        if (forVm !== 0) vm.irq.raisePm(forVm);
        if (!vm.isDom0) continue;
        if (pch !== 0) vm.irq.raisePch(pch);
        if (de !== 0) vm.irq.raiseDe(de);
      }
    }
  }

  /**
   * Hardware's masks: an event is unmasked if any VM has it so, and enabled if any has it enabled
   * or merely unmasked, since then that VM must find it in its own IIR.
   */
  recompute(): void {
    for (const base of [I.GT_IRQ, I.PM_IRQ, I.DE_IRQ, I.PCH_IRQ]) this.recomputeAt(base);
    for (const id of ENGINE_IDS) this.recomputeAt(engineRegs.RING_BASE[id] + engineRegs.RING_IMR);
  }

  /**
   * The same after one write of a VM: drivers mask and unmask for each request they wait for.
   *
   * @param offset of an IMR or IER, or of a ring's IMR
   */
  recomputeAt(offset: number): void {
    const base = offset & ~0xf;
    if (base === I.GT_IRQ) this.#set(base, -1, -1);
    else if (base === I.PM_IRQ) this.#set(base, PM_VECS, -1);
    else if (base === I.DE_IRQ) this.#set(base, 0, ~(I.DE_MASTER | I.DE_PCH_EVENT));
    else if (base === I.PCH_IRQ) this.#set(base, 0, -1);
    else this.#setRing(offset);
  }

  /** @param shared bits that every VM has a say in @param dom0 bits that dom0 has a say in */
  #set(base: number, shared: number, dom0: number): void {
    const regs = this.#device.regs;
    let masked = -1;
    let enabled = 0;
    for (const vm of this.#vms()) {
      if (!vm.alive) continue;
      const mine = vm.isDom0 ? dom0 | shared : shared;
      masked &= vm.vreg.peek(base + I.IRQ_IMR) | ~mine;
      enabled |= vm.vreg.peek(base + I.IRQ_IER) & mine;
    }
    enabled |= ~masked;
    if (base === I.DE_IRQ) {
      masked &= ~I.DE_PCH_EVENT;
      enabled |= I.DE_PCH_EVENT | I.DE_MASTER;
    }
    if (regs.peek(base + I.IRQ_IMR) !== masked) regs.write32(base + I.IRQ_IMR, masked);
    if (regs.peek(base + I.IRQ_IER) !== enabled) regs.write32(base + I.IRQ_IER, enabled);
  }

  #setRing(offset: number): void {
    let masked = -1;
    for (const vm of this.#vms()) if (vm.alive) masked &= vm.vreg.peek(offset);
    const regs = this.#device.regs;
    if (regs.peek(offset) !== masked) regs.write32(offset, masked);
  }
}
