import { Listr, type ListrTask, ProcessOutput } from 'listr2';
import { GuestImageError } from './error.ts';
import { GUEST_STEPS, type GuestReporter, type GuestStepId, megabytes } from './report.ts';

/** How often a plain log repeats the state of a long step, milliseconds. */
const PLAIN_EVERY_MS = 5000;

/** A build that reports, e.g. `(reporter) => buildGuestImage(options, reporter, signal)`. */
export type ReportingBuild<T> = (reporter: GuestReporter) => Promise<T>;

/** Runs a build and shows its steps: a live list on a terminal, plain lines elsewhere. */
export async function showBuild<T>(
  build: ReportingBuild<T>,
  stream: NodeJS.WriteStream,
): Promise<T> {
  if (!stream.isTTY) return build(plainReporter((line) => stream.write(`${line}\n`), Date.now));
  const { tasks, result } = buildTasks(build);
  const list = new Listr(tasks, {
    renderer: 'default',
    rendererOptions: {
      collapseSkips: false,
      showSkipMessage: false,
      // Standard output belongs to the command's result.
      processOutput: new ProcessOutput(stream, stream),
    } as object,
    // A failed step is told by the error that the build throws.
    exitOnError: true,
  });
  await list.run().catch(() => {});
  return result();
}

/**
 * Starts a build as listr2 tasks, one a step, for a list of one's own. The first task starts it.
 * @returns the tasks, and the build's outcome once they ran
 */
export function buildTasks<T>(build: ReportingBuild<T>): {
  tasks: ListrTask[];
  result: () => Promise<T>;
} {
  const board = new StepBoard();
  let outcome: Promise<T> | null = null;
  const start = (): Promise<T> => {
    if (outcome === null) {
      outcome = build(board);
      outcome.then(
        () => board.finish(null),
        (error) => board.finish(error),
      );
    }
    return outcome;
  };
  const tasks = (Object.keys(GUEST_STEPS) as GuestStepId[]).map(
    (step): ListrTask => ({
      title: GUEST_STEPS[step],
      task: async (_context, task) => {
        start().catch(() => {});
        const end = await board.follow(step, (text) => {
          task.output = text;
        });
        if (end.kind === 'failed') throw end.error;
        if (end.kind === 'skipped') task.skip();
        else task.title = `${GUEST_STEPS[step]}: ${end.detail}`;
      },
    }),
  );
  return { tasks, result: start };
}

type StepEnd =
  | { readonly kind: 'done'; readonly detail: string }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'failed'; readonly error: Error };

interface StepState {
  begun: boolean;
  end: StepEnd | null;
  /** The last text, for a listener that comes late. */
  text: string;
  show: (text: string) => void;
  wake: () => void;
}

/** Lets each step be followed by one listener. */
class StepBoard implements GuestReporter {
  readonly #steps = new Map<GuestStepId, StepState>();

  begin(step: GuestStepId): void {
    this.#state(step).begun = true;
  }

  progress(step: GuestStepId, done: number, total: number, detail?: string): void {
    const state = this.#state(step);
    state.text = progressText(step, done, total, detail);
    state.show(state.text);
  }

  end(step: GuestStepId, detail: string): void {
    this.#settle(step, { kind: 'done', detail });
  }

  note(text: string): void {
    for (const state of this.#steps.values())
      if (state.begun && state.end === null) state.show(text);
  }

  /** The build is over: what has not ended was not needed, or is where it failed. */
  finish(error: unknown): void {
    for (const step of Object.keys(GUEST_STEPS) as GuestStepId[]) {
      const state = this.#state(step);
      if (state.end !== null) continue;
      const failed = error !== null && state.begun;
      const reason = error instanceof Error ? error : new Error(String(error));
      this.#settle(step, failed ? { kind: 'failed', error: reason } : { kind: 'skipped' });
    }
  }

  /** Waits for a step's end. */
  async follow(step: GuestStepId, show: (text: string) => void): Promise<StepEnd> {
    const state = this.#state(step);
    state.show = show;
    if (state.text !== '') show(state.text);
    if (state.end === null) {
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
    }
    return state.end ?? { kind: 'skipped' };
  }

  #settle(step: GuestStepId, end: StepEnd): void {
    const state = this.#state(step);
    state.end = end;
    state.wake();
  }

  #state(step: GuestStepId): StepState {
    let state = this.#steps.get(step);
    if (!state) {
      state = { begun: false, end: null, text: '', show: () => {}, wake: () => {} };
      this.#steps.set(step, state);
    }
    return state;
  }
}

/** Writes a line when a step begins and ends, and now and then between. */
export function plainReporter(write: (line: string) => void, now: () => number): GuestReporter {
  let last = now();
  return {
    begin(step) {
      last = now();
      write(`${GUEST_STEPS[step]} ...`);
    },
    progress(step, done, total, detail) {
      if (now() - last < PLAIN_EVERY_MS) return;
      last = now();
      write(`${GUEST_STEPS[step]}: ${progressText(step, done, total, detail)}`);
    },
    end(step, detail) {
      write(`${GUEST_STEPS[step]}: ${detail}`);
    },
    note(text) {
      write(`note: ${text}`);
    },
  };
}

function progressText(step: GuestStepId, done: number, total: number, detail?: string): string {
  const percent = total > 0 ? `${Math.min(100, Math.floor((100 * done) / total))} %` : '';
  // Only downloads count bytes that mean something to a person.
  const amount =
    step === 'download' || step === 'index' ? `${megabytes(done)} of ${megabytes(total)}` : '';
  return [percent, amount, detail ?? ''].filter((t) => t !== '').join(', ');
}

/** One line for stderr: what happened and what to do. Our own mistakes keep their stack. */
export function errorText(error: unknown): string {
  if (error instanceof GuestImageError) return `xengt: ${error.message}`;
  return `xengt: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
