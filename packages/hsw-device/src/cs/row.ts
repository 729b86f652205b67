/** Engines that accept a command, one bit each. */
export const ON_RCS = 1;
export const ON_VCS = 2;
export const ON_BCS = 4;
export const ON_VECS = 8;
export const ON_ALL = 15;

/** What a command means to whoever must judge it before it runs. */
export const PRIVILEGED = 1;
/** The command names display hardware. */
export const DISPLAY = 2;
/** The command's registers are operands: LRI, LRM, LRR, SRM. */
export const REGISTERS = 4;
/** 3D, media and video state: parsed and kept. */
export const PIPELINE = 8;
/** State of the resource streamer: in its own part of a context image. */
export const RESOURCE_STREAMER = 16;
/** Starts threads or fixed-function work that this model does not do: counted by name. */
export const STARTS_WORK = 32;

/** One command, as data. The executor, the mediator's scanner and the decoder read the same row. */
export interface CommandRow {
  /** Name as the PRM spells it. */
  readonly name: string;
  /** Opcode bits in place in DWord 0. */
  readonly opcode: number;
  /** How many top bits of DWord 0 identify it: 9 for MI, 10 for 2D, 16 for 3D and media. */
  readonly bits: 9 | 10 | 16;
  /** Engines that accept it. The same encoding can be another command on another engine. */
  readonly on: number;
  /** Dwords when fixed; else `(DWord 0 & mask) + 2`. */
  readonly length: { readonly fixed: number } | { readonly mask: number };
  /** The fewest dwords that hold its fields. */
  readonly dwords: number;
  /** It is always that long; a command of another length is counted. */
  readonly exact?: boolean;
  /** Sum of the flags above. */
  readonly flags?: number;
  readonly src: string;
}

/** Names by the low opcode byte of one family. */
export type Names = Readonly<Record<number, string>>;

/** How the commands of a family are alike. */
export interface Family {
  readonly on: number;
  /** Length field; 0 is a command of one dword without one. */
  readonly mask: number;
  readonly dwords: number;
  /** The length varies from `dwords` up. */
  readonly varies?: boolean;
  readonly flags: number;
  readonly src: string;
}

/** Rows of 3D or media commands that differ only in opcode. @param top DWord 0 31:16, low byte 0 */
export function family(top: number, f: Family, names: Names): CommandRow[] {
  return Object.entries(names).map(([low, name]) => ({
    name,
    opcode: ((top | Number(low)) << 16) | 0,
    bits: 16,
    on: f.on,
    length: f.mask === 0 ? { fixed: 1 } : { mask: f.mask },
    dwords: f.dwords,
    exact: f.varies !== true,
    flags: f.flags,
    src: f.src,
  }));
}
