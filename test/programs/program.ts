/**
 * Random programs for agents: state writes, steps that fail half of the time, calls nested two deep, sends,
 * some of them delayed, and waits for signals. They travel as arguments, and what they come to is known
 * before they run, whatever dies meanwhile.
 *
 * P1  programs come to their end: low agents call high ones, so no awaited calls close to a cycle, and
 *     those who give signals never wait for one, nor for somebody who does.
 */
import { Random } from '@troupe/virtual';

export type Part =
  /** A side effect that fails so many times; it is tried `retries + 1` times. */
  | readonly ['step', name: string, failures: number, retries: number]
  /** An awaited call; `caught`: its failure does not end the caller. */
  | readonly ['call', agent: number, program: Program, caught: boolean]
  /** A letter, which leaves so long after the turn. */
  | readonly ['send', agent: number, program: Program, delayMs: number]
  /** Until the signal of this name has come, whose value is its name. */
  | readonly ['wait', name: string]
  /** Gives an agent a signal. */
  | readonly ['signal', agent: number, name: string]
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
  /** What turns of the program wait for. */
  readonly signals: readonly Signal[];
}

/** Given to an agent by the client that asked for the errand, or by another agent. */
export interface Signal {
  readonly agent: number;
  readonly name: string;
  readonly by: 'client' | number;
  /** Only when harm was done since it has been waited for, else at once. */
  readonly late: boolean;
}

export interface ProgramWishes {
  readonly seed: number;
  readonly count: number;
  readonly agents: number;
}

const depthMax = 2;
const partsMax = 4;
const retries = 2;
const delayMsMax = 600;
/** The last agents give signals, one of so many. */
const giversOne = 10;
/** Most of what an agent gives goes to so many others, so that it has an order to keep. */
const friends = 3;

export function drawErrands({ seed, count, agents }: ProgramWishes): readonly Errand[] {
  const chance = new Random(seed).fork('programs');
  return Array.from({ length: count }, (_, index) => {
    const agent = chance.whole(0, agents - 1);
    const signals: Signal[] = [];
    const program = drawProgram(`p${index}`, agent, { chance, agents, depth: 0, signals });
    return { agent, program, signals };
  });
}

/** What a client asks the agent that is to give a signal. */
export function givingErrand({ agent, name }: Signal, giver: number): Errand {
  const program: Program = { id: `${name}!`, parts: [['signal', agent, name]] };
  return { agent: giver, program, signals: [] };
}

/** By which agents are addressed. */
export function keyOf(agent: number): string {
  return `agent-${agent}`;
}

interface Drawing {
  readonly chance: Random;
  readonly agents: number;
  readonly depth: number;
  /** Of all programs of the errand. */
  readonly signals: Signal[];
}

function drawProgram(id: string, agent: number, drawing: Drawing): Program {
  const { chance } = drawing;
  const parts = Array.from({ length: chance.whole(0, partsMax) }, (_, at) =>
    drawPart(`${id}.${at}`, agent, drawing),
  );
  return { id, parts };
}

function drawPart(id: string, agent: number, drawing: Drawing): Part {
  const { chance, agents, depth } = drawing;
  const kind = chance.next();
  const deeper = { ...drawing, depth: depth + 1 };
  if (kind < 0.3) return ['step', id, failuresOf(chance), retries];
  if (kind < 0.5 && depth < depthMax && agent < agents - 1) {
    const callee = chance.chance(0.7)
      ? Math.min(agent + chance.whole(1, friends), agents - 1)
      : chance.whole(agent + 1, agents - 1);
    return ['call', callee, drawProgram(id, callee, deeper), chance.chance(0.3)];
  }
  if (kind < 0.75 && depth < depthMax) {
    const receiver = chance.chance(0.7)
      ? (agent + chance.whole(1, friends)) % agents
      : chance.whole(0, agents - 1);
    const delayMs = chance.chance(0.4) ? chance.whole(1, delayMsMax) : 0;
    return ['send', receiver, drawProgram(id, receiver, deeper), delayMs];
  }
  if (kind < 0.82 && agent < firstGiver(agents)) {
    drawing.signals.push(drawSignal(id, agent, drawing));
    return ['wait', id];
  }
  return kind < 0.97 ? ['write', chance.whole(1, 9)] : ['fail'];
}

/** Each try of a step fails half of the time. */
function failuresOf(chance: Random): number {
  let failures = 0;
  while (failures <= retries && chance.chance(0.5)) failures += 1;
  return failures;
}

/** P1 */
function drawSignal(name: string, agent: number, { chance, agents }: Drawing): Signal {
  const giver = chance.whole(firstGiver(agents), agents - 1);
  const by = chance.chance(0.5) ? 'client' : giver;
  return { agent, name, by, late: chance.chance(0.5) };
}

function firstGiver(agents: number): number {
  return agents - Math.ceil(agents / giversOne);
}
