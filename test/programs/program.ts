/**
 * Random programs for agents: state writes, steps that fail half of the time, calls nested two deep, and
 * sends. They travel as arguments, and what they come to is known before they run, whatever dies meanwhile.
 */
import { Random } from '@troupe/virtual';

export type Part =
  /** A side effect that fails so many times; it is tried `retries + 1` times. */
  | readonly ['step', name: string, failures: number, retries: number]
  /** An awaited call; `caught`: its failure does not end the caller. */
  | readonly ['call', agent: number, program: Program, caught: boolean]
  | readonly ['send', agent: number, program: Program]
  | readonly ['write', value: number]
  | readonly ['fail'];

export interface Program {
  /** Unique over all that runs on one cluster; letters and calls within have ids of their own. */
  readonly id: string;
  readonly parts: readonly Part[];
}

/** What a client asks of an agent. */
export interface Errand {
  readonly agent: number;
  readonly program: Program;
}

export interface ProgramWishes {
  readonly seed: number;
  readonly count: number;
  readonly agents: number;
}

const depthMax = 2;
const partsMax = 4;

export function drawErrands({ seed, count, agents }: ProgramWishes): readonly Errand[] {
  const chance = new Random(seed).fork('programs');
  return Array.from({ length: count }, (_, index) => {
    // Low agents call high ones: no chain of awaited calls closes to a cycle.
    const agent = chance.whole(0, agents - 1);
    return { agent, program: drawProgram(`p${index}`, agent, { chance, agents, depth: 0 }) };
  });
}

/** By which agents are addressed. */
export function keyOf(agent: number): string {
  return `agent-${agent}`;
}

interface Drawing {
  readonly chance: Random;
  readonly agents: number;
  readonly depth: number;
}

function drawProgram(id: string, agent: number, drawing: Drawing): Program {
  const { chance } = drawing;
  const parts = Array.from({ length: chance.whole(0, partsMax) }, (_, at) =>
    drawPart(`${id}.${at}`, agent, drawing),
  );
  return { id, parts };
}

function drawPart(id: string, agent: number, { chance, agents, depth }: Drawing): Part {
  const kind = chance.next();
  const deeper = { chance, agents, depth: depth + 1 };
  if (kind < 0.3) return ['step', id, chance.chance(0.5) ? chance.whole(1, 3) : 0, 2];
  if (kind < 0.55 && depth < depthMax && agent < agents - 1) {
    const callee = chance.whole(agent + 1, agents - 1);
    return ['call', callee, drawProgram(id, callee, deeper), chance.chance(0.3)];
  }
  if (kind < 0.8 && depth < depthMax) {
    const receiver = chance.whole(0, agents - 1);
    return ['send', receiver, drawProgram(id, receiver, deeper)];
  }
  return kind < 0.97 ? ['write', chance.whole(1, 9)] : ['fail'];
}
