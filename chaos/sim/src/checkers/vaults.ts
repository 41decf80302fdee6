/** What is durable of the actors of the scope that goes back in time: the present past of each, and nothing
 *  of what was abandoned. */
import {
  type ActorId,
  emptyClock,
  type Incarnation,
  type Line,
  type LineTarget,
  type LineTurn,
  limits,
  mergeClocks,
  type Strand,
  type VectorClock,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import type { NodeFact } from '@troupe/worker-node-core';
import { idIn } from '../node/form.ts';
import { isVault, vaultScope } from '../plan/vaults.ts';

export interface VaultTurn extends LineTurn {
  /** What it added to the state, if anything. */
  readonly id: string | undefined;
}

export interface Vault {
  readonly turns: VaultTurn[];
  begun: VectorClock | undefined;
  /** The turn that has begun has called somebody. */
  called: boolean;
  /** Highest number that a turn ever had, ended or not. */
  used: number;
}

export class Vaults {
  readonly all = new Map<ActorId, Vault>();
  /** Position of the fact by which they went back last. */
  incarnation = 0;
  /** To where they are to go back. */
  target: LineTarget | undefined;
  readonly savepoints = new Map<string, Line>();
  /** Highest number of a letter ever sent, by `from>to`. */
  readonly highest = new Map<string, number>();
  /** Calls from outside that have begun, ever. */
  readonly begun = new Set<string>();
  /** Calls of turns of the present past that nobody waits for any more, with how they ended unknown to their callers:
   *  whoever was called may run them yet. By caller and number, with the turn. */
  readonly #givenUp = new Map<string, { readonly caller: ActorId; readonly seq: number }>();
  /** Who is still to go back, and what they were until then. */
  readonly #returning = new Map<ActorId, Vault>();
  readonly #places = new Map<ActorId, { readonly epoch: number; readonly node: Incarnation }>();

  /** From when it is asked until all are back. */
  get isUnderWay(): boolean {
    return this.target !== undefined || this.#returning.size > 0;
  }

  of(actor: ActorId): Vault {
    const vault = this.all.get(actor) ?? { turns: [], begun: undefined, called: false, used: 0 };
    this.all.set(actor, vault);
    return vault;
  }

  /** Where it is, under its present epoch. */
  placeOf(actor: ActorId): { readonly epoch: number; readonly node: Incarnation } | undefined {
    return this.#places.get(actor);
  }

  /** What it was when its scope went back, until it has done so. */
  formerOf(actor: ActorId): Vault | undefined {
    return this.#returning.get(actor);
  }

  hasGivenUp(caller: ActorId, number: number): boolean {
    return this.#givenUp.has(`${caller}:${number}`);
  }

  /** The fact is a step of a going back. */
  isStep(fact: SchedulerFact): boolean {
    if (fact.kind === 'actor-rebased') return this.#returning.has(fact.actor);
    const isOne = fact.kind === 'rewind-begun' || fact.kind === 'scope-rewound';
    return isOne && fact.scope === vaultScope;
  }

  last(actor: ActorId): number {
    return this.all.get(actor)?.turns.at(-1)?.seq ?? 0;
  }

  /** Letters of one to another that are not taken, in order. */
  open(from: ActorId, to: ActorId, line?: Line): readonly number[] {
    const within = (actor: ActorId, seq: number) => seq <= (line?.[actor] ?? seq);
    const sent = this.of(from)
      .turns.filter(({ seq }) => within(from, seq))
      .flatMap((turn) => turn.sent.filter((letter) => letter.to === to));
    let taken = 0;
    for (const { seq, took } of this.of(to).turns) {
      if (took?.from === from && within(to, seq)) taken = Math.max(taken, took.number);
    }
    return sent.map(({ number }) => number).filter((number) => number > taken);
  }

  idsOf(actor: ActorId): readonly string[] {
    return idsIn(this.of(actor));
  }

  strands(): readonly Strand[] {
    return [...this.all].map(([actor, { turns }]) => {
      return { actor, base: { seq: 0, clock: emptyClock, taken: {}, letters: [] }, turns };
    });
  }

  journal(fact: SchedulerFact, position: number): void {
    switch (fact.kind) {
      case 'actor-created':
        if (isVault(fact.actor)) this.of(fact.actor);
        return;
      case 'actor-placed':
        if (isVault(fact.actor)) this.#places.set(fact.actor, { epoch: position, node: fact.node });
        return;
      case 'savepoint-made':
        if (fact.scope === vaultScope) this.savepoints.set(fact.savepoint, fact.line);
        return;
      case 'rewind-begun':
        if (fact.scope === vaultScope) this.target = fact.to;
        return;
      case 'rewind-refused':
        if (fact.scope === vaultScope) this.target = undefined;
        return;
      case 'actor-rebased':
        this.#returning.delete(fact.actor);
        return;
      case 'scope-rewound':
        if (fact.scope === vaultScope) this.#rewound(fact.line, position);
        return;
      default:
    }
  }

  turn(fact: NodeFact): void {
    if (!('seq' in fact) || fact.kind === 'actor-ended' || fact.kind === 'turn-yielded') return;
    const vault = this.of(fact.actor);
    if (fact.seq <= this.last(fact.actor)) return;
    vault.used = Math.max(vault.used, fact.seq);
    if (fact.clock !== undefined) vault.begun = mergeClocks(vault.begun ?? {}, fact.clock);
    else vault.begun ??= {};
    if (fact.kind === 'turn-recorded') {
      vault.called ||= fact.recorded.kind === 'call';
      if (fact.recorded.kind === 'call' && fact.recorded.outcome?.ok === false) {
        const { actor: caller, seq } = fact;
        const number = seq * (limits.turnStepsMax + 1) + fact.recorded.ordinal;
        this.#givenUp.set(`${caller}:${number}`, { caller, seq });
      }
      return;
    }
    if (fact.cause.kind === 'call') this.begun.add(callOf(fact.cause));
    if (fact.kind !== 'turn') return;
    for (const { to, number } of fact.letters) this.highest.set(`${fact.actor}>${to}`, number);
    const { cause, seq, delta, letters, letterEnd } = fact;
    // One that is tried again is not taken.
    const isTaken = cause.kind === 'letter' && letterEnd?.kind !== 'again';
    const clock = vault.begun ?? {};
    vault.begun = undefined;
    vault.called = false;
    const took = isTaken ? { took: { from: cause.from, number: cause.number } } : {};
    const id = delta === undefined ? undefined : idIn(delta);
    vault.turns.push({ seq, clock, id, sent: letters, ...took });
  }

  #rewound(line: Line, position: number): void {
    this.incarnation = position;
    this.target = undefined;
    for (const [call, { caller, seq }] of this.#givenUp) {
      if (seq > (line[caller] ?? 0)) this.#givenUp.delete(call);
    }
    for (const [actor, vault] of this.all) {
      this.#returning.set(actor, { ...vault, turns: [...vault.turns] });
      const place = this.#places.get(actor);
      if (place !== undefined) this.#places.set(actor, { ...place, epoch: position });
      const seq = line[actor] ?? 0;
      const { begun, called } = vault;
      const isBack = seq < this.last(actor);
      const goesOn = !isBack && !called && isWithin(begun ?? {}, line, actor);
      vault.turns.splice(0, vault.turns.length, ...vault.turns.filter((turn) => turn.seq <= seq));
      if (goesOn) continue;
      vault.begun = undefined;
      vault.called = false;
      // Numbers that were abandoned are not used again, and to have gone back has one.
      const last = vault.used + (isBack ? 1 : 0);
      if (last <= seq) continue;
      vault.used = last;
      vault.turns.push({ seq: last, clock: {}, id: undefined, sent: [] });
    }
  }
}

/** What its turns have added to its state, in order. */
export function idsIn({ turns }: Vault): readonly string[] {
  return turns.flatMap(({ id }) => (id === undefined ? [] : [id]));
}

function isWithin(clock: VectorClock, line: Line, but: ActorId): boolean {
  return Object.entries(clock).every(([actor, known]) => {
    return actor === but || known <= (line[actor as ActorId] ?? known);
  });
}

export function callOf({ session, number }: { session: string; number: number }): string {
  return `${session}:${number}`;
}

/** True of what is told about one of them, or by it. */
export function isOfVault(message: object): boolean {
  const { actor, to, from } = message as { actor?: unknown; to?: unknown; from?: unknown };
  return isVaultId(actor) || isVaultId(to) || isVaultId(from);
}

function isVaultId(id: unknown): boolean {
  return typeof id === 'string' && isVault(id);
}
