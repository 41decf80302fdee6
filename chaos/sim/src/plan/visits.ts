/**
 * Calls and reads while a fault lasts that shows its worst only to those who ask then: on an island
 * and at a forsaken node actors live on that were placed elsewhere, what is asked in the evening is
 * asked for again when the night is over, and a deaf scheduler must own that it does not know.
 */
import { actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, tenant } from '../node/program.ts';
import type { Fault } from './faults.ts';
import { keyOf, type Operation } from './load.ts';

const visitsMax = 5;
const keysMax = 3;
/** Of a night: nothing is asked while everyone sleeps. */
const eveningMs = 1_500;
const deadlineMs = 30_000;
/** Of one who is deaf: so early that it answers before it hears again. */
const deafMs = 1_000;

type Manner = Pick<Operation, 'via' | 'patient'> & { readonly deadlineMs?: number };

export function drawVisits(
  client: string,
  given: {
    readonly faults: readonly Fault[];
    readonly keys: number;
    readonly schedulers: readonly string[];
  },
  chance: Random,
): readonly Operation[] {
  const operations: Operation[] = [];
  for (const [number, fault] of given.faults.entries()) {
    const lastsMs = lastsFor(fault);
    if (lastsMs === undefined) continue;
    // So that there are actors, and somebody knows where they are.
    if (fault.kind === 'island') ask('call', `${number}.0`, fault.at - chance.whole(1, 1_000));
    // Who only reads does not show a node that it was given up: one that writes there does.
    const reads = fault.kind === 'island' || fault.kind === 'forsake';
    const kind = reads && chance.chance(0.5) ? 'read' : 'call';
    const manner = mannerOf(fault, kind);
    for (let visit = chance.whole(0, visitsMax); visit > 0; visit--) {
      ask(kind, `${number}.${visit}`, fault.at + chance.next() * lastsMs, manner);
    }
  }
  return operations.sort((left, right) => left.at - right.at);

  function ask(kind: 'read' | 'call', visit: string, at: number, manner: Manner = {}): void {
    const key = chance.whole(0, Math.min(given.keys, keysMax) - 1);
    const actor = actorId(tenant, actorType, keyOf(key));
    const base = { at, actor, deadlineMs, ...manner };
    if (kind === 'read') operations.push({ kind, ...base });
    else operations.push({ kind, ...base, program: { id: `${client}-visit${visit}`, parts: [] } });
  }

  function mannerOf(fault: Fault, kind: 'read' | 'call'): Manner {
    if (fault.kind === 'deaf') {
      return { via: fault.scheduler, patient: true, deadlineMs: chance.whole(300, deafMs) };
    }
    return fault.kind === 'island' ? { via: doorTo(fault, kind) } : {};
  }

  function doorTo({ scheduler }: Extract<Fault, { kind: 'island' }>, kind: 'read' | 'call') {
    const others = given.schedulers.filter((name) => name !== scheduler);
    return kind === 'read' || others.length === 0 ? scheduler : chance.pick(others);
  }
}

function lastsFor(fault: Fault): number | undefined {
  if (fault.kind === 'night') return eveningMs;
  if (fault.kind === 'deaf') return deafMs;
  return fault.kind === 'island' || fault.kind === 'forsake' ? fault.ms : undefined;
}
