export { createV86Engine } from './engine/v86/engine.ts';
export type { V86Options } from './engine/v86/options.ts';
export type { VgaFace } from './engine/v86/vga-function.ts';
export {
  type EngineCounters,
  type EngineEnd,
  EngineError,
  type EngineEvent,
  type GuestRam,
  type VcpuEngine,
} from './port/engine.ts';
export { CountingTarget, TrapCounters, type TrapKind } from './trap/counting.ts';
export { RangeMap } from './trap/range-map.ts';
