/**
 * Puts generated text between a pair of comments in a document written by hand.
 * @param name what the comments say: `<!-- NAME: generated -->` and `<!-- NAME: end -->`
 * @throws Error when the document has no such pair
 */
export function between(document: string, name: string, text: string): string {
  const open = `<!-- ${name}: generated -->`;
  const close = `<!-- ${name}: end -->`;
  const from = document.indexOf(open);
  const to = document.indexOf(close, from);
  if (from < 0 || to < 0) throw new Error(`no "${open}" ... "${close}" in the document`);
  return `${document.slice(0, from + open.length)}\n${text}\n${document.slice(to)}`;
}
