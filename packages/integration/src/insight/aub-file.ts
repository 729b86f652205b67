import { writeFileSync } from 'node:fs';
import { AubRecorder } from '@xengt/hsw-device';
import { UsageError } from '../cli/context.ts';
import type { Host } from '../host/host.ts';

/** A host's work for the render engine and the blitter on its way into an AUB file. */
export class AubFile {
  readonly path: string;
  readonly #recorder: AubRecorder;

  /** @throws UsageError when the file cannot be made */
  constructor(host: Host, path: string) {
    this.path = path;
    save(path, new Uint8Array(0));
    this.#recorder = new AubRecorder(host.device);
  }

  /** Ends the recording and writes the file. */
  close(): void {
    save(this.path, this.#recorder.stop());
  }
}

function save(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError('NO_FILE', `${path}: cannot be written (${code})`);
  }
}
