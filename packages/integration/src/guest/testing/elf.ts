/** What a made ELF file says of itself. */
export interface TestElf {
  readonly needed?: readonly string[];
  readonly interpreter?: string;
  /** Lines of `.modinfo`. */
  readonly modinfo?: readonly string[];
}

/**
 * Makes a 32-bit little-endian i386 ELF file with one loadable segment, a dynamic section and a `.modinfo` section.
 * @see System V ABI, Intel386 supplement
 */
export function makeElf(elf: TestElf): Uint8Array {
  const programs = 3;
  const headerBytes = 52 + programs * 32;
  const strings: string[] = ['', ...(elf.needed ?? [])];
  const offsets: number[] = [];
  let stringBytes = 0;
  for (const s of strings) {
    offsets.push(stringBytes);
    stringBytes += s.length + 1;
  }
  const interpreter = Buffer.from(`${elf.interpreter ?? ''}\0`, 'latin1');
  const modinfo = Buffer.from((elf.modinfo ?? []).map((l) => `${l}\0`).join(''), 'latin1');
  const names = Buffer.from('\0.modinfo\0.shstrtab\0', 'latin1');
  const at = {
    interpreter: headerBytes,
    strings: 0,
    dynamic: 0,
    modinfo: 0,
    names: 0,
    sections: 0,
    end: 0,
  };
  at.strings = at.interpreter + interpreter.length;
  at.dynamic = (at.strings + stringBytes + 3) & ~3;
  at.modinfo = at.dynamic + ((elf.needed ?? []).length + 2) * 8;
  at.names = at.modinfo + modinfo.length;
  at.sections = (at.names + names.length + 3) & ~3;
  at.end = at.sections + 3 * 40;
  const out = Buffer.alloc(at.end);
  const base = 0x10000;
  out.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  out.writeUInt16LE(3, 16); // ET_DYN
  out.writeUInt16LE(3, 18); // EM_386
  out.writeUInt32LE(52, 28);
  out.writeUInt32LE(at.sections, 32);
  out.writeUInt16LE(32, 42);
  out.writeUInt16LE(programs, 44);
  out.writeUInt16LE(40, 46);
  out.writeUInt16LE(3, 48);
  out.writeUInt16LE(2, 50);
  const program = (k: number, type: number, offset: number, bytes: number) => {
    const p = 52 + k * 32;
    for (const [i, v] of [type, offset, base + offset, base + offset, bytes, bytes, 5, 4].entries())
      out.writeUInt32LE(v, p + i * 4);
  };
  program(0, 1, 0, at.end);
  program(1, elf.interpreter === undefined ? 0 : 3, at.interpreter, interpreter.length);
  program(2, 2, at.dynamic, at.modinfo - at.dynamic);
  out.set(interpreter, at.interpreter);
  for (const [k, s] of strings.entries())
    out.write(`${s}\0`, at.strings + (offsets[k] as number), 'latin1');
  const tags: [number, number][] = [
    [5, base + at.strings],
    ...(elf.needed ?? []).map((_, k): [number, number] => [1, offsets[k + 1] as number]),
  ];
  for (const [k, [tag, value]] of tags.entries()) {
    out.writeUInt32LE(tag, at.dynamic + k * 8);
    out.writeUInt32LE(value, at.dynamic + k * 8 + 4);
  }
  out.set(modinfo, at.modinfo);
  out.set(names, at.names);
  const section = (k: number, name: number, offset: number, bytes: number) => {
    const s = at.sections + k * 40;
    out.writeUInt32LE(name, s);
    out.writeUInt32LE(offset, s + 16);
    out.writeUInt32LE(bytes, s + 20);
  };
  section(1, 1, at.modinfo, modinfo.length);
  section(2, 10, at.names, names.length);
  return out;
}

/** Bytes that pass for a bzImage: the boot sector's "HdrS" at 0x202. */
export function makeBzImage(): Uint8Array {
  const out = Buffer.alloc(0x400, 0x90);
  out.write('HdrS', 0x202, 'latin1');
  return out;
}
