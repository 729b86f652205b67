export { type FaceByte, FacedFunction, PIIX3_AS_OTHER_BRIDGE } from './pci/face.ts';
export {
  HOST_BRIDGE_DEVFN,
  HostBridge,
  type HostBridgeOptions,
  type HostBridgeStateV1,
} from './pci/host-bridge.ts';
export { createIsaBridge, ISA_BRIDGE_DEVFN, type IsaBridgeIds } from './pci/isa-bridge.ts';
export { type PlatformIds, type PlatformKind, platformOf, QemuVgtError } from './pci/platform.ts';
