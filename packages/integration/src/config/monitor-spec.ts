/** A monitor asked for in a domain file, e.g. `"B:1920x1080@60"`. */
export interface MonitorSpec {
  /** The guest's port. */
  readonly port: 'A' | 'B' | 'C' | 'D' | 'E';
  /** What speaks on it. Default: VGA on E, DisplayPort on A and D, else HDMI. */
  readonly kind: 'vga' | 'hdmi' | 'dp';
  /** Preferred mode, pixels. */
  readonly width: number;
  readonly height: number;
  /** Hz. */
  readonly refresh: number;
}

/** What `monitors` entries look like, in words. */
export const MONITOR_FORM: string =
  'PORT:WIDTHxHEIGHT[@HZ] or PORT:KIND:WIDTHxHEIGHT[@HZ], PORT A to E, KIND vga on E, hdmi on B C D, ' +
  'dp on A B C D, 320x200 to 3840x2160, 24 to 120 Hz';

const FORM = /^([A-Ea-e]):(?:(vga|hdmi|dp):)?(\d{1,4})x(\d{1,4})(?:@(\d{1,3}))?$/;
const KINDS: Readonly<Record<MonitorSpec['port'], readonly MonitorSpec['kind'][]>> = {
  A: ['dp'],
  B: ['hdmi', 'dp'],
  C: ['hdmi', 'dp'],
  D: ['dp', 'hdmi'],
  E: ['vga'],
};

/** Reads one entry of `monitors`. @returns null when it has not the form {@link MONITOR_FORM} */
export function parseMonitorSpec(text: string): MonitorSpec | null {
  const m = FORM.exec(text);
  if (m === null) return null;
  const port = (m[1] as string).toUpperCase() as MonitorSpec['port'];
  const kinds = KINDS[port];
  const kind = (m[2] as MonitorSpec['kind'] | undefined) ?? (kinds[0] as MonitorSpec['kind']);
  const width = Number(m[3]);
  const height = Number(m[4]);
  const refresh = Number(m[5] ?? 60);
  const fits =
    kinds.includes(kind) &&
    width >= 320 &&
    width <= 3840 &&
    height >= 200 &&
    height <= 2160 &&
    refresh >= 24 &&
    refresh <= 120;
  return fits ? { port, kind, width, height, refresh } : null;
}
