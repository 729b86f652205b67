import * as v from 'valibot';

/** A domain that is asked for: its file, read by whoever asks, and where its paths start. */
export interface DomainRequest {
  /** The file's text and its name for messages. */
  readonly text: string;
  readonly file: string;
  /** Assignments that replace the file's. */
  readonly more: readonly string[];
  /** Directory that relative paths start from, absolute. */
  readonly directory: string;
}

/** Longest domain file, characters; xl's own examples have a few thousand. */
const TEXT_MAX: number = 1 << 20;
const MORE_MAX = 256;
const PATH_MAX = 4096;

export const requestSchema: v.GenericSchema<unknown, DomainRequest> = v.object({
  text: v.pipe(v.string(), v.maxLength(TEXT_MAX)),
  file: v.pipe(v.string(), v.maxLength(PATH_MAX)),
  more: v.pipe(v.array(v.pipe(v.string(), v.maxLength(PATH_MAX))), v.maxLength(MORE_MAX)),
  directory: v.pipe(v.string(), v.startsWith('/'), v.maxLength(PATH_MAX)),
});
