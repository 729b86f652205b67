import type { EventChannels } from '../request/event-channels.ts';

/** Where a domain's RAM lies in the machine. */
export interface Placement {
  /** First machine address, bytes. */
  readonly base: number;
  /** Region of `MachineMemory`. */
  readonly region: number;
}

/**
 * How Domain-0's accesses to the mediator's ranges come there: each traps and is served as VM 0's
 * (upstream, 2014), or its driver calls the mediator without a trap (upstream from 2015 on).
 */
export type Dom0Access = 'deprivileged' | 'hooks';

/** What a domain shares with the others of its machine. */
export interface DomainSurroundings {
  /** Default: ones of its own. */
  readonly channels?: EventChannels;
  /** Of Domain-0. Default `deprivileged`. */
  readonly dom0?: Dom0Access;
}
