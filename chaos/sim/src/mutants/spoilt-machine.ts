/** Deliberate faults between a machine and its loop. */
import type { Machine, Output } from '@troupe/model';
import type { Mouth } from '@troupe/virtual';
import type { World } from '../world/world.ts';
import { halting, yielding } from './spoilt-scene.ts';

/** The machine as the loop sees it in this run. */
export function spoiltMachine<Event, Fact, Send, Reply, Work>(
  world: World,
  machine: Machine<Event, Fact, Send, Reply, Work>,
  mouth: Mouth<Send, Reply>,
): Machine<Event, Fact, Send, Reply, Work> {
  if (world.mutant === 'timers-by-another-clock' && mouth.leads === true) return hasty(machine);
  if (world.mutant === 'child-end-told-twice' && mouth.leads === true) return stuttering(machine);
  if (world.mutant === 'gang-started-in-part' && mouth.leads === true) {
    return halting(world, machine);
  }
  if (world.mutant === 'first-gives-way' && mouth.leads === true) return yielding(world, machine);
  if (world.mutant !== 'sent-before-append') return machine;
  return {
    handle(now, event): Output<Fact, Send, Reply, Work> {
      const { append, send, reply, work } = machine.handle(now, event);
      for (const message of send) mouth.send(message);
      for (const answer of reply) mouth.reply(answer);
      return { append, send: [], reply: [], work };
    },
    wakeAt: () => machine.wakeAt(),
  };
}

/** The end of a child run is told twice. */
function stuttering<Event, Fact, Send, Reply, Work>(
  machine: Machine<Event, Fact, Send, Reply, Work>,
): Machine<Event, Fact, Send, Reply, Work> {
  return {
    handle(now, event) {
      const output = machine.handle(now, event);
      const append = output.append.flatMap((fact) => (isEndOfChild(fact) ? [fact, fact] : [fact]));
      return { ...output, append };
    },
    wakeAt: () => machine.wakeAt(),
  };
}

function isEndOfChild(fact: unknown): boolean {
  const { kind, run } = fact as { readonly kind?: string; readonly run?: string };
  return kind === 'run-ended' && run?.includes('/') === true;
}

function hasty<Event, Fact, Send, Reply, Work>(
  machine: Machine<Event, Fact, Send, Reply, Work>,
): Machine<Event, Fact, Send, Reply, Work> {
  return {
    handle: (now, event) => machine.handle(now * haste, event),
    wakeAt() {
      const at = machine.wakeAt();
      return at === undefined ? undefined : at / haste;
    },
  };
}

const haste = 3;
