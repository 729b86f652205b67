export { buildGuestImage, type GuestImageOptions } from './guest/image.ts';
export type { GuestImage } from './guest/image-store.ts';
export { ConsoleError, SerialConsole } from './guest/serial-console.ts';
export { defaultCacheDir } from './guest/store.ts';
export { counters } from './host/counters.ts';
export { DEFAULT_VGPU, type Monitors } from './host/device-model.ts';
export { ScreenShot } from './host/domain-view.ts';
export { loadDriver } from './host/guest-driver.ts';
export { type GuestFiles, readGuestFiles } from './host/guest-files.ts';
export { Host } from './host/host.ts';
export { HostDomain } from './host/host-domain.ts';
export { HostError } from './host/host-error.ts';
export type { DomainOptions, HostOptions } from './host/host-options.ts';
export { type BootedSpec, type BootedState, bootedState } from './host/snapshot.ts';
export { LiveHostView } from './host/view.ts';
export { encodePng } from './lab/png.ts';
export { type LabServer, startLabServer } from './lab/server.ts';
export {
  type AfterSave,
  type GuestMaker,
  restoreDomain,
  saveDomain,
} from './life/domain-life.ts';
export { handOver, type MoveReport } from './life/hand-over.ts';
export { guestsOf } from './life/host-life.ts';
export { LifeError, type SavedDomain } from './life/saved-domain.ts';
export { readSaved, writeSaved } from './life/saved-file.ts';
