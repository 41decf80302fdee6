import {
  type ActorId,
  actorId,
  clockChanges,
  emptyClock,
  inTransit,
  isBeyondKept,
  type LetterPlace,
  type Line,
  type LineTurn,
  lastWithin,
  maximalLine,
  mergeClocks,
  type Strand,
  tickClock,
  type VectorClock,
  withoutEnded,
} from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** What ties one turn to another, as it happened: no clock is asked. */
interface Tie {
  /** Whoever has this turn before a line … */
  readonly turn: readonly [ActorId, number];
  /** … has this one too. */
  readonly needs: readonly [ActorId, number];
}

interface SentLetter extends LetterPlace {
  readonly sentIn: number;
  takenIn: number | undefined;
}

interface History {
  readonly strands: readonly Strand[];
  readonly ties: readonly Tie[];
  readonly letters: readonly SentLetter[];
  /** Who was destroyed, under the number of its end. */
  readonly ended: VectorClock;
  /** How often it was forgotten. */
  readonly forgotten: number;
}

interface Player {
  readonly id: ActorId;
  clock: VectorClock;
  seq: number;
  /** The clock after the last turn that has ended. */
  ended: VectorClock;
  readonly turns: LineTurn[];
  turn: OpenTurn | undefined;
  readonly calls: Call[];
}

interface OpenTurn {
  readonly call: Call | undefined;
  readonly took: LineTurn['took'];
  readonly letters: ActorId[];
  awaits: boolean;
}

interface Call {
  readonly from: Player;
  readonly clock: VectorClock;
}

/** One random number a choice: which actor goes on, and what it does. Long enough that who goes back takes
 *  along somebody who was looked at before him. */
const choices = fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.nat(3)), {
  minLength: 5,
  maxLength: 50,
  size: 'max',
});

describe('a line', () => {
  test('is the greatest consistent one, by comparison with every line that there is', () => {
    fc.assert(
      fc.property(choices, fc.nat(3), fc.nat(20), (drawn, which, turn) => {
        const history = play(drawn);
        const chosen = history.strands[which % history.strands.length];
        if (chosen === undefined) return;
        const bound = { [chosen.actor]: turn % (chosen.turns.length + 1) };
        const found = maximalLine(history.strands, bound);
        const all = allLines(history.strands).filter(
          (line) => isWithin(line, bound) && isConsistent(history, line),
        );
        const isGreatest = (line: Line) => all.every((other) => isWithin(other, line));
        const most = all.reduce((left, right) => (sum(left) > sum(right) ? left : right));
        expect(isGreatest(most)).toBe(true);
        expect(found).toEqual(most);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is the same when an actor that was destroyed is forgotten, whoever forgets it and when', () => {
    let forgotten = 0;
    fc.assert(
      fc.property(
        choices,
        fc.nat(3),
        fc.nat(30),
        fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
        fc.nat(2),
        fc.nat(20),
        (drawn, who, after, forgets, which, turn) => {
          const history = play(drawn, {
            who,
            after,
            forgets: (choice) => forgets[choice] === true,
          });
          const gone = history.strands[who]?.actor;
          const living = history.strands.filter(({ actor }) => actor !== gone);
          const chosen = living[which];
          if (chosen === undefined || gone === undefined) throw new Error('four');
          // One that was busy to the last is not.
          if (history.ended[gone] === undefined) return;
          forgotten += history.forgotten;
          const bound = { [chosen.actor]: turn % (chosen.turns.length + 1) };
          // How far the one that is gone was on some line binds nobody.
          const all = allLines(history.strands)
            .filter((line) => isWithin(line, bound) && isConsistent(history, line))
            .map(({ [gone]: _, ...line }): Line => line);
          const most = all.reduce((left, right) => (sum(left) > sum(right) ? left : right));
          expect(maximalLine(living, bound)).toEqual(most);
        },
      ),
      { numRuns: 1_000 },
    );
    expect(forgotten).toBeGreaterThan(50);
  });

  test('leaves out a call whose turn came to know only later of what is taken back', () => {
    const [first, second, third] = [0, 1, 2];
    const [begins, calls, ends] = [9, 3, 9];
    // The second calls the first, then the third, and ends.
    const history = play([
      [second, begins, first],
      [second, calls, first],
      [first, 5, second],
      [first, ends, second],
      [second, calls, third],
      [third, 5, second],
      [third, ends, second],
      [second, ends, first],
    ]);
    const [one, two, three] = history.strands.map(({ actor }) => actor);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three');
    const turns = history.strands.map((strand) => strand.turns.length);
    expect(turns).toEqual([1, 1, 1, 0]);
    expect(maximalLine(history.strands, { [three]: 0 })).toMatchObject({
      [one]: 0,
      [two]: 0,
      [three]: 0,
    });
  });

  test("of actors that only write to each other is each one's last turn that knows nothing taken back", () => {
    fc.assert(
      fc.property(choices, fc.nat(3), fc.nat(20), (drawn, which, turn) => {
        const written = drawn.map(([who, what, whom]) => {
          return [who, what >= 3 && what < 6 ? 9 : what, whom] as const;
        });
        const { strands } = play(written);
        const chosen = strands[which % strands.length];
        if (chosen === undefined) return;
        const bound = { [chosen.actor]: turn % (chosen.turns.length + 1) };
        const most = strands.map(({ actor, turns }) => [actor, turns.length]);
        const below = { ...Object.fromEntries(most), ...bound };
        const byClock = strands.map((one) => [one.actor, lastWithin(one, below)]);
        expect(maximalLine(strands, bound)).toEqual(Object.fromEntries(byClock));
      }),
      { numRuns: 1_000 },
    );
  });

  test('has exactly the letters in transit that were sent before it and not taken before it', () => {
    fc.assert(
      fc.property(choices, fc.nat(3), fc.nat(20), (drawn, which, turn) => {
        const history = play(drawn);
        const chosen = history.strands[which % history.strands.length];
        if (chosen === undefined) return;
        const bound = { [chosen.actor]: turn % (chosen.turns.length + 1) };
        const line = lineOf(maximalLine(history.strands, bound));
        const crossing = history.letters.filter(
          ({ from, to, sentIn, takenIn }) =>
            sentIn <= (line[from] ?? 0) && (takenIn === undefined || takenIn > (line[to] ?? 0)),
        );
        const places = crossing.map(({ from, to, number }) => ({ from, to, number }));
        expect(sorted(inTransit(history.strands, line))).toEqual(sorted(places));
      }),
      { numRuns: 2_000 },
    );
  });

  test('is the same where the turns before it are kept only as what they came to', () => {
    fc.assert(
      fc.property(choices, fc.array(fc.nat(6)), (drawn, forgotten) => {
        const history = play(drawn);
        const line = lineOf(maximalLine(history.strands, {}));
        const short = history.strands.map((one, n) => without(one, forgotten[n] ?? 0, history));
        const found = maximalLine(short, {});
        if (isBeyondKept(found)) {
          const base = short.find(({ actor }) => actor === found.beyond)?.base.seq ?? 0;
          expect(base).toBeGreaterThan(line[found.beyond] ?? 0);
        } else {
          expect(found).toEqual(line);
          expect(sorted(inTransit(short, line))).toEqual(sorted(inTransit(history.strands, line)));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

/** An actor that is destroyed when so many choices are made, and who has forgotten it when. */
interface Ending {
  readonly who: number;
  readonly after: number;
  readonly forgets: (choice: number) => boolean;
}

/** A scope that does what the choices say: turns, letters, awaited calls in each other. */
function play(drawn: readonly (readonly [number, number, number])[], ending?: Ending): History {
  const players = [1, 2, 3, 4].map(
    (n): Player => ({
      id: actorId('t', 'A', `${n}`),
      clock: emptyClock,
      seq: 0,
      ended: emptyClock,
      turns: [],
      turn: undefined,
      calls: [],
    }),
  );
  const ties: Tie[] = [];
  const letters: SentLetter[] = [];
  let ended: VectorClock = {};
  let forgotten = 0;
  for (const [choice, [who, what, whom]] of drawn.entries()) {
    const player = players[who];
    const other = players[whom];
    if (player === undefined || other === undefined) continue;
    if (ending !== undefined && choice >= ending.after) {
      const gone = players[ending.who];
      const isIdle = gone?.turn === undefined && gone?.calls.length === 0;
      if (gone !== undefined && isIdle) ended = { [gone.id]: gone.seq + 1 };
      // What had ended it sends nothing, and is asked nothing: its letters are still taken.
      if (ended[player.id] !== undefined) continue;
      if (ended[other.id] !== undefined && player.turn !== undefined && what < 6) continue;
      if (ending.forgets(choice)) {
        const left = withoutEnded(player.clock, ended);
        if (left !== player.clock) forgotten += 1;
        player.clock = left;
        player.ended = withoutEnded(player.ended, ended);
      }
    }
    if (player.turn === undefined) begin(player, other, what, { letters, ties });
    else if (player.turn.awaits) continue;
    else if (what < 3) player.turn.letters.push(other.id);
    else if (what < 6 && other !== player) {
      player.turn.awaits = true;
      const clock = tickClock(player.clock, player.id, player.seq + 1);
      other.calls.push({ from: player, clock });
    } else end(player, { letters, ties });
  }
  const strands = players.map(({ id, turns }) => ({
    actor: id,
    base: { seq: 0, clock: emptyClock, taken: {}, letters: [] },
    turns,
  }));
  return { strands, ties, letters, ended, forgotten };
}

type Told = Pick<History, 'ties'> & { ties: Tie[]; letters: SentLetter[] };

function begin(player: Player, other: Player, what: number, { letters, ties }: Told): void {
  const letter = letters.find(
    (one) => one.to === player.id && one.from === other.id && one.takenIn === undefined,
  );
  const seq = player.seq + 1;
  const call = player.calls[0];
  if (what < 5 && letter !== undefined) {
    letter.takenIn = seq;
    ties.push({ turn: [player.id, seq], needs: [letter.from, letter.sentIn] });
    const sender = other.turns.filter((turn) => turn.seq <= letter.sentIn);
    const past = sender.reduce((sum, turn) => mergeClocks(sum, turn.clock), emptyClock);
    player.clock = mergeClocks(player.clock, past);
    const { from, number } = letter;
    player.turn = { call: undefined, took: { from, number }, letters: [], awaits: false };
  } else if (what < 8 && call !== undefined) {
    player.calls.shift();
    player.clock = mergeClocks(player.clock, call.clock);
    ties.push({ turn: [player.id, seq], needs: [call.from.id, call.from.seq + 1] });
    ties.push({ turn: [call.from.id, call.from.seq + 1], needs: [player.id, seq] });
    player.turn = { call, took: undefined, letters: [], awaits: false };
  } else player.turn = { call: undefined, took: undefined, letters: [], awaits: false };
}

function end(player: Player, { letters }: Told): void {
  const { turn } = player;
  if (turn === undefined) return;
  player.seq += 1;
  player.turn = undefined;
  player.clock = tickClock(player.clock, player.id, player.seq);
  const sent = turn.letters.map((to) => {
    const before = letters.filter((one) => one.from === player.id && one.to === to).length;
    const letter = { from: player.id, to, number: before + 1 };
    letters.push({ ...letter, sentIn: player.seq, takenIn: undefined });
    return { to, number: letter.number };
  });
  const clock = clockChanges(player.ended, player.clock);
  player.ended = player.clock;
  const bare = { seq: player.seq, clock, sent };
  player.turns.push(turn.took === undefined ? bare : { ...bare, took: turn.took });
  const caller = turn.call?.from;
  if (caller?.turn === undefined) return;
  caller.turn.awaits = false;
  // Of itself an actor learns nothing from others.
  const { [caller.id]: _, ...others } = player.clock;
  caller.clock = mergeClocks(caller.clock, others);
}

function allLines(strands: readonly Strand[]): Line[] {
  let lines: Line[] = [{}];
  for (const { actor, turns } of strands) {
    const seqs = [0, ...turns.map(({ seq }) => seq)];
    lines = lines.flatMap((line) => seqs.map((seq) => ({ ...line, [actor]: seq })));
  }
  return lines;
}

function isConsistent({ ties }: History, line: Line): boolean {
  return ties.every(
    ({ turn: [actor, seq], needs: [other, needed] }) =>
      seq > (line[actor] ?? 0) || needed <= (line[other] ?? 0),
  );
}

function isWithin(line: Line, bound: Line): boolean {
  return Object.entries(bound).every(([actor, seq]) => (line[actor as ActorId] ?? 0) <= seq);
}

/** How many turns are before it: more for none than for the greatest of all. */
function sum(line: Line): number {
  return Object.values(line).reduce((total, seq) => total + seq, 0);
}

function lineOf(found: ReturnType<typeof maximalLine>): Line {
  if (isBeyondKept(found)) throw new Error(`${found.beyond} goes too far back`);
  return found;
}

/** The first turns are forgotten, all but what they came to. */
function without(strand: Strand, count: number, { letters }: History): Strand {
  const gone = strand.turns.slice(0, count);
  const seq = gone.at(-1)?.seq ?? 0;
  const clock = gone.reduce((sum, turn) => mergeClocks(sum, turn.clock), emptyClock);
  const taken: Record<string, number> = {};
  for (const { took } of gone) if (took !== undefined) taken[took.from] = took.number;
  const sent = letters.filter(({ from, sentIn }) => from === strand.actor && sentIn <= seq);
  const base = { seq, clock, taken, letters: sent };
  return { actor: strand.actor, base, turns: strand.turns.slice(count) };
}

function sorted(letters: readonly LetterPlace[]): string[] {
  return letters.map(({ from, to, number }) => `${from} ${to} ${number}`).sort();
}
