import { GuestImageError } from '../error.ts';
import { lzmaCompress } from './lzma.ts';

/** Where Debian's `grub-pc-bin` has GRUB's files. */
export const GRUB_DIRECTORY = 'usr/lib/grub/i386-pc';
const SECTOR = 512;
/** The core image ends below the memory that GRUB's loader uses. GRUB: `GRUB_MEMORY_MACHINE_...`, 0x78000. */
const CORE_MOST: number = 0x78000 - 0x9000;

/** `lzma_decompress.img`: bytes that follow it, packed and unpacked. GRUB: offsets.h. */
const COMPRESSED_SIZE = 0x08,
  UNCOMPRESSED_SIZE = 0x0c;
/** `diskboot.img`: its one list of blocks, sectors after the second one. GRUB: `grub_boot_blocklist`. */
const BLOCK_COUNT = 0x1fc;
/** `boot.img`: a jump that trusts the drive number of the BIOS. GRUB: `GRUB_BOOT_MACHINE_DRIVE_CHECK`. */
const DRIVE_CHECK = 0x66;
const NOP = 0x90;
/** Disk signature and partition table, which are the disk's. */
const PARTITION_TABLE = 0x1b8,
  PARTITION_TABLE_END = 0x1fe;

/** What follows the kernel: header with magic "mimg", then parts by type. GRUB: kernel.h. */
const MODULE_MAGIC = 0x676d696d,
  MODULE_INFO_BYTES = 12,
  MODULE_HEADER_BYTES = 8;
const OBJ_ELF = 0,
  OBJ_PREFIX = 3;
/** ELF: program headers' offset and the first one's fields. */
const ELF_PHOFF = 28,
  PH_OFFSET = 4,
  PH_FILE_BYTES = 16;

/** Reads a file of {@link GRUB_DIRECTORY}. @returns null when there is none */
export type GrubFile = (name: string) => Uint8Array | null;

function need(file: GrubFile, name: string): Uint8Array {
  const data = file(name);
  if (data !== null) return data;
  throw new GuestImageError(
    'FILE_MISSING',
    `the package grub-pc-bin has no ${name}. Use Debian's grub-pc-bin of bookworm.`,
  );
}

/** Modules with all that they need, each after what it needs. */
export function moduleClosure(file: GrubFile, wanted: readonly string[]): string[] {
  const needs = new Map<string, string[]>();
  for (const line of new TextDecoder().decode(need(file, 'moddep.lst')).split('\n')) {
    const [name, rest] = line.split(':');
    if (name !== undefined && rest !== undefined) {
      needs.set(
        name,
        rest.split(' ').filter((word) => word !== ''),
      );
    }
  }
  const order = new Set<string>();
  const visit = (name: string): void => {
    if (order.has(name)) return;
    for (const other of needs.get(name) ?? []) visit(other);
    order.add(name);
  };
  for (const name of wanted) visit(name);
  return [...order];
}

/**
 * GRUB's core image for a disk: what lies from its second sector on, as `grub-mkimage` makes it.
 *
 * @param prefix where GRUB's files are, e.g. `(hd0,msdos1)/boot/grub`
 * @throws GuestImageError FILE_MISSING
 */
export function grubCore(file: GrubFile, modules: readonly string[], prefix: string): Uint8Array {
  const parts = [
    ...moduleClosure(file, modules).map((name) => part(OBJ_ELF, need(file, `${name}.mod`))),
    part(OBJ_PREFIX, new TextEncoder().encode(`${prefix}\0`)),
  ];
  const info = new Uint8Array(MODULE_INFO_BYTES);
  const total = parts.reduce((sum, p) => sum + p.length, info.length);
  const view = new DataView(info.buffer);
  view.setUint32(0, MODULE_MAGIC, true);
  view.setUint32(4, MODULE_INFO_BYTES, true);
  view.setUint32(8, total, true);
  const plain = concat([loadedKernel(need(file, 'kernel.img')), info, ...parts]);
  const packed = lzmaCompress(plain);
  const decompressor = Uint8Array.from(need(file, 'lzma_decompress.img'));
  const fields = new DataView(decompressor.buffer);
  fields.setUint32(COMPRESSED_SIZE, packed.length, true);
  fields.setUint32(UNCOMPRESSED_SIZE, plain.length, true);
  const core = concat([decompressor, packed]);
  if (core.length > CORE_MOST) {
    throw new GuestImageError(
      'BAD_OPTION',
      `GRUB with these modules has ${core.length} bytes; at most ${CORE_MOST} fit`,
    );
  }
  const first = Uint8Array.from(need(file, 'diskboot.img'));
  const sectors = Math.ceil(core.length / SECTOR);
  new DataView(first.buffer).setUint16(BLOCK_COUNT, sectors, true);
  const out = new Uint8Array((1 + sectors) * SECTOR);
  out.set(first);
  out.set(core, SECTOR);
  return out;
}

/** The kernel as it lies in memory: the one segment of its ELF file. */
function loadedKernel(elf: Uint8Array): Uint8Array {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.length);
  const header = view.getUint32(ELF_PHOFF, true);
  const at = view.getUint32(header + PH_OFFSET, true);
  return elf.subarray(at, at + view.getUint32(header + PH_FILE_BYTES, true));
}

function part(type: number, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(MODULE_HEADER_BYTES + Math.ceil(data.length / 4) * 4);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, out.length, true);
  out.set(data, MODULE_HEADER_BYTES);
  return out;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** The first sector: GRUB's code around a disk's own signature and partition table. */
export function grubBootSector(file: GrubFile, table: Uint8Array): Uint8Array {
  const out = Uint8Array.from(need(file, 'boot.img'));
  out.fill(NOP, DRIVE_CHECK, DRIVE_CHECK + 2);
  out.set(table.subarray(0, PARTITION_TABLE_END - PARTITION_TABLE), PARTITION_TABLE);
  return out;
}
