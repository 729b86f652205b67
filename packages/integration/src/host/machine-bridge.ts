import type { MachineMemory } from '@xengt/hsw-device';
import { HostBridge, platformOf } from '@xengt/qemu-vgt';

/** Where firmware puts what it sets aside for the GPU: below the last GiB under 4 GiB. */
export const STOLEN_BASE = 0xbe000000;
const TOP_OF_LOW_MEMORY = 0xc0000000;
/** GGC 9:8: a GTT of 2 MiB. */
const GTT_2_MIB = 0x200;

/**
 * The bridge beside the GPU, as the machine's firmware left it; stolen memory becomes a piece of the
 * machine's.
 *
 * @param stolenMiB in steps of 32
 */
export function machineBridge(
  memory: MachineMemory,
  deviceId: number,
  stolenMiB: number,
): HostBridge {
  if (stolenMiB > 0) memory.addRegion(STOLEN_BASE, new Int32Array((stolenMiB << 20) / 4));
  const ids = platformOf(deviceId);
  const bridge = new HostBridge({
    device: ids.hostBridge,
    revision: ids.hostRevision,
    ggc: ((stolenMiB / 32) << 3) | GTT_2_MIB,
    topOfLowMemory: TOP_OF_LOW_MEMORY,
    ...(stolenMiB === 0 ? {} : { stolenBase: STOLEN_BASE }),
  });
  bridge.endFirmware();
  return bridge;
}
