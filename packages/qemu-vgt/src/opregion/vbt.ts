import { panelBlocks, type VbtBlock, type VbtPanel } from './vbt-panel.ts';
import { auxChannel, checkPorts, dvoPort, PORT_KINDS, type VbtPort } from './vbt-ports.ts';

/** Version of the block definitions: what Haswell firmware carries; children are 33 bytes. */
export const BDB_VERSION = 175;
/** Bytes of one child device of that version. i915 LEGACY_CHILD_DEVICE_CONFIG_SIZE. */
export const CHILD_DEVICE_BYTES = 33;

/** Header sizes, bytes. i915 `intel_vbt_defs.h` struct vbt_header, struct bdb_header. */
const VBT_HEADER_BYTES = 48,
  BDB_HEADER_BYTES = 22,
  BLOCK_HEADER_BYTES = 3;

/** Block ids. i915 enum bdb_block_id. */
const BDB_GENERAL_FEATURES = 1,
  BDB_GENERAL_DEFINITIONS = 2,
  BDB_DRIVER_FEATURES = 12;

/** Offsets inside the VBT header. */
const VBT_VERSION = 20,
  VBT_HEADER_SIZE = 22,
  VBT_SIZE = 24,
  VBT_CHECKSUM = 26,
  VBT_BDB_OFFSET = 28;
/** Offsets inside the BDB header. */
const BDB_VERSION_AT = 16,
  BDB_HEADER_SIZE_AT = 18,
  BDB_SIZE_AT = 20;

/** Offsets inside a child device. i915 struct child_device_config. */
const CHILD_HANDLE = 0,
  CHILD_DEVICE_TYPE = 2,
  CHILD_HDMI_LEVEL_SHIFTER = 7,
  CHILD_DVO_PORT = 16,
  CHILD_DDC_PIN = 19,
  CHILD_SUPPORT = 24,
  CHILD_AUX_CHANNEL = 25,
  CHILD_PIPE_CAP = 27;

/** Child support byte. */
const SUPPORT_HDMI = 1,
  SUPPORT_DP = 2,
  SUPPORT_TMDS = 4;
/** Pipe capability byte: the encoder is inside the GPU. */
const INTEGRATED_ENCODER = 0x20;
/** Voltage swing entry that i915 itself defaults to: 800 mV, no emphasis (`_hsw_trans_hdmi`). */
const HDMI_LEVEL_SHIFTER = 6;

/** Device handles: CRT, external flat panels in order of appearance, local flat panel. */
const HANDLE_CRT = 0x0001,
  HANDLE_LFP1 = 0x0008;
const HANDLE_EFP = [0x0004, 0x0040, 0x0020] as const;

/** GMBUS pin of the analogue connector. i915 GMBUS_PIN_VGADDC. */
const CRT_DDC_PIN = 2;

function bytesOf(size: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return bytes;
}

function text(into: Uint8Array, at: number, value: string, bytes: number): void {
  for (let i = 0; i < bytes; i++) into[at + i] = i < value.length ? value.charCodeAt(i) : 0x20;
}

function child(port: VbtPort, handle: number): Uint8Array {
  const kind = PORT_KINDS[port.kind];
  return bytesOf(CHILD_DEVICE_BYTES, (v) => {
    v.setUint16(CHILD_HANDLE, handle, true);
    v.setUint16(CHILD_DEVICE_TYPE, kind.deviceType, true);
    if (kind.tmds) v.setUint8(CHILD_HDMI_LEVEL_SHIFTER, HDMI_LEVEL_SHIFTER);
    v.setUint8(CHILD_DVO_PORT, dvoPort(port));
    v.setUint8(CHILD_DDC_PIN, port.gmbusPin);
    const hdmi = kind.tmds && port.kind !== 'dvi' ? SUPPORT_HDMI : 0;
    v.setUint8(CHILD_SUPPORT, hdmi | (kind.dp ? SUPPORT_DP : 0) | (kind.tmds ? SUPPORT_TMDS : 0));
    v.setUint8(CHILD_AUX_CHANNEL, auxChannel(port));
    v.setUint8(CHILD_PIPE_CAP, INTEGRATED_ENCODER);
  });
}

function children(ports: readonly VbtPort[]): Uint8Array[] {
  let efp = 0;
  return ports.map((p) => {
    if (p.kind === 'crt') return child(p, HANDLE_CRT);
    if (p.kind === 'edp') return child(p, HANDLE_LFP1);
    return child(p, HANDLE_EFP[efp++] as number);
  });
}

/** Block 1. Byte 4, bit 0: the analogue output is there. i915 struct bdb_general_features. */
function generalFeatures(ports: readonly VbtPort[]): Uint8Array {
  return bytesOf(5, (v) => {
    v.setUint8(4, ports.some((p) => p.kind === 'crt') ? 1 : 0);
  });
}

/** Block 2: five bytes, then the children. i915 struct bdb_general_definitions. */
function generalDefinitions(ports: readonly VbtPort[]): Uint8Array {
  const list = children(ports);
  const block = new Uint8Array(5 + list.length * CHILD_DEVICE_BYTES);
  block[0] = CRT_DDC_PIN;
  block[4] = CHILD_DEVICE_BYTES;
  list.forEach((c, i) => {
    block.set(c, 5 + i * CHILD_DEVICE_BYTES);
  });
  return block;
}

/**
 * Block 12. Extended bits 12:11 say which local panel there is: 0 none, 3 what i915 reads as eDP;
 * bit 10 is hot-plug of the analogue output. i915 struct bdb_driver_features.
 */
function driverFeatures(ports: readonly VbtPort[]): Uint8Array {
  return bytesOf(19, (v) => {
    const edp = ports.some((p) => p.kind === 'edp') ? 3 << 11 : 0;
    v.setUint16(7, edp | (1 << 10), true);
  });
}

/**
 * A video BIOS table that describes the given ports: general features, general definitions with
 * one child device per port, driver features, and the panel if there is one. Its bytes sum to 0
 * modulo 256.
 *
 * @throws QemuVgtError when the port table contradicts itself
 * @see i915 `intel_bios.c`, `intel_vbt_defs.h`
 */
export function buildVbt(ports: readonly VbtPort[], panel: VbtPanel | null = null): Uint8Array {
  checkPorts(ports);
  const fixed = (id: number, data: Uint8Array): VbtBlock => [id, data.length, () => data];
  const blocks: VbtBlock[] = [
    fixed(BDB_GENERAL_FEATURES, generalFeatures(ports)),
    fixed(BDB_GENERAL_DEFINITIONS, generalDefinitions(ports)),
    fixed(BDB_DRIVER_FEATURES, driverFeatures(ports)),
    ...(panel === null ? [] : panelBlocks(panel)),
  ];
  const bdbBytes = blocks.reduce((n, [, b]) => n + BLOCK_HEADER_BYTES + b, BDB_HEADER_BYTES);
  const vbt = new Uint8Array(VBT_HEADER_BYTES + bdbBytes);
  const view = new DataView(vbt.buffer);
  text(vbt, 0, '$VBT HASWELL', 20);
  view.setUint16(VBT_VERSION, 100, true);
  view.setUint16(VBT_HEADER_SIZE, VBT_HEADER_BYTES, true);
  view.setUint16(VBT_SIZE, vbt.length, true);
  view.setUint32(VBT_BDB_OFFSET, VBT_HEADER_BYTES, true);
  text(vbt, VBT_HEADER_BYTES, 'BIOS_DATA_BLOCK ', 16);
  view.setUint16(VBT_HEADER_BYTES + BDB_VERSION_AT, BDB_VERSION, true);
  view.setUint16(VBT_HEADER_BYTES + BDB_HEADER_SIZE_AT, BDB_HEADER_BYTES, true);
  view.setUint16(VBT_HEADER_BYTES + BDB_SIZE_AT, bdbBytes, true);
  let at = VBT_HEADER_BYTES + BDB_HEADER_BYTES;
  for (const [id, bytes, data] of blocks) {
    view.setUint8(at, id);
    view.setUint16(at + 1, bytes, true);
    at += BLOCK_HEADER_BYTES;
    vbt.set(data(at - VBT_HEADER_BYTES), at);
    at += bytes;
  }
  vbt[VBT_CHECKSUM] = -vbt.reduce((sum, b) => sum + b, 0);
  return vbt;
}
