/**
 * Words that are mostly 0, as runs: first index, count, then the words, and so on. It survives JSON.
 */
export function sparse(words: Int32Array): number[] {
  return Array.from(sparseWords(words));
}

/** {@link sparse} as dwords, for what is large. */
export function sparseWords(words: Int32Array): Int32Array {
  let length = 0;
  for (let i = 0; i < words.length; i++) {
    if (words[i] === 0) continue;
    const first = i;
    while (i < words.length && words[i] !== 0) i++;
    length += 2 + i - first;
  }
  const out = new Int32Array(length);
  let at = 0;
  for (let i = 0; at < length; i++) {
    if (words[i] === 0) continue;
    const first = i;
    while (i < words.length && words[i] !== 0) i++;
    out[at] = first;
    out[at + 1] = i - first;
    out.set(words.subarray(first, i), at + 2);
    at += 2 + i - first;
  }
  return out;
}

/** Why runs do not fit into so many words; null when they do. */
export function sparseError(runs: ArrayLike<number>, words: number): string | null {
  for (let i = 0; i < runs.length; ) {
    const first = runs[i] as number;
    const count = runs[i + 1] ?? -1;
    if (!(Number.isInteger(first) && first >= 0 && Number.isInteger(count) && count > 0)) {
      return `no run at ${i}`;
    }
    if (first + count > words || i + 2 + count > runs.length) return `a run at ${i} ends outside`;
    i += 2 + count;
  }
  return null;
}

/** Fills words from runs that {@link sparseError} has passed. */
export function unsparse(words: Int32Array, runs: ArrayLike<number>): void {
  words.fill(0);
  for (let i = 0; i < runs.length; ) {
    const first = runs[i] as number;
    const count = runs[i + 1] as number;
    for (let k = 0; k < count; k++) words[first + k] = runs[i + 2 + k] as number;
    i += 2 + count;
  }
}
