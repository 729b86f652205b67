import type { Errno } from '../errno.ts';

/** One file of the tree. */
export interface ControlNode {
  /** @returns what it holds, or why it cannot be read now */
  readonly read?: () => string | Uint8Array | { readonly errno: Errno };
  /** A part of a binary file; without it a part is cut out of the whole. */
  readonly readAt?: (offset: number, bytes: number) => Uint8Array | { readonly errno: Errno };
  /** @returns the error, or null when it was taken */
  readonly write?: (data: string | Uint8Array) => Errno | null;
}

/** Text of what was written: bytes are taken as ASCII. */
export function textOf(data: string | Uint8Array): string {
  return typeof data === 'string' ? data : String.fromCharCode(...data);
}
