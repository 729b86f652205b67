import { Listr, ProcessOutput } from 'listr2';

/** One step that a person waits for. @param show says how far it is; a live list shows the last */
export interface Step {
  readonly title: string;
  readonly run: (show: (text: string) => void) => Promise<void>;
}

/** Runs steps one after the other: a live list on a terminal, a line each elsewhere. */
export async function runSteps(steps: readonly Step[], stream: NodeJS.WriteStream): Promise<void> {
  if (!stream.isTTY) {
    for (const step of steps) {
      const start = performance.now();
      stream.write(`… ${step.title}\n`);
      await step.run(() => {});
      stream.write(`✔ ${step.title} ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    }
    return;
  }
  const tasks = steps.map((step) => ({
    title: step.title,
    task: (_: unknown, task: { output: string }): Promise<void> =>
      step.run((text) => {
        task.output = text;
      }),
  }));
  const list = new Listr(tasks, {
    // Standard output belongs to the command's result.
    rendererOptions: { processOutput: new ProcessOutput(stream, stream) } as object,
    registerSignalListeners: false,
  });
  await list.run();
}
