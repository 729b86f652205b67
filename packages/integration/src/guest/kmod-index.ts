import type { KernelModule } from './kmod.ts';

/** Of an index file, and its version: 2.1. @see libkmod/libkmod-index.c */
const MAGIC = 0xb007f457;
const VERSION = 0x00020001;
/** What a node holds, in the top bits of the offset that leads to it. */
const HAS_VALUES = 0x40000000;
const HAS_CHILDREN = 0x20000000;

/** A node of the trie: children by their first character. */
interface TrieNode {
  readonly children: Map<number, TrieNode>;
  value: string | null;
}

/**
 * `modules.dep.bin` for modules picked by `pickModules`: a trie of names that libkmod reads where
 * busybox's modprobe reads the text of `modules.dep`. Numbers are big-endian.
 */
export function modulesDepBin(
  picked: ReadonlyMap<KernelModule, readonly KernelModule[]>,
): Uint8Array {
  const root: TrieNode = { children: new Map(), value: null };
  for (const [module, needs] of picked) {
    let at = root;
    for (const char of Buffer.from(module.name, 'latin1')) {
      let next = at.children.get(char);
      if (next === undefined) {
        next = { children: new Map(), value: null };
        at.children.set(char, next);
      }
      at = next;
    }
    at.value = [`${module.path}:`, ...needs.map((n) => n.path)].join(' ');
  }
  const parts: Buffer[] = [Buffer.alloc(12)];
  let length = 12;
  /** Writes the children first, so their offsets are known. @returns offset with flags */
  const write = (node: TrieNode): number => {
    const chars = [...node.children.keys()].sort((a, b) => a - b);
    const offsets = new Map(chars.map((c) => [c, write(node.children.get(c) as TrieNode)]));
    const body: Buffer[] = [];
    let flags = 0;
    const first = chars[0];
    const last = chars.at(-1);
    if (first !== undefined && last !== undefined) {
      flags |= HAS_CHILDREN;
      const table = Buffer.alloc(2 + 4 * (last - first + 1));
      table[0] = first;
      table[1] = last;
      for (const [c, offset] of offsets) table.writeUInt32BE(offset >>> 0, 2 + 4 * (c - first));
      body.push(table);
    }
    if (node.value !== null) {
      flags |= HAS_VALUES;
      const head = Buffer.alloc(8);
      head.writeUInt32BE(1, 0); // one value, of priority 0
      body.push(head, Buffer.from(`${node.value}\0`, 'latin1'));
    }
    const at = length;
    for (const part of body) {
      parts.push(part);
      length += part.length;
    }
    return (at | flags) >>> 0;
  };
  const rootAt = write(root);
  const header = parts[0] as Buffer;
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(rootAt, 8);
  return Buffer.concat(parts);
}
