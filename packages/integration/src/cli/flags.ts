/** Reads a whole number in a range; stricli puts the flag's name before the message. */
export function wholeNumber(min: number, max: number): (input: string) => number {
  return (input) => {
    const n = /^\d+$/.test(input) ? Number(input) : Number.NaN;
    if (!(n >= min && n <= max))
      throw new RangeError(`expected a whole number from ${min} to ${max}`);
    return n;
  };
}

/** `--json`, which every command has. */
export const jsonFlag = {
  kind: 'boolean',
  brief: 'Print one JSON document instead of text',
  default: false,
} as const;

/** `--port` of the commands that talk to a running host. */
export const hostPortFlag = {
  kind: 'parsed',
  parse: wholeNumber(1, 65535) as (input: string) => number,
  brief: "Lab page's port of the host to talk to; needed when several run",
  placeholder: 'number',
  optional: true,
} as const;

/** `--socket` of the same commands. */
export const hostSocketFlag = {
  kind: 'parsed',
  parse: String as (input: string) => string,
  brief: 'Socket of the host to talk to, instead of its port',
  placeholder: 'path',
  optional: true,
} as const;

/** Both, as a command's flags have them. */
export const hostFlags: {
  readonly port: typeof hostPortFlag;
  readonly socket: typeof hostSocketFlag;
} = { port: hostPortFlag, socket: hostSocketFlag };

/** What they say. */
export interface HostFlags {
  readonly port?: number;
  readonly socket?: string;
}

/** Which host they choose. */
export function choiceOf(flags: HostFlags): number | string | null {
  return flags.socket ?? flags.port ?? null;
}
