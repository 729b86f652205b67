import {
  type CommandIo,
  type DemoOptions,
  UsageError,
  type XengtExitCode,
} from '../cli/context.ts';

/** Boots a host and reports on it: what `xengt demo` runs. */
export async function runDemo(_options: DemoOptions, _io: CommandIo): Promise<XengtExitCode> {
  throw new UsageError('NOT_ASSEMBLED', 'the host is not assembled yet');
}
