// A 64 KiB "BIOS" for tests: it enters flat 32-bit protected mode and runs a program put together
// here, so that the engine is tested on real instructions without any guest image.
// Encodings: Intel SDM vol.2.

const BIOS_BYTES = 0x10000;
/** Segment base of the reset code: the top of the first MiB. */
const BIOS_BASE = 0xf0000;
const ENTRY = 0xe000;
const CODE32 = 0x1000;
const GDT = 0xf000;
/** Where the program builds its IDT, and its stack. */
export const IDT = 0x2000;
const STACK = 0x7000;

/** A program in 32-bit code. Values go through EAX, port numbers through EDX. */
export class Program {
  readonly #code: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: { at: number; label: string }[] = [];

  bytes(...code: number[]): this {
    this.#code.push(...code);
    return this;
  }
  #imm32(value: number): this {
    return this.bytes(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }
  /** mov eax, value */
  eax(value: number): this {
    return this.bytes(0xb8).#imm32(value);
  }
  /** mov ecx, value */
  ecx(value: number): this {
    return this.bytes(0xb9).#imm32(value);
  }
  /** mov [address], eax or ax or al */
  store(address: number, size: 1 | 2 | 4 = 4): this {
    if (size === 2) this.bytes(0x66);
    return this.bytes(size === 1 ? 0xa2 : 0xa3).#imm32(address);
  }
  /** mov eax or ax or al, [address] */
  load(address: number, size: 1 | 2 | 4 = 4): this {
    if (size === 2) this.bytes(0x66);
    return this.bytes(size === 1 ? 0xa0 : 0xa1).#imm32(address);
  }
  /** Writes a constant dword. */
  poke(address: number, value: number): this {
    return this.eax(value).store(address);
  }
  /** inc dword [address] */
  inc(address: number): this {
    return this.bytes(0xff, 0x05).#imm32(address);
  }
  /** mov edx, port; out dx, eax or ax or al */
  out(port: number, size: 1 | 2 | 4): this {
    this.bytes(0xba).#imm32(port);
    if (size === 2) this.bytes(0x66);
    return this.bytes(size === 1 ? 0xee : 0xef);
  }
  in(port: number, size: 1 | 2 | 4): this {
    this.bytes(0xba).#imm32(port);
    if (size === 2) this.bytes(0x66);
    return this.bytes(size === 1 ? 0xec : 0xed);
  }
  outb(port: number, value: number): this {
    return this.eax(value).out(port, 1);
  }
  label(name: string): this {
    this.#labels.set(name, this.#code.length);
    return this;
  }
  #jump(opcode: readonly number[], label: string): this {
    this.bytes(...opcode);
    this.#fixups.push({ at: this.#code.length, label });
    return this.#imm32(0);
  }
  jmp(label: string): this {
    return this.#jump([0xe9], label);
  }
  /** dec ecx; jnz label */
  loop(label: string): this {
    return this.bytes(0x49).#jump([0x0f, 0x85], label);
  }
  /** cmp dword [address], eax; jb label */
  whileBelow(address: number, value: number, label: string): this {
    this.bytes(0x81, 0x3d).#imm32(address).#imm32(value);
    return this.#jump([0x0f, 0x82], label);
  }
  /** test al, mask; jz label */
  untilBit(mask: number, label: string): this {
    return this.bytes(0xa8, mask).#jump([0x0f, 0x84], label);
  }
  sti(): this {
    return this.bytes(0xfb);
  }
  hlt(): this {
    return this.bytes(0xf4);
  }
  /** cli; hlt: the guest ends here. */
  done(): this {
    return this.bytes(0xfa, 0xf4);
  }
  /** Points an IDT entry at a label: a 32-bit interrupt gate of the code segment. */
  gate(vector: number, label: string): this {
    this.#gates.push({ vector, label });
    return this;
  }
  /** lidt: limit and base are kept in RAM below the table. */
  lidt(limit: number): this {
    this.poke(IDT - 8, (IDT << 16) | limit).poke(IDT - 4, IDT >>> 16);
    return this.bytes(0x0f, 0x01, 0x1d).#imm32(IDT - 8);
  }
  readonly #gates: { vector: number; label: string }[] = [];

  /** The machine code with its jumps filled in, and the gates' targets. */
  assemble(): { code: Uint8Array; gates: { vector: number; address: number }[] } {
    const code = new Uint8Array(this.#code);
    const view = new DataView(code.buffer);
    for (const { at, label } of this.#fixups) {
      view.setInt32(at, (this.#labels.get(label) as number) - at - 4, true);
    }
    const gates = this.#gates.map(({ vector, label }) => ({
      vector,
      address: BIOS_BASE + CODE32 + (this.#labels.get(label) as number),
    }));
    return { code, gates };
  }
}

/** A BIOS image that runs a program. */
export function tinyBios(program: Program): Uint8Array<ArrayBuffer> {
  const { code, gates } = program.assemble();
  // Gates are written before the program starts: it is ROM, the table is RAM.
  const setup = new Program();
  for (const { vector, address } of gates) {
    setup.poke(IDT + vector * 8, (8 << 16) | (address & 0xffff));
    setup.poke(IDT + vector * 8 + 4, (address & 0xffff0000) | 0x8e00);
  }
  const bios = new Uint8Array(BIOS_BYTES);
  const view = new DataView(bios.buffer);
  const gates32 = setup.assemble().code;
  const start = CODE32 - gates32.length - 16;
  // biome-ignore format: one instruction a line
  bios.set([
    0xfa,                                                 // cli
    0x2e, 0x0f, 0x01, 0x16, (GDT + 24) & 0xff, GDT >>> 8, // lgdt cs:[GDT + 24]
    0x0f, 0x20, 0xc0,                                     // mov eax, cr0
    0x66, 0x83, 0xc8, 0x01,                               // or eax, 1
    0x0f, 0x22, 0xc0,                                     // mov cr0, eax
    0x66, 0xea,                                           // jmp dword 8:start
  ], ENTRY);
  view.setUint32(ENTRY + 19, BIOS_BASE + start, true);
  view.setUint16(ENTRY + 23, 8, true);
  // biome-ignore format: one instruction a line
  bios.set([
    0x66, 0xb8, 0x10, 0x00, // mov ax, 0x10
    0x8e, 0xd8,             // mov ds, ax
    0x8e, 0xc0,             // mov es, ax
    0x8e, 0xd0,             // mov ss, ax
    0xbc, STACK & 0xff, STACK >>> 8, 0, 0, // mov esp, STACK
  ], start);
  bios.set([0x90], start + 15);
  bios.set(gates32, start + 16);
  bios.set(code, CODE32);
  // Flat code and data segments, then the descriptor table's own limit and base.
  view.setBigUint64(GDT + 8, 0x00cf9a000000ffffn, true);
  view.setBigUint64(GDT + 16, 0x00cf92000000ffffn, true);
  view.setUint16(GDT + 24, 23, true);
  view.setUint32(GDT + 26, BIOS_BASE + GDT, true);
  bios.set([0xea, ENTRY & 0xff, ENTRY >>> 8, 0x00, 0xf0], 0xfff0);
  return bios;
}
