/** All checkers on one run: what the world sees is handed to each, and the first violation counts. */
import { type Batch, BatchReader } from '@troupe/fabric/loop';
import {
  type ActorId,
  type BundleHash,
  decode,
  type Incarnation,
  type LogName,
  type Released,
  type Term,
} from '@troupe/model';
import type { SchedulerConfig, SchedulerFact, SchedulerMachine } from '@troupe/scheduler-core';
import type { Onlooker, Process, Stored } from '@troupe/virtual';
import type { NodeFact } from '@troupe/worker-node-core';
import type { Manifests } from '../plan/bundles.ts';
import type { Scene } from '../plan/scene.ts';
import type { Coverage } from '../world/coverage.ts';
import { acknowledgedIsDurable } from './acknowledged-is-durable.ts';
import { answersById } from './answers-by-id.ts';
import { asAsked } from './as-asked.ts';
import { asWished } from './as-wished.ts';
import { blamedForItsOwn } from './blamed-for-its-own.ts';
import type {
  Answered,
  Attempted,
  Checker,
  Configured,
  Effect,
  MakeChecker,
  Ran,
  Rest,
  Restored,
} from './checker.ts';
import { codeOfItsState } from './code-of-its-state.ts';
import { configuredAsBegun } from './configured-as-begun.ts';
import { consistentCut } from './consistent-cut.ts';
import { dagOrder } from './dag-order.ts';
import { deadLettersKept } from './dead-letters-kept.ts';
import { effectOnce } from './effect-once.ts';
import { endsWithItsOwner } from './ends-with-its-owner.ts';
import { exactResults } from './exact-results.ts';
import { fairShares } from './fair-shares.ts';
import { gangAllOrNone } from './gang-all-or-none.ts';
import { givenUpInOrder } from './given-up-in-order.ts';
import { goesOnFromTheLine } from './goes-on-from-the-line.ts';
import { keyNamesOneCall } from './key-names-one-call.ts';
import { keySights } from './key-sights.ts';
import { lastGivesWay } from './last-gives-way.ts';
import { letterSights } from './letter-sights.ts';
import { lifeSights } from './life-sights.ts';
import { lineIsMaximal } from './line-is-maximal.ts';
import { lineSights } from './line-sights.ts';
import { livesEachOnce } from './lives-each-once.ts';
import { lowerGivesWay } from './lower-gives-way.ts';
import { movedWithinBounds } from './moved-within-bounds.ts';
import { noDoubleReservation } from './no-double-reservation.ts';
import { noLeak } from './no-leak.ts';
import { nothingFromThePast } from './nothing-from-the-past.ts';
import { oneActivation } from './one-activation.ts';
import { oneForEachKey } from './one-for-each-key.ts';
import { oneLeaderPerTerm } from './one-leader-per-term.ts';
import { oneWriterPerLog, writerOf } from './one-writer-per-log.ts';
import { perSenderOrder } from './per-sender-order.ts';
import { placeSights } from './place-sights.ts';
import { progress } from './progress.ts';
import { quotasKept } from './quotas-kept.ts';
import { readsAreFresh } from './reads-are-fresh.ts';
import { refusedDidNothing } from './refused-did-nothing.ts';
import { replayEqualsLive } from './replay-equals-live.ts';
import { replayOfScopes } from './replay-of-scopes.ts';
import { reservedIsThere } from './reserved-is-there.ts';
import { resultOnce } from './result-once.ts';
import { rewindIsMaximal } from './rewind-is-maximal.ts';
import { runSights } from './run-sights.ts';
import { runUndoneInReverse } from './run-undone-in-reverse.ts';
import { sameWinner } from './same-winner.ts';
import { sharesWithin } from './shares-within.ts';
import { sights } from './sights.ts';
import { signalOnce } from './signal-once.ts';
import { sizesWithinBounds } from './sizes-within-bounds.ts';
import { soonestFirst } from './soonest-first.ts';
import { taskSights } from './task-sights.ts';
import { timerNeverEarly } from './timer-never-early.ts';
import { timerSights } from './timer-sights.ts';
import { topicEachOnce } from './topic-each-once.ts';
import { topicSights } from './topic-sights.ts';
import { Truth } from './truth.ts';
import { undoneInReverse } from './undone-in-reverse.ts';
import { valuesInOrder } from './values-in-order.ts';
import { vaultSights } from './vault-sights.ts';
import { isOfVault } from './vaults.ts';
import { wishesKept } from './wishes-kept.ts';
import { witnessBelieved } from './witness-believed.ts';

/** A feature that comes later brings its promise as one more line here. */
const makers: { readonly [name: string]: MakeChecker } = {
  'one-leader-per-term': oneLeaderPerTerm,
  'one-writer-per-log': oneWriterPerLog,
  'one-activation': oneActivation,
  'effect-once': effectOnce,
  'per-sender-order': perSenderOrder,
  'acknowledged-is-durable': acknowledgedIsDurable,
  'refused-did-nothing': refusedDidNothing,
  'topic-each-once': topicEachOnce,
  'lives-each-once': livesEachOnce,
  'consistent-cut': consistentCut,
  'line-is-maximal': lineIsMaximal,
  'reads-are-fresh': readsAreFresh,
  'dead-letters-kept': deadLettersKept,
  'one-for-each-key': oneForEachKey,
  'key-names-one-call': keyNamesOneCall,
  'signal-once': signalOnce,
  'same-winner': sameWinner,
  'undone-in-reverse': undoneInReverse,
  'run-undone-in-reverse': runUndoneInReverse,
  'blamed-for-its-own': blamedForItsOwn,
  'result-once': resultOnce,
  'dag-order': dagOrder,
  'exact-results': exactResults,
  'answers-by-id': answersById,
  'no-double-reservation': noDoubleReservation,
  'reserved-is-there': reservedIsThere,
  'last-gives-way': lastGivesWay,
  'given-up-in-order': givenUpInOrder,
  'as-asked': asAsked,
  'as-wished': asWished,
  'ends-with-its-owner': endsWithItsOwner,
  'configured-as-begun': configuredAsBegun,
  'code-of-its-state': codeOfItsState,
  'gang-all-or-none': gangAllOrNone,
  'wishes-kept': wishesKept,
  'values-in-order': valuesInOrder,
  'lower-gives-way': lowerGivesWay,
  'quotas-kept': quotasKept,
  'soonest-first': soonestFirst,
  'nothing-from-the-past': nothingFromThePast,
  'witness-believed': witnessBelieved,
  'moved-within-bounds': movedWithinBounds,
  'sizes-within-bounds': sizesWithinBounds,
  'timer-never-early': timerNeverEarly,
  'fair-shares': fairShares,
  'shares-within': sharesWithin,
  'replay-equals-live': replayEqualsLive,
  progress,
  'no-leak': noLeak,
};

/** Of actors whose scope goes back in time: to every other checker what they do is a breach. */
const vaultMakers: { readonly [name: string]: MakeChecker } = {
  'rewind-is-maximal': rewindIsMaximal,
  'goes-on-from-the-line': goesOnFromTheLine,
  'replay-equals-live': replayOfScopes,
};

/** What is noticed beside the checkers: by a machine itself, and by whoever reads a log. */
const others = ['machine-invariants', 'history-is-whole'];

export const checkerNames: readonly string[] = [
  ...new Set([...Object.keys(makers), ...Object.keys(vaultMakers), ...others]),
];

/** Which checkers end a run: all of them, one alone, or none. */
export interface CheckWishes {
  readonly checker?: string | undefined;
  readonly goesOn?: boolean | undefined;
}

export interface Violation {
  readonly checker: string;
  readonly text: string;
  readonly at: number;
  /** Whose doing showed it: a process, or `*` when all had come to rest. */
  readonly who: string;
}

/** Who hears what: most of what happens concerns a few of many. */
type Ears = { readonly [H in keyof Checker]-?: readonly Required<Checker>[H][] };

export class Checks implements Onlooker {
  readonly truth: Truth;
  /** The first one that ends the run. */
  violation: Violation | undefined;
  /** The first of each checker. */
  readonly noticed = new Map<string, Violation>();
  readonly #now: () => number;
  readonly #wishes: CheckWishes;
  readonly #manifests: Manifests;
  readonly #ears: Ears;
  readonly #vaultEars: Ears;
  #who = '*';
  readonly #readers = new Map<LogName, BatchReader<SchedulerFact | NodeFact>>();

  constructor(
    config: SchedulerConfig,
    given: {
      readonly coverage: Coverage;
      readonly now: () => number;
      readonly manifests: Manifests;
      readonly scene: Scene | undefined;
    } & CheckWishes,
  ) {
    const { coverage, now, manifests, scene } = given;
    this.truth = new Truth(config, now, manifests, scene);
    this.#now = now;
    this.#wishes = given;
    this.#manifests = manifests;
    const made = (makers: { readonly [name: string]: MakeChecker }): Checker[] => {
      return Object.entries(makers).map(([name, make]) =>
        make(this.truth, (text) => this.violate(name, text)),
      );
    };
    const checkers = made(makers);
    this.#vaultEars = earsOf(made(vaultMakers));
    const all = [
      sights,
      runSights,
      taskSights,
      placeSights,
      timerSights,
      lineSights,
      letterSights,
      keySights,
      lifeSights,
      vaultSights,
      topicSights,
    ];
    const looks = all.map((look) => look(this.truth, coverage));
    this.#ears = earsOf([...checkers, ...looks]);
  }

  violate(checker: string, text: string): void {
    const violation = { checker, text, at: this.#now(), who: this.#who };
    if (!this.noticed.has(checker)) this.noticed.set(checker, violation);
    const { checker: alone = checker, goesOn } = this.#wishes;
    if (goesOn !== true && alone === checker) this.violation ??= violation;
  }

  /** What an actor needs is not there; that harms nobody when its reader was fenced. */
  unreadable(actor: ActorId, node: string, text: string): void {
    this.#who = node;
    if (this.truth.actors.get(actor)?.node === node) this.violate('history-is-whole', text);
  }

  /** A machine broke an invariant of its own, or threw. */
  bug(process: string, reason: unknown): void {
    this.#who = process;
    const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    this.violate('machine-invariants', `${process}: ${text}`);
  }

  /** A record stands in a log now. */
  stored(log: LogName, record: Stored): void {
    this.#who = writerOf(record.id);
    for (const hear of this.#ears.record) hear(log, record);
    if (record.kind !== 'rec') return;
    const reader = this.#readers.get(log) ?? new BatchReader<SchedulerFact | NodeFact>(0);
    this.#readers.set(log, reader);
    try {
      const batch = decode<Batch<SchedulerFact | NodeFact>>(record.body);
      let position = reader.nextFact;
      for (const fact of reader.push(batch)) {
        if (log.startsWith('journal')) this.#journalFact(fact as SchedulerFact, position, record);
        else this.#turnFact(fact as NodeFact, log, record);
        position += 1;
      }
    } catch (thrown) {
      this.violate('history-is-whole', `${log} at ${record.position}: ${String(thrown)}`);
    }
  }

  sent(from: string, subject: string, message: object): void {
    this.#who = from;
    this.truth.asked.sent(message);
    this.truth.keyed.sent(message);
    if ('kind' in message && message.kind === 'released') this.truth.released(message as Released);
    this.truth.owners.sent(message);
    if (isOfVault(message)) return;
    for (const hear of this.#ears.sent) hear(from, subject, message);
  }

  answered(answer: Answered): void {
    this.#who = answer.client;
    const ears = isOfVault(answer.operation) ? this.#vaultEars : this.#ears;
    for (const hear of ears.answered) hear(answer);
  }

  tookAll(actor: ActorId, cause: string, values: readonly Uint8Array[]): void {
    this.#who = cause;
    for (const hear of this.#ears.tookAll) hear({ actor, cause, values });
  }

  effect(effect: Effect): void {
    this.#who = effect.node;
    if (isOfVault(effect)) return;
    for (const hear of this.#ears.effect) hear(effect);
  }

  configured(configured: Configured): void {
    this.#who = configured.node;
    if (isOfVault(configured)) return;
    for (const hear of this.#ears.configured) hear(configured);
  }

  /** Also of actors whose scope goes back: then its code goes back too. */
  ran({ bundle, ...ran }: Omit<Ran, 'version'> & { readonly bundle: BundleHash }): void {
    this.#who = ran.node;
    const version = this.#manifests.versionOf(bundle);
    for (const hear of this.#ears.ran) hear({ ...ran, version });
  }

  attempted(attempted: Attempted): void {
    this.#who = attempted.node;
    for (const hear of this.#ears.attempted) hear(attempted);
  }

  crashed(node: string, callIds: readonly string[]): void {
    this.#who = node;
    for (const hear of this.#ears.crashed) hear(callIds);
  }

  restored(restored: Restored): void {
    this.#who = restored.node;
    const ears = isOfVault(restored) ? this.#vaultEars : this.#ears;
    for (const hear of ears.restored) hear(restored);
  }

  /** A term begins in this process. */
  leads(process: Process): void {
    this.truth.owners.leads();
    this.truth.ledSince.set(process.name, process.now());
    this.truth.ledFrom.set(process.name, this.#now());
  }

  obeyed(process: string, term: Term): void {
    this.#who = process;
    for (const hear of this.#ears.obeyed) hear(process, term);
  }

  testified(process: string, node: Incarnation): void {
    this.#who = process;
    for (const hear of this.#ears.testified) hear(process, node);
  }

  activated(actor: ActorId, ids: readonly string[], node: string): void {
    this.#who = node;
    const ears = isOfVault({ actor }) ? this.#vaultEars : this.#ears;
    for (const hear of ears.activated) hear(actor, ids, node);
  }

  followed(process: string, machine: SchedulerMachine): void {
    this.#who = process;
    for (const hear of this.#ears.followed) hear(process, machine);
  }

  atRest(rest: Rest): void {
    this.#who = '*';
    for (const hear of this.#ears.atRest) hear(rest);
    for (const hear of this.#vaultEars.atRest) hear(rest);
  }

  #journalFact(fact: SchedulerFact, position: number, record: Stored): void {
    for (const hear of this.#ears.journalFact) hear(fact, position, record);
    for (const hear of this.#vaultEars.journalFact) hear(fact, position, record);
    this.truth.journal(fact, position);
  }

  #turnFact(fact: NodeFact, log: LogName, record: Stored): void {
    const isVaults = isOfVault(fact);
    const ears = isVaults ? this.#vaultEars : this.#ears;
    for (const hear of ears.turnFact) hear(fact, log, record);
    if (isVaults) this.truth.vaults.turn(fact);
    else this.truth.turn(fact);
  }
}

function earsOf(checkers: readonly Checker[]): Ears {
  const of = <H extends keyof Checker>(hear: H): Required<Checker>[H][] =>
    checkers.flatMap((checker) => {
      const own = checker[hear];
      return own === undefined ? [] : [own.bind(checker) as Required<Checker>[H]];
    });
  return {
    record: of('record'),
    journalFact: of('journalFact'),
    turnFact: of('turnFact'),
    sent: of('sent'),
    answered: of('answered'),
    tookAll: of('tookAll'),
    effect: of('effect'),
    configured: of('configured'),
    ran: of('ran'),
    attempted: of('attempted'),
    crashed: of('crashed'),
    restored: of('restored'),
    obeyed: of('obeyed'),
    testified: of('testified'),
    activated: of('activated'),
    followed: of('followed'),
    atRest: of('atRest'),
  };
}
