import {
  type PackageIndex,
  type PackageRow,
  packagesMissing,
  wrongArchitecture,
} from './package-index.ts';
import { IGNORED_DEPENDENCIES, type KernelFlavour, UNPACKED_ALONE } from './recipe.ts';
import type { PackageRole } from './root-file-system.ts';

/** A package of a guest and what it is for. */
export interface PickedPackage {
  readonly row: PackageRow;
  readonly role: PackageRole;
  /** Index it was found in. */
  readonly from: PackageIndex;
}

/**
 * The packages of a guest and what each is for.
 *
 * @param index has the kernel, busybox and firmware
 * @param user has the user space: another suite's index, or the same
 * @param roots user space packages, taken with what they need
 * @throws GuestImageError PACKAGE_MISSING, WRONG_ARCHITECTURE
 */
export function pickPackages(
  index: PackageIndex,
  flavour: KernelFlavour,
  user: PackageIndex,
  roots: readonly string[],
): PickedPackage[] {
  const kernel = findKernel(index, flavour);
  const alone = UNPACKED_ALONE.map((name) => index.get(name));
  const missing = UNPACKED_ALONE.filter((_, k) => alone[k] === undefined);
  if (!kernel) missing.unshift(`linux-image-${flavour}`);
  const foreign = index.foreign(
    kernel ? missing : [...missing, ...index.foreignNames(kernelPattern(flavour))],
  );
  if (foreign.length > 0) throw wrongArchitecture(foreign);
  const closure = missing.length === 0 ? user.closure(roots, IGNORED_DEPENDENCIES) : [];
  if (missing.length > 0) throw packagesMissing(missing, index.origin);
  return [
    { row: kernel as PackageRow, role: 'kernel', from: index },
    ...alone.map((row) => ({
      row: row as PackageRow,
      role: (row as PackageRow).name === 'seabios' ? ('firmware' as const) : ('files' as const),
      from: index,
    })),
    ...closure.map((row) => ({ row, role: 'files' as const, from: user })),
  ];
}

/** The real kernel package: what the meta package depends on, else the newest of the flavour. */
function findKernel(index: PackageIndex, flavour: KernelFlavour): PackageRow | null {
  for (const group of index.get(`linux-image-${flavour}`)?.depends ?? []) {
    for (const relation of group) {
      const row = relation.name.startsWith('linux-image-') ? index.find(relation) : null;
      if (row) return row;
    }
  }
  const names = index.names((name) => kernelPattern(flavour).test(name));
  const byNumber = new Intl.Collator('en', { numeric: true });
  const newest = names.sort(byNumber.compare).at(-1);
  return newest === undefined ? null : (index.get(newest) ?? null);
}

function kernelPattern(flavour: KernelFlavour): RegExp {
  return new RegExp(`^linux-image-\\d.*[0-9]-${flavour}(-unsigned)?$`);
}
