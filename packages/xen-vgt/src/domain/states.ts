/** Where a domain is in its life. */
export type DomainState = 'created' | 'running' | 'paused' | 'crashed' | 'shutdown' | 'rebooted';

/** Moves that are legal, by the state they start from. The last three states have no way out. */
export const DOMAIN_MOVES: Readonly<Record<DomainState, readonly DomainState[]>> = {
  created: ['running', 'crashed', 'shutdown'],
  running: ['paused', 'crashed', 'shutdown', 'rebooted'],
  paused: ['running', 'crashed', 'shutdown', 'rebooted'],
  crashed: [],
  shutdown: [],
  rebooted: [],
};

/** Whether a domain in this state never executes again. */
export function isFinal(state: DomainState): boolean {
  return DOMAIN_MOVES[state].length === 0;
}
