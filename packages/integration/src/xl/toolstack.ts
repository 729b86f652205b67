import {
  type ConfigIssue,
  type EndKind,
  type GuestConfig,
  parseGuestConfig,
} from '../config/guest-config.ts';
import type { DomainRequest } from '../config/request.ts';
import { badConfig, type DomainPlan, issueAt, planDomain } from '../host/domain-plan.ts';
import type { Host } from '../host/host.ts';
import type { HostDomain } from '../host/host-domain.ts';
import { HostError } from '../host/host-error.ts';
import type { DomainOptions } from '../host/host-options.ts';
import type { DomainArrived, DomainCreated } from '../lab/domain-life.ts';
import { LifeError } from '../life/saved-domain.ts';
import { AssignableDevices } from './assignable.ts';
import type { GuestSource, PreparedGuest } from './guest-source.ts';

/** Scan codes, set 1: Ctrl, Alt and Del (extended) go down, and up again. */
const CTRL_ALT_DEL: Uint8Array = Uint8Array.of(
  ...[0x1d, 0x38, 0xe0, 0x53],
  ...[0xe0, 0xd3, 0xb8, 0x9d],
);
/** A domain that ends sooner than this after its start, so often in a row, is not started again. */
const SHORT_LIFE_MS = 5000;
const SHORT_LIVES_MAX = 3;
/** What the final states of a domain are in the words of its file. */
const ENDS: Readonly<Record<string, EndKind>> = {
  shutdown: 'poweroff',
  rebooted: 'reboot',
  crashed: 'crash',
};

export interface ToolstackOptions {
  /** Host time, milliseconds. Default `performance.now`. */
  readonly now?: () => number;
}

/** What `xl` does with the domains of a host: makes them from their files, ends and restarts them. */
export class Toolstack {
  readonly devices: AssignableDevices;
  readonly #host: Host;
  readonly #source: () => GuestSource | null;
  readonly #now: () => number;
  #busy: Promise<unknown> = Promise.resolve();
  /** Short lives in a row, by name. */
  readonly #shortLives = new Map<string, number>();

  /** @param source where guests come from; null while the host has none yet */
  constructor(host: Host, source: () => GuestSource | null, o: ToolstackOptions = {}) {
    this.#host = host;
    this.#source = source;
    this.devices = new AssignableDevices(host, source);
    this.#now = o.now ?? ((): number => performance.now());
    host.onDomain((domain) => this.#watch(domain));
  }

  /**
   * Makes a domain from its file, one at a time. Returns once its system is up, or, paused, before it
   * has run.
   *
   * @throws UsageError BAD_CONFIG with everything that is wrong, LifeError, EngineError; nothing of
   * the domain is left then
   */
  async create(request: DomainRequest, o: { readonly paused: boolean }): Promise<DomainCreated> {
    const config = configOf(request);
    const { domain, guest } = await this.oneByOne(() => this.#make(request, config, o.paused));
    const { domid, name } = domain;
    if (o.paused) return { domain: domid, name, warning: null };
    const warning = await guest.settle(domain);
    if (warning !== null) this.#say(`d${domid} ${name}: ${warning}`);
    return { domain: domid, name, warning };
  }

  /** Does something that changes what the host has, after what was asked for before. */
  oneByOne<T>(act: () => Promise<T>): Promise<T> {
    const run = this.#busy.then(act);
    this.#busy = run.catch(() => {});
    return run;
  }

  async #make(
    request: DomainRequest,
    config: GuestConfig,
    paused: boolean,
  ): Promise<{ domain: HostDomain; guest: PreparedGuest }> {
    const source = this.#source();
    if (source === null) {
      throw new LifeError('WRONG_STATE', 'the host is still starting: it has no guest image yet');
    }
    const issues = [...this.#obstacles(config)];
    const plan = await planDomain(0, config, request.directory, issues);
    if (issues.length > 0) throw badConfig(issues);
    const guest = await source.prepare(plan).catch((error: Error) => {
      throw badConfig([issueAt(config, 'memory', error.message)]);
    });
    // Others came while it was prepared.
    const late = this.#obstacles(config);
    if (late.length > 0) throw badConfig(late);
    const domain = await this.#host.createDomain(optionsOf(plan, guest, request)).catch((error) => {
      if (!(error instanceof HostError)) throw error;
      throw badConfig([issueAt(config, plan.gfxPassthru ? 'gfx_passthru' : 'vgt', error.message)]);
    });
    try {
      guest.start(domain);
      if (paused) domain.domain.pause();
    } catch (error) {
      this.#host.destroyDomain(domain.domid);
      throw error;
    }
    return { domain, guest };
  }

  /** What stands in the way of a domain on this host now. */
  #obstacles(config: GuestConfig): ConfigIssue[] {
    const issues: ConfigIssue[] = [];
    const same = [...this.#host.domains.values()].find((d) => d.name === config.name);
    if (same !== undefined) {
      const text = `name: there is a domain ${config.name} already, domain ${same.domid}`;
      issues.push(issueAt(config, 'name', text));
    }
    const { vgt } = this.#host;
    if (vgt === null)
      issues.push(issueAt(config, 'vgt', "vgt: this host's GPU is Domain-0's alone"));
    else if (config.vgt !== null) {
      const { lowGm, highGm, fences } = config.vgt;
      const rows = [
        ['vgt_low_gm_sz', lowGm, 0, 0],
        ['vgt_high_gm_sz', 0, highGm, 0],
        ['vgt_fence_sz', 0, 0, fences],
      ] as const;
      for (const [key, low, high, count] of rows) {
        for (const short of vgt.partition.shortages(low, high, count)) {
          issues.push(issueAt(config, key, `${key}: ${short}`));
        }
      }
    }
    return issues;
  }

  /** Ends a domain at once. @throws LifeError */
  destroy(domid: number): DomainArrived {
    const { name } = this.#guest(domid);
    this.#host.destroyDomain(domid);
    return { domain: domid, name };
  }

  /** Presses a domain's power button. @throws LifeError NOT_LISTENING when its system has no driver for it */
  shutdown(domid: number): DomainArrived {
    const { domain, name } = this.#running(domid);
    if (!domain.engine.pressPower()) {
      throw new LifeError(
        'NOT_LISTENING',
        `${name} does not listen to its power button: its system is not up, or has no driver for it; ` +
          'xengt destroy ends it',
      );
    }
    return { domain: domid, name };
  }

  /** Presses Ctrl-Alt-Del on a domain's keyboard, or with force its reset button. @throws LifeError */
  reboot(domid: number, force: boolean): DomainArrived {
    const { domain, name } = force ? this.#guest(domid) : this.#running(domid);
    if (force) domain.engine.stop({ kind: 'reboot', reason: 'reset from outside' });
    else domain.engine.sendScancodes(CTRL_ALT_DEL);
    return { domain: domid, name };
  }

  #guest(domid: number): HostDomain {
    const domain = this.#host.domains.get(domid);
    if (domain === undefined) throw new LifeError('NO_DOMAIN', `there is no domain ${domid}`);
    if (domid === 0) {
      throw new LifeError(
        'NOT_THIS_DOMAIN',
        `the host ends with ${domain.name}, and ${domain.name} with it`,
      );
    }
    return domain;
  }

  #running(domid: number): HostDomain {
    const domain = this.#guest(domid);
    if (domain.domain.state === 'running') return domain;
    throw new LifeError('WRONG_STATE', `${domain.name} is ${domain.domain.state}, not running`);
  }

  #say(text: string): void {
    this.#host.hypervisor.messages.log(`xl: ${text}`);
  }

  /** Does what its file says once a domain ends. */
  #watch(domain: HostDomain): void {
    const { request } = domain.origin;
    if (request === undefined) return;
    const began = this.#now();
    domain.domain.onState(() => {
      if (!domain.domain.over || this.#host.domains.get(domain.domid) !== domain) return;
      // Not from inside the guest's last slice.
      setImmediate(() => void this.#ended(domain, request, began));
    });
  }

  async #ended(domain: HostDomain, request: DomainRequest, began: number): Promise<void> {
    if (this.#host.domains.get(domain.domid) !== domain) return;
    const { domid, name } = domain;
    const got = parseGuestConfig(request.text, request.file, request.more);
    // One that another xengt saved may have keys that this one does not know.
    const action = got.ok ? got.config.on[ENDS[domain.domain.state] ?? 'crash'] : 'preserve';
    if (action === 'preserve') return;
    this.#host.destroyDomain(domid);
    if (action === 'destroy') return;
    const lived = this.#now() - began;
    const short = lived < SHORT_LIFE_MS ? (this.#shortLives.get(name) ?? 0) + 1 : 0;
    this.#shortLives.set(name, short);
    if (short > SHORT_LIVES_MAX) {
      this.#shortLives.delete(name);
      const seconds = (lived / 1000).toFixed(1);
      this.#say(`d${domid} ${name}: ended ${seconds} s after its start once more: not again`);
      return;
    }
    try {
      const again = await this.create(request, { paused: false });
      this.#say(`d${domid} ${name}: started again as domain ${again.domain}`);
    } catch (error) {
      this.#say(`d${domid} ${name}: not started again: ${(error as Error).message}`);
    }
  }
}

/** @throws UsageError BAD_CONFIG */
function configOf(request: DomainRequest): GuestConfig {
  const got = parseGuestConfig(request.text, request.file, request.more);
  if (!got.ok) throw badConfig(got.issues);
  return got.config;
}

function optionsOf(plan: DomainPlan, guest: PreparedGuest, request: DomainRequest): DomainOptions {
  const { name, memoryMiB, hardware, vgpu, gfxPassthru, records, monitors } = plan;
  const { files, boot } = guest;
  const own = monitors === null ? {} : { monitors };
  return { name, memoryMiB, hardware, vgpu, gfxPassthru, records, ...own, files, boot, request };
}
