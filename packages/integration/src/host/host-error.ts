/** The host could not do what it was asked to. */
export class HostError extends Error {
  readonly code:
    | 'NO_VGPU'
    | 'GPU_LOST'
    | 'DIRECT_IS_DOM0'
    | 'BAD_STATE'
    | 'GPU_BUSY'
    | 'NOT_ASSIGNABLE'
    | 'NO_DEVICE'
    | 'NO_DRIVER';
  constructor(code: HostError['code'], message: string) {
    super(message);
    this.name = 'HostError';
    this.code = code;
  }
}
