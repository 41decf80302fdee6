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

/** An errand, and what became of it. */
export interface Outcome {
  readonly errand: Errand;
  readonly told: Told;
}

/** What an agent has in the end. */
export interface Kept {
  /** Of what was done, in the order in which it was. */
  readonly ids: readonly string[];
  readonly sum: number;
}

/** What is given to an agent under an id. */
interface Given {
  readonly to: string;
  readonly id: string;
}

interface Applied {
  /** Ids by the key of their agent. */
  readonly ids: Map<string, Set<string>>;
  /** By id: what its turn wrote. */
  readonly written: Map<string, number>;
  /** By id: what left at the end of its turn, and what its turn awaited; in order. */
  readonly letters: Map<string, readonly Given[]>;
  readonly calls: Map<string, readonly Given[]>;
}

/** What must stand in the agents in the end, and what may besides. */
export interface Expected extends Applied {
  readonly possible: ReadonlyMap<string, ReadonlySet<string>>;
}

export function comesTo(outcomes: readonly Outcome[]): Expected {
  const sure = nothing();
  const possible = { ...sure, ids: new Map() };
  for (const { errand, told } of outcomes) {
    run(errand.program, errand.agent, told.kind === 'unknown' ? possible : sure);
  }
  return { ...sure, possible: possible.ids };
}

/** Whether the client is told that it was done. */
export function isDone({ program, agent }: Errand): boolean {
  return run(program, agent, nothing());
}

/** Every difference in words, by what the agents have. */
export function differences(
  expected: Expected,
  agents: ReadonlyMap<string, Kept>,
): readonly string[] {
  const found: string[] = [];
  for (const [key, { ids, sum }] of agents) {
    const must = expected.ids.get(key) ?? new Set();
    const may = expected.possible.get(key) ?? new Set();
    const counts = new Map<string, number>();
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const [id, count] of counts) {
      if (count > 1) found.push(`${key} applied ${id} ${count} times`);
      if (!must.has(id) && !may.has(id)) found.push(`${key} applied ${id}, which it must not`);
    }
    for (const id of must) if (!counts.has(id)) found.push(`${key} lacks ${id}`);
    const written = ids.reduce((total, id) => total + (expected.written.get(id) ?? 0), 0);
    if (sum !== written) found.push(`${key} has ${sum}, and what it applied wrote ${written}`);
  }
  return [
    ...found,
    ...outOfOrder('letters', expected.letters, agents),
    ...outOfOrder('calls', expected.calls, agents),
  ];
}

/** What one agent gives another is applied in the order of the turns that gave it. */
function outOfOrder(
  what: string,
  given: Applied['letters'],
  agents: ReadonlyMap<string, Kept>,
): readonly string[] {
  const found: string[] = [];
  for (const [sender, { ids }] of agents) {
    const sent = new Map<string, string[]>();
    // What is doubled has been told already.
    for (const { to, id } of [...new Set(ids)].flatMap((one) => given.get(one) ?? [])) {
      sent.set(to, [...(sent.get(to) ?? []), id]);
    }
    for (const [receiver, order] of sent) {
      const applied = agents.get(receiver)?.ids ?? [];
      const places = order.map((id) => applied.indexOf(id)).filter((at) => at >= 0);
      if (places.some((place, at) => place < (places[at - 1] ?? -1))) {
        found.push(`${receiver} applied ${what} of ${sender} in another order than they were sent`);
      }
    }
  }
  return found;
}

interface Leaving {
  readonly to: number;
  readonly program: Program;
  readonly delayMs: number;
}

function run(program: Program, agent: number, applied: Applied): boolean {
  const letters: Leaving[] = [];
  const calls: Given[] = [];
  let written = 0;
  for (const part of program.parts) {
    if (!runPart(part, { letters, calls }, applied)) return false;
    if (part[0] === 'write') written += part[1];
  }
  const key = keyOf(agent);
  applied.ids.set(key, (applied.ids.get(key) ?? new Set<string>()).add(program.id));
  applied.written.set(program.id, written);
  applied.calls.set(program.id, calls);
  applied.letters.set(
    program.id,
    // What is delayed keeps no order with others.
    letters
      .filter(({ delayMs }) => delayMs === 0)
      .map((letter) => ({ to: keyOf(letter.to), id: letter.program.id })),
  );
  for (const letter of letters) run(letter.program, letter.to, applied);
  return true;
}

function runPart(
  part: Part,
  turn: { readonly letters: Leaving[]; readonly calls: Given[] },
  applied: Applied,
): boolean {
  switch (part[0]) {
    case 'step':
      return part[2] <= part[3];
    case 'call': {
      const [, callee, program, caught] = part;
      turn.calls.push({ to: keyOf(callee), id: program.id });
      return run(program, callee, applied) || caught;
    }
    case 'send':
      turn.letters.push({ to: part[1], program: part[2], delayMs: part[3] });
      return true;
    case 'wait':
    case 'signal':
    case 'write':
      return true;
    case 'fail':
      return false;
  }
}

function nothing(): Applied {
  return { ids: new Map(), written: new Map(), letters: new Map(), calls: new Map() };
}
