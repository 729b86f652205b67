import { ENGINE_IDS } from '@xengt/hsw-device';
import type { DomainInfo, ScreenInfo } from '../lab/host-view.ts';
import type { Host } from './host.ts';
import type { HostDomain } from './host-domain.ts';

const US_PER_SECOND = 1e6,
  NS_PER_SECOND = 1e9;
const PIXELS_MAX = 4096 * 2304;

/** One picture of any screen, drawn into memory that is used again. */
export class ScreenShot {
  #pixels = new Uint32Array(0);

  /**
   * Draws what a domain's port shows.
   *
   * @returns RGBA bytes, valid until the next call; null when the port shows nothing
   */
  take(
    host: Host,
    domain: HostDomain,
    port: string,
  ): { width: number; height: number; rgba: Uint8Array } | null {
    const { display } = host.device;
    const screen = domain.screens(display).find((s) => s.port === port);
    if (screen === undefined || screen.width * screen.height > PIXELS_MAX) return null;
    const { width, height } = screen;
    if (this.#pixels.length < width * height) this.#pixels = new Uint32Array(width * height);
    const pixels = this.#pixels.subarray(0, width * height);
    if (!domain.scanOut(display, screen, pixels)) return null;
    return { width, height, rgba: new Uint8Array(pixels.buffer, 0, width * height * 4) };
  }
}

export function screensOf(host: Host, domain: HostDomain): readonly ScreenInfo[] {
  return domain
    .screens(host.device.display)
    .map(({ port, width, height }) => ({ port, width, height }));
}

export function domainInfo(domain: HostDomain): DomainInfo {
  const { vgpu } = domain;
  const MIB = 1 << 20;
  return {
    id: domain.domid,
    name: domain.name,
    state: domain.domain.state,
    reason: domain.domain.reason,
    seconds: domain.domain.engine.counters.ranUs / US_PER_SECOND,
    blocked: domain.domain.engine.halted,
    memory: domain.domain.ramBytes / MIB,
    kernel: domain.kernel,
    driver: domain.driver,
    vgpu:
      vgpu === null
        ? null
        : {
            lowGm: vgpu.slice.lowBytes / MIB,
            highGm: vgpu.slice.highBytes / MIB,
            fences: vgpu.slice.fences,
            seconds: vgpu.sched.busiestNs / NS_PER_SECOND,
            busy: Object.fromEntries(
              ENGINE_IDS.map((id, i) => [id, (vgpu.sched.busyNs[i] ?? 0) / NS_PER_SECOND]),
            ),
          },
  };
}
