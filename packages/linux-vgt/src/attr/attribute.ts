/** What happens to an access of a register, by who makes it. One byte per dword. */
export const UNTRACKED = 0;
/** Never hardware: the vGPU's own register file answers. */
export const VIRTUAL = 1;
/** dom0 reaches hardware; the others have their own register. Upstream: config owner. */
export const DOM0 = 2;
/** The render owner reaches hardware. */
export const RENDER = 3;
/** The same, with bits 31:16 of a write enabling bits 15:0. */
export const RENDER_MODE = 4;
/** The same, and the value is a graphics address that must lie in the VM's slice. */
export const RENDER_ADDRESS = 5;
/** The display owner (dom0) reaches hardware; the others have a display engine of their own. */
export const DISPLAY = 6;
/** Everyone reads hardware; only dom0 writes it. */
export const LIVE = 7;
/** As DISPLAY, and part of a plane: the foreground VM's value is what hardware gets. */
export const PLANE = 8;

/** Names for the debug listing. */
// biome-ignore format: in the order of the codes
export const POLICY_NAMES: readonly string[] = ['untracked', 'virtual', 'dom0', 'render', 'render mode', 'render address', 'display', 'live', 'plane'];

/** Part of the render switch: saved from hardware and written back. */
export const F_SAVED = 0x01;
/** A command may write the register. */
export const F_CMD_WRITE = 0x02;
/** A command may read the register. */
export const F_CMD_READ = 0x04;
/** Hardware changes it by itself: saved at a switch, not written back. */
export const F_STATUS = 0x08;
/** Some VM touched it. */
export const F_ACCESSED = 0x10;
/** Some VM touched it by a command. */
export const F_CMD_ACCESSED = 0x20;

/** Part of the render engine's hardware context: a reset of that engine resets it. */
export const F_CONTEXT = 0x40;

/** One register, or a run of like registers, as data. */
export interface AttributeRow {
  readonly name: string;
  readonly offset: number;
  readonly count?: number;
  /** Bytes between members of a run. Default 4. */
  readonly stride?: number;
  readonly policy: number;
  readonly flags?: number;
  /** For RENDER_ADDRESS: bytes that must lie in the slice behind the address. */
  readonly bytes?: number;
}
