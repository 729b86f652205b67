/** Numbers at the start of a text as `sscanf("%d,%d,...")` takes them: it stops at the first misfit. */
export function leadingNumbers(text: string, most: number): number[] {
  const list: number[] = [];
  let rest = text;
  for (let i = 0; i < most; i++) {
    const match = /^\s*([+-]?\d+)/.exec(rest);
    if (match === null) break;
    list.push(Number(match[1]));
    rest = rest.slice(match[0].length);
    if (!rest.startsWith(',')) break;
    rest = rest.slice(1);
  }
  return list;
}

/** One number at the start of a text; undefined without one. */
export function leadingNumber(text: string): number | undefined {
  return leadingNumbers(text, 1)[0];
}

/** First word of a text, at most 63 characters, as upstream reads its parameters. */
export function firstWord(text: string): string {
  return (/^\s*(\S{0,63})/.exec(text)?.[1] ?? '') as string;
}

/** Bytes written as hex digits; null unless there are exactly `bytes` of them. */
export function hexBytes(text: string, bytes: number): Uint8Array | null {
  const digits = text.replace(/\n$/, '');
  if (digits.length !== bytes * 2 || !/^[0-9a-fA-F]*$/.test(digits)) return null;
  return Uint8Array.from({ length: bytes }, (_, i) =>
    Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16),
  );
}
