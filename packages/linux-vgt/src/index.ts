export * as attributes from './attr/attribute.ts';
export { ATTRIBUTE_ROWS } from './attr/attribute-rows.ts';
export { AttributeError, AttributeTable } from './attr/attribute-table.ts';
export type { ControlNode } from './control/node.ts';
export { type ControlRead, ControlTree } from './control/tree.ts';
export { Foreground } from './display/foreground.ts';
export { type FrameBuffer, PLANE_NAMES, type PlaneNumber } from './display/frame-buffer.ts';
export { type BufferAnswer, type BufferRequest, IndirectDisplay } from './display/indirect.ts';
export { VgtBuffer } from './display/vgt-buffer.ts';
export { isEdid, VirtualPort, VirtualPorts, withoutExtensions } from './display/virtual-ports.ts';
export { type Errno, isErrno } from './errno.ts';
export type { Residency, ResidencyCounters } from './gtt/residency.ts';
export { type PpgttCounters, ShadowDirectory } from './gtt/shadow-directory.ts';
export { type GttCounters, ShadowGgtt } from './gtt/shadow-ggtt.ts';
export { ShadowPpgtt } from './gtt/shadow-ppgtt.ts';
export { IMAGE_BYTES_MAX, packVgpu, unpackVgpu } from './lifecycle/image.ts';
export { Lifecycle, type ScheduleState, STOP_WAIT_NS } from './lifecycle/lifecycle.ts';
export { isRefusal, type StateRefusal } from './lifecycle/take-state.ts';
export { keepUsedFrames } from './lifecycle/used-frames.ts';
export type { VgpuHeaderV1, VgpuStateV1 } from './lifecycle/vgpu-state.ts';
export {
  inSlice,
  Partition,
  type PartitionMode,
  RESERVED_MIB,
  type Slice,
} from './partition/partition.ts';
export { ReservedMemory, RING_BYTES_MAX } from './partition/reserved.ts';
export type { Mpt, MptTrapKind, VgtEvents } from './port/mpt.ts';
export type { HangRecord } from './recovery/hang-log.ts';
export type { RecoveryConfig } from './recovery/limits.ts';
export { Recovery, type RecoveryCounters } from './recovery/recovery.ts';
export { SchedEntity, type ShareParams, WEIGHT_DEFAULT, WEIGHT_MAX } from './sched/entity.ts';
export { Histogram } from './sched/histogram.ts';
export { POLICY_NAMES, type PolicyName, type SchedulerPolicy } from './sched/policy.ts';
export { RenderSwitch, type SwitchCounters } from './sched/render-switch.ts';
export { Scheduler, type SchedulerCounters } from './sched/scheduler.ts';
export { BootTimeConfig } from './vgpu/boot-time-config.ts';
export { VgpuConfig } from './vgpu/config.ts';
export type { MmioCounters } from './vgpu/mmio.ts';
export * as pvInfo from './vgpu/pv-info.ts';
export { Vgpu, type VgpuCounters, type VgpuOptions } from './vgpu/vgpu.ts';
export { type VgpuParams, Vgt, type VgtConfig, VgtConfigError, type VgtOptions } from './vgt.ts';
