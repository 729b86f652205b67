/**
 * Leaves out steps, halves first, as long as the failure stays.
 *
 * @param steps what fails, in order
 * @param fails whether these fail still
 */
export function minimise(
  steps: readonly number[],
  fails: (steps: readonly number[]) => boolean,
): readonly number[] {
  let kept = steps;
  let part = Math.ceil(kept.length / 2);
  for (;;) {
    let shorter = false;
    for (let at = 0; at < kept.length; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + part)];
      if (without.length > 0 && fails(without)) {
        kept = without;
        shorter = true;
      } else at += part;
    }
    if (part > 1) part = Math.ceil(part / 2);
    else if (!shorter) return kept;
  }
}

/** `3,5-9` for 3, 5, 6, 7, 8 and 9. @param steps in order */
export function stepsText(steps: readonly number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < steps.length; ) {
    let end = i;
    while (steps[end + 1] === (steps[end] as number) + 1) end++;
    runs.push(end === i ? `${steps[i]}` : `${steps[i]}-${steps[end]}`);
    i = end + 1;
  }
  return runs.join(',');
}

/** The opposite of {@link stepsText}. @throws Error when it is no such list */
export function parseSteps(text: string): Set<number> {
  const out = new Set<number>();
  for (const run of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(run);
    if (match === null) throw new Error(`"${run}" is neither a step nor a range of steps`);
    const last = Number(match[2] ?? match[1]);
    for (let k = Number(match[1]); k <= last; k++) out.add(k);
  }
  return out;
}
