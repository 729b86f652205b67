/**
 * Dwords as the text of an i915 error state: `z` for 0, else five characters of base 85, most
 * significant first, from `!` on. Linux include/linux/ascii85.h states the same form.
 */
export function ascii85(dwords: Int32Array): string {
  const parts: string[] = [];
  for (const dword of dwords) parts.push(dword === 0 ? 'z' : group(dword >>> 0));
  return parts.join('');
}

function group(value: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < 5; i++) {
    text = String.fromCharCode(33 + (rest % 85)) + text;
    rest = Math.floor(rest / 85);
  }
  return text;
}

/** The dwords of such a text; what is no group ends it. */
export function fromAscii85(text: string): Int32Array {
  const dwords: number[] = [];
  for (let at = 0; at < text.length; ) {
    if (text[at] === 'z') {
      dwords.push(0);
      at++;
      continue;
    }
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const digit = text.charCodeAt(at + i) - 33;
      if (!(digit >= 0 && digit < 85)) return Int32Array.from(dwords);
      value = value * 85 + digit;
    }
    dwords.push(value | 0);
    at += 5;
  }
  return Int32Array.from(dwords);
}
