import type { Partition, VgpuParams } from '@xengt/linux-vgt';
import { UsageError } from '../cli/context.ts';
import type { DomainPlan } from './domain-plan.ts';

/** Least that guests which ask for nothing are cut down to: MiB of aperture and hidden memory, fences. */
const LEAST = { lowMiB: 16, highMiB: 64, fences: 1 } as const;
const SIZES = ['lowMiB', 'highMiB', 'fences'] as const;
const NAMES = {
  lowMiB: 'MiB of aperture',
  highMiB: 'MiB of hidden graphics memory',
  fences: 'fences',
} as const;

/**
 * The plans with sizes that fit: where guests with parts of their own ask for nothing and the usual
 * sizes are too much, they get equal shares of what is free.
 *
 * @throws UsageError with each resource that does not suffice, before anything is built
 */
export function fitPlans(partition: Partition, plans: readonly DomainPlan[]): DomainPlan[] {
  const guests = plans.filter((p) => p.domid !== 0);
  const fitted = partition.mode === 'static' ? equalShares(partition, guests) : guests;
  const short =
    partition.mode === 'static'
      ? staticShortages(partition, fitted)
      : fitted.flatMap((plan) => {
          const { lowMiB, highMiB, fences } = plan.vgpu;
          return partition.shortages(lowMiB, highMiB, fences).map((s) => `${plan.name}: ${s}`);
        });
  if (short.length > 0) {
    const smaller = 'smaller vgt_low_gm_sz, vgt_high_gm_sz, vgt_fence_sz';
    const shared = partition.mode === 'static' ? ', or --partition shared' : '';
    throw new UsageError(
      'NO_VGPU',
      `${short.join('\n')}\nuse fewer --domains, ${smaller}${shared}`,
    );
  }
  return plans.map((plan) => fitted.find((f) => f.domid === plan.domid) ?? plan);
}

function freeOf(partition: Partition): VgpuParams {
  const [, lowMiB = 0, , highMiB = 0, , fences = 0] = partition.summary();
  return { lowMiB, highMiB, fences };
}

const sum = (plans: readonly DomainPlan[], size: (typeof SIZES)[number]): number =>
  plans.reduce((n, plan) => n + plan.vgpu[size], 0);

function equalShares(partition: Partition, guests: readonly DomainPlan[]): DomainPlan[] {
  const free = freeOf(partition);
  const open = guests.filter((g) => !g.sized);
  const fixed = guests.filter((g) => g.sized);
  const vgpu = { lowMiB: 0, highMiB: 0, fences: 0 };
  for (const size of SIZES) {
    const usual = open[0]?.vgpu[size] ?? 0;
    const share = Math.floor((free[size] - sum(fixed, size)) / Math.max(open.length, 1));
    // A share that is too small is none: the usual size is then refused, and says what is short.
    vgpu[size] = share < LEAST[size] ? usual : Math.min(usual, share);
  }
  return guests.map((g) => (g.sized ? g : { ...g, vgpu: { ...g.vgpu, ...vgpu } }));
}

function staticShortages(partition: Partition, guests: readonly DomainPlan[]): string[] {
  const free = freeOf(partition);
  return SIZES.flatMap((size) => {
    const asked = sum(guests, size);
    if (asked <= free[size]) return [];
    return [
      `${guests.length} guests ask for ${asked} ${NAMES[size]}; ${free[size]} are free beside Domain-0`,
    ];
  });
}
