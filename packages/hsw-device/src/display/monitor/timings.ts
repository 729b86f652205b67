/** A video timing: what a detailed timing descriptor says. Pixels, lines, kHz. */
export interface Timing {
  readonly width: number;
  readonly height: number;
  readonly pixelKhz: number;
  /** Starts and ends of sync and the total, counted from the first active pixel or line. */
  readonly hsyncStart: number;
  readonly hsyncEnd: number;
  readonly htotal: number;
  readonly vsyncStart: number;
  readonly vsyncEnd: number;
  readonly vtotal: number;
  readonly hsyncPositive: boolean;
  readonly vsyncPositive: boolean;
}

function timing(
  pixelKhz: number,
  h: readonly [number, number, number, number],
  v: readonly [number, number, number, number],
  sync: '++' | '--' | '+-' | '-+',
): Timing {
  return {
    width: h[0],
    height: v[0],
    pixelKhz,
    hsyncStart: h[1],
    hsyncEnd: h[2],
    htotal: h[3],
    vsyncStart: v[1],
    vsyncEnd: v[2],
    vtotal: v[3],
    hsyncPositive: sync[0] === '+',
    vsyncPositive: sync[1] === '+',
  };
}

/**
 * Modes at about 60 Hz; the two largest, which take all of a pipe's clock, at 30. VESA DMT 1.13, CTA-861
 * (1280x720, 1920x1080, 3840x2160, 4096x2160), CVT reduced blanking.
 */
// biome-ignore format: one mode a line
export const MODES: Readonly<Record<ModeName, Timing>> = {
  '640x480':   timing(25175,  [640, 656, 752, 800],      [480, 490, 492, 525],      '--'),
  '800x600':   timing(40000,  [800, 840, 968, 1056],     [600, 601, 605, 628],      '++'),
  '1024x768':  timing(65000,  [1024, 1048, 1184, 1344],  [768, 771, 777, 806],      '--'),
  '1280x720':  timing(74250,  [1280, 1390, 1430, 1650],  [720, 725, 730, 750],      '++'),
  '1280x800':  timing(71000,  [1280, 1328, 1360, 1440],  [800, 803, 809, 823],      '+-'),
  '1280x1024': timing(108000, [1280, 1328, 1440, 1688],  [1024, 1025, 1028, 1066],  '++'),
  '1366x768':  timing(85500,  [1366, 1436, 1579, 1792],  [768, 771, 774, 798],      '++'),
  '1440x900':  timing(88750,  [1440, 1488, 1520, 1600],  [900, 903, 909, 926],      '+-'),
  '1600x900':  timing(108000, [1600, 1624, 1704, 1800],  [900, 901, 904, 1000],     '++'),
  '1680x1050': timing(119000, [1680, 1728, 1760, 1840],  [1050, 1053, 1059, 1080],  '+-'),
  '1920x1080': timing(148500, [1920, 2008, 2052, 2200],  [1080, 1084, 1089, 1125],  '++'),
  '1920x1200': timing(154000, [1920, 1968, 2000, 2080],  [1200, 1203, 1209, 1235],  '+-'),
  '2560x1440': timing(241500, [2560, 2608, 2640, 2720],  [1440, 1443, 1448, 1481],  '+-'),
  '3840x2160': timing(297000, [3840, 4016, 4104, 4400],  [2160, 2168, 2178, 2250],  '++'),
  '4096x2160': timing(297000, [4096, 4184, 4272, 4400],  [2160, 2168, 2178, 2250],  '++'),
};

/** Modes that monitors of this model can have. */
export type ModeName =
  | '640x480'
  | '800x600'
  | '1024x768'
  | '1280x720'
  | '1280x800'
  | '1280x1024'
  | '1366x768'
  | '1440x900'
  | '1600x900'
  | '1680x1050'
  | '1920x1080'
  | '1920x1200'
  | '2560x1440'
  | '3840x2160'
  | '4096x2160';

/** Bit in bytes 35 and 36 of an EDID, by mode. VESA E-EDID 1.4, 3.8. */
export const ESTABLISHED: Partial<Readonly<Record<ModeName, readonly [number, number]>>> = {
  '640x480': [35, 0x20],
  '800x600': [35, 0x01],
  '1024x768': [36, 0x08],
};

/** Code of the standard timing that means exactly this mode. VESA DMT 1.13, "STD 2 byte code". */
export const STANDARD: Partial<Readonly<Record<ModeName, readonly [number, number]>>> = {
  '1280x720': [0x81, 0xc0],
  '1280x1024': [0x81, 0x80],
  '1600x900': [0xa9, 0xc0],
  '1920x1080': [0xd1, 0xc0],
};

/** Video identification code by mode. CTA-861. */
export const VIC: Partial<Readonly<Record<ModeName, number>>> = {
  '640x480': 1,
  '1280x720': 4,
  '1920x1080': 16,
  '3840x2160': 95,
  '4096x2160': 100,
};

/** Refresh rate, Hz. */
export function refreshHz(t: Timing): number {
  return (t.pixelKhz * 1000) / (t.htotal * t.vtotal);
}
