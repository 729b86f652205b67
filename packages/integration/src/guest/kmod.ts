import { elfSection } from './elf.ts';
import { GuestImageError } from './error.ts';

/** A kernel module and what it says of itself. */
export interface KernelModule {
  /** Name with underscores, as `lsmod` shows it. */
  readonly name: string;
  /** Path below `lib/modules/<release>/`, e.g. `kernel/drivers/gpu/drm/i915/i915.ko`. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** A module's key in dependency lists: dashes and underscores are the same. */
export function moduleName(path: string): string {
  return (path.split('/').at(-1) as string).replace(/\.ko(\.[a-z]+)?$/, '').replaceAll('-', '_');
}

/** The `key=value` lines of a module's `.modinfo` section. */
export function moduleInfo(data: Uint8Array): { key: string; value: string }[] {
  const section = elfSection(data, '.modinfo');
  if (!section) return [];
  return Buffer.from(section)
    .toString('latin1')
    .split('\0')
    .filter((line) => line.includes('='))
    .map((line) => {
      const at = line.indexOf('=');
      return { key: line.slice(0, at), value: line.slice(at + 1) };
    });
}

/** Names of the modules that must be loaded before this one: `depends`, and `softdep`'s "pre:" part. */
export function moduleDependencies(data: Uint8Array): { hard: string[]; soft: string[] } {
  const hard: string[] = [];
  const soft: string[] = [];
  for (const { key, value } of moduleInfo(data)) {
    if (key === 'depends') hard.push(...value.split(','));
    else if (key === 'softdep') {
      let pre = true;
      for (const word of value.split(/\s+/)) {
        if (word.endsWith(':')) pre = word === 'pre:';
        else if (pre) soft.push(word);
      }
    }
  }
  const names = (list: string[]) => list.filter((n) => n !== '').map((n) => n.replaceAll('-', '_'));
  return { hard: names(hard), soft: names(soft) };
}

/**
 * Picks the wanted modules and everything they need.
 *
 * @param available every module of the kernel package, by name
 * @param builtin names that are compiled into the kernel, so need no file
 * @returns each picked module with all modules it needs in `modules.dep` order: the last is to be loaded first
 * @throws GuestImageError NO_I915 when i915 is wanted and absent, FILE_MISSING for another module
 */
export function pickModules(
  available: ReadonlyMap<string, KernelModule>,
  builtin: ReadonlySet<string>,
  wanted: readonly string[],
  kernel: string,
): Map<KernelModule, KernelModule[]> {
  const picked = new Map<KernelModule, KernelModule[]>();
  const find = (name: string, neededBy: string): KernelModule | null => {
    if (builtin.has(name)) return null;
    const module = available.get(name);
    if (module) return module;
    if (name === 'i915') {
      throw new GuestImageError(
        'NO_I915',
        `${kernel} has no i915.ko (it holds ${available.size} modules). Take Debian's linux-image-686 or linux-image-686-pae, not a cloud kernel.`,
      );
    }
    throw new GuestImageError(
      'FILE_MISSING',
      `${kernel} has no module "${name}", which ${neededBy} needs.`,
    );
  };
  const visit = (module: KernelModule): KernelModule[] => {
    const known = picked.get(module);
    if (known) return known;
    // Depth first, a module after all it needs; reversed this is the order modules.dep wants.
    const order: KernelModule[] = [];
    picked.set(module, []);
    const { hard, soft } = moduleDependencies(module.data);
    for (const name of [...hard, ...soft.filter((n) => available.has(n))]) {
      const needed = find(name, module.name);
      if (!needed) continue;
      for (const m of [...visit(needed).toReversed(), needed])
        if (!order.includes(m)) order.push(m);
    }
    picked.set(module, order.reverse());
    return order;
  };
  for (const name of wanted) {
    const module = find(name, 'the guest');
    if (module) visit(module);
  }
  return picked;
}

/** The text of `modules.dep` for modules picked by {@link pickModules}. */
export function modulesDep(picked: ReadonlyMap<KernelModule, readonly KernelModule[]>): string {
  return [...picked]
    .map(([m, needs]) => `${[`${m.path}:`, ...needs.map((n) => n.path)].join(' ')}\n`)
    .join('');
}
