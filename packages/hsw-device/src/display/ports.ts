/** Digital and analogue ports of a Haswell with an LPT-H PCH. */
export type PortName = 'A' | 'B' | 'C' | 'D' | 'E';

/** What the wiring of one port is, as data. The VBT and the straps are derived from it. */
export interface PortRow {
  readonly name: PortName;
  /** Port number: A 0 to E 4; index of DDI_BUF_CTL and of PORT_CLK_SEL. */
  readonly index: number;
  /** GMBUS pin pair of its DDC lines; 0 when it has none. i915: `GMBUS_PIN_*`. */
  readonly gmbusPin: number;
  /** GPIO register behind that pin, bytes; 0 when none. i915: `gmbus_pins`. */
  readonly gpio: number;
  /** Control register of its AUX channel, bytes; 0 when none. i915: `DP_AUX_CH_CTL`. */
  readonly aux: number;
  /** Interrupt bit of its AUX channel: of DE for port A, else of the PCH. */
  readonly auxBit: number;
  /** Hotplug interrupt and live state bit: of DE for port A, else of the PCH. */
  readonly hotplugBit: number;
  /** SFUSE_STRAP bit that says the port is there; 0 for A (DDI_BUF_CTL_A 0) and E (always). */
  readonly strap: number;
  /** Shift of its enable and status field in SHOTPLUG_CTL; -1 when it has none there. */
  readonly shotplugShift: number;
}

/** PRM vol.12 "South Display Engine Interrupts"; i915 `hpd_cpt`, `gmbus_pins`, `SFUSE_STRAP`. */
// biome-ignore format: one port a line
export const PORTS: readonly PortRow[] = [
  { name: 'A', index: 0, gmbusPin: 0, gpio: 0,       aux: 0x64010, auxBit: 0x4000000, hotplugBit: 0x8000000, strap: 0, shotplugShift: -1 },
  { name: 'B', index: 1, gmbusPin: 5, gpio: 0xc5020, aux: 0xe4110, auxBit: 0x2000000, hotplugBit: 0x200000,  strap: 4, shotplugShift: 0 },
  { name: 'C', index: 2, gmbusPin: 4, gpio: 0xc501c, aux: 0xe4210, auxBit: 0x4000000, hotplugBit: 0x400000,  strap: 2, shotplugShift: 8 },
  { name: 'D', index: 3, gmbusPin: 6, gpio: 0xc5024, aux: 0xe4310, auxBit: 0x8000000, hotplugBit: 0x800000,  strap: 1, shotplugShift: 16 },
  { name: 'E', index: 4, gmbusPin: 2, gpio: 0xc5010, aux: 0,       auxBit: 0,         hotplugBit: 0x80000,   strap: 0, shotplugShift: -1 },
];

/** The row of a port. */
export function portRow(name: PortName): PortRow {
  return PORTS[name.charCodeAt(0) - 65] as PortRow;
}

/** How a port is wired on the board; `none` means that the straps say it is absent. */
export type PortWiring = 'none' | 'vga' | 'hdmi' | 'dp' | 'dp++' | 'edp';

/** Wiring of a desktop board: VGA on E, HDMI on B, DP++ on C, DP on D, no panel on A. */
export const DESKTOP_WIRING: Readonly<Record<PortName, PortWiring>> = {
  A: 'none',
  B: 'hdmi',
  C: 'dp++',
  D: 'dp',
  E: 'vga',
};

/** The same board with a panel on A, as in a portable machine. */
export const PANEL_WIRING: Readonly<Record<PortName, PortWiring>> = { ...DESKTOP_WIRING, A: 'edp' };
