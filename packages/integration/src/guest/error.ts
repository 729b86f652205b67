/** What went wrong while a guest image was built or loaded. One word a cause, for `switch` and `--json`. */
export type GuestImageErrorCode =
  | 'ABORTED'
  | 'BAD_CHECKSUM'
  | 'BAD_DEB'
  | 'BAD_INDEX'
  | 'BAD_OPTION'
  | 'BAD_SIGNATURE'
  | 'CACHE_UNUSABLE'
  | 'COMPILE_FAILED'
  | 'CORRUPT_IMAGE'
  | 'DISK_FULL'
  | 'FILE_MISSING'
  | 'HTTP_STATUS'
  | 'NO_I915'
  | 'NO_IMAGE'
  | 'NO_NETWORK'
  | 'PACKAGE_MISSING'
  | 'WRONG_ARCHITECTURE';

/** A guest image could not be had. The message says what was found and what to do about it. */
export class GuestImageError extends Error {
  readonly code: GuestImageErrorCode;

  constructor(code: GuestImageErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'GuestImageError';
    this.code = code;
  }
}

/** Bytes that do not have the form they should: an ar, tar, ELF or control file. Callers say which file it was. */
export class FormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FormatError';
  }
}

/** The system error code (`ENOSPC`, `ECONNREFUSED`) of an error or of what caused it, or ''. */
export function systemCode(error: unknown): string {
  for (let e = error, depth = 0; e instanceof Error && depth < 5; depth++) {
    const { code, cause } = e as Error & { code?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code)) return code;
    if (e instanceof AggregateError && e.errors.length > 0) e = e.errors[0];
    else e = cause;
  }
  return '';
}

/** Throws `ABORTED` when the caller has given up. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new GuestImageError(
      'ABORTED',
      'stopped before the guest image was finished; nothing half-written was kept',
      signal.reason,
    );
  }
}
