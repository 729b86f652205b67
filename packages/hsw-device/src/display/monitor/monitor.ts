import { DEFAULT_DP_CAPS, type DpCaps } from '../bus/dpcd.ts';
import { buildEdid, type MonitorKind } from './edid-build.ts';
import { parseEdid } from './edid-parse.ts';
import { MODES, type ModeName } from './timings.ts';

/** A monitor: a value that can be plugged into any port of its kind. */
export interface Monitor {
  readonly kind: MonitorKind;
  readonly name: string;
  readonly edid: Uint8Array;
  /** What its DisplayPort receiver can do; without meaning for VGA and HDMI. */
  readonly dp: DpCaps;
}

/** What may be said of a monitor; the rest is chosen. */
export interface MonitorSpec {
  readonly kind: MonitorKind;
  /** Preferred mode. Default `1024x768`. */
  readonly mode?: ModeName;
  /** Other modes. Default: all that are not larger than the preferred one. */
  readonly modes?: readonly ModeName[];
  readonly name?: string;
  readonly serial?: number;
  /** HDMI: takes sound. Default true. */
  readonly audio?: boolean;
  readonly dp?: DpCaps;
}

/** Width of the picture by aspect; 24 inches or so. */
function sizeCm(mode: ModeName): readonly [number, number] {
  const { width, height } = MODES[mode];
  return [52, Math.round((52 * height) / width)];
}

/** Makes a monitor. */
export function makeMonitor(spec: MonitorSpec): Monitor {
  const mode = spec.mode ?? '1024x768';
  const most = MODES[mode];
  const fits = (name: ModeName): boolean =>
    MODES[name].width <= most.width && MODES[name].height <= most.height;
  const others = spec.modes ?? (Object.keys(MODES) as ModeName[]).filter(fits);
  const name = spec.name ?? `XenGT ${spec.kind.toUpperCase()}`;
  const edid = buildEdid({
    kind: spec.kind,
    name,
    vendor: 'XGT',
    product: 0x4710,
    serial: spec.serial ?? 1,
    modes: [mode, ...others.filter((other) => other !== mode)],
    sizeCm: sizeCm(mode),
    audio: spec.audio ?? true,
  });
  return { kind: spec.kind, name, edid, dp: spec.dp ?? DEFAULT_DP_CAPS };
}

/** A monitor whose EDID comes from elsewhere, e.g. from a control file. Errors are in `parseEdid`. */
export function monitorFromEdid(kind: MonitorKind, edid: Uint8Array): Monitor {
  const name = parseEdid(edid).name;
  return { kind, name: name === '' ? 'unnamed' : name, edid, dp: DEFAULT_DP_CAPS };
}
