/** What random programs come to, computed without a cluster, and what of a cluster differs from it. */
import { type Errand, keyOf, type Part, type Program } from './program.ts';

/** What a client was told of an errand. */
export type Told =
  | { readonly kind: 'done' }
  /** By user code, which leaves nothing behind in the agent that was called. */
  | { readonly kind: 'failed' }
  /** Nobody knows whether it was done. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly code: string };

interface Applied {
  /** Ids by the key of their agent. */
  readonly ids: Map<string, string[]>;
  /** Letters by the id whose commit sent them, in order. */
  readonly letters: Map<string, { readonly to: string; readonly id: string }[]>;
}

/** What must stand in the agents in the end, and what may besides. */
export interface Expected {
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>;
  readonly possible: ReadonlyMap<string, ReadonlySet<string>>;
  readonly letters: Applied['letters'];
}

export function comesTo(errands: readonly Errand[], told: readonly Told[]): Expected {
  const sure: Applied = { ids: new Map(), letters: new Map() };
  const possible: Applied = { ids: new Map(), letters: sure.letters };
  for (const [index, { agent, program }] of errands.entries()) {
    run(program, agent, told[index]?.kind === 'unknown' ? possible : sure);
  }
  return { ids: sets(sure.ids), possible: sets(possible.ids), letters: sure.letters };
}

/** Whether the client is told that it was done. */
export function isDone({ program, agent }: Errand): boolean {
  return run(program, agent, { ids: new Map(), letters: new Map() });
}

/** Every difference in words; `lists` are the ids in the agents, in the order in which they were applied. */
export function differences(
  { ids, possible, letters }: Expected,
  lists: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const found: string[] = [];
  for (const [key, list] of lists) {
    const must = ids.get(key) ?? new Set();
    const may = possible.get(key) ?? new Set();
    const counts = new Map<string, number>();
    for (const id of list) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const [id, count] of counts) {
      if (count > 1) found.push(`${key} applied ${id} ${count} times`);
      if (!must.has(id) && !may.has(id)) found.push(`${key} applied ${id}, which it must not`);
    }
    for (const id of must) if (!counts.has(id)) found.push(`${key} lacks ${id}`);
  }
  return [...found, ...outOfOrder(letters, lists)];
}

/** Letters of one agent to another are applied in the order of the turns that sent them. */
function outOfOrder(
  letters: Applied['letters'],
  lists: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const found: string[] = [];
  for (const [sender, list] of lists) {
    const sent = list.flatMap((id) => letters.get(id) ?? []);
    for (const [receiver, applied] of lists) {
      const order = sent.filter(({ to }) => to === receiver).map(({ id }) => id);
      const places = order.map((id) => applied.indexOf(id)).filter((at) => at >= 0);
      if (places.some((place, at) => place < (places[at - 1] ?? -1))) {
        found.push(`${receiver} applied letters of ${sender} in another order than they were sent`);
      }
    }
  }
  return found;
}

function run(program: Program, agent: number, applied: Applied): boolean {
  const letters: { readonly to: number; readonly program: Program }[] = [];
  for (const part of program.parts) {
    if (!runPart(part, letters, applied)) return false;
  }
  const key = keyOf(agent);
  applied.ids.set(key, [...(applied.ids.get(key) ?? []), program.id]);
  applied.letters.set(
    program.id,
    letters.map((letter) => ({ to: keyOf(letter.to), id: letter.program.id })),
  );
  for (const letter of letters) run(letter.program, letter.to, applied);
  return true;
}

function runPart(
  part: Part,
  letters: { readonly to: number; readonly program: Program }[],
  applied: Applied,
): boolean {
  switch (part[0]) {
    case 'step':
      return part[2] <= part[3];
    case 'call': {
      const [, callee, program, caught] = part;
      return run(program, callee, applied) || caught;
    }
    case 'send':
      letters.push({ to: part[1], program: part[2] });
      return true;
    case 'write':
      return true;
    case 'fail':
      return false;
  }
}

function sets(
  ids: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map([...ids].map(([key, list]) => [key, new Set(list)]));
}
