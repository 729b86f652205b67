import { GUEST_KEYS, IGNORED_KEYS } from '../../src/config/guest-keys.ts';
import type { Random } from '../lib/random.ts';

const KEYS: readonly string[] = [...GUEST_KEYS.map((row) => row.key), ...IGNORED_KEYS.keys()];
/** Values that some key takes, or nearly takes. */
const VALUES: readonly string[] = [
  ...[
    '"g"',
    "'hvm'",
    '0',
    '1',
    '-1',
    '4',
    '64',
    '512',
    '0x40',
    '0100',
    '2048',
    '99999999999999999',
  ],
  ...['"1"', '"-0x"', '"destroy"', '"coredump-restart"', '"stdvga"', '"igd"', '"/x/hvmloader"'],
  ...['[ "B:1024x768" ]', '[ "E:800x600@60", "D:dp:1920x1080" ]', '[ "Z:1x1", 3, [ ] ]'],
  ...[
    '[ "file:/a.img,hda,w" ]',
    '[ "/a,raw,xvdb,r", ",hdc:cdrom,r" ]',
    '[ "format=raw,target=,,,", ]',
  ],
  ...[
    '[',
    ']',
    '""',
    '"',
    "'",
    '"\\x4',
    '"\\\\\\""',
    '[[[[[[[[[[',
    'yes',
    '1.5',
    '08',
    '"\u0000\u001b[2J"',
  ],
];
const JOINS: readonly string[] = ['\n', '\n', '\n', ';', ' ; ', '\r\n', ' ', ' # ', ',', ''];
const CHARACTERS = 'ab=[]"\'#;\\\n\r\t ,01x-_.:@/\u0000\u00e9\ufeff\ud83d';
/** Longest file, characters; one in so many is that long, of one thing only. */
const LENGTH_MAX: number = 1 << 20;
const LONG_ONE_IN = 20_000;
const LONG: readonly string[] = [
  'a',
  '[',
  '"',
  '\\',
  'a=1\n',
  'a=[',
  '#',
  '1',
  '"x",',
  '\n',
  '\ud83d',
];

/** A domain file at random: keys and values that mostly fit, then changed here and there. */
export function randomFile(random: Random): string {
  if (random.once(LONG_ONE_IN)) {
    const one = random.pick(LONG);
    const head = random.pick(['', 'name="g"\n', 'disk=[', 'monitors=["', 'k']);
    return head + one.repeat(Math.floor(LENGTH_MAX / one.length));
  }
  let text = random.once(8) ? '' : 'name = "g"\n';
  for (let n = random.below(12); n > 0; n--) {
    const key = random.pick(KEYS);
    text += `${random.once(16) ? key.slice(random.below(key.length)) : key} = ${random.pick(VALUES)}`;
    text += random.pick(JOINS);
  }
  for (let n = random.below(4); n > 0; n--) text = changed(text, random);
  return text;
}

function changed(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1 + random.below(8));
    case 1:
      return text.slice(0, at) + random.pick(CHARACTERS) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(random.below(text.length + 1));
    default:
      return text.slice(0, at) + random.pick(CHARACTERS) + text.slice(at + 1);
  }
}
