import {
  type DisplayEngine,
  type Monitor,
  type PortName,
  parseEdid,
  type Screen,
} from '@xengt/hsw-device';
import type { IsaVga, MonitorLimit } from '@xengt/qemu-vgt';

/** In a {@link Screen}: no pipe drives it, its picture is the VGA's. */
export const VGA_PIPE = -1;
/** Where a video BIOS looks for a monitor, in its order: the panel, VGA, then the digital ports. */
const PORT_ORDER: readonly PortName[] = ['A', 'E', 'B', 'C', 'D'];
/** Text modes have 70 frames a second, VBE's have 60. */
const REFRESH_HZ = 60;
/** Of a monitor that says nothing about itself. VESA DMT. */
const FALLBACK: MonitorLimit = { width: 1024, height: 768 };

/** The monitor that firmware and boot loader use; null without one. */
function bootMonitor(display: DisplayEngine): { port: PortName; monitor: Monitor } | null {
  for (const port of PORT_ORDER) {
    const monitor = display.monitorOn(port);
    if (monitor !== null) return { port, monitor };
  }
  return null;
}

/** Largest picture that the boot monitor's EDID has a timing for, pixels. */
export function bootMonitorLimit(display: DisplayEngine): MonitorLimit {
  const found = bootMonitor(display);
  if (found === null) return FALLBACK;
  try {
    const { timings } = parseEdid(found.monitor.edid);
    const width = Math.max(...timings.map((t) => t.width));
    const height = Math.max(...timings.map((t) => t.height));
    return timings.length === 0 ? FALLBACK : { width, height };
  } catch {
    return FALLBACK;
  }
}

/**
 * The VGA's picture as a screen, while it is on one: the VGA plane is on, and no pipe lights the
 * monitor that it is for.
 */
export function vgaScreen(
  display: DisplayEngine,
  vga: IsaVga,
  lit: readonly Screen[],
): Screen | null {
  if (!display.vgaOn) return null;
  const found = bootMonitor(display);
  const size = vga.screen();
  if (found === null || size === null || lit.some((s) => s.port === found.port)) return null;
  const { port, monitor } = found;
  return { pipe: VGA_PIPE, port, ...size, refreshHz: REFRESH_HZ, monitor };
}
