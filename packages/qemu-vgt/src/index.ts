export {
  type DeviceModelConfig,
  type DeviceModelVgt,
  deviceModelArguments,
  VGT_FENCE_DEFAULT,
  VGT_HIGH_DEFAULT,
  VGT_LOW_DEFAULT,
} from './device-model/arguments.ts';
export {
  type ControlFiles,
  type DeviceModelEnd,
  endInstance,
  startDeviceModel,
} from './device-model/start.ts';
export {
  type ControlWrite,
  formatMonitorConfig,
  type MonitorConfig,
  type MonitorPort,
  type MonitorRecord,
  monitorType,
  monitorWrites,
  parseMonitorConfig,
} from './monitor/monitor-config.ts';
export {
  ASLS,
  answerSwsci,
  buildOpRegion,
  OPREGION_BYTES,
  OPREGION_CLID,
  OPREGION_SWSCI_PARM,
  OPREGION_SWSCI_SCIC,
  OPREGION_VBT,
  SWSCI,
} from './opregion/opregion.ts';
export { BDB_VERSION, buildVbt } from './opregion/vbt.ts';
export { type VbtPanel, vbtPanelOf } from './opregion/vbt-panel.ts';
export {
  type BoardWiring,
  type DdiName,
  DEFAULT_VBT_PORTS,
  PORT_KINDS,
  type PortKind,
  type PortKindRow,
  type PortPins,
  type VbtPort,
  vbtPortsOf,
} from './opregion/vbt-ports.ts';
export {
  AssignedGpu,
  type AssignedGpuOptions,
  type AssignedPort,
} from './passthrough/assigned-gpu.ts';
export { HostBridgeView } from './passthrough/host-bridge-view.ts';
export {
  type HostOpRegion,
  type MapOpRegion,
  OpRegionRegister,
  PASSTHROUGH_OPREGION,
} from './passthrough/opregion-register.ts';
export { type FaceByte, FacedFunction, PIIX3_AS_OTHER_BRIDGE } from './pci/face.ts';
export {
  HOST_BRIDGE_DEVFN,
  HostBridge,
  type HostBridgeOptions,
  type HostBridgeStateV1,
} from './pci/host-bridge.ts';
export { createIsaBridge, ISA_BRIDGE_DEVFN, type IsaBridgeIds } from './pci/isa-bridge.ts';
export { type PlatformIds, type PlatformKind, platformOf, QemuVgtError } from './pci/platform.ts';
export { DISPI_MAX_HEIGHT, DISPI_MAX_WIDTH, type Dispi, type MonitorLimit } from './vga/dispi.ts';
export { IsaVga, VGA_MEMORY_LEAST, type VgaOptions, type VgaStateV1 } from './vga/isa-vga.ts';
export {
  DISPI_PORTS,
  LFB_GPA,
  VGA_MONO_PORTS,
  VGA_PORTS,
  VGA_WINDOW,
} from './vga/vga.regs.ts';
