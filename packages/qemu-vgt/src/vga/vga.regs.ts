/** The adapter's I/O ports, as PCI's VGA decoding has them: first port and count. PCI-to-PCI Bridge 1.2, 12.1. */
export const VGA_MONO_PORTS = { port: 0x3b0, count: 12 } as const;
export const VGA_PORTS = { port: 0x3c0, count: 32 } as const;
/** Index and data of the display interface of Bochs; data is a word at 0x1cf. */
export const DISPI_PORTS = { port: 0x1ce, count: 3 } as const;
/** Memory below 1 MiB that the adapter answers for, guest-physical. */
export const VGA_WINDOW = { gpa: 0xa0000, bytes: 0x20000 } as const;
/** Where the linear frame buffer lies; what index 0xb of the display interface says. Upstream: `VBE_DISPI_LFB_PHYSICAL_ADDRESS`. */
export const LFB_GPA = 0xe0000000;

/** Bits that a write changes, by index. IBM VGA; the index of a register that is not there changes nothing. */
export const SEQUENCER_MASKS: readonly number[] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e];
export const GRAPHICS_MASKS: readonly number[] = [
  0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff,
];
/** Palette entries, then mode, overscan, plane enable, panning, colour select. */
export const ATTRIBUTE_MASKS: readonly number[] = [
  ...new Array<number>(16).fill(0x3f),
  0xef,
  0xff,
  0x3f,
  0x0f,
  0x0f,
];
/** CR00 to CR18. */
export const CRTC_COUNT = 0x19;

/** Sequencer: clocking mode, plane write enable, character map, memory mode. */
export const SR_CLOCK = 1,
  SR_PLANES = 2,
  SR_FONTS = 3,
  SR_MEMORY = 4;
/** SR01 0: characters are 8 dots wide; 3: dot clock halved; 5: screen off. */
export const SR_CLOCK_8DOT = 0x01,
  SR_CLOCK_HALF = 0x08,
  SR_CLOCK_OFF = 0x20;
/** SR04 3: the planes are one after the other for the processor. */
export const SR_MEMORY_CHAIN4 = 0x08;

/** Graphics controller, in the order of its indices. */
export const GR_SET_RESET = 0,
  GR_SET_ENABLE = 1,
  GR_COMPARE = 2,
  GR_ROTATE = 3,
  GR_READ_PLANE = 4,
  GR_MODE = 5,
  GR_MISC = 6,
  GR_IGNORE = 7,
  GR_BIT_MASK = 8;
/** GR05 3: read by comparing; 4: even addresses are even planes. */
export const GR_MODE_COMPARE = 0x08,
  GR_MODE_ODD_EVEN = 0x10;
/** GR06 0: graphics, not text. Bits 3:2 place the window. */
export const GR_MISC_GRAPHICS = 0x01;

/** Attribute controller beyond the palette. */
export const AR_MODE = 0x10,
  AR_PLANES = 0x12,
  AR_PANNING = 0x13,
  AR_COLOUR_SELECT = 0x14;
/** AR10 1: monochrome text; 2: the ninth dot of line drawing repeats the eighth; 3: blinking; 7: AR14 gives bits 5:4. */
export const AR_MODE_MONO = 0x02,
  AR_MODE_NINTH_DOT = 0x04,
  AR_MODE_BLINK = 0x08,
  AR_MODE_SELECT = 0x80;
/** Attribute index 5: the palette is the display's, not the processor's: the screen is on. */
export const AR_INDEX_ON = 0x20;

/** CRT controller. */
export const CR_HDE = 0x01,
  CR_OVERFLOW = 0x07,
  CR_ROW_SCAN = 0x09,
  CR_CURSOR_START = 0x0a,
  CR_CURSOR_END = 0x0b,
  CR_START_HIGH = 0x0c,
  CR_START_LOW = 0x0d,
  CR_CURSOR_HIGH = 0x0e,
  CR_CURSOR_LOW = 0x0f,
  CR_SYNC_END = 0x11,
  CR_VDE = 0x12,
  CR_OFFSET = 0x13,
  CR_UNDERLINE = 0x14,
  CR_MODE = 0x17,
  CR_LINE_COMPARE = 0x18;
/** CR11 7: CR00 to CR07 keep what they have, but for CR07 4. */
export const CR_SYNC_END_PROTECT = 0x80;
/** CR09 7: each line is shown twice. */
export const CR_ROW_SCAN_DOUBLE = 0x80;
/** CR0A 5: no cursor. */
export const CR_CURSOR_OFF = 0x20;
/** CR17 0 and 1, clear: bits 13 and 14 of the address are those of the row; 6: addresses are bytes. */
export const CR_MODE_ADDRESS13 = 0x01,
  CR_MODE_ADDRESS14 = 0x02,
  CR_MODE_BYTES = 0x40;

/** Miscellaneous output 0: the ports are those of colour, 0x3d0. */
export const MISC_COLOUR = 0x01;
/** Input status 1: display off, and vertical retrace. */
export const ST1_DISPLAY_OFF = 0x01,
  ST1_RETRACE = 0x08;
