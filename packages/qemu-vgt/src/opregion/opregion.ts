import { buildVbt } from './vbt.ts';
import type { VbtPanel } from './vbt-panel.ts';
import type { VbtPort } from './vbt-ports.ts';

/** Bytes of an OpRegion: two pages. i915 OPREGION_SIZE. */
export const OPREGION_BYTES = 8192;
/** Configuration offset of the register that holds its address. i915 ASLS. */
export const ASLS = 0xfc;
/** Configuration offset of the software SCI trigger. i915 SWSCI. */
export const SWSCI = 0xe8;

/** Offsets inside the OpRegion. i915 `intel_opregion.c`. */
export const OPREGION_CLID = 0x1ac,
  OPREGION_SWSCI_SCIC = 0x200,
  OPREGION_SWSCI_PARM = 0x204,
  OPREGION_VBT = 0x400;
const ACPI_DIDL = 0x120;
const HEADER_SIZE_KIB = 16,
  HEADER_VERSION = 20,
  HEADER_BIOS_VERSION = 24,
  HEADER_MAILBOXES = 88;

/** Mailboxes present: 1 ACPI, 2 SWSCI, 3 ASLE. The VBT has no bit of its own. */
const MAILBOXES = 0x7;
/** Lid state that upstream gives a guest: open, and valid. */
const LID_OPEN = 3;
/** OpRegion 2.0: the VBT is in mailbox 4, no address outside it. Bytes reserved, rev, minor, major. */
const VERSION_2_0 = 0x02000000;

/** SWSCI function codes, bits 4:1 main and 15:8 sub. i915 SWSCI_FUNCTION_CODE. */
const SCIC_INDICATOR = 0x1,
  SCIC_MAIN_SHIFT = 1,
  SCIC_EXIT_MASK = 0xe0,
  SCIC_EXIT_SUCCESS = 0x20;
const GET_BIOS_DATA = 4,
  SYSTEM_BIOS_CALLBACKS = 6;

/** ACPI display ids: type in 11:8, index in 7:0; bit 31 "by ACPI", bit 16 "BIOS can detect". */
function acpiId(type: number, index: number): number {
  return 0x80010000 | (type << 8) | index;
}

/**
 * The two pages that firmware leaves in memory for the graphics driver: header, ACPI mailbox with
 * the list of ports and an open lid, SWSCI and ASLE mailboxes, and the VBT.
 *
 * The guest maps them cached (`memremap`), so they belong in memory that its map calls reserved,
 * with their address in {@link ASLS}.
 *
 * @throws QemuVgtError when the port table contradicts itself
 * @see i915 `intel_opregion.c` struct opregion_header and below
 */
export function buildOpRegion(
  ports: readonly VbtPort[],
  panel: VbtPanel | null = null,
): Uint8Array {
  const bytes = new Uint8Array(OPREGION_BYTES);
  const view = new DataView(bytes.buffer);
  ascii(bytes, 0, 'IntelGraphicsMem');
  view.setUint32(HEADER_SIZE_KIB, OPREGION_BYTES / 1024, true);
  view.setUint32(HEADER_VERSION, VERSION_2_0, true);
  ascii(bytes, HEADER_BIOS_VERSION, 'XenGT');
  view.setUint32(HEADER_MAILBOXES, MAILBOXES, true);
  let external = 0;
  ports.forEach((p, i) => {
    const id =
      p.kind === 'crt' ? acpiId(1, 0) : p.kind === 'edp' ? acpiId(4, 0) : acpiId(3, external++);
    if (i < 8) view.setUint32(ACPI_DIDL + i * 4, id, true);
  });
  view.setUint32(OPREGION_CLID, LID_OPEN, true);
  bytes.set(buildVbt(ports, panel), OPREGION_VBT);
  return bytes;
}

function ascii(into: Uint8Array, at: number, value: string): void {
  for (let i = 0; i < value.length; i++) into[at + i] = value.charCodeAt(i);
}

/**
 * Answers a software SCI as firmware without callbacks does: the questions "which calls do you
 * support" succeed with "none"; every other call fails. Called when the guest sets the trigger bit
 * of {@link SWSCI}, before its write returns.
 *
 * @param region the OpRegion as the guest sees it; at least 0x208 bytes
 * @see i915 `intel_opregion.c` swsci(): exit status, bits 7:5, is 1 for success and 0 for failure
 */
export function answerSwsci(region: DataView): void {
  const scic = region.getUint32(OPREGION_SWSCI_SCIC, true);
  if ((scic & SCIC_INDICATOR) === 0) return;
  const main = (scic >>> SCIC_MAIN_SHIFT) & 0xf;
  const sub = (scic >>> 8) & 0xff;
  const known =
    (main === GET_BIOS_DATA && sub <= 1) || (main === SYSTEM_BIOS_CALLBACKS && sub === 0);
  const exit = known ? SCIC_EXIT_SUCCESS : 0;
  if (known) region.setUint32(OPREGION_SWSCI_PARM, 0, true);
  region.setUint32(
    OPREGION_SWSCI_SCIC,
    ((scic & ~(SCIC_INDICATOR | SCIC_EXIT_MASK)) | exit) >>> 0,
    true,
  );
}
