// A 64 KiB "BIOS" that enters flat 32-bit protected mode and repeats one access for ever. It counts
// its rounds at COUNT. Encodings: Intel SDM vol.2.

const BIOS_BYTES = 0x10000;
/** Linear address of the BIOS below 1 MiB. */
const BIOS_BASE = 0xf0000;
const ENTRY = 0xe000;
const CODE = 0x1000;
const GDT = 0xf000;
/** Where the guest counts the rounds it has finished. */
export const COUNT = 0x3000;

const dword = (v: number): number[] => [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, v >>> 24];
const word = (v: number): number[] => [v & 0xff, v >>> 8];

/** @param gpa register that each round accesses `accesses` times */
export function loopBios(gpa: number, write: boolean, accesses: number): Uint8Array<ArrayBuffer> {
  const bios = new Uint8Array(BIOS_BYTES);
  // biome-ignore format: one instruction a line
  bios.set([
    0xfa,                                                   // cli
    0x2e, 0x0f, 0x01, 0x16, ...word(GDT + 24),              // lgdt cs:[GDT + 24]
    0x0f, 0x20, 0xc0,                                       // mov eax, cr0
    0x66, 0x83, 0xc8, 0x01,                                 // or eax, 1
    0x0f, 0x22, 0xc0,                                       // mov cr0, eax
    0x66, 0xea, ...dword(BIOS_BASE + CODE), 8, 0,           // jmp dword 8:CODE
  ], ENTRY);
  // biome-ignore format: one instruction a line
  const head = [
    0x66, 0xb8, 0x10, 0x00, // mov ax, 0x10
    0x8e, 0xd8,             // mov ds, ax
    0xb9, ...dword(accesses), // next: mov ecx, accesses
  ];
  const access = [write ? 0xa3 : 0xa1, ...dword(gpa)]; // again: mov [gpa], eax or mov eax, [gpa]
  const back = access.length + 3;
  const inc = [0xff, 0x05, ...dword(COUNT)];
  const next = 5 + back + inc.length + 2;
  // biome-ignore format: one instruction a line
  bios.set([
    ...head,
    ...access,
    0x49,                   // dec ecx
    0x75, 0x100 - back,     // jnz again
    ...inc,                 // inc dword [COUNT]
    0xeb, 0x100 - next,     // jmp next
  ], CODE);
  const view = new DataView(bios.buffer);
  // Flat code and data segments, then the descriptor table's own limit and base.
  view.setBigUint64(GDT + 8, 0x00cf9a000000ffffn, true);
  view.setBigUint64(GDT + 16, 0x00cf92000000ffffn, true);
  view.setUint16(GDT + 24, 23, true);
  view.setUint32(GDT + 26, BIOS_BASE + GDT, true);
  bios.set([0xea, ...word(ENTRY), 0x00, 0xf0], 0xfff0); // jmp f000:ENTRY
  return bios;
}
