import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { DESKTOP_WIRING, haswellModel, igdConfigSpace, MachineMemory } from '@xengt/hsw-device';
import { platformOf } from '@xengt/qemu-vgt';
import { Hypervisor } from '@xengt/xen-vgt';
import { SerialConsole } from '../guest/serial-console.ts';
import { guestEngine } from './guest-engine.ts';
import type { GuestFiles } from './guest-files.ts';
import { GuestMachine, type MachineStateV1 } from './machine.ts';

/** Raise when a machine changes so that states saved before do not fit it. */
const MACHINE_REVISION = 5;
const BOOT_DEADLINE_MS = 180_000;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** A booted guest: kernel and shell run, no graphics driver is loaded. */
export interface BootedState {
  readonly engine: Uint8Array<ArrayBuffer>;
  readonly machine: MachineStateV1;
}

/** What a booted state depends on. */
export interface BootedSpec {
  readonly files: GuestFiles;
  readonly memoryMiB: number;
  readonly apertureMiB: number;
  readonly deviceId: number;
}

/** Names the state of a spec: equal specs have one state. */
export function bootedKey(spec: BootedSpec): string {
  const text = JSON.stringify([
    MACHINE_REVISION,
    spec.files.id,
    spec.files.cmdline,
    spec.memoryMiB,
    spec.apertureMiB,
    spec.deviceId,
    // A kernel keeps the ids it found at boot.
    platformOf(spec.deviceId),
  ]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/**
 * A booted guest of a spec: from the cache, or booted now and kept there.
 *
 * @param onConsole hears what the guest prints while it boots
 * @throws ConsoleError when it does not reach its shell
 */
export async function bootedState(
  spec: BootedSpec,
  cacheDir: string,
  onConsole: (byte: number) => void = () => {},
  signal?: AbortSignal,
): Promise<BootedState> {
  const path = join(cacheDir, 'states', `${bootedKey(spec)}.zst`);
  const kept = await read(path);
  if (kept !== null) return kept;
  const state = await boot(spec, onConsole, signal);
  await write(path, state);
  return state;
}

async function boot(
  spec: BootedSpec,
  onConsole: (byte: number) => void,
  signal: AbortSignal | undefined,
): Promise<BootedState> {
  const model = haswellModel(spec.deviceId);
  if (model === undefined) throw new Error(`0x${spec.deviceId.toString(16)} is not a Haswell`);
  const hypervisor = new Hypervisor(new MachineMemory());
  const engine = await guestEngine(spec.files, spec.memoryMiB);
  const domain = hypervisor.createDomain({ name: 'boot', engine, domid: 0 });
  const igd = igdConfigSpace({
    name: 'igd',
    deviceId: spec.deviceId,
    apertureMiB: spec.apertureMiB,
  });
  const machine = new GuestMachine(domain, engine, model, igd);
  const console = new SerialConsole((bytes) => engine.sendSerial(bytes));
  engine.onSerial((byte) => {
    console.receive(byte);
    onConsole(byte);
  });
  domain.onState(() => {
    if (domain.over) console.close(`${domain.state}: ${domain.reason}`);
  });
  const stop = (): void => console.close('stopped');
  signal?.addEventListener('abort', stop);
  try {
    machine.placeOpRegion(domain, { wiring: DESKTOP_WIRING, monitorOn: () => null });
    domain.resume();
    await console.waitForShell(BOOT_DEADLINE_MS);
    domain.pause();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    return { engine: engine.saveState(), machine: machine.exportState() };
  } finally {
    signal?.removeEventListener('abort', stop);
    hypervisor.destroyDomain(0);
  }
}

/** A slice lasts about a millisecond; a paused engine ends the one it is in. */
const PAUSE_MS = 20;

/** File: length of the header, header as JSON, engine state; all of it compressed. */
async function write(path: string, state: BootedState): Promise<void> {
  const header = Buffer.from(JSON.stringify(state.machine));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const packed = await compress(Buffer.concat([length, header, state.engine]), {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
  const part = `${path}.${process.pid}.part`;
  await mkdir(join(path, '..'), { recursive: true });
  try {
    await writeFile(part, packed);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** @returns null when there is none, or one that cannot be read: it is made anew then */
async function read(path: string): Promise<BootedState | null> {
  try {
    const bytes = await decompress(await readFile(path));
    const end = 4 + bytes.readUInt32LE(0);
    const machine = JSON.parse(bytes.toString('utf8', 4, end)) as MachineStateV1;
    return { engine: Uint8Array.from(bytes.subarray(end)), machine };
  } catch {
    return null;
  }
}
