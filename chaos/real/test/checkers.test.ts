/** Every checker passes a history that keeps its promise, and fails each that breaks it. */
import { describe, expect, it } from 'vitest';
import { appendOrder } from '../src/checkers/append-order.ts';
import { attempts } from '../src/checkers/attempts.ts';
import { codedErrors } from '../src/checkers/coded-errors.ts';
import { conservedTotal } from '../src/checkers/conserved-total.ts';
import { effectOnce, placedOnce } from '../src/checkers/effect-once.ts';
import { exactResults } from '../src/checkers/exact-results.ts';
import { exactVoyages } from '../src/checkers/exact-voyages.ts';
import type { Verdict } from '../src/checkers/verdict.ts';
import { final, operations } from './histories.ts';

const kindsOf = ({ findings }: Verdict) => findings.map(({ kind }) => kind);

describe('effects by id', () => {
  const calls = operations(
    'k',
    { id: 'a', action: 'add' },
    { id: 'b', action: 'add', outcome: 'failed' },
    { id: 'c', action: 'add', outcome: 'unknown' },
  );
  const check = (ids: string[]) =>
    kindsOf(effectOnce('p', { operations: calls, finals: [final('k', ids)] }));

  it('are there once; what is unknown may be there or not', () => {
    expect(check(['a'])).toEqual([]);
    expect(check(['c', 'a'])).toEqual([]);
  });

  it.each([
    ['an acknowledged one is missing', ['c'], 'lost'],
    ['an acknowledged one is there twice', ['a', 'a'], 'doubled'],
    ['an unknown one is there twice', ['a', 'c', 'c'], 'doubled'],
    ['a refused one is there', ['a', 'b'], 'wrong'],
    ['one is there that nobody asked for', ['a', 'z'], 'wrong'],
  ])('are found out when %s', (_what, ids, kind) => {
    expect(check(ids)).toEqual([kind]);
  });

  it('are found out when an answer is not that of its call', () => {
    const told = (output: number | undefined) =>
      placedOnce('p', {
        operations: operations('k', { id: 'a', action: 'add', output }),
        finals: [final('k', ['b', 'a'])],
      }).findings.map(({ kind, operations: [id] }) => `${kind} ${id}`);
    expect(told(2)).toEqual(['wrong b']);
    expect(told(1)).toEqual(['out-of-order a', 'wrong b']);
    expect(told(undefined)).toEqual(['out-of-order a', 'wrong b']);
  });

  it('are not taken for right when their final state was not read', () => {
    expect(kindsOf(effectOnce('p', { operations: calls, finals: [] }))).toEqual(['wrong']);
  });
});

describe('tasks', () => {
  const result = (nonce: string) => ({ doubled: 4, attempt: 1, nonce });
  const tasks = operations(
    'k',
    { id: 'a', action: 'retried', input: { number: 2 }, output: result('x') },
    { id: 'a-again', action: 'again', input: { number: 2, of: 'a' }, output: result('x') },
    { id: 'b', action: 'once', input: { number: 2 }, output: result('y') },
    { id: 'c', action: 'once', input: { number: 2 }, outcome: 'unknown' },
  );
  const check = (marks: string[], seen = tasks) =>
    kindsOf(attempts('p', { operations: seen, finals: [final('k', marks)] }));

  it('may be run again, each attempt calling once, and have one result', () => {
    expect(check(['a#1', 'b#1'])).toEqual([]);
    expect(check(['a#1', 'b#1', 'a#2', 'c#1'])).toEqual([]);
  });

  it.each([
    ['an attempt called twice', ['a#1', 'a#1', 'b#1'], 'doubled'],
    ['one without retries was run again', ['a#1', 'b#1', 'b#2'], 'doubled'],
    ['a finished one never ran', ['b#1'], 'lost'],
    ['the attempt whose result counts left no mark', ['a#2', 'b#1'], 'lost'],
    ['one ran that nobody asked for', ['a#1', 'b#1', 'z#1'], 'wrong'],
  ])('are found out when %s', (_what, marks, kind) => {
    expect(check(marks)).toEqual([kind]);
  });

  it('are found out when a refused one was run', () => {
    const refused = tasks.map((one) =>
      one.id === 'c' ? { ...one, outcome: 'failed' as const } : one,
    );
    expect(check(['a#1', 'b#1'], refused)).toEqual([]);
    expect(check(['a#1', 'b#1', 'c#1'], refused)).toEqual(['wrong']);
  });

  it('are not taken for right when their marks were not read', () => {
    const unknown = tasks.filter(({ outcome }) => outcome === 'unknown');
    expect(kindsOf(attempts('p', { operations: unknown, finals: [] }))).toEqual(['wrong']);
  });

  it('are found out when the same id gives another result', () => {
    const other = tasks.map((one) =>
      one.id === 'a-again' ? { ...one, output: result('z') } : one,
    );
    expect(check(['a#1', 'b#1'], other)).toEqual(['wrong']);
  });

  it('are found out when a result is not what the task computes', () => {
    const wrong = tasks.map((one) => (one.id === 'b' ? { ...one, input: { number: 3 } } : one));
    expect(check(['a#1', 'b#1'], wrong)).toEqual(['wrong']);
  });
});

describe('append lists', () => {
  const all = operations(
    'k',
    { id: 'a', action: 'append', input: { writer: 'w', number: 0 }, output: 1 },
    { id: 'p', action: 'post', input: { writer: 'k/w' }, output: 1 },
    { id: 'r', action: 'read', output: { length: 2, last: ['k/w', 0] } },
    { id: 'b', action: 'append', input: { writer: 'w', number: 1 }, output: 3 },
    { id: 's', action: 'read', output: { length: 3, last: ['w', 1] } },
  );
  const good: [string, number][] = [
    ['w', 0],
    ['k/w', 0],
    ['w', 1],
  ];
  const check = (items: [string, number][], seen = all, posted = 1) =>
    kindsOf(
      appendOrder('p', {
        operations: seen,
        finals: [final('k', items), final('k/w', posted)],
      }),
    );

  it('hold everything once and in the order of each writer', () => {
    expect(check(good)).toEqual([]);
  });

  it('are found out when an acknowledged item is missing', () => {
    expect(check(good.slice(0, 2))).toContain('lost');
  });

  it('are found out when an item stands there twice', () => {
    expect(check([...good, ['w', 1]])).toEqual(['doubled']);
  });

  it('are found out when items of one writer changed places', () => {
    expect(
      check([
        ['w', 1],
        ['k/w', 0],
        ['w', 0],
      ]),
    ).toContain('out-of-order');
  });

  it('are found out when items that nobody heard of changed places', () => {
    const two = [2, 3].map((number) => ({
      id: `u${number}`,
      action: 'append',
      input: { writer: 'w', number },
      outcome: 'unknown' as const,
    }));
    const more = operations('k', ...all, ...two);
    expect(check([...good, ['w', 2], ['w', 3]], more)).toEqual([]);
    expect(check([...good, ['w', 3], ['w', 2]], more)).toEqual(['out-of-order']);
  });

  it('are found out when a refused item is there', () => {
    const refused = operations('k', ...all, {
      id: 'f',
      action: 'append',
      input: { writer: 'w', number: 2 },
      outcome: 'failed',
    });
    expect(check(good, refused)).toEqual([]);
    expect(check([...good, ['w', 2]], refused)).toEqual(['wrong']);
  });

  it('are found out when letters have a gap, or did not all arrive', () => {
    const more = operations('k', ...all, {
      id: 'q',
      action: 'post',
      input: { writer: 'k/w' },
      outcome: 'unknown',
    });
    expect(check([...good, ['k/w', 2]], more, 2)).toEqual(['out-of-order']);
    expect(check(good, more, 2)).toEqual(['lost']);
  });

  it('are found out when a letter arrived that its writer does not know of', () => {
    expect(check([...good, ['k/w', 1]])).toEqual(['wrong']);
  });

  it('are found out when an acknowledged letter was never written, or one was written twice', () => {
    const two = operations('k', ...all, {
      id: 'q',
      action: 'post',
      input: { writer: 'k/w' },
      output: 2,
    });
    expect(check(good, two)).toEqual(['lost']);
    const same = two.map((one) => (one.id === 'q' ? { ...one, output: 1 } : one));
    expect(check(good, same)).toEqual(['wrong']);
    expect(check([...good, ['k/w', 1]], all, 2)).toEqual(['doubled']);
  });

  it('are found out when an item is there that nobody wrote', () => {
    expect(check([...good, ['w', 2]])).toEqual(['wrong']);
    expect(check([...good, ['x', 0]])).toEqual(['wrong']);
  });

  it('are not taken for right when it was not read how many letters were written', () => {
    const finals = [final('k', good)];
    expect(kindsOf(appendOrder('p', { operations: all, finals }))).toEqual(['wrong']);
  });

  it('are found out when letters were written that nobody asked for', () => {
    const finals = [final('k', good), final('k/w', 1), final('k/ghost', 2)];
    const kinds = kindsOf(appendOrder('p', { operations: all, finals }));
    expect(kinds).toEqual(['doubled', 'lost']);
  });

  it('are found out when a read was not answered with a list', () => {
    const blind = all.map((one) => (one.id === 'r' ? { ...one, output: undefined } : one));
    expect(check(good, blind)).toEqual(['wrong']);
  });

  it('are found out when a read goes back', () => {
    const back = operations('k', ...all, {
      id: 't',
      action: 'read',
      output: { length: 2, last: ['k/w', 0] },
      from: 90,
      until: 95,
    });
    expect(check(good, back)).toEqual(['out-of-order']);
  });

  it('are found out when a read saw what was never there', () => {
    const ghost = operations('k', ...all, {
      id: 't',
      action: 'read',
      output: { length: 3, last: ['w', 7] },
      from: 90,
      until: 95,
    });
    expect(check(good, ghost)).toEqual(['wrong']);
  });
});

describe('the bank', () => {
  const input = { from: 'k/a0', to: 'k/a1', amount: 10 };
  const transfers = operations(
    'k',
    { id: 'a', action: 'pay', input, output: true },
    { id: 'b', action: 'move', input, output: false },
    { id: 'c', action: 'move', input, outcome: 'unknown' },
  );
  type Entries = [string, number][];
  const statement = (entries: Entries) => ({
    balance: entries.reduce((sum, [, amount]) => sum + amount, 100),
    entries,
  });
  const check = (source: Entries, target: Entries, seen = transfers) =>
    kindsOf(
      conservedTotal('p', {
        operations: seen,
        finals: [final('k/a0', statement(source)), final('k/a1', statement(target))],
      }),
    );

  it('keeps its total: a debit and a credit for each transfer, or neither', () => {
    expect(check([['a', -10]], [['a', 10]])).toEqual([]);
    const both: [Entries, Entries] = [
      [
        ['a', -10],
        ['c', -10],
      ],
      [
        ['c', 10],
        ['a', 10],
      ],
    ];
    expect(check(...both)).toEqual([]);
  });

  it('is found out when money is lost on its way', () => {
    expect(check([['a', -10]], [])).toEqual(['lost', 'wrong']);
  });

  it('is found out when an acknowledged transfer left nothing at all', () => {
    expect(check([], [])).toEqual(['lost']);
  });

  it('is found out when there are entries that nobody asked for, or of another amount', () => {
    const more = (id: string, amount: number): [Entries, Entries] => [
      [
        ['a', -10],
        [id, -amount],
      ],
      [
        ['a', 10],
        [id, amount],
      ],
    ];
    expect(check(...more('z', 10))).toEqual(['wrong']);
    expect(check(...more('a', 5))).toEqual(['wrong']);
  });

  it('is found out when money is credited twice', () => {
    expect(
      check(
        [['a', -10]],
        [
          ['a', 10],
          ['a', 10],
        ],
      ),
    ).toEqual(['doubled', 'wrong']);
  });

  it('is found out when a refused transfer was done', () => {
    expect(
      check(
        [
          ['a', -10],
          ['b', -10],
        ],
        [
          ['a', 10],
          ['b', 10],
        ],
      ),
    ).toEqual(['wrong']);
  });

  it('is found out when an unknown transfer was half done', () => {
    expect(
      check(
        [
          ['a', -10],
          ['c', -10],
        ],
        [['a', 10]],
      ),
    ).toEqual(['lost', 'wrong']);
  });

  it('leaves to user code a transfer whose turn failed between its two calls', () => {
    const failed = transfers.map((one) => (one.id === 'c' ? { ...one, code: 'TIME_LIMIT' } : one));
    expect(
      check(
        [
          ['a', -10],
          ['c', -10],
        ],
        [['a', 10]],
        failed,
      ),
    ).toEqual([]);
  });

  it('is found out when a transfer was not answered whether it was done', () => {
    const mute = transfers.map((one) => (one.id === 'a' ? { ...one, output: undefined } : one));
    expect(check([['a', -10]], [['a', 10]], mute)).toEqual(['wrong']);
  });

  it('is not taken for right when a final state is none', () => {
    const finals = [final('k/a0', null), final('k/a1', statement([]))];
    expect(kindsOf(conservedTotal('p', { operations: transfers, finals }))).toEqual(['wrong']);
  });

  it('is found out when more was taken than there was', () => {
    const large = { from: 'k/a0', to: 'k/a1', amount: 60 };
    const both = operations(
      'k',
      { id: 'a', action: 'pay', input: large, output: true },
      { id: 'b', action: 'pay', input: large, output: true },
    );
    const entries = (amount: number): Entries => [
      ['a', amount],
      ['b', amount],
    ];
    expect(check(entries(-60), entries(60), both)).toEqual(['wrong']);
  });

  it('is found out when a balance is not the sum of its entries', () => {
    const finals = [
      final('k/a0', { balance: 91, entries: [['a', -10]] }),
      final('k/a1', statement([['a', 10]])),
    ];
    const verdict = conservedTotal('p', { operations: transfers, finals });
    expect(kindsOf(verdict)).toEqual(['wrong', 'wrong']);
  });
});

describe('nested runs', () => {
  const input = { items: [3], size: 60, answers: { first: 4, second: 7 } };
  const output = {
    squares: [[9, 9]],
    way: 'long',
    caught: 'caught',
    first: 4,
    second: 7,
    child: { squared: 16 },
    refused: true,
  };
  const check = (given: object, ids: string[], outcome: 'ok' | 'unknown' | 'failed' = 'ok') => {
    const one = { id: 'a', action: 'voyage', input, output: { ...output, ...given }, outcome };
    return kindsOf(
      exactVoyages('p', { operations: operations('k', one), finals: [final('k', ids)] }),
    );
  };

  it('are exact, and the call of every round of every branch is there once', () => {
    expect(check({}, ['a/0.0', 'a/0.1'])).toEqual([]);
    expect(check({}, ['a/0.1'], 'unknown')).toEqual([]);
  });

  it('are found out when one that was refused called', () => {
    expect(check({}, [], 'failed')).toEqual([]);
    expect(check({}, ['a/0.0'], 'failed')).toEqual(['wrong']);
  });

  it.each([
    ['a round gave another square', { squares: [[9, 8]] }, ['a/0.0', 'a/0.1'], 'wrong'],
    ['the other way was taken', { way: 'short' }, ['a/0.0', 'a/0.1'], 'wrong'],
    ['an answer reached the other question', { first: 7 }, ['a/0.0', 'a/0.1'], 'wrong'],
    ['an answer to no question was taken', { refused: false }, ['a/0.0', 'a/0.1'], 'wrong'],
    ['the call of a round is missing', {}, ['a/0.0'], 'lost'],
    ['the call of a round is there twice', {}, ['a/0.0', 'a/0.0', 'a/0.1'], 'doubled'],
    ['a call is there that nobody asked for', {}, ['a/0.0', 'a/0.1', 'a/1.0'], 'wrong'],
  ])('are found out when %s', (_what, given, ids, kind) => {
    expect(check(given, ids)).toEqual([kind]);
  });
});

describe('results of runs', () => {
  const run = (output: unknown) =>
    kindsOf(
      exactResults('p', {
        operations: operations('k', {
          id: 'a',
          action: 'run',
          input: { items: [1, 2, 3], answer: 10 },
          output,
        }),
        finals: [],
      }),
    );

  it('are exact', () => {
    expect(run({ squares: [1, 4, 9], total: 24 })).toEqual([]);
  });

  it('are found out when a branch is in another place, or the sum is another', () => {
    expect(run({ squares: [4, 1, 9], total: 24 })).toEqual(['wrong']);
    expect(run({ squares: [1, 4, 9], total: 25 })).toEqual(['wrong']);
  });
});

describe('errors', () => {
  const check = (code: string | undefined) =>
    kindsOf(
      codedErrors('p', {
        operations: operations('k', {
          id: 'a',
          action: 'add',
          outcome: 'unknown',
          ...(code === undefined ? {} : { code }),
        }),
        finals: [],
      }),
    );

  it('have a code, and every operation is answered', () => {
    expect(check('OUTCOME_UNKNOWN')).toEqual([]);
    expect(check('UNCODED')).toEqual(['wrong']);
    expect(check('UNANSWERED')).toEqual(['wrong']);
    expect(check('INTERNAL')).toEqual(['wrong']);
    expect(check('FOO_BAR')).toEqual(['wrong']);
    expect(check(undefined)).toEqual(['wrong']);
  });
});
