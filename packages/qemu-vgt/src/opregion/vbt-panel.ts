/** The panel that is built into a machine, as its video BIOS table describes it. */
export interface VbtPanel {
  /** Detailed timing, 18 bytes as in an EDID. */
  readonly timing: Uint8Array;
  /** Maker, product, serial number, week and year: bytes 8 to 17 of its EDID. */
  readonly pnpId: Uint8Array;
  /** Up to 13 characters. */
  readonly name: string;
  /** Lanes of its link, and Gbit/s a lane. */
  readonly lanes: 1 | 2 | 4;
  readonly rate: 1.62 | 2.7 | 5.4;
}

/** Block ids. i915 enum bdb_block_id. */
const BDB_EDP = 27,
  BDB_LVDS_OPTIONS = 40,
  BDB_LVDS_LFP_DATA_PTRS = 41,
  BDB_LVDS_LFP_DATA = 42,
  BDB_LVDS_BACKLIGHT = 43;

/** Every table has a row for each of 16 panel types; this is the one that is there. */
const PANEL_TYPES = 16;
const PANEL_TYPE = 0;

/** Parts of a panel's row in block 42, bytes; 0xffff ends the first. i915 `generate_lfp_data_ptrs`. */
const FP_TIMING_BYTES = 38,
  TIMING_BYTES = 18,
  PNP_ID_BYTES = 10,
  NAME_BYTES = 13;
const ROW_BYTES: number = FP_TIMING_BYTES + TIMING_BYTES + PNP_ID_BYTES;
const NAMES_AT: number = PANEL_TYPES * ROW_BYTES;
const LFP_DATA_BYTES: number = NAMES_AT + PANEL_TYPES * NAME_BYTES;
const FP_END = 0xffff;

/**
 * Power sequence of a panel as datasheets have it, in units of 100 us: T1 + T3 power to link, T8 link
 * to backlight, T9 backlight to link, T10 link to power, T11 + T12 off before it may be on again.
 */
const POWER_SEQUENCE: readonly number[] = [800, 10, 10, 500, 5000];
const SEQUENCE_BYTES = 10;
/** Offsets inside block 27. i915 struct bdb_edp. */
const EDP_COLOR_DEPTH = 160,
  EDP_LINK = 164,
  EDP_SWING = 206,
  EDP_BYTES = 214;
/** 24 bits a pixel. i915 EDP_24BPP. */
const COLOUR_24 = 1;
/** Swing table of a panel on a long trace. i915 parse_edp: 0 is the low one. */
const SWING_DEFAULT = 1;
const RATE_CODE = { 1.62: 0, 2.7: 1, 5.4: 2 } as const;
const LANE_CODE = { 1: 0, 2: 1, 4: 3 } as const;

/** Block 40: bytes; the driver takes what follows byte 16 for given. i915 parse_panel_options. */
const OPTIONS_BYTES = 24;
/** Panel may be asked for its EDID; colours are dithered. i915 struct bdb_lvds_options. */
const OPTIONS_EDID_DITHER = 0x60;
/** DRRS: 1 is none; two bits a panel. */
const NO_DRRS = 1;

/** Block 43. i915 struct lfp_backlight_data_entry. */
const BACKLIGHT_ROW_BYTES = 6;
const BACKLIGHT_PWM = 2;
const PWM_HZ = 200;
const BRIGHTNESS_MIN = 6;

function block(bytes: number, fill: (view: DataView, data: Uint8Array) => void): Uint8Array {
  const data = new Uint8Array(bytes);
  fill(new DataView(data.buffer), data);
  return data;
}

function options(): Uint8Array {
  return block(OPTIONS_BYTES, (v) => {
    v.setUint8(0, PANEL_TYPE);
    v.setUint8(2, OPTIONS_EDID_DITHER);
    v.setUint32(16, NO_DRRS << (2 * PANEL_TYPE), true);
  });
}

/** @param at where block 42's data will lie, bytes from the start of the BDB */
function pointers(at: number): Uint8Array {
  return block(1 + PANEL_TYPES * 9 + 3, (v) => {
    v.setUint8(0, 3);
    for (let i = 0; i < PANEL_TYPES; i++) {
      let from = at + i * ROW_BYTES;
      [FP_TIMING_BYTES, TIMING_BYTES, PNP_ID_BYTES].forEach((bytes, k) => {
        v.setUint16(1 + i * 9 + k * 3, from, true);
        v.setUint8(3 + i * 9 + k * 3, bytes);
        from += bytes;
      });
    }
    v.setUint16(1 + PANEL_TYPES * 9, at + NAMES_AT, true);
    v.setUint8(3 + PANEL_TYPES * 9, NAME_BYTES);
  });
}

function panels(panel: VbtPanel): Uint8Array {
  return block(LFP_DATA_BYTES, (v, data) => {
    for (let i = 0; i < PANEL_TYPES; i++) {
      v.setUint16(i * ROW_BYTES + FP_TIMING_BYTES - 2, FP_END, true);
    }
    const row = PANEL_TYPE * ROW_BYTES;
    const t = panel.timing;
    v.setUint16(row, (t[2] as number) | (((t[4] as number) & 0xf0) << 4), true);
    v.setUint16(row + 2, (t[5] as number) | (((t[7] as number) & 0xf0) << 4), true);
    data.set(t.subarray(0, TIMING_BYTES), row + FP_TIMING_BYTES);
    data.set(panel.pnpId.subarray(0, PNP_ID_BYTES), row + FP_TIMING_BYTES + TIMING_BYTES);
    for (let i = 0; i < NAME_BYTES; i++) {
      data[NAMES_AT + PANEL_TYPE * NAME_BYTES + i] = panel.name.charCodeAt(i) || 0x20;
    }
  });
}

function backlight(): Uint8Array {
  return block(1 + PANEL_TYPES * (BACKLIGHT_ROW_BYTES + 1), (v) => {
    v.setUint8(0, BACKLIGHT_ROW_BYTES);
    const row = 1 + PANEL_TYPE * BACKLIGHT_ROW_BYTES;
    v.setUint8(row, BACKLIGHT_PWM);
    v.setUint16(row + 1, PWM_HZ, true);
    v.setUint8(row + 3, BRIGHTNESS_MIN);
    v.setUint8(1 + PANEL_TYPES * BACKLIGHT_ROW_BYTES + PANEL_TYPE, 0xff);
  });
}

function edp(panel: VbtPanel): Uint8Array {
  return block(EDP_BYTES, (v) => {
    POWER_SEQUENCE.forEach((time, i) => {
      v.setUint16(PANEL_TYPE * SEQUENCE_BYTES + i * 2, time, true);
    });
    v.setUint32(EDP_COLOR_DEPTH, COLOUR_24 << (2 * PANEL_TYPE), true);
    v.setUint8(EDP_LINK + PANEL_TYPE * 2, RATE_CODE[panel.rate] | (LANE_CODE[panel.lanes] << 4));
    v.setUint8(EDP_SWING + (PANEL_TYPE >> 1), SWING_DEFAULT);
  });
}

/** A block that needs to know where in the BDB another one's data lies. */
export type VbtBlock = readonly [id: number, bytes: number, data: (at: number) => Uint8Array];

/** The blocks of a built-in panel: which one, its timing, backlight, power sequence and link. */
export function panelBlocks(panel: VbtPanel): readonly VbtBlock[] {
  const fixed = (id: number, data: Uint8Array): VbtBlock => [id, data.length, () => data];
  const pointersBytes = pointers(0).length;
  return [
    fixed(BDB_LVDS_OPTIONS, options()),
    // Block 42 follows at once: its data begins after this one's and its own header of 3 bytes.
    [BDB_LVDS_LFP_DATA_PTRS, pointersBytes, (at) => pointers(at + pointersBytes + 3)],
    fixed(BDB_LVDS_LFP_DATA, panels(panel)),
    fixed(BDB_LVDS_BACKLIGHT, backlight()),
    fixed(BDB_EDP, edp(panel)),
  ];
}

/** A panel by its EDID and its link. */
export function vbtPanelOf(
  edid: Uint8Array,
  name: string,
  lanes: VbtPanel['lanes'],
  rate: VbtPanel['rate'],
): VbtPanel {
  return { timing: edid.slice(54, 72), pnpId: edid.slice(8, 18), name, lanes, rate };
}
