/** Error names that upstream's control nodes return, as values: a caller's mistake never throws. */
export type Errno =
  | 'EINVAL'
  | 'ENODEV'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOMEM'
  | 'EAGAIN'
  | 'EBUSY'
  | 'EPERM'
  | 'EACCES';

/** Whether a result is an error name and not the value asked for. */
export function isErrno(value: unknown): value is Errno {
  return typeof value === 'string';
}
