/** A file of a disk: path with slashes, no leading one. */
export interface DiskFile {
  readonly path: string;
  readonly data: Uint8Array;
}

const SECTOR = 512;
const FATS = 2,
  RESERVED_SECTORS = 1,
  ROOT_ENTRIES = 512,
  ENTRY = 32;
/** Clusters that a FAT16 has at least and at most. Microsoft, "FAT: General Overview". */
const CLUSTERS_LEAST = 4085,
  CLUSTERS_MOST = 65524;
const END_OF_CHAIN = 0xffff;
const ATTR_DIRECTORY = 0x10,
  ATTR_ARCHIVE = 0x20,
  ATTR_LONG_NAME = 0x0f,
  ATTR_LABEL = 0x08;
/** 1 January 2026: every image of the same files has the same bytes. */
const DATE: number = ((2026 - 1980) << 9) | (1 << 5) | 1;
/** Places of the 13 characters of an entry with a part of a long name. */
const LONG_NAME_AT: readonly number[] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
const SHORT_NAME = /^[A-Z0-9_-]{1,8}(\.[A-Z0-9_-]{1,3})?$/;

interface Directory {
  readonly entries: Map<string, Directory | Uint8Array>;
}

/**
 * A FAT16 file system with long names.
 *
 * @param spareBytes room that stays free
 * @param hiddenSectors sectors of the disk before it
 * @returns whole sectors
 */
export function fatImage(
  files: readonly DiskFile[],
  spareBytes: number,
  hiddenSectors: number,
): Uint8Array {
  const root: Directory = { entries: new Map() };
  for (const { path, data } of files) add(root, path.split('/'), data);
  const plan = planOf(root, spareBytes);
  const image = new Uint8Array(plan.sectors * SECTOR);
  bootSector(image, plan, hiddenSectors);
  const writer = new Writer(image, plan);
  writer.directory(root, 0);
  writer.finish();
  return image;
}

function add(directory: Directory, path: readonly string[], data: Uint8Array): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    directory.entries.set(name, data);
    return;
  }
  let next = directory.entries.get(name);
  if (next === undefined || next instanceof Uint8Array) {
    next = { entries: new Map() };
    directory.entries.set(name, next);
  }
  add(next, rest, data);
}

interface Plan {
  readonly sectorsPerCluster: number;
  readonly clusters: number;
  readonly sectorsPerFat: number;
  readonly sectors: number;
}

function planOf(root: Directory, spareBytes: number): Plan {
  for (let sectorsPerCluster = 1; ; sectorsPerCluster *= 2) {
    const bytes = sectorsPerCluster * SECTOR;
    const used = clustersOf(root, bytes) + Math.ceil(spareBytes / bytes);
    const clusters = Math.max(used, CLUSTERS_LEAST);
    if (clusters > CLUSTERS_MOST) continue;
    const sectorsPerFat = Math.ceil(((clusters + 2) * 2) / SECTOR);
    const rootSectors = (ROOT_ENTRIES * ENTRY) / SECTOR;
    const sectors =
      RESERVED_SECTORS + FATS * sectorsPerFat + rootSectors + clusters * sectorsPerCluster;
    return { sectorsPerCluster, clusters, sectorsPerFat, sectors };
  }
}

/** Clusters of everything below a directory, without its own entries. */
function clustersOf(directory: Directory, bytes: number): number {
  let sum = 0;
  for (const entry of directory.entries.values()) {
    if (entry instanceof Uint8Array) sum += Math.ceil(entry.length / bytes);
    else sum += Math.ceil(entryBytes(entry) / bytes) + clustersOf(entry, bytes);
  }
  return sum;
}

/** Bytes of a directory that is not the root. */
function entryBytes(directory: Directory): number {
  let entries = 2;
  for (const name of directory.entries.keys()) {
    entries += 1 + (SHORT_NAME.test(name) ? 0 : Math.ceil(name.length / LONG_NAME_AT.length));
  }
  return entries * ENTRY;
}

function bootSector(image: Uint8Array, plan: Plan, hiddenSectors: number): void {
  const view = new DataView(image.buffer);
  const text = (at: number, value: string): void => image.set(new TextEncoder().encode(value), at);
  image.set([0xeb, 0x3c, 0x90]);
  text(3, 'XENGT   ');
  view.setUint16(11, SECTOR, true);
  view.setUint8(13, plan.sectorsPerCluster);
  view.setUint16(14, RESERVED_SECTORS, true);
  view.setUint8(16, FATS);
  view.setUint16(17, ROOT_ENTRIES, true);
  view.setUint8(21, 0xf8);
  view.setUint16(22, plan.sectorsPerFat, true);
  view.setUint16(24, 63, true);
  view.setUint16(26, 255, true);
  view.setUint32(28, hiddenSectors, true);
  view.setUint32(32, plan.sectors, true);
  view.setUint8(36, 0x80);
  view.setUint8(38, 0x29);
  view.setUint32(39, 0x58454e47, true);
  text(43, 'XENGT      FAT16   ');
  view.setUint16(510, 0xaa55, true);
}

/** Writes files one after the other. */
class Writer {
  readonly #image: Uint8Array;
  readonly #view: DataView;
  readonly #plan: Plan;
  readonly #rootAt: number;
  readonly #dataAt: number;
  #next = 2;

  constructor(image: Uint8Array, plan: Plan) {
    this.#image = image;
    this.#view = new DataView(image.buffer);
    this.#plan = plan;
    this.#rootAt = (RESERVED_SECTORS + FATS * plan.sectorsPerFat) * SECTOR;
    this.#dataAt = this.#rootAt + ROOT_ENTRIES * ENTRY;
    this.#link(0, 0xfff8);
    this.#link(1, END_OF_CHAIN);
  }

  #link(cluster: number, value: number): void {
    this.#view.setUint16(RESERVED_SECTORS * SECTOR + cluster * 2, value, true);
  }

  /** Takes clusters in a row. @returns the first, 0 for none; and the byte where it begins */
  #take(bytes: number): { cluster: number; at: number } {
    const size = this.#plan.sectorsPerCluster * SECTOR;
    const count = Math.ceil(bytes / size);
    const cluster = this.#next;
    for (let i = 0; i < count; i++) {
      this.#link(cluster + i, i === count - 1 ? END_OF_CHAIN : cluster + i + 1);
    }
    this.#next += count;
    return { cluster: count === 0 ? 0 : cluster, at: this.#dataAt + (cluster - 2) * size };
  }

  /** @param parent first cluster of the directory above; the root is 0 @returns its own first cluster */
  directory(directory: Directory, parent: number, isRoot = true): number {
    let at = this.#rootAt;
    let own = 0;
    if (isRoot) at = this.#entry(at, 'XENGT      ', ATTR_LABEL, 0, 0);
    else {
      const place = this.#take(entryBytes(directory));
      own = place.cluster;
      at = this.#entry(place.at, '.          ', ATTR_DIRECTORY, own, 0);
      at = this.#entry(at, '..         ', ATTR_DIRECTORY, parent, 0);
    }
    const taken = new Set<string>();
    for (const [name, entry] of directory.entries) {
      const short = shortName(name, taken);
      if (!SHORT_NAME.test(name)) at = this.#longName(at, name, short);
      if (entry instanceof Uint8Array) {
        const place = this.#take(entry.length);
        if (entry.length > 0) this.#image.set(entry, place.at);
        at = this.#entry(at, short, ATTR_ARCHIVE, place.cluster, entry.length);
      } else {
        const cluster = this.directory(entry, own, false);
        at = this.#entry(at, short, ATTR_DIRECTORY, cluster, 0);
      }
    }
    return own;
  }

  #entry(at: number, name: string, attributes: number, cluster: number, bytes: number): number {
    this.#image.set(new TextEncoder().encode(name), at);
    const view = this.#view;
    view.setUint8(at + 11, attributes);
    for (const field of [16, 18, 24]) view.setUint16(at + field, DATE, true);
    view.setUint16(at + 26, cluster, true);
    view.setUint32(at + 28, bytes, true);
    return at + ENTRY;
  }

  /** The name in parts, the last one first. */
  #longName(at: number, name: string, short: string): number {
    let sum = 0;
    for (const char of short) sum = (((sum & 1) << 7) + (sum >> 1) + char.charCodeAt(0)) & 0xff;
    const parts = Math.ceil(name.length / LONG_NAME_AT.length);
    for (let part = parts; part > 0; part--) {
      const view = this.#view;
      view.setUint8(at, part | (part === parts ? 0x40 : 0));
      view.setUint8(at + 11, ATTR_LONG_NAME);
      view.setUint8(at + 13, sum);
      LONG_NAME_AT.forEach((place, i) => {
        const index = (part - 1) * LONG_NAME_AT.length + i;
        const code =
          index === name.length ? 0 : index > name.length ? 0xffff : name.charCodeAt(index);
        view.setUint16(at + place, code, true);
      });
      at += ENTRY;
    }
    return at;
  }

  finish(): void {
    const bytes = this.#plan.sectorsPerFat * SECTOR;
    const first = RESERVED_SECTORS * SECTOR;
    this.#image.copyWithin(first + bytes, first, first + bytes);
  }
}

/** The name of eight and three characters, unlike all in `taken`. */
function shortName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf('.');
  const clean = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9_-]/g, '_');
  const base = clean(dot > 0 ? name.slice(0, dot) : name);
  const extension = clean(dot > 0 ? name.slice(dot + 1) : '')
    .slice(0, 3)
    .padEnd(3);
  for (let n = 0; ; n++) {
    const tail = n === 0 ? '' : `~${n}`;
    const found = (base.slice(0, 8 - tail.length) + tail).padEnd(8) + extension;
    const exact = n > 0 || SHORT_NAME.test(name);
    if (!exact || taken.has(found)) continue;
    taken.add(found);
    return found;
  }
}
