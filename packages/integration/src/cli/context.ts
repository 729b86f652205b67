import type { ApplicationContext, CommandContext } from '@stricli/core';
import type { TraceFilter } from '@xengt/hsw-device';
import type { PartitionMode, PolicyName } from '@xengt/linux-vgt';
import type { Dom0Access } from '@xengt/xen-vgt';
import type { GuestConfig } from '../config/guest-config.ts';
import type { GuestBuildFlags, GuestDiskFlags, GuestListFlags } from '../guest/command.ts';
import type { DecodeFileOptions } from '../insight/decode.ts';
import type { HostChoice, LabClient } from '../lab/client.ts';
import type { ConsoleInput } from '../xl/console-session.ts';

/** 0 done, 1 it failed, 2 wrong use or configuration, 3 a guest fault was reported. */
export type XengtExitCode = 0 | 1 | 2 | 3;

/** What `xengt demo` is asked to run. */
export interface DemoOptions {
  /** Domains in all, Domain-0 counted. At least 1. */
  readonly domains: number;
  /** Domain files of the first guests; further guests get defaults. */
  readonly configs: readonly GuestConfig[];
  /** No lab page. */
  readonly headless: boolean;
  /** End once every domain has been looked at. */
  readonly exit: boolean;
  /** Print one JSON document as the last output. */
  readonly json: boolean;
  /** Port of the lab page. */
  readonly port: number;
  /** Directory for the screens' PNG files. */
  readonly screens: string;
  /** How graphics memory is given to guests. */
  readonly partition: PartitionMode;
  /** RAM of Domain-0 and of guests without a file, MiB. */
  readonly memoryMiB: number;
  /** How guests without a file start: from a booted state, or from a disk, through firmware and GRUB. */
  readonly boot: 'state' | 'grub';
  /** How the mediator shares the engines' time. */
  readonly scheduler: PolicyName;
  /** How Domain-0's accesses reach the mediator. */
  readonly dom0: Dom0Access;
  /** Where the guest image's packages come from when it has to be built; null fetches them. */
  readonly packages: string | null;
  /** What of the GPU is traced, and into which file; null traces nothing. */
  readonly trace: { readonly path: string; readonly filter: TraceFilter } | null;
  /** AUB file of what the render engine and the blitter are given; null records nothing. */
  readonly aub: string | null;
}

/** What `xengt igt` is asked to run. */
export interface IgtOptions {
  /** `default`, a list of the packages by name, or a file. */
  readonly list: string;
  /** Glob over names; null takes all. */
  readonly subset: string | null;
  readonly on: 'direct' | 'mediated';
  /** A test's time, seconds of the guest's clock. */
  readonly timeout: number;
  /** The guest's clock goes so many times slower than the host's while it works. */
  readonly speed: number;
  /** A process for each subtest. */
  readonly alone: boolean;
  /** Keep the results that are there. */
  readonly resume: boolean;
  /** Keep them, but run again what failed. */
  readonly retry: boolean;
  /** Directory of results. */
  readonly results: string;
  readonly packages: string | null;
  readonly writeDocs: boolean;
  readonly json: boolean;
}

/** Where a command writes, and when to stop. */
export interface CommandIo {
  /** Results: stdout. */
  out(text: string): void;
  /** Binary results: stdout. */
  bytes(data: Uint8Array): void;
  /** Progress and notes: stderr. */
  err(text: string): void;
  /** The person pressed Ctrl-C. */
  readonly signal: AbortSignal;
  /** Keys and files: stdin. Absent: there is none. */
  readonly input?: ConsoleInput;
  /** Width and height of the terminal that stdout is; absent or null: it is none. */
  readonly screen?: () => { readonly columns: number; readonly rows: number } | null;
}

/** What the commands call. The real ones load their modules when first used; tests bring their own. */
export interface Actions {
  demo(options: DemoOptions, io: CommandIo): Promise<XengtExitCode>;
  igt(options: IgtOptions, io: CommandIo): Promise<XengtExitCode>;
  decode(options: DecodeFileOptions, io: CommandIo): Promise<XengtExitCode>;
  guestBuild(flags: GuestBuildFlags, io: CommandIo): Promise<XengtExitCode>;
  guestList(flags: GuestListFlags, io: CommandIo): Promise<XengtExitCode>;
  guestDisk(flags: GuestDiskFlags, io: CommandIo): Promise<XengtExitCode>;
  findHost(choice: HostChoice): Promise<LabClient>;
}

/** What every command gets as `this`. */
export interface XengtContext extends CommandContext {
  readonly process: ApplicationContext['process'];
  readonly io: CommandIo;
  readonly actions: Actions;
}

/** The command was used wrongly, or a file it was given is wrong: exit code 2. */
export class UsageError extends Error {
  readonly code: string;
  /** More facts for `--json`. */
  readonly details: object;
  constructor(code: string, message: string, details: object = {}) {
    super(message);
    this.name = 'UsageError';
    this.code = code;
    this.details = details;
  }
}

/** The JSON document as the command's only output on stdout. */
export function printJson(io: CommandIo, value: unknown): void {
  io.out(`${JSON.stringify(value, null, 2)}\n`);
}
