/** What can be wrong with one block by itself. */
import type { Block, TaskManifest, Tries } from '@troupe/model';
import { conditionFault, depthFault } from './condition.ts';
import { settledPort } from './graph.ts';

export interface Declared {
  readonly tasks: ReadonlyMap<string, TaskManifest>;
}

const blockId = /^[A-Za-z0-9_$][A-Za-z0-9_$. -]{0,127}$/;
/** Others are containers themselves, or leave by a port, or end the run. */
const kindsWithEach: ReadonlySet<Block['kind']> = new Set([
  'task',
  'call',
  'pause',
  'wait',
  'run',
  'value',
]);
/** Others have nothing done elsewhere. */
const kindsWithUndo: ReadonlySet<Block['kind']> = new Set(['task', 'route', 'call', 'run']);
const priorities: ReadonlySet<string> = new Set(['low', 'normal', 'high']);
const valueName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** What is wrong with the block, with its id, if anything. */
export function blockFault(block: Block, declared: Declared): string | undefined {
  if (!blockId.test(block.id)) return `block id "${block.id}" is not a name`;
  const fault = atMostFault(block) ?? kindFault(block, declared) ?? undoFault(block, declared);
  return fault === undefined ? undefined : `block "${block.id}" ${fault}`;
}

function atMostFault(block: Block): string | undefined {
  const { inFlightMax, each, kind } = block;
  if (inFlightMax !== undefined && !(Number.isInteger(inFlightMax) && inFlightMax > 0)) {
    return `has inFlightMax ${inFlightMax}, which is not a positive integer`;
  }
  if (each !== undefined && !kindsWithEach.has(kind)) {
    return `is a ${kind}, which cannot have \`each\``;
  }
  return undefined;
}

function kindFault(block: Block, { tasks }: Declared): string | undefined {
  switch (block.kind) {
    case 'task':
    case 'route':
      if (tasks.has(block.task)) return triesFault(block);
      return `runs task "${block.task}", which the bundle does not export`;
    case 'call':
      return triesFault(block);
    case 'choice':
      return choiceFault(block);
    case 'loop':
      return loopFault(block);
    case 'pause':
      return limitFault(block.limitMs);
    default:
      return undefined;
  }
}

function undoFault({ kind, undo }: Block, { tasks }: Declared): string | undefined {
  if (undo === undefined) return undefined;
  if (!kindsWithUndo.has(kind)) return `is a ${kind}, which has nothing to undo`;
  if (undo.kind === 'task' && !tasks.has(undo.task)) {
    return `is undone by task "${undo.task}", which the bundle does not export`;
  }
  const fault = triesFault(undo);
  return fault === undefined ? undefined : `has an undo that ${fault}`;
}

function triesFault({ retries, backoffMs, limitMs, priority }: Tries): string | undefined {
  if (retries !== undefined && !(Number.isInteger(retries) && retries >= 0)) {
    return `has retries ${retries}, which is not a whole number`;
  }
  const waits: readonly unknown[] | undefined = backoffMs;
  if (waits !== undefined && !(Array.isArray(waits) && waits.every(isTime))) {
    return `has backoffMs ${JSON.stringify(waits)}, which is not a list of milliseconds`;
  }
  if (priority !== undefined && !priorities.has(priority)) {
    return `has priority ${JSON.stringify(priority)}, which is not low, normal or high`;
  }
  return limitFault(limitMs);
}

function isTime(wait: unknown): boolean {
  return typeof wait === 'number' && Number.isFinite(wait) && wait >= 0;
}

/** What is wrong with a limit, as it is said of what has it. */
export function limitFault(limitMs: number | undefined, name = 'limitMs'): string | undefined {
  if (limitMs === undefined || (Number.isFinite(limitMs) && limitMs > 0)) return undefined;
  return `has ${name} ${limitMs}, which is not a positive number`;
}

function choiceFault(block: Extract<Block, { kind: 'choice' }>): string | undefined {
  if (block.otherwise === 'error' || block.otherwise === settledPort) {
    return `leaves otherwise by the port "${block.otherwise}", which is not a port of its own`;
  }
  const ports = new Set<string>();
  for (const { port, when } of block.cases) {
    if (port === 'error') return 'has a case for the port "error", by which failures leave';
    if (port === settledPort) return `has a case for the port "${port}", by which nothing leaves`;
    if (ports.has(port)) return `has two cases for the port "${port}"`;
    ports.add(port);
    const fault = conditionFault(when);
    if (fault !== undefined) return `has a condition for the port "${port}" that ${fault}`;
  }
  return valuesFault(block.values);
}

function loopFault(block: Extract<Block, { kind: 'loop' }>): string | undefined {
  const { rounds, roundsMax } = block;
  if (roundsMax !== undefined && !(Number.isInteger(roundsMax) && roundsMax > 0)) {
    return `has roundsMax ${roundsMax}, which is not a positive integer`;
  }
  const condition = 'while' in rounds ? rounds.while : 'until' in rounds ? rounds.until : undefined;
  if (condition === undefined) return undefined;
  const fault = conditionFault(condition.when);
  return fault === undefined ? valuesFault(condition.values) : `has a condition that ${fault}`;
}

/** Of what is deployed from now on: what is wrong with how deep its conditions go, if anything. */
export function conditionsFault(block: Block): string | undefined {
  const deep = conditionsOf(block).map(depthFault);
  const fault = deep.find((one) => one !== undefined);
  return fault && `block "${block.id}" has a condition that ${fault}`;
}

function conditionsOf(block: Block): readonly string[] {
  if (block.kind === 'choice') return block.cases.map(({ when }) => when);
  if (block.kind !== 'loop') return [];
  const { rounds } = block;
  return 'while' in rounds ? [rounds.while.when] : 'until' in rounds ? [rounds.until.when] : [];
}

function valuesFault(values: { readonly [name: string]: unknown } = {}): string | undefined {
  const odd = Object.keys(values).find((name) => !valueName.test(name));
  return odd === undefined ? undefined : `names a value "${odd}", which is not a name`;
}
