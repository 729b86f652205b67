/** A disk of a domain file, e.g. `"file:/img/win7.img,hda,w"`. */
export interface DiskSpec {
  /** Image file as written; '' for an empty CD drive. */
  readonly path: string;
  /** Where the guest finds it: the two drives of the first IDE channel, or the CD drive. */
  readonly device: 'hda' | 'hdb' | 'cdrom';
  readonly readOnly: boolean;
}

/** What `disk` entries look like, in words. */
export const DISK_FORM: string =
  'PATH[,raw],DEVICE[,r|w] as for xl, DEVICE hda or hdb (or xvda, sda, ...), or hdc:cdrom; ' +
  'images are raw';

/** Prefixes of older files that say how a backend reads the image. xl-disk-configuration(5). */
const PREFIX = /^(?:(?:file|phy|tap2?|aio|raw|ioemu):)+/;
const DEVICE = /^(?:ioemu:)?(?:hd|sd|xvd)([a-d])(:cdrom)?$/;
const ACCESS: Readonly<Record<string, boolean>> = { r: true, ro: true, w: false, rw: false };
/** `key=value` parts; others than these are refused. */
const KEYED = /^(format|vdev|access|devtype|target)=(.*)$/;

/** Reads one entry of `disk`. @returns null when it has not the form {@link DISK_FORM} */
export function parseDiskSpec(text: string): DiskSpec | null {
  let path: string | null = null;
  let device: string | null = null;
  let cd = false;
  let readOnly: boolean | null = null;
  const parts = text.split(',');
  for (let i = 0; i < parts.length; i++) {
    const part = (parts[i] as string).trim();
    const keyed = KEYED.exec(part);
    const word = keyed === null ? part : (keyed[2] as string);
    const key = keyed?.[1] ?? (path === null ? 'target' : kindOf(word));
    if (key === 'target') {
      if (path !== null) return null;
      // With its key it comes last, and may have commas in it.
      const rest = keyed === null ? [] : parts.slice(i + 1);
      path = [word, ...rest].join(',').replace(PREFIX, '');
      i += rest.length;
    } else if (key === 'vdev') {
      const m = DEVICE.exec(word);
      if (m === null || device !== null) return null;
      device = m[1] as string;
      cd ||= m[2] !== undefined;
    } else if (key === 'access') {
      readOnly = Object.hasOwn(ACCESS, word) ? (ACCESS[word] as boolean) : null;
      if (readOnly === null) return null;
    } else if (key === 'devtype') {
      if (word !== 'cdrom' && word !== 'disk') return null;
      cd ||= word === 'cdrom';
    } else if (key !== 'format' || (word !== 'raw' && word !== '')) return null;
  }
  if (path === null || device === null || (path === '' && !cd)) return null;
  if (cd) return { path, device: 'cdrom', readOnly: true };
  if (device !== 'a' && device !== 'b') return null;
  return { path, device: device === 'a' ? 'hda' : 'hdb', readOnly: readOnly ?? false };
}

/** What a part without a key is, by what it says. */
function kindOf(word: string): string {
  if (DEVICE.test(word)) return 'vdev';
  if (Object.hasOwn(ACCESS, word)) return 'access';
  if (word === 'cdrom') return 'devtype';
  return 'format';
}
