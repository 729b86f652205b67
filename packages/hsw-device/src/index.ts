export { Aperture } from './aperture/aperture.ts';
export {
  APERTURE_PAGES_MAX,
  FENCE_BASE,
  FENCE_COUNT,
  FENCE_TILE_Y,
  FENCE_VALID,
  FenceRegisters,
} from './aperture/fences.ts';
export { BLT_COMMANDS, type BltRow } from './blt/commands.ts';
export { SETUP_WORDS as BLT_SETUP_WORDS } from './blt/setup.ts';
export { JUMPS_KEPT } from './cs/batch-levels.ts';
export { CONTEXT_BYTES } from './cs/context-image.ts';
export {
  COMMAND_DWORDS,
  COMMAND_ENGINES,
  COMMAND_FLAGS,
  COMMANDS,
  commandByName,
  commandIndex,
  commandLength,
  commandTable,
  rowOf,
} from './cs/decode.ts';
export type { Engine } from './cs/engine.ts';
export {
  COMMAND_MAX,
  type EngineCounters,
  type FlipPort,
  type HangReason,
  WAIT_EVENT,
  WAIT_SEMAPHORE,
} from './cs/engine-contract.ts';
export {
  type CommandRow,
  DISPLAY,
  ON_ALL,
  ON_BCS,
  ON_RCS,
  ON_VCS,
  ON_VECS,
  PIPELINE,
  PRIVILEGED,
  REGISTERS,
  RESOURCE_STREAMER,
  STARTS_WORK,
} from './cs/row.ts';
export {
  GTT_WINDOW,
  GttMmio,
  HaswellConfigError,
  HaswellDevice,
  type HaswellOptions,
  type ResetKind,
} from './device.ts';
export type { DeviceStateV1 } from './device-state.ts';
export { DEFAULT_DP_CAPS, type DpCaps } from './display/bus/dpcd.ts';
export * as displayRegs from './display/display.regs.ts';
export { DisplayEngine, type DisplayOptions } from './display/display-engine.ts';
export type { DisplayStateV1 } from './display/display-state.ts';
export type { DisplayInterrupts } from './display/hotplug.ts';
export { buildEdid, type EdidSpec, type MonitorKind } from './display/monitor/edid-build.ts';
export { type EdidInfo, parseEdid } from './display/monitor/edid-parse.ts';
export {
  type Monitor,
  type MonitorSpec,
  makeMonitor,
  monitorFromEdid,
} from './display/monitor/monitor.ts';
export { MODES, type ModeName, refreshHz, type Timing } from './display/monitor/timings.ts';
export { PrecisionPalettes } from './display/palette.ts';
export type { Pipe } from './display/pipe.ts';
export {
  DESKTOP_WIRING,
  PANEL_WIRING,
  PORTS,
  type PortName,
  type PortRow,
  type PortWiring,
  portRow,
} from './display/ports.ts';
export * as pixelFormats from './display/scan/formats.ts';
export { newPlaneState, type PlaneState } from './display/scan/plane-state.ts';
export { SurfaceReader } from './display/scan/surface.ts';
export { WIRE_LIMITED, wireCoding } from './display/scan/wire.ts';
export { packedYuv, vyuOf, yuvToRgb } from './display/scan/yuv.ts';
export type { Screen } from './display/screens.ts';
export * as engineRegs from './gt/engine.regs.ts';
export { ENGINE_IDS, type EngineId } from './gt/engine.regs.ts';
export { clearedByReset, Gt, type GtOptions } from './gt/gt.ts';
export { Power, type PowerStateV1 } from './gt/power.ts';
export { AddressSpace, GM_PAGES, PTE_VALID, pteAddress, pteMfn } from './gtt/address-space.ts';
export type { Board, MemoryChannels } from './gtt/board.regs.ts';
export { CACHEABILITY, cacheabilityBits, pteCacheability } from './gtt/cacheability.ts';
export { Gam } from './gtt/gam.ts';
export { Ggtt } from './gtt/ggtt.ts';
export { Ppgtt } from './gtt/ppgtt.ts';
export { type AubFile, type AubSubmission, AubWriter, readAub } from './insight/aub.ts';
export { AubRecorder } from './insight/aub-recorder.ts';
export {
  type DecodedCommand,
  type DecodedDword,
  type DecodedField,
  type DecodeOptions,
  decodeCommands,
  decodedText,
} from './insight/decode-commands.ts';
export { DeviceTrace, type DeviceTraceOptions } from './insight/device-trace.ts';
export { type ErrorBuffer, errorBuffers, errorState } from './insight/error-state.ts';
export {
  type PeekDword,
  peekData,
  peekGgtt,
  peekRun,
  peekThrough,
} from './insight/peek.ts';
export { Trace } from './insight/trace.ts';
export { parseTraceFilter, type TraceFilter, TraceFilterError } from './insight/trace-filter.ts';
export type { RefusedRequest, TraceEvent, TraceKind } from './insight/trace-kinds.ts';
export { TRACE_KIND_NAMES, TraceReader, traceJson, traceLine } from './insight/trace-reader.ts';
export * as irqRegs from './irq/interrupt.regs.ts';
export { type InterruptSink, Interrupts, type InterruptWatcher } from './irq/interrupts.ts';
export {
  type BarOptions,
  barAddress,
  barBase,
  barRows,
  capabilityRows,
  type HeaderOptions,
  headerRows,
  MSI_ENABLE,
  msiRows,
  PCI_BASE_ADDRESS_0,
  PCI_CAP_ID_AF,
  PCI_CAP_ID_MSI,
  PCI_CAP_ID_PM,
  PCI_CAP_ID_VENDOR,
  PCI_CAPABILITY_LIST,
  PCI_CLASS_DEVICE,
  PCI_CLASS_PROG,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_IO,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  PCI_DEVICE_ID,
  PCI_HEADER_TYPE,
  PCI_INTERRUPT_LINE,
  PCI_INTERRUPT_PIN,
  PCI_REVISION_ID,
  PCI_STATUS,
  PCI_STATUS_CAP_LIST,
  PCI_VENDOR_ID,
} from './pci/config-rows.ts';
export {
  CONFIG_BYTES,
  ConfigMapError,
  type ConfigReadHook,
  type ConfigRow,
  ConfigSpace,
  type ConfigStateV1,
  type ConfigWriteHook,
} from './pci/config-space.ts';
export {
  GTTMMIO_BYTES,
  HASWELL_MODELS,
  type HaswellModel,
  haswellModel,
  IGD_ASLS,
  IGD_BSM,
  IGD_GMCH_CONTROL,
  IGD_MSI,
  type IgdConfigOptions,
  igdConfigSpace,
  igdInD0,
} from './pci/igd.ts';
export { type Clock, type ClockEvent, ManualClock } from './port/clock.ts';
export { type DmaPort, UNTRANSLATED } from './port/dma.ts';
export { DwordTarget } from './port/dword-target.ts';
export { MachineMemory, MachineMemoryError } from './port/memory.ts';
export type { AccessSize, TrapTarget } from './port/trap.ts';
export { MMIO_BYTES, RegSpace, type RegWatcher } from './reg/reg-space.ts';
export {
  type ReadHook,
  type RegBlock,
  RegMapError,
  type RegRow,
  type WriteHook,
} from './reg/row.ts';
export { UnclaimedLog, type UnclaimedOffset, unclaimedText } from './reg/unclaimed.ts';
export { isNumbers, shapeError } from './state/shape.ts';
export { sparseError, sparseWords, unsparse } from './state/sparse.ts';
