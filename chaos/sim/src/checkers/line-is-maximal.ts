/**
 * A savepoint is a line: of a letter or an answered call it has no side without the other, as it happened; nobody
 * goes further back than the best line through what was durable when it was asked for; and what is
 * read at it is what there was.
 */
import {
  type ActorId,
  decodeValue,
  emptyClock,
  isBeyondKept,
  isTracked,
  type Line,
  type LineTurn,
  maximalLine,
  mergeClocks,
  type RequestBody,
  type Strand,
  type VectorClock,
} from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';
import { idIn } from '../node/form.ts';
import { commonScope } from '../plan/savepoints.ts';
import type { MakeChecker, Violate } from './checker.ts';
import { causeKey, type Truth } from './truth.ts';

type Turn = readonly [ActorId, number];
type Begun = { readonly clock: VectorClock; readonly calls: readonly string[] };

interface Past {
  /** Its first turn comes after this one: where one of its name was destroyed before it. */
  readonly base: number;
  readonly turns: LineTurn[];
  /** How long the state was after each turn. */
  readonly lengths: number[];
  begun: Begun;
}

const nothingBegun: Begun = { clock: emptyClock, calls: [] };
/** Turn numbers are in the numbers of awaited calls. */
const numbersPerTurn = 65_536;

export const lineIsMaximal: MakeChecker = (truth, violate) => {
  const pasts = new Map<ActorId, Past>();
  /** Those that were destroyed, and how long their states were: a line has nothing to do with them, nor
   *  with who has their names now. */
  const ended = new Map<ActorId, { readonly past: Past; readonly ids: readonly string[] }[]>();
  /** Who has the first turn before a line has the second one too. */
  const ties: (readonly [Turn, Turn])[] = [];
  const sentIn = new Map<string, number>();
  /** By savepoint, what was durable when a leader was first asked for it. */
  const before = new Map<string, { readonly line: Line; readonly ends: number }>();
  /** Who has ended, until another one has the name. */
  const gone = new Set<ActorId>();
  let ends = 0;
  const pastOf = (actor: ActorId): Past => {
    const fresh = { base: 0, turns: [], lengths: [0], begun: nothingBegun };
    const known = pasts.get(actor) ?? fresh;
    pasts.set(actor, known);
    return known;
  };
  const end = (actor: ActorId, seq: number): void => {
    const past = pastOf(actor);
    if (seq <= past.base + past.turns.length) return;
    gone.add(actor);
    ends += 1;
    const ids = [...(truth.actors.get(actor)?.ids ?? [])];
    ended.set(actor, [...(ended.get(actor) ?? []), { past, ids }]);
    pasts.set(actor, { base: seq, turns: [], lengths: [0], begun: nothingBegun });
  };
  return {
    turnFact(fact) {
      if (fact.kind === 'actor-ended') return end(fact.actor, fact.seq);
      // A run has actors of its own.
      if (!('seq' in fact) || truth.actors.get(fact.actor)?.scope !== commonScope) return;
      const past = pastOf(fact.actor);
      if (fact.seq <= past.base + past.turns.length) return;
      past.begun = added(past.begun, fact);
      if (fact.kind !== 'turn') return;
      for (const tie of tiesOf(truth, fact, { sentIn, calls: past.begun.calls })) ties.push(tie);
      for (const { to, number } of fact.letters) {
        sentIn.set(`${fact.actor} ${to} ${number}`, fact.seq);
      }
      past.turns.push({ seq: fact.seq, clock: past.begun.clock, sent: [] });
      past.lengths.push(
        (past.lengths.at(-1) ?? 0) +
          (fact.delta === undefined || idIn(fact.delta) === undefined ? 0 : 1),
      );
      past.begun = nothingBegun;
    },
    sent(_from, _subject, message) {
      const body = 'body' in message ? (message.body as RequestBody) : undefined;
      if (body?.kind !== 'make-savepoint' || before.has(body.savepoint)) return;
      before.set(body.savepoint, { line: durableLine(pasts), ends });
    },
    journalFact(fact) {
      if (fact.kind === 'actor-created' && fact.scope === commonScope) gone.delete(fact.actor);
      if (fact.kind !== 'savepoint-made' || fact.scope !== commonScope) return;
      const isHere = ([actor]: Turn) => pasts.has(actor) && !gone.has(actor);
      checkTies(
        // What one knew that was destroyed binds nobody.
        ties.filter(([of, to]) => isHere(of) && isHere(to) && of[1] > pastOf(of[0]).base),
        fact.line,
        violate,
      );
      const asked = before.get(fact.savepoint);
      // Of who has ended since nothing is to be had.
      if (asked?.ends !== ends) return;
      const here = new Map([...pasts].filter(([actor]) => !gone.has(actor)));
      checkMaximal(here, { asked: asked.line, line: fact.line }, violate);
    },
    answered({ operation, outcome }) {
      if (operation.kind !== 'read' || operation.atTurn === undefined || !outcome.ok) return;
      const { actor, atTurn } = operation;
      if (truth.actors.get(actor)?.scope !== commonScope) return;
      const seen = decodeValue(outcome.value) as readonly string[];
      const ids = stateAt(pasts.get(actor), truth.actors.get(actor)?.ids, atTurn);
      if (JSON.stringify(seen) === JSON.stringify(ids)) return;
      // One that was destroyed since had answered.
      for (const one of ended.get(actor) ?? []) {
        if (JSON.stringify(seen) === JSON.stringify(stateAt(one.past, one.ids, atTurn))) return;
      }
      violate(`${actor} after turn ${atTurn} had ${ids.length} entries, ${seen.length} are read`);
    },
  };
};

function stateAt(
  past: Past | undefined,
  ids: readonly string[] | undefined,
  turn: number,
): readonly string[] {
  return ids?.slice(0, past?.lengths[turn - past.base] ?? 0) ?? [];
}

function added({ clock, calls }: Begun, fact: NodeFact): Begun {
  if (!('clock' in fact) && fact.kind !== 'turn-recorded') return { clock, calls };
  return {
    clock: 'clock' in fact && fact.clock !== undefined ? mergeClocks(clock, fact.clock) : clock,
    calls: fact.kind === 'turn-recorded' && isAnswered(fact) ? [...calls, calleeOf(fact)] : calls,
  };
}

/** A call that was given up, since nobody answered it in time, is like a letter on its way: its turn knows
 *  nothing of the one that it may have led to, and a moment lies between them. */
function isAnswered({ recorded }: Extract<NodeFact, { kind: 'turn-recorded' }>): boolean {
  if (recorded.kind !== 'call' || recorded.outcome === undefined) return false;
  return recorded.outcome.ok || recorded.outcome.failure.code !== 'OUTCOME_UNKNOWN';
}

/** The called actor, and the number of the call. */
function calleeOf(fact: Extract<NodeFact, { kind: 'turn-recorded' }>): string {
  const { name, ordinal } = fact.recorded;
  const tenant = fact.actor.slice(0, fact.actor.indexOf('/'));
  const actor = `${tenant}/${name.slice(0, name.lastIndexOf('.'))}`;
  return `${actor} ${fact.seq * numbersPerTurn + ordinal}`;
}

function* tiesOf(
  truth: Truth,
  { actor, seq, cause }: Extract<NodeFact, { kind: 'turn' }>,
  known: { readonly sentIn: ReadonlyMap<string, number>; readonly calls: readonly string[] },
): Iterable<readonly [Turn, Turn]> {
  const here: Turn = [actor, seq];
  const caller = cause.kind === 'call' ? /^actor:(.*)#\d+$/.exec(cause.session)?.[1] : undefined;
  if (cause.kind === 'letter') {
    const sent = known.sentIn.get(`${cause.from} ${actor} ${cause.number}`);
    if (sent !== undefined) yield [here, [cause.from, sent]];
  } else if (cause.kind === 'call' && caller !== undefined) {
    yield [here, [caller as ActorId, Math.floor(cause.number / numbersPerTurn)]];
  }
  const { birth } = truth.actors.get(actor) ?? {};
  for (const call of known.calls) {
    const [callee = '', number] = call.split(' ');
    const key = causeKey({
      kind: 'call',
      session: `actor:${actor}#${birth}` as never,
      number: Number(number),
      low: 0,
    });
    const turn = truth.actors.get(callee as ActorId)?.turns.get(key);
    if (turn !== undefined) yield [here, [callee as ActorId, turn.seq]];
  }
}

function checkTies(ties: readonly (readonly [Turn, Turn])[], line: Line, violate: Violate): void {
  for (const [[actor, seq], [other, needed]] of ties) {
    if (seq > (line[actor] ?? 0) || needed <= (line[other] ?? 0)) continue;
    return violate(
      `turn ${seq} of ${actor} is before a line, and turn ${needed} of ${other}, which it needs, is not`,
    );
  }
}

function durableLine(pasts: ReadonlyMap<ActorId, Past>): Line {
  return Object.fromEntries(
    [...pasts].map(([actor, { base, turns }]) => [actor, base + turns.length]),
  );
}

function checkMaximal(
  pasts: ReadonlyMap<ActorId, Past>,
  { asked, line }: { readonly asked: Line; readonly line: Line },
  violate: Violate,
): void {
  const strands = [...pasts].map(([actor, { base, turns }]): Strand => {
    return { actor, base: { seq: base, clock: emptyClock, taken: {}, letters: [] }, turns };
  });
  if (strands.some(({ turns }) => turns.some(({ clock }) => !isTracked(clock)))) return;
  const everybody = Object.fromEntries(strands.map(({ actor }) => [actor, asked[actor] ?? 0]));
  const best = maximalLine(strands, everybody);
  if (isBeyondKept(best)) return;
  for (const [actor, seq] of Object.entries(best)) {
    if ((line[actor as ActorId] ?? 0) >= seq) continue;
    return violate(
      `a line goes back to turn ${line[actor as ActorId] ?? 0} of ${actor}, turn ${seq} was to be had`,
    );
  }
}
