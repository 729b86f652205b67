import { ScriptedEngine } from '@xengt/xen-vgt';
import type { DomainPlan } from '../../host/domain-plan.ts';
import type { HostDomain } from '../../host/host-domain.ts';
import type { GuestSource, PreparedGuest } from '../guest-source.ts';

/** Guests without a processor, made from real domain files. */
export class ScriptedSource implements GuestSource {
  /** Plans in the order they were carried out. */
  readonly plans: DomainPlan[] = [];
  readonly engines: ScriptedEngine[] = [];
  /** Set by a test: what goes wrong, and where. */
  fails: 'prepare' | 'start' | null = null;
  warning: string | null = null;

  async prepare(plan: DomainPlan): Promise<PreparedGuest> {
    if (this.fails === 'prepare') throw new Error('the guest image needs memory = 128 or more');
    this.plans.push(plan);
    const engine = new ScriptedEngine(plan.memoryMiB);
    this.engines.push(engine);
    return {
      files: { engine, emulator: 'scripted 1', image: 'none' },
      boot: 'state',
      start: (domain: HostDomain) => {
        if (this.fails === 'start') throw new Error('its state does not fit');
        domain.boot();
      },
      settle: async () => this.warning,
    };
  }
}
