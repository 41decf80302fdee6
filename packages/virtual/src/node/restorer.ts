/**
 * Brings an actor back: its last checkpoint, then its facts in the logs of its chain, in order, then
 * in this node's own log.
 *
 * X7  a history that is not whole is never shorter: it is a fault of the cluster, and said.
 */
import { type Batch, BatchReader } from '@troupe/fabric/loop';
import type { StoredCheckpoint } from '@troupe/fabric/ports';
import {
  type ActorId,
  decode,
  failure,
  type Incarnation,
  type LogName,
  turnLogName,
} from '@troupe/model';
import {
  headOf,
  type NodeEvent,
  type NodeFact,
  type NodeSend,
  stretchesOf,
} from '@troupe/worker-node-core';
import { LogAccess } from '../store/log-access.ts';
import type { Stored } from '../store/log-server.ts';
import type { Process } from '../world/process.ts';
import { shown } from '../world/trace.ts';
import type { World } from '../world/world.ts';

type RestoreOrder = Extract<NodeSend, { kind: 'restore' }>;
type Restored =
  | Omit<Extract<NodeEvent, { kind: 'restored' }>, 'wall'>
  | Omit<Extract<NodeEvent, { kind: 'restore-failed' }>, 'wall'>;

interface Stretch {
  readonly log: LogName;
  readonly from: number;
  readonly to: number | undefined;
}

interface Reading {
  readonly order: RestoreOrder;
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly stretches: Stretch[];
  readonly facts: NodeFact[];
}

export class Restorer {
  readonly ownLog: LogName;
  readonly #world: World;
  readonly #process: Process;
  readonly #access: LogAccess;
  readonly #post: (event: Restored) => void;

  constructor(
    world: World,
    process: Process,
    incarnation: Incarnation,
    post: (event: Restored) => void,
  ) {
    this.#world = world;
    this.#process = process;
    this.#access = new LogAccess(world, process);
    this.ownLog = turnLogName(incarnation);
    this.#post = post;
  }

  restore(order: RestoreOrder): void {
    const { requests, checkpoints, coverage, moments } = this.#world;
    moments.tell('restore', this.#process.host.name);
    if (order.chain.length === 2) coverage.reach('a chain of two');
    if (order.chain.length > 2) coverage.reach('a chain of three');
    requests.untilAnswered(
      this.#process,
      'store',
      () => checkpoints.read(order.actor, order.birth),
      (checkpoint) => {
        const head = headOf(checkpoint?.body, order.birth);
        const lastStay = this.#world.mutant === 'last-stay-taken-for-all';
        const own = head?.epoch === order.epoch || (lastStay && head?.floor.log === this.ownLog);
        const stretches: Stretch[] = own ? [] : [...stretchesOf(order.chain, head)];
        if (!own && head?.floor.log === this.ownLog && order.chain.length > 0) {
          coverage.reach('an actor that came back is read back over another node');
        }
        const from = own ? head.floor.position + 1 : order.ownFrom + 1;
        if (order.ownLog) stretches.push({ log: this.ownLog, from, to: undefined });
        this.#world.trace?.say(
          this.#process.name,
          `reads ${order.actor} back: ${shown(stretches)}`,
        );
        const reading: Reading = { order, checkpoint, stretches, facts: [] };
        this.#read(reading);
      },
    );
  }

  /** What is read ahead is the same as what is read later, or older and read anew. */
  readAhead(actor: ActorId, told: () => void): void {
    const { requests, checkpoints } = this.#world;
    requests.untilAnswered(this.#process, 'store', () => checkpoints.get(actor), told);
  }

  #read(reading: Reading): void {
    const stretch = reading.stretches.shift();
    if (stretch === undefined) return this.#done(reading);
    const { log, from, to } = stretch;
    const { actor } = reading.order;
    this.#access.read(log, from, to, (records) => {
      const end = records === 'gone' ? 0 : (records.at(-1)?.position ?? from - 1);
      if (records === 'gone' || (to !== undefined && end < to)) {
        this.#fail(reading, `${log} ends at ${end}, ${actor} needs it up to ${to ?? 'its end'}`);
        return;
      }
      reading.facts.push(...factsOf(actor, records));
      this.#read(reading);
    });
  }

  #done(reading: Reading): void {
    const { order, checkpoint } = reading;
    const facts = this.#world.mutant === 'restored-without-its-log' ? [] : reading.facts;
    const { actor, epoch } = order;
    if (!this.#isStale(reading)) {
      const node = this.#process.name;
      this.#world.checks.restored({ actor, epoch, node, checkpoint, facts });
    }
    const event = { kind: 'restored', actor, epoch, facts } as const;
    if (checkpoint === undefined) return this.#post(event);
    const { body, revision, base } = checkpoint;
    const read = base === undefined ? { body, revision } : { body, revision, base };
    this.#post({ ...event, checkpoint: read });
  }

  #fail(reading: Reading, text: string): void {
    const { actor, epoch } = reading.order;
    if (!this.#isStale(reading)) {
      return this.#world.checks.unreadable(actor, this.#process.name, text);
    }
    this.#post({ kind: 'restore-failed', actor, epoch, failure: failure('LOG_CORRUPT', text) });
  }

  /** A newer checkpoint stands there by now: what it covers may be gone. */
  #isStale({ order, checkpoint }: Reading): boolean {
    const present = this.#world.checkpoints.get(order.actor)?.revision;
    const stale = present !== checkpoint?.revision;
    if (stale) this.#world.coverage.reach('a checkpoint is stored during a restore');
    return stale;
  }
}

function factsOf(actor: ActorId, records: readonly Stored[]): NodeFact[] {
  const reader = new BatchReader<NodeFact>();
  const found: NodeFact[] = [];
  for (const record of records) {
    if (record.kind !== 'rec') continue;
    for (const fact of reader.push(decode<Batch<NodeFact>>(record.body))) {
      if (fact.kind !== 'barrier' && fact.actor === actor) found.push(fact);
    }
  }
  return found;
}
