import type { V86Cpu } from './internals.ts';

// Layout of v86's interrupt controllers in wasm memory. v86: apic.rs `Apic` (46 dwords), ioapic.rs
// `Ioapic` (52 dwords), pic.rs `Pic0` (13 bytes); its own state format depends on the same layout.

/** LAPIC, dword indices. */
const APIC_ID = 0,
  APIC_IRR = 16,
  APIC_TMR = 32,
  APIC_SPURIOUS = 40,
  APIC_LDR = 42,
  APIC_DWORDS = 46;
/** LAPIC spurious vector register: software enable. SDM vol.3 11.9. */
const APIC_ENABLE = 0x100;
/** IOAPIC, dword indices: redirection entry n at n. */
const IOAPIC_IRR = 50,
  IOAPIC_LINES = 51,
  IOAPIC_DWORDS = 52;
/** Redirection entry: level triggered. v86: IOAPIC_CONFIG_TRIGGER_MODE_LEVEL. */
const IOAPIC_LEVEL = 0x8000;
/** PIC, byte indices. v86's `irq_mask` has a 1 where the line is let through. */
const PIC_OPEN = 0,
  PIC_IRR = 3,
  PIC_ELCR = 10,
  PIC_LINES = 11,
  PIC_BYTES = 13;
/** The master's line that the slave drives. */
const PIC_CASCADE: number = 1 << 2;
/** PIIX3 PIRQRC[A:D]. 82371SB datasheet 3.2.7; values of 16 and more are "not routed". */
const PIRQ_ROUTE = 0x60;

/** Message address: 0xfee in bits 31:20. SDM vol.3 11.11.1. */
const MSI_BASE = 0xfee;
/** Message data bits 10:8: fixed and lowest priority are the modes a device uses. SDM vol.3 11.11.2. */
const MSI_FIXED = 0,
  MSI_LOWEST = 1;
/** Vectors below 16 are illegal; 255 is what v86 keeps for spurious. SDM vol.3 11.5.2. */
const VECTOR_MIN = 16,
  VECTOR_MAX = 254;

/**
 * The guest's interrupt controllers. Raising a line switches the processor to the handler at once,
 * so it is for safe points only; the request bits below may be set and cleared at any time, because
 * the processor looks at them only when it takes an interrupt by itself.
 */
export class IrqChips {
  readonly #cpu: V86Cpu;
  readonly #apic: Int32Array;
  readonly #ioapic: Int32Array;
  readonly #master: Uint8Array;
  readonly #slave: Uint8Array;

  constructor(cpu: V86Cpu) {
    const memory = cpu.wasm_memory.buffer;
    this.#cpu = cpu;
    this.#apic = new Int32Array(memory, cpu.get_apic_addr(), APIC_DWORDS);
    this.#ioapic = new Int32Array(memory, cpu.get_ioapic_addr(), IOAPIC_DWORDS);
    this.#master = new Uint8Array(memory, cpu.get_pic_addr_master(), PIC_BYTES);
    this.#slave = new Uint8Array(memory, cpu.get_pic_addr_slave(), PIC_BYTES);
  }

  /** IRQ that the ISA bridge routes a PIRQ line (0 is A) to; -1 when it is not routed. */
  routeOf(pirq: number): number {
    const irq = this.#cpu.devices.pci.isa_bridge_space8[PIRQ_ROUTE + pirq] as number;
    return irq < 16 ? irq : -1;
  }

  /** Whether the IOAPIC sees an IRQ's line high. */
  isHigh(irq: number): boolean {
    return ((this.#ioapic[IOAPIC_LINES] as number) & (1 << irq)) !== 0;
  }

  /** Safe points only. */
  raise(irq: number): void {
    this.#cpu.device_raise_irq(irq);
  }

  /** Safe points only. */
  lower(irq: number): void {
    this.#cpu.device_lower_irq(irq);
  }

  /**
   * Takes back a level request that the processor has not accepted yet, without letting it look:
   * else the end of the running handler would find the line still high and take it once more.
   */
  withdraw(irq: number): void {
    const bit = 1 << irq;
    const io = this.#ioapic;
    io[IOAPIC_LINES] = (io[IOAPIC_LINES] as number) & ~bit;
    if (((io[irq] as number) & IOAPIC_LEVEL) !== 0)
      io[IOAPIC_IRR] = (io[IOAPIC_IRR] as number) & ~bit;
    const pic = irq < 8 ? this.#master : this.#slave;
    const low = 1 << (irq & 7);
    pic[PIC_LINES] = (pic[PIC_LINES] as number) & ~low;
    if (((pic[PIC_ELCR] as number) & low) === 0) return;
    pic[PIC_IRR] = (pic[PIC_IRR] as number) & ~low;
    if (irq >= 8 && ((pic[PIC_IRR] as number) & (pic[PIC_OPEN] as number)) === 0) {
      this.#master[PIC_LINES] = (this.#master[PIC_LINES] as number) & ~PIC_CASCADE;
      this.#master[PIC_IRR] = (this.#master[PIC_IRR] as number) & ~PIC_CASCADE;
    }
  }

  /**
   * Sets a message's request bit in the LAPIC; the processor takes it when it next looks. Any time.
   *
   * @returns false when the message is not for this processor or names no legal vector
   */
  message(address: number, data: number): boolean {
    const apic = this.#apic;
    const vector = data & 0xff;
    const mode = (data >>> 8) & 7;
    if (address >>> 20 !== MSI_BASE || (mode !== MSI_FIXED && mode !== MSI_LOWEST)) return false;
    if (vector < VECTOR_MIN || vector > VECTOR_MAX) return false;
    if (((apic[APIC_SPURIOUS] as number) & APIC_ENABLE) === 0) return false;
    const destination = (address >>> 12) & 0xff;
    const logical = (address & 4) !== 0;
    const own = (apic[logical ? APIC_LDR : APIC_ID] as number) >>> 24;
    if (destination !== 0xff && (logical ? (destination & own) === 0 : destination !== own))
      return false;
    const at = vector >>> 5;
    const bit = 1 << (vector & 31);
    apic[APIC_IRR + at] = (apic[APIC_IRR + at] as number) | bit;
    apic[APIC_TMR + at] = (apic[APIC_TMR + at] as number) & ~bit;
    return true;
  }
}
