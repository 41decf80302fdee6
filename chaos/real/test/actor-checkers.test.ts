/** The checkers of what actors do beside calls: each passes a history that keeps its promise, and fails each
 *  that breaks it. */
import { describe, expect, it } from 'vitest';
import { forksExact } from '../src/checkers/forks-exact.ts';
import { goesBackWhole } from '../src/checkers/goes-back-whole.ts';
import { goesOverWhole } from '../src/checkers/goes-over-whole.ts';
import { heardByAll } from '../src/checkers/heard-by-all.ts';
import { parcelsKept } from '../src/checkers/parcels-kept.ts';
import { timersOnce } from '../src/checkers/timers-once.ts';
import type { Verdict } from '../src/checkers/verdict.ts';
import { wholeStreams } from '../src/checkers/whole-streams.ts';
import { wholeTrips } from '../src/checkers/whole-trips.ts';
import { final, operations } from './histories.ts';

const kindsOf = ({ findings }: Verdict) => findings.map(({ kind }) => kind);

describe('timers', () => {
  const one = { times: 1 };
  const all = operations(
    'k',
    { id: 'a', action: 'once', input: one },
    { id: 'b', action: 'often', input: { times: 3 } },
    { id: 'c', action: 'later', input: one, outcome: 'failed' },
    { id: 'd', action: 'once', input: one, outcome: 'unknown' },
    { id: 'e', action: 'once', input: one },
    { id: 'e-cancel', action: 'cancel', input: { of: 'e' }, output: true },
    { id: 'f', action: 'once', input: one },
    { id: 'f-cancel', action: 'cancel', input: { of: 'f' }, output: false },
  );
  const late = (...ids: string[]): [string, number][] => ids.map((id) => [id, 3]);
  const check = (came: [string, number][]) =>
    kindsOf(timersOnce('p', { operations: all, finals: [final('k', came)] }));

  it('come as often as was asked for; what is unknown may come or not', () => {
    expect(check(late('a', 'b', 'b', 'f', 'b'))).toEqual([]);
    expect(check(late('a', 'b', 'b', 'f', 'b', 'd'))).toEqual([]);
  });

  it.each([
    ['one does not come', late('b', 'b', 'b', 'f'), 'lost'],
    ['one comes twice', late('a', 'a', 'b', 'b', 'b', 'f'), 'doubled'],
    ['one comes too seldom', late('a', 'b', 'b', 'f'), 'lost'],
    ['one was surely not set', late('a', 'b', 'b', 'b', 'f', 'c'), 'wrong'],
    ['one was cancelled', late('a', 'b', 'b', 'b', 'f', 'e'), 'wrong'],
    ['one was not there to be cancelled, and never came', late('a', 'b', 'b', 'b'), 'lost'],
    ['one comes that nobody asked for', late('a', 'b', 'b', 'b', 'f', 'z'), 'wrong'],
  ])('are found out when %s', (_what, came, kind) => {
    expect(check(came)).toEqual([kind]);
  });

  it('are found out when one is early', () => {
    expect(check([['a', -40], ...late('b', 'b', 'b', 'f')])).toEqual(['wrong']);
  });
});

describe('letters that fail', () => {
  const carrier = 'k/c';
  const all = operations(
    'k',
    { id: 'a', action: 'bring', input: { carrier } },
    { id: 'b', action: 'bring', input: { carrier } },
    { id: 'c', action: 'bring', input: { carrier }, outcome: 'unknown' },
    { id: 'd', action: 'bring', input: { carrier } },
    { id: 'x', action: 'deliver', input: { parcel: 'a.2' }, output: 'a.2' },
    { id: 'y', action: 'discard', input: { parcel: 'd.2' } },
    { id: 'z', action: 'deliver', input: { parcel: 'b.2' }, outcome: 'failed' },
  );
  const whole = ['a.1', 'a.3', 'b.1', 'b.3', 'd.1', 'd.3', 'a.2'];
  const check = (taken: string[], dead: string[], brought = ['a', 'b', 'd']) =>
    kindsOf(
      parcelsKept('p', {
        operations: all,
        finals: [final('k', { taken, dead }), final(carrier, brought)],
      }),
    );

  it('are taken, dead or discarded, each once; what is unknown may have been sent', () => {
    expect(check(whole, ['b.2'])).toEqual([]);
    const more = [...whole.slice(0, 4), 'c.1', 'c.3', ...whole.slice(4)];
    expect(check(more, ['b.2', 'c.2'], ['a', 'b', 'c', 'd'])).toEqual([]);
  });

  it.each([
    ['one is neither taken nor dead', whole, [], 'lost'],
    ['one is taken and dead', [...whole, 'b.2'], ['b.2'], 'doubled'],
    ['one that was delivered anew is dead', whole.slice(0, -1), ['a.2', 'b.2'], 'lost'],
    ['one that was discarded is there', whole, ['b.2', 'd.2'], 'wrong'],
    ['one comes that nobody sent', [...whole, 'e.1'], ['b.2'], 'wrong'],
  ])('are found out when %s', (_what, taken, dead, kind) => {
    expect(check(taken, dead)).toEqual([kind]);
  });

  it('are found out when a carrier has brought what nobody asked it for', () => {
    const more = [...whole, 'e.1', 'e.2', 'e.3'];
    expect(check(more, ['b.2'], ['a', 'b', 'd', 'e'])).toEqual(['wrong']);
  });

  it('are found out when those of one sender change places', () => {
    const swapped = ['b.1', 'a.1', 'a.3', 'b.3', 'd.1', 'd.3', 'a.2'];
    expect(check(swapped, ['b.2'])).toEqual(['out-of-order']);
  });
});

describe('vaults', () => {
  const input = { from: 'k/a0', to: 'k/a1', amount: 3 };
  const all = operations(
    'k',
    { id: 's', action: 'look', output: 0, from: 1, until: 2 },
    { id: 'taken', action: 'move', input, output: true, from: 3, until: 4 },
    {
      id: 'rewound',
      action: 'move',
      input,
      outcome: 'unknown',
      code: 'REWOUND',
      from: 4,
      until: 7,
    },
    { id: 'back', action: 'back', input: { savepoint: 's' }, from: 5, until: 6 },
    { id: 'during', action: 'move', input, output: true, from: 5, until: 7 },
    { id: 'after', action: 'move', input, output: true, from: 8, until: 9 },
    { id: 's2', action: 'look', output: 0, from: 10, until: 11 },
  );
  const check = (debits: string[], credits = debits, seen = all) => {
    const statement = (ids: string[], sign: number) => ({
      balance: ids.length * 3 * sign,
      entries: ids.map((id) => [id, 3 * sign]),
    });
    const finals = [final('k/a0', statement(debits, -1)), final('k/a1', statement(credits, 1))];
    return kindsOf(goesBackWhole('p', { operations: seen, finals }));
  };

  it('keep what was done after the last return; what was under way meanwhile may be there or not', () => {
    expect(check(['after'])).toEqual([]);
    expect(check(['during', 'after'])).toEqual([]);
  });

  it.each([
    ['what was done after the last return is missing', [], 'lost'],
    ['what was taken back comes again', ['taken', 'after'], 'wrong'],
    ['what was rewound runs again', ['rewound', 'after'], 'wrong'],
    ['a transfer is there twice', ['after', 'after'], 'doubled'],
    ['one is there that nobody asked for', ['after', 'z'], 'wrong'],
  ])('are found out when %s', (_what, ids, kind) => {
    expect(check(ids)).toEqual([kind]);
  });

  type Entry = readonly [id: string, amount: number];

  const checkDeclined = (payer: readonly Entry[], payee: readonly Entry[] = [], backs = 0) => {
    const asked = { action: 'transfer', input: { ...input, declines: true } };
    const declined = { ...asked, outcome: 'unknown', code: 'USER_ERROR' } as const;
    const seen = operations(
      'k',
      { id: 's', action: 'look', output: 0 },
      { id: 'd', ...declined },
      ...Array.from({ length: backs }, (_, number) => ({
        id: `b${number}`,
        action: 'back',
        input: { savepoint: 's' },
      })),
    );
    const statement = (entries: readonly Entry[]) => ({
      balance: entries.reduce((sum, [, amount]) => sum + amount, 0),
      entries,
    });
    const finals = [final('k/a0', statement(payer)), final('k/a1', statement(payee))];
    return kindsOf(goesBackWhole('p', { operations: seen, finals }));
  };

  it('give back what was declined, or have nothing of it once that was taken back', () => {
    const givenBack = [
      ['d', -3],
      ['d', 3],
    ] as const;
    expect(checkDeclined(givenBack)).toEqual([]);
    expect(checkDeclined([], [], 1)).toEqual([]);
    expect(checkDeclined(givenBack, [], 1)).toEqual(['wrong']);
  });

  it.each<[string, readonly Entry[], readonly Entry[], readonly string[]]>([
    ['what was declined is not given back', [['d', -3]], [], ['wrong', 'lost']],
    ['what was declined and given back is gone', [], [], ['lost']],
    [
      'it is given back twice',
      [
        ['d', -3],
        ['d', 3],
        ['d', 3],
      ],
      [],
      ['wrong', 'doubled'],
    ],
    ['it is paid all the same', [['d', -3]], [['d', 3]], ['wrong']],
    ['what was never debited is given back', [['d', 3]], [], ['wrong', 'wrong']],
  ])('are found out when %s', (_what, payer, payee, kinds) => {
    expect(checkDeclined(payer, payee)).toEqual(kinds);
  });

  it('are found out when half of a transfer is there, or a savepoint holds more', () => {
    expect(check(['during', 'after'], ['after'])).toEqual(['wrong', 'lost']);
    const seen = all.map((one) => (one.id === 's2' ? { ...one, output: 3 } : one));
    expect(check(['after'], ['after'], seen)).toEqual(['wrong']);
  });

  it('are found out when an account does not hold what its entries come to', () => {
    const off = (ids: string[], balance: number, sign: number) => {
      return { balance, entries: ids.map((id) => [id, 3 * sign]) };
    };
    const finals = [final('k/a0', off(['after'], -4, -1)), final('k/a1', off(['after'], 4, 1))];
    const { findings } = goesBackWhole('p', { operations: all, finals });
    expect(findings.map(({ what }) => what)).toEqual(['k/a0 has -4, not -3', 'k/a1 has 4, not 3']);
  });
});

describe('topics', () => {
  const follow = (hearer: string, given: object) => ({
    id: `f-${hearer}`,
    action: 'follow',
    input: { hearer },
    ...given,
  });
  const all = operations(
    'k',
    follow('k/a', { output: 0 }),
    { id: 'p1', action: 'publish', output: 1 },
    follow('k/b', { output: 1 }),
    { id: 'p2', action: 'publish', output: 2 },
    { id: 'c1', action: 'cry' },
    { id: 'x', action: 'cry', outcome: 'failed' },
    { id: 'u', action: 'publish', outcome: 'unknown' },
    { id: 'c2', action: 'cry' },
  );
  type Heard = [number, string][];
  const told: Heard = [
    [1, 'p1'],
    [2, 'p2'],
    [3, 'c1'],
    [4, 'c2'],
  ];
  const check = (a: Heard, b: Heard, published = 4) => {
    const finals = [final('k', published), final('k/a', a), final('k/b', b)];
    return kindsOf(heardByAll('p', { operations: all, finals }));
  };

  it('are heard by all who follow, from when they do; what is unknown may be heard or not', () => {
    expect(check(told, told.slice(1))).toEqual([]);
    const more: Heard = [...told, [5, 'u']];
    expect(check(more, more.slice(1), 5)).toEqual([]);
  });

  it.each<[string, Heard, Heard, string]>([
    ['one does not come', told.toSpliced(1, 1), told.slice(1), 'lost'],
    ['the last does not come', told.slice(0, 3), told.slice(1), 'lost'],
    ['one comes twice', [...told, [4, 'c2']], told.slice(1), 'doubled'],
    [
      'they do not come in order',
      told.toSpliced(0, 2, [2, 'p2'], [1, 'p1']),
      told.slice(1),
      'lost',
    ],
    ['one comes that was before', told, told, 'doubled'],
    ['two hear another one', told, told.slice(1).with(1, [3, 'u']), 'wrong'],
  ])('are found out when %s', (_what, a, b, kind) => {
    expect(check(a, b)).toContain(kind);
  });

  it.each<[string, (told: Heard) => Heard, string]>([
    ['an acknowledged one is another', (heard) => heard.with(1, [2, 'u']), 'lost'],
    ['one is not where its answer says', (heard) => swapped(heard, 0, 1), 'out-of-order'],
    ['those of one actor are not in its order', (heard) => swapped(heard, 2, 3), 'out-of-order'],
    ['a refused one comes', (heard) => heard.with(3, [4, 'x']), 'wrong'],
    ['one comes that nobody published', (heard) => heard.with(3, [4, 'z']), 'wrong'],
  ])('are found out when %s, by all', (_what, change, kind) => {
    const heard = change(told);
    expect(check(heard, heard.slice(1))).toContain(kind);
  });

  function swapped(heard: Heard, left: number, right: number): Heard {
    const ids = heard.map(([, id]) => id);
    const [first = '', second = ''] = [ids[left], ids[right]];
    const moved = ids.with(left, second).with(right, first);
    return heard.map(([number], at) => [number, moved[at] ?? '']);
  }
});

describe('streams', () => {
  const check = (output: unknown, outcome?: 'unknown') => {
    const one = { id: 'a', action: 'recite', input: { count: 3 } };
    const asked = outcome === undefined ? { ...one, output } : { ...one, outcome };
    return kindsOf(wholeStreams('p', { operations: operations('k', asked), finals: [] }));
  };
  const whole = [
    [0, 'x'],
    [1, 'x'],
    [2, 'y'],
  ];

  it('are whole, whichever runs have yielded them; of what is unknown nothing is', () => {
    expect(check({ verses: whole, reply: 3, again: true })).toEqual([]);
    expect(check(undefined, 'unknown')).toEqual([]);
  });

  it.each([
    ['one is missing', { verses: whole.slice(0, 2), reply: 3, again: true }, 'lost'],
    ['one is there twice', { verses: [...whole, [2, 'y']], reply: 3, again: true }, 'doubled'],
    ['one is astray', { verses: whole.toReversed(), reply: 3, again: true }, 'out-of-order'],
    ['the reply is another', { verses: whole, reply: 2, again: true }, 'wrong'],
    [
      'they are others when they are taken again',
      { verses: whole, reply: 3, again: false },
      'wrong',
    ],
    ['nothing was told', undefined, 'wrong'],
  ])('are found out when %s', (_what, output, kind) => {
    expect(check(output)).toEqual([kind]);
  });

  it('are found out when an earlier run yields behind a later one', () => {
    const mixed = [
      [0, 'x'],
      [1, 'y'],
      [2, 'x'],
    ];
    expect(check({ verses: mixed, reply: 3, again: true })).toEqual(['wrong']);
  });
});

describe('forks', () => {
  const source = final('k', ['a', 'b', 'c']);
  const check = (output: unknown, outcome?: 'unknown') => {
    const one = { id: 'f', action: 'fork', input: { adds: 1 } };
    const asked = outcome === undefined ? { ...one, output } : { ...one, outcome };
    return kindsOf(forksExact('p', { operations: operations('k', asked), finals: [source] }));
  };
  const made = (turn: number, ids: readonly string[], shown = ids) => ({
    turn,
    ids,
    shown: { ids: shown },
  });

  it('hold what their source held; of what is unknown, or was not made, nothing is judged', () => {
    expect(check(made(2, ['a', 'b']))).toEqual([]);
    expect(check(made(3, ['a', 'b', 'c']))).toEqual([]);
    expect(check(made(4, []))).toEqual([]);
    expect(check(undefined)).toEqual([]);
    expect(check(undefined, 'unknown')).toEqual([]);
  });

  it.each([
    ['one holds what its source never held', made(2, ['a', 'x'])],
    ['one holds more than its source ever held', made(4, ['a', 'b', 'c', 'd'])],
    ['one holds what came after its checkpoint', made(1, ['a', 'b'])],
    ['one holds less than its checkpoint was shown to hold', made(2, ['a'], ['a', 'b'])],
    ['it is not told what one holds', { turn: 1 }],
  ])('are found out when %s', (_what, output) => {
    expect(check(output)).toEqual(['wrong']);
  });
});

describe('trips', () => {
  const output = { answer: 7, winner: 'left' };
  const trips = operations(
    'k',
    { id: 'a', action: 'plan', input: { answer: 7, fails: false }, output },
    {
      ...{ id: 'b', action: 'plan', input: { answer: 8, fails: true } },
      ...{ outcome: 'failed', code: 'USER_ERROR' },
    },
    { id: 'c', action: 'plan', input: { answer: 9, fails: false }, outcome: 'unknown' },
    {
      ...{ id: 'd', action: 'plan', input: { answer: 9, fails: false } },
      ...{ outcome: 'failed', code: 'RESOURCE_EXHAUSTED' },
    },
  );
  const done: [string, string][] = [
    ['a', 'booked'],
    ['b', 'booked'],
    ['a', 'confirmed left'],
    ['b', 'cancelled e1'],
  ];
  const check = (entries: [string, string][], seen = trips) =>
    kindsOf(wholeTrips('p', { operations: seen, finals: [final('k', entries)] }));

  it('are booked and confirmed once, or undone; what is unknown may be either', () => {
    expect(check(done)).toEqual([]);
    expect(check([...done, ['b', 'cancelled e1'], ['c', 'booked']])).toEqual([]);
  });

  it.each<[string, [string, string][], string[]]>([
    ['one is not confirmed', done.toSpliced(2, 1), ['lost']],
    [
      'one is confirmed by another winner',
      done.with(2, ['a', 'confirmed right']),
      ['lost', 'wrong'],
    ],
    ['one is booked twice', [['a', 'booked'], ...done], ['doubled']],
    ['one is confirmed and cancelled', [...done, ['a', 'cancelled e0']], ['wrong']],
    ['a failed one is not undone', done.slice(0, 3), ['lost']],
    ['one is undone by two effects', [...done, ['b', 'cancelled e2']], ['doubled']],
    ['one is booked after it was undone', [...done, ['b', 'booked']], ['doubled', 'out-of-order']],
    ['one is there that nobody asked for', [...done, ['z', 'booked']], ['wrong']],
    ['one that was to fail is confirmed', done.toSpliced(3, 0, ['b', 'confirmed left']), ['wrong']],
    [
      'one that was refused was done and undone',
      [...done, ['d', 'booked'], ['d', 'cancelled e3']],
      ['wrong'],
    ],
  ])('are found out when %s', (_what, entries, kinds) => {
    expect(check(entries)).toEqual(kinds);
  });

  it('are found out when one has another signal than its own', () => {
    const other = trips.map((trip) => ({ ...trip, output: { answer: 8, winner: 'left' } }));
    expect(check(done, other)).toEqual(['wrong']);
  });
});

describe('rollouts', () => {
  type Entries = [string, number][];
  const done = { there: 3, elsewhere: 0, underWay: 0, failed: 0 };
  const entries: Entries = [
    ['a', 1],
    ['b', 1],
    ['c', 3],
  ];
  interface Told {
    readonly held?: Entries;
    readonly versions?: number[];
    readonly roll?: object | null;
    readonly last?: object;
    readonly code?: string;
  }
  const check = ({
    held = entries,
    versions = [1, 2, 3],
    roll = done,
    last = done,
    code,
  }: Told) => {
    const writes = operations(
      'k',
      { id: 'a', action: 'add', output: 1 },
      { id: 'b', action: 'add', outcome: 'unknown' },
      { id: 'c', action: 'add', output: 3 },
      ...(code === undefined ? [] : [{ id: 'd', action: 'add', outcome: 'failed', code } as const]),
    );
    const rolls = operations('rolling', {
      id: 'r',
      action: 'roll',
      input: { to: 3 },
      ...(roll && { output: roll }),
    });
    const finals = [final('k', { entries: held, versions }), final('rolling', last)];
    return kindsOf(goesOverWhole('p', { operations: [...writes, ...rolls], finals }));
  };

  it('lose no write; one may not be done in time, or leave behind whom it names', () => {
    expect(check({})).toEqual([]);
    expect(check({ roll: null })).toEqual([]);
    expect(check({ roll: { ...done, elsewhere: 3, underWay: 1, failed: 2 } })).toEqual([]);
    expect(check({ held: [entries[0], entries[2]] as Entries })).toEqual([]);
  });

  it.each<[string, Told, string[]]>([
    ['loses a write', { held: entries.slice(0, 2) }, ['lost']],
    ['does one twice', { held: [...entries, ['c', 3]] }, ['doubled']],
    ['migrates a state twice', { versions: [1, 2, 2, 3] }, ['wrong']],
    ['takes a state back', { versions: [1, 3, 2] }, ['wrong']],
    [
      'answers by another version than took it in',
      {
        held: [
          ['a', 2],
          ['c', 3],
        ],
      },
      ['wrong'],
    ],
    [
      'runs older code after newer',
      {
        held: [
          ['a', 1],
          ['b', 3],
          ['z', 1],
          ['c', 3],
        ],
      },
      ['wrong', 'wrong'],
    ],
    ['runs code whose state was never made', { versions: [1, 2] }, ['wrong']],
    ['gives a state to code of another form', { code: 'USER_ERROR' }, ['wrong']],
    ['leaves one behind', { roll: { ...done, elsewhere: 2, underWay: 1 } }, ['wrong']],
    ['never ends', { last: {} }, ['wrong']],
  ])('is found out that %s', (_, told, kinds) => {
    expect(check(told)).toEqual(kinds);
  });
});
