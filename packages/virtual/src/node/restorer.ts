/**
 * Brings an actor back: its last checkpoint, then its facts in the logs of its chain, in order, then
 * (where the checkpoint may lack any) in this node's own log.
 *
 * X7  a history that is not whole is never shorter: it is a fault of the cluster, and said.
 */
import { type Batch, BatchReader } from '@troupe/fabric/loop';
import type { StoredCheckpoint } from '@troupe/fabric/ports';
import {
  type ActorId,
  decode,
  encode,
  type Failure,
  failure,
  type Incarnation,
  type LogName,
  turnLogName,
} from '@troupe/model';
import {
  type CheckpointHead,
  headOf,
  type NodeEvent,
  type NodeFact,
  type NodeSend,
  reaches,
  readOnFrom,
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

const unreadMsMax = 2_000;

interface Stretch {
  readonly log: LogName;
  readonly from: number;
  readonly to: number | undefined;
}

interface Reading {
  readonly order: RestoreOrder;
  /** The last checkpoint, where an older one is taken, and where the records begin that this needs. */
  readonly instead?: { readonly of: StoredCheckpoint; readonly from: readonly Stretch[] };
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
    const { requests, checkpoints, coverage, moments, chance, network } = this.#world;
    moments.tell('restore', this.#process.host.name);
    if (order.chain.length === 2) coverage.reach('a chain of two');
    if (order.chain.length > 2) coverage.reach('a chain of three');
    if (order.handed !== undefined) return this.#takeHanded(order, order.handed);
    if (chance.chance(network.weather.unread ?? 0)) {
      this.#process.after(chance.spread(1, unreadMsMax), () => this.#isAway(order));
      return;
    }
    requests.untilAnswered(
      this.#process,
      'store',
      () => checkpoints.read(order.actor, order.birth),
      (checkpoint) => this.#begin(order, checkpoint),
    );
  }

  /** It takes too long, or is refused for a while: another try may find it. */
  #isAway({ actor, epoch }: RestoreOrder): void {
    this.#world.coverage.reach('an actor cannot be brought back for a while');
    const away = failure('UNAVAILABLE', `the store did not answer for ${actor}`);
    this.#post({ kind: 'restore-failed', actor, epoch, failure: away });
  }

  /** Nothing is read: whether it is what the actor has done is judged as ever. */
  #takeHanded({ actor, epoch }: RestoreOrder, checkpoint: StoredCheckpoint): void {
    const { coverage, checks } = this.#world;
    coverage.reach('an actor is brought back by what was handed over');
    checks.restored({ actor, epoch, node: this.#process.name, checkpoint, facts: [] });
    this.#post({ kind: 'restored', actor, epoch, facts: [], checkpoint });
  }

  #begin(order: RestoreOrder, last: StoredCheckpoint | undefined, isSound = false): void {
    const { coverage, mutant } = this.#world;
    const older = isSound ? undefined : this.#instead(order, last);
    const checkpoint = older ?? last;
    const head = headOf(checkpoint?.body, order.birth);
    const lastStay = mutant === 'last-stay-taken-for-all';
    const own = head?.epoch === order.epoch || (lastStay && head?.floor.log === this.ownLog);
    if (!own && head?.floor.log === this.ownLog && order.chain.length > 0) {
      coverage.reach('an actor that came back is read back over another node');
    }
    // With the log of the last one a part of what it did is missing.
    const by = mutant === 'older-one-with-the-log-of-the-last' ? last : checkpoint;
    const after = older === undefined ? order.uncoveredFrom : order.ownFrom;
    const stretches = this.#stretches(order, headOf(by?.body, order.birth), own, after);
    this.#world.trace?.say(
      this.#process.name,
      `reads ${order.actor} back: ${shown(stretches)}${older === undefined ? '' : ', by an older one'}`,
    );
    const reading: Reading = { order, checkpoint, stretches, facts: [] };
    if (older === undefined || last === undefined) return this.#read(reading);
    coverage.reach('an older checkpoint is taken for a damaged one');
    this.#read({ ...reading, instead: { of: last, from: [...stretches] } });
  }

  /** `after`: position of the own log up to which the checkpoint lacks nothing, none when it is not needed. */
  #stretches(
    order: RestoreOrder,
    head: CheckpointHead | undefined,
    own: boolean,
    after: number | undefined,
  ): Stretch[] {
    const stretches: Stretch[] = own ? [] : [...stretchesOf(order.chain, head)];
    if (after === undefined) return stretches;
    const from = readOnFrom(after, own ? head : undefined);
    return [...stretches, { log: this.ownLog, from, to: undefined }];
  }

  /** What is taken in the place of a damaged one. Where no older one leads to the same the last one is taken for
   *  sound: nothing could be promised of its actor. */
  #instead(order: RestoreOrder, last: StoredCheckpoint | undefined): StoredCheckpoint | undefined {
    const { checkpoints, logs, mutant } = this.#world;
    const { actor, birth, epoch } = order;
    if (last === undefined || headOf(last.body, birth) === undefined) return undefined;
    if (!checkpoints.isDamaged(actor, last.revision)) return undefined;
    const older = checkpoints.versions(actor).find((one) => {
      const head = one.revision < last.revision ? headOf(one.body, birth) : undefined;
      if (head === undefined || !reaches(order, head)) return false;
      const own = head.epoch === epoch;
      const stretches = this.#stretches(order, head, own, order.ownFrom);
      return stretches.every(({ log, from }) => logs.isWhole(log, from));
    });
    if (older !== undefined && mutant === 'sums-not-checked') return spoilt(last);
    return older;
  }

  /** What is read ahead is the same as what is read later, or older and read anew. */
  readAhead(actor: ActorId, told: (checkpoint: StoredCheckpoint | undefined) => void): void {
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
        const { order, instead } = reading;
        // What it needs was deleted while it was read: see `#instead`.
        if (instead !== undefined) return this.#begin(order, instead.of, true);
        this.#fail(reading, `${log} ends at ${end}, ${actor} needs it up to ${to ?? 'its end'}`);
        return;
      }
      reading.facts.push(...factsOf(actor, records));
      this.#read(reading);
    });
  }

  #done(reading: Reading): void {
    const { order, checkpoint, instead } = reading;
    // What it needs was trimmed while it was read: see `#instead`.
    if (instead?.from.every(({ log, from }) => this.#world.logs.isWhole(log, from)) === false) {
      return this.#begin(order, instead.of, true);
    }
    const facts = this.#world.mutant === 'restored-without-its-log' ? [] : reading.facts;
    const { actor, epoch } = order;
    if (!this.#isStale(reading)) {
      const node = this.#process.name;
      this.#world.checks.restored({ actor, epoch, node, checkpoint, facts });
    }
    const { seed: key } = order;
    const seed = key === undefined ? undefined : this.#world.checkpoints.get(key)?.body;
    const planted = seed === undefined ? {} : { seed };
    const last = instead?.of.revision;
    const said = last === undefined ? {} : { last, damaged: damageOf(actor, last) };
    const event = { kind: 'restored', actor, epoch, facts, ...planted, ...said } as const;
    if (checkpoint === undefined) return this.#post(event);
    this.#post({ ...event, checkpoint });
  }

  #fail(reading: Reading, text: string): void {
    const { actor, epoch } = reading.order;
    if (!this.#isStale(reading)) {
      return this.#world.checks.unreadable(actor, this.#process.name, text);
    }
    this.#post({ kind: 'restore-failed', actor, epoch, failure: failure('LOG_CORRUPT', text) });
  }

  /** A newer checkpoint stands there by now: what it covers may be gone. */
  #isStale({ order, checkpoint, instead }: Reading): boolean {
    const present = this.#world.checkpoints.get(order.actor)?.revision;
    const stale = present !== (instead?.of ?? checkpoint)?.revision;
    if (stale) this.#world.coverage.reach('a checkpoint is stored during a restore');
    return stale;
  }
}

function damageOf(actor: ActorId, revision: number): Failure {
  return failure('LOG_CORRUPT', `checkpoint ${revision} of "${actor}" holds other bytes`);
}

/** As if nobody had noticed: it has received less than it has. */
function spoilt(checkpoint: StoredCheckpoint): StoredCheckpoint {
  const body = decode<{ readonly memory: object }>(checkpoint.body);
  const memory = { ...body.memory, recv: [], sessions: [] };
  return { ...checkpoint, body: encode({ ...body, memory }) };
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
