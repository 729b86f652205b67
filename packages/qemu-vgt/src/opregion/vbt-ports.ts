import { QemuVgtError } from '../pci/platform.ts';

/** DDI letters of Haswell. E drives the analogue output through the PCH. */
export type DdiName = 'A' | 'B' | 'C' | 'D' | 'E';
/** What is behind a port's connector. `dp++` is DisplayPort that also passes HDMI. */
export type PortKind = 'crt' | 'hdmi' | 'dvi' | 'dp' | 'dp++' | 'edp';

/** One port of the machine, as the video BIOS table describes it. */
export interface VbtPort {
  readonly ddi: DdiName;
  readonly kind: PortKind;
  /** GMBUS pin pair of its DDC lines, or 0. i915 `intel_gmbus.c`: 2 VGA, 4 C, 5 B, 6 D. */
  readonly gmbusPin: number;
  /** Letter of its AUX channel; null when it has none. */
  readonly aux: 'A' | 'B' | 'C' | 'D' | null;
}

/** The ports of the modelled board: VGA, HDMI, a dual-mode DisplayPort and a DisplayPort. */
export const DEFAULT_VBT_PORTS: readonly VbtPort[] = [
  { ddi: 'E', kind: 'crt', gmbusPin: 2, aux: null },
  { ddi: 'B', kind: 'hdmi', gmbusPin: 5, aux: null },
  { ddi: 'C', kind: 'dp++', gmbusPin: 4, aux: 'C' },
  { ddi: 'D', kind: 'dp', gmbusPin: 6, aux: 'D' },
];

/** Facts of one kind of port. */
export interface PortKindRow {
  /** Device type word. i915 `intel_vbt_defs.h` DEVICE_TYPE_*. */
  readonly deviceType: number;
  readonly crt: boolean;
  readonly tmds: boolean;
  readonly dp: boolean;
}

// biome-ignore format: one kind a line
export const PORT_KINDS: { readonly [K in PortKind]: PortKindRow } = {
  crt:    { deviceType: 0x6001, crt: true,  tmds: false, dp: false },
  hdmi:   { deviceType: 0x60d2, crt: false, tmds: true,  dp: false },
  dvi:    { deviceType: 0x68d2, crt: false, tmds: true,  dp: false },
  dp:     { deviceType: 0x68c6, crt: false, tmds: false, dp: true },
  'dp++': { deviceType: 0x60d6, crt: false, tmds: true,  dp: true },
  edp:    { deviceType: 0x78c6, crt: false, tmds: false, dp: true },
};

/** DVO port byte by DDI: TMDS connectors and DisplayPort ones. i915 DVO_PORT_*. */
const DVO_PORT_TMDS = { A: 0, B: 1, C: 2, D: 3, E: 12 } as const;
const DVO_PORT_DP = { A: 10, B: 7, C: 8, D: 9, E: 11 } as const;
const DVO_PORT_CRT = 6;
/** AUX channel byte. i915 DP_AUX_*. */
const DP_AUX = { A: 0x40, B: 0x10, C: 0x20, D: 0x30 } as const;

/** @returns the DVO port byte of a port */
export function dvoPort(port: VbtPort): number {
  const kind = PORT_KINDS[port.kind];
  if (kind.crt) return DVO_PORT_CRT;
  return kind.dp ? DVO_PORT_DP[port.ddi] : DVO_PORT_TMDS[port.ddi];
}

/** @returns the AUX channel byte of a port; 0 when it has none */
export function auxChannel(port: VbtPort): number {
  return port.aux === null ? 0 : DP_AUX[port.aux];
}

/**
 * Refuses a table that a driver would "correct": ports that share a DDI, DDC pins or an AUX
 * channel lose an output (i915 `sanitize_ddc_pin`, `sanitize_aux_ch`).
 *
 * @throws QemuVgtError naming every fault at once
 */
export function checkPorts(ports: readonly VbtPort[]): void {
  const faults: string[] = [];
  ports.forEach((p, i) => {
    const kind = PORT_KINDS[p.kind];
    for (const q of ports.slice(0, i)) {
      if (q.ddi === p.ddi) faults.push(`DDI ${p.ddi} appears twice`);
      if (p.gmbusPin !== 0 && q.gmbusPin === p.gmbusPin) {
        faults.push(`DDI ${q.ddi} and DDI ${p.ddi} share GMBUS pin ${p.gmbusPin}`);
      }
      if (p.aux !== null && q.aux === p.aux) {
        faults.push(`DDI ${q.ddi} and DDI ${p.ddi} share AUX channel ${p.aux}`);
      }
    }
    if (kind.dp && p.aux === null) faults.push(`DDI ${p.ddi} is ${p.kind} without an AUX channel`);
    if (kind.tmds && p.gmbusPin === 0) faults.push(`DDI ${p.ddi} is ${p.kind} without DDC pins`);
    if (kind.crt !== (p.ddi === 'E')) faults.push(`DDI ${p.ddi} cannot be ${p.kind}`);
    if (kind.tmds && p.ddi === 'A') faults.push(`DDI A cannot be ${p.kind}`);
  });
  if (faults.length > 0) throw new QemuVgtError('VBT_PORTS', `port table: ${faults.join('; ')}`);
}

/** What a VBT needs of the device's own port table; `@xengt/hsw-device` `PORTS` has it. */
export interface PortPins {
  readonly name: DdiName;
  readonly gmbusPin: number;
  /** Control register of the AUX channel; 0 when there is none. */
  readonly aux: number;
}
/** How each port is wired on the board, in the device's words. */
export type BoardWiring = Readonly<
  Record<DdiName, 'none' | 'vga' | 'hdmi' | 'dp' | 'dp++' | 'edp'>
>;

/** The VBT's ports from the device's port table and its board's wiring; the analogue one first. */
export function vbtPortsOf(pins: readonly PortPins[], wiring: BoardWiring): VbtPort[] {
  const ports: VbtPort[] = [];
  for (const row of pins) {
    const wired = wiring[row.name];
    if (wired === 'none') continue;
    const kind = wired === 'vga' ? 'crt' : wired;
    const aux = PORT_KINDS[kind].dp && row.aux !== 0 && row.name !== 'E' ? row.name : null;
    const port: VbtPort = { ddi: row.name, kind, gmbusPin: row.gmbusPin, aux };
    if (kind === 'crt') ports.unshift(port);
    else ports.push(port);
  }
  return ports;
}
