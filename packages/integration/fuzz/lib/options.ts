import { parseArgs } from 'node:util';
import type { PartitionMode } from '@xengt/linux-vgt';
import { KINDS } from '../hostile/attacks.ts';
import { MODELS } from '../models/index.ts';
import type { TargetName } from './life.ts';
import { parseSteps } from './minimise.ts';

export const USAGE = `npm run fuzz -- [options]
  --target NAME    device (default) or vgpu: the bare GPU, or one VM's share of it
  --commands N     run until the engines executed so many commands (default 1e5)
  --accesses N     and the driver made so many accesses (default 1e6)
  --seed N         what everything follows from (default: today's, printed)
  --steps N        steps of one life of the GPU (default 4096)
  --watch          look at each single access to memory in every life, not in one of eight
  --life N         only this life of the seed, e.g. to see a failure again
  --only LIST      only these steps of it, e.g. 3,17-20
  --no-minimise    do not look for the fewest steps that fail
  --hostile N      instead: a VM attacks three that work, with N hostile operations, e.g. 1e8
  --attack NAME    only that kind of attack, e.g. "endless batch"
  --hangs N        instead: guests hang by turns, N times in all, while others work, e.g. 1000
  --model NAME     instead: a part of a guest's machine: vga, config, ports, instructions
  --cases N        so many cases of it (default 1e6)
  --partition NAME static (default) or shared: all VMs have the same graphics memory in turn
  --xl N           instead: N domain files as xl reads them, e.g. 1e7; --life N begins with that one
  --rounds N       no more than N rounds of attacks, e.g. to see a failure again
`;

export interface FuzzOptions {
  readonly target: TargetName;
  readonly commands: number;
  readonly accesses: number;
  readonly seed: number;
  readonly steps: number;
  readonly watch: boolean;
  readonly life: number | null;
  readonly only: ReadonlySet<number> | null;
  readonly minimise: boolean;
  /** Hostile operations, when a VM is to attack others; else null. */
  readonly hostile: number | null;
  readonly attack: string | null;
  /** Hangs, when guests are to hang by turns; else null. */
  readonly hangs: number | null;
  /** Domain files, when they are what is tried; else null. */
  readonly xl: number | null;
  readonly rounds: number | null;
  /** A part of the machine beside the GPU, when that is to be tried; else null. */
  readonly model: string | null;
  readonly cases: number;
  readonly partition: PartitionMode;
}

/** @throws Error with what is wrong, for a person */
export function parseOptions(args: readonly string[], today: number): FuzzOptions | 'help' {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== '--'),
    allowNegative: true,
    options: {
      target: { type: 'string', default: 'device' },
      commands: { type: 'string', default: '1e5' },
      accesses: { type: 'string', default: '1e6' },
      seed: { type: 'string' },
      steps: { type: 'string', default: '4096' },
      watch: { type: 'boolean', default: false },
      life: { type: 'string' },
      only: { type: 'string' },
      minimise: { type: 'boolean', default: true },
      hostile: { type: 'string' },
      attack: { type: 'string' },
      hangs: { type: 'string' },
      xl: { type: 'string' },
      rounds: { type: 'string' },
      model: { type: 'string' },
      cases: { type: 'string', default: '1e6' },
      partition: { type: 'string', default: 'static' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { target, partition } = values;
  if (partition !== 'static' && partition !== 'shared') {
    throw new Error(`there is no partition "${partition}"`);
  }
  if (target !== 'device' && target !== 'vgpu') throw new Error(`there is no target "${target}"`);
  return {
    target,
    commands: whole('commands', values.commands),
    accesses: whole('accesses', values.accesses),
    seed: values.seed === undefined ? today : whole('seed', values.seed),
    steps: whole('steps', values.steps),
    watch: values.watch,
    life: values.life === undefined ? null : whole('life', values.life),
    only: values.only === undefined ? null : parseSteps(values.only),
    minimise: values.minimise,
    hostile: values.hostile === undefined ? null : whole('hostile', values.hostile),
    attack: values.attack === undefined ? null : attackName(values.attack),
    hangs: values.hangs === undefined ? null : whole('hangs', values.hangs),
    xl: values.xl === undefined ? null : whole('xl', values.xl),
    rounds: values.rounds === undefined ? null : whole('rounds', values.rounds),
    model: values.model === undefined ? null : modelName(values.model),
    cases: whole('cases', values.cases),
    partition,
  };
}

function modelName(name: string): string {
  if (MODELS.some((model) => model.name === name)) return name;
  const names = MODELS.map((model) => model.name).join(', ');
  throw new Error(`there is no model "${name}"; there are: ${names}`);
}

function attackName(name: string): string {
  if (KINDS.some((kind) => kind.name === name)) return name;
  const names = KINDS.map((kind) => kind.name).join(', ');
  throw new Error(`there is no attack "${name}"; there are: ${names}`);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name}: "${text}" is no count`);
  return value;
}
