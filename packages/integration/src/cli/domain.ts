import type { LabClient } from '../lab/client.ts';
import type { DomainInfo } from '../lab/host-view.ts';
import { UsageError } from './context.ts';

/** The domain of a command: its name or its number. */
export const domainParameter: {
  readonly brief: string;
  readonly parse: (input: string) => string;
  readonly placeholder: string;
} = {
  brief: 'Domain, by its number or its name',
  parse: String,
  placeholder: 'domain',
};

/** The domains that are named, in that order; all of them when none is. @throws UsageError */
export function chosen(
  domains: readonly DomainInfo[],
  names: readonly string[],
): readonly DomainInfo[] {
  return names.length === 0 ? domains : names.map((name) => one(domains, name));
}

function one(domains: readonly DomainInfo[], name: string): DomainInfo {
  const found = domains.filter((d) => String(d.id) === name || d.name === name);
  if (found.length === 1) return found[0] as DomainInfo;
  const list = domains.map((d) => `${d.id} (${d.name})`).join(', ');
  throw new UsageError(
    found.length === 0 ? 'NO_DOMAIN' : 'MANY_DOMAINS',
    `${found.length === 0 ? 'there is no' : 'more than one'} domain ${name}; there are ${list}`,
  );
}

/** A domain's number. @throws UsageError when there is none of that name, or several */
export async function domainOf(host: LabClient, domain: string): Promise<number> {
  return one((await host.state()).domains, domain).id;
}
