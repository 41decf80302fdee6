/** What can be wrong with what is said of a block, refused where the stack shows the line. */
import { type Expression, retriesOf, type Tries } from '@troupe/model';
import type { AnyActorDefinition } from '../actor.ts';
import { invalid } from '../ref.ts';
import type { ChoiceCases, Question, Tried } from './options.ts';
import type { Place } from './place.ts';

const valueName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const priorities: readonly unknown[] = ['low', 'normal', 'high'];
/** Every block has these. */
const portsOfAll: readonly string[] = ['done', 'error', 'settled'];

export function countFrom(least: number, place: Place, what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(place.name, `has ${what} ${value}, not a whole number from ${least} on`);
}

/** How the block tries, with only what was said. */
export function triesOf(place: Place, options: Tried = {}): Tries {
  const { retries, backoffMs, limitMs, priority } = options;
  const waits = typeof backoffMs === 'number' ? [backoffMs] : backoffMs;
  if (priority !== undefined && !priorities.includes(priority)) {
    throw invalid(place.name, `has priority "${priority}", which is not low, normal or high`);
  }
  return {
    ...(retries === undefined
      ? {}
      : { retries: countFrom(0, place, 'retries', retriesOf(retries)) }),
    ...(waits === undefined
      ? {}
      : { backoffMs: waits.map((wait) => countFrom(0, place, 'backoffMs', wait)) }),
    ...(limitMs === undefined ? {} : { limitMs: countFrom(1, place, 'limitMs', limitMs) }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** A call of an actor, each part of it as `write` writes it. */
export function callOf(
  place: Place,
  called: {
    readonly actor: AnyActorDefinition;
    readonly key: unknown;
    readonly method: string;
    readonly args: readonly unknown[] | object;
  },
  write: (part: string, value: unknown) => Expression,
) {
  const { actor, key, method, args } = called;
  if (!Object.hasOwn(actor.methods, method) && !Object.hasOwn(actor.reads, method)) {
    throw invalid(place.name, `calls ${actor.name}.${method}, which does not exist`);
  }
  return {
    kind: 'call',
    type: actor.name,
    key: write('key', key),
    method,
    args: Object.values(args).map((argument, at) => write(`args[${at}]`, argument)),
  } as const;
}

export function questionOf(place: Place, { when, values = {} }: Question): Required<Question> {
  checkCondition(place, 'its condition', when);
  checkNames(place, values);
  return { when, values };
}

export function casesOf(
  place: Place,
  { cases, otherwise, values = {} }: ChoiceCases<string, string>,
): Required<Omit<ChoiceCases<string, string>, 'otherwise'>> & { readonly ports: Set<string> } {
  const ports = new Set(Object.keys(cases));
  if (ports.size === 0) throw invalid(place.name, 'has no case');
  for (const [port, when] of Object.entries(cases)) checkCondition(place, `case ${port}`, when);
  if (otherwise !== undefined) ports.add(otherwise);
  const taken = [...ports].find((port) => portsOfAll.includes(port));
  if (taken !== undefined) {
    throw invalid(place.name, `has a port "${taken}", which every block has; name it otherwise`);
  }
  checkNames(place, values);
  return { cases, values, ports };
}

function checkCondition(place: Place, what: string, when: unknown): void {
  if (typeof when === 'string' && when.trim() !== '') return;
  throw invalid(place.name, `has no text in CEL for ${what}`);
}

function checkNames(place: Place, values: object): void {
  const odd = Object.keys(values).find((name) => !valueName.test(name));
  if (odd !== undefined) throw invalid(place.name, `names a value "${odd}", which is no name`);
}
