export { Assignment, type AssignmentCounters } from './assign/assignment.ts';
export { type DmaAccess, type DmaFault, deviceName } from './assign/dma-fault.ts';
export { type ReservedRange, VtdDriver, type VtdDriverOptions } from './assign/vtd-driver.ts';
export { Dom0Traps, type TrapRange } from './dom0/io-trap.ts';
export { Domain } from './domain/domain.ts';
export { type FrameListener, NO_FRAME } from './domain/p2m.ts';
export { DOMAIN_MOVES, type DomainState } from './domain/states.ts';
export type { Dom0Access, DomainSurroundings, Placement } from './domain/surroundings.ts';
export { EmulBus } from './emul/bus.ts';
export { CpuState, flatState, type Segment, type X87State } from './emul/cpu-state.ts';
export { type Emulated, Emulator, type EmulatorCounters } from './emul/emulator.ts';
export type { IcedX86, Insn, Operand } from './emul/insn.ts';
export { EmulMemory } from './emul/memory.ts';
export { OPEN_BUS } from './engine/open-bus.ts';
export {
  type Script,
  ScriptedEngine,
  type ScriptPoint,
  type TakenInterrupt,
} from './engine/scripted.ts';
export { createV86Engine } from './engine/v86/engine.ts';
export type { V86Options } from './engine/v86/options.ts';
export { type IgdMode, igdModeOf } from './firmware/igd-mode.ts';
export { type Executor, HostLoop, type Step } from './host-loop.ts';
export { type DomainConfig, DomainError, Hypervisor } from './hypervisor.ts';
export { MessageRing } from './message-ring.ts';
export type { DomainPort } from './port/domain-port.ts';
export {
  type EngineCounters,
  type EngineEnd,
  EngineError,
  type EngineEvent,
  type GuestRam,
  type VcpuEngine,
} from './port/engine.ts';
export { MediatorPort } from './port/mpt.ts';
export { type ChannelUse, type EventChannel, EventChannels } from './request/event-channels.ts';
export {
  type IoKind,
  IoreqServer,
  type PathName,
  type PathSnapshot,
} from './request/ioreq-server.ts';
export { PathCounts } from './request/path-counts.ts';
export { SteadyTime, type TimeSource, type WaitSource } from './steady-time.ts';
export {
  CountingTarget,
  type CountKind,
  TrapCounters,
  type TrapKind,
  type TrapPath,
} from './trap/counting.ts';
export { RangeMap } from './trap/range-map.ts';
export {
  type Capabilities,
  type CapabilityWords,
  capabilitiesOf,
  FULL_UNIT,
  HASWELL_GRAPHICS_UNIT,
} from './vtd/capabilities.ts';
export type { RemappedInterrupt } from './vtd/interrupt-remapping.ts';
export { RemappingUnit, type UnitCounters } from './vtd/unit.ts';
export { REASON } from './vtd/vtd.regs.ts';
