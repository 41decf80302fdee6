/** What is unfinished, and what is left in memory when nothing is. */
import { decodeValue } from '@troupe/model';
import type { Node } from '@troupe/virtual';
import { History, journal, latestImage, schedulerConfig } from '@troupe/virtual';
import type { Rest } from '../checkers/checker.ts';
import type { World } from '../world/world.ts';
import type { Cluster } from './cluster.ts';

/** Alarms that a node at rest may have set: its own tick, and questions just answered. */
const alarmsMax = 1;

export function unfinishedOf(world: World, cluster: Cluster): readonly string[] {
  const unfinished = cluster.clients.flatMap((client) => client.unfinished);
  const { truth } = world.checks;
  for (const actor of truth.actors.values()) {
    if (actor.memory.begun !== undefined) {
      unfinished.push(`turn ${actor.memory.begun.seq} of ${actor.id}`);
    }
    // What one that has ended still had before it goes with it.
    if (actor.endedAt !== undefined) continue;
    for (const { number, firing } of actor.memory.timers.pending()) {
      unfinished.push(`firing ${firing} of timer ${number} of ${actor.id}`);
    }
    for (const [to, letters] of actor.letters) {
      const taken = truth.settled(actor, to);
      if (taken < letters.length) {
        unfinished.push(`letter ${taken + 1} of ${letters.length} of ${actor.id} to ${to}`);
      }
    }
  }
  for (const { task, ended } of truth.tasks.values()) {
    if (ended === undefined) unfinished.push(`task ${task}`);
  }
  if (truth.givenUp > 0) unfinished.push(`what is given up under pressure: ${truth.givenUp}`);
  for (const topic of truth.lives.untold.keys()) unfinished.push(`what ${topic} is to be told`);
  for (const { actor } of truth.owners.orphans()) unfinished.push(`end of ${actor}`);
  for (const id of truth.wished.keys()) unfinished.push(`migration of ${id}`);
  for (const [name, node] of cluster.nodes) if (!node.serving) unfinished.push(`start of ${name}`);
  return unfinished;
}

export function restOf(world: World, cluster: Cluster): Rest {
  const machines = [{ name: 'a restored scheduler', machine: restored(world).machine }];
  for (const { leading, process, history } of cluster.schedulers.values()) {
    if (history === undefined) continue;
    const name = leading ? `leader ${process.name}` : `follower ${process.name}`;
    machines.push({ name, machine: history.machine });
  }
  return {
    nodes: leaksAtRest(cluster),
    leaders: leaksOfLeaders(cluster),
    gateways: [...cluster.schedulers].map(([name, { gateway }]) => ({ name, open: gateway.size })),
    lost: lostOf(world, machines),
    unfinished: unfinishedOf(world, cluster),
    machines,
  };
}

/** Held objects that are not in the store, or hold what another attempt came to. */
function lostOf(world: World, machines: Rest['machines']): readonly string[] {
  return machines.flatMap(({ name, machine }) => {
    const { objects = [], tasks } = machine.durable();
    const owners = new Map<number, string>();
    for (const { id, outcome } of tasks.ended) {
      const large = outcome.ok ? (outcome.objects ?? []) : [];
      for (const { object } of large) owners.set(object, id);
    }
    return objects.flatMap(({ stored, node }) => {
      const { object, bytes } = stored;
      const body = world.objects.outputs.get(object);
      const what = `object ${object} of ${owners.get(object)}, by ${name},`;
      if (body?.length !== bytes) return [`${what} is not in the store`];
      const by = decodeValue(body) as { readonly task: string; readonly node: string };
      if (by.task === owners.get(object) && by.node === node) return [];
      return [`${what} was made by ${by.task} on ${by.node}, not on ${node}`];
    });
  });
}

export function leaksAtRest(cluster: Cluster): Rest['nodes'] {
  return [...cluster.nodes].map(([name, node]) => ({ name, leaks: leaksOf(node) }));
}

/** What a leader keeps beyond what its durable state accounts for. */
export function leaksOfLeaders({ schedulers }: Cluster): Rest['leaders'] {
  return [...schedulers.values()].flatMap(({ leading, process, history }) => {
    if (!leading || history === undefined) return [];
    const leaks = history.machine
      .sizes()
      .filter(({ size, most }) => size > most)
      .map(({ of, size, most }) => `${size} ${of}, not ${most}`);
    return [{ name: `leader ${process.name}`, leaks }];
  });
}

function restored(world: World): History {
  const config = schedulerConfig(world);
  const records = world.logs.read(journal, 1);
  if (records === 'gone') return new History(config, undefined);
  const fact = latestImage(records);
  const body = fact === undefined ? undefined : world.objects.get(fact.object);
  const from = fact === undefined || body === undefined ? undefined : { fact, body };
  const history = new History(config, from);
  for (const record of records) history.apply(record);
  return history;
}

function leaksOf({ machine }: Node): readonly string[] {
  if (machine === undefined) return [];
  const leaks: string[] = [];
  if (machine.turns.running > 0) leaks.push(`${machine.turns.running} turns`);
  if (!machine.tasks.idle) leaks.push('tasks');
  if (machine.alarms.size > alarmsMax) leaks.push(`${machine.alarms.size} alarms`);
  for (const actor of machine.actors.values()) {
    const { id, mailbox, waiting, open, dispatched, reads, memory } = actor;
    const sizes = { mailbox: mailbox.length, waiting: waiting.length, open: open.size };
    const timers = { queuedTimers: actor.queuedTimers.size, dueTimers: actor.dueTimers.size };
    const more = { dispatched: dispatched.length, reads: reads.size, ...timers };
    for (const [what, size] of Object.entries({ ...sizes, ...more })) {
      if (size > 0) leaks.push(`${size} in ${what} of ${id}`);
    }
    if ((memory?.outbox.size ?? 0) > 0) leaks.push(`letters of ${id}`);
    if ((memory?.timers.newsCount ?? 0) > 0) leaks.push(`news of timers of ${id}`);
  }
  return leaks;
}
