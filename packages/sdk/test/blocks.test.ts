import { describe, expect, test } from 'vitest';
import { actor, type Ref, task, workflow } from '../src/define.ts';
import { Failing, played } from './played.ts';

const echo = task('echo', (_c, input: unknown) => input);
const grade = task('grade', (_c, input: { text: string }) => ({ score: input.text.length / 10 }));
const sort = task(
  'sort',
  (_c, input: string) => ({ port: input as 'mail' | 'call', why: 'so' }) as const,
);
const Counter = actor('Counter', {
  state: () => ({ count: 0 }),
  methods: { inc: (c, by: number) => c.state.count + by },
});
const tasks = [echo, grade, sort] as const;
const run = (definition: Parameters<typeof played>[0], input: unknown, does = by({})) =>
  played(definition, [...tasks] as never, input, does);

/** What each block does, by its context id; what is not named answers its input. */
function by(given: Readonly<Record<string, unknown>>): NonNullable<Parameters<typeof played>[3]> {
  return ({ id, input }) => (Object.hasOwn(given, id) ? given[id] : input);
}

describe('a choice', () => {
  const review = workflow('review', (w, input: Ref<{ text: string; to: string }>) => {
    const graded = w.task('grade', grade, { text: input.text });
    const verdict = w.choice('verdict', {
      values: { score: graded.score },
      cases: { good: 'score > 0.8', fair: 'score > 0.5' },
      otherwise: 'bad',
    });
    // It uses what has nothing to do with the choice: that must not make it run.
    const other = w.task('other', echo, 'x');
    const publish = w.task(
      'publish',
      echo,
      { to: input.to, score: graded.score, other },
      {
        after: [verdict.port('good')],
      },
    );
    const mend = w.task('mend', echo, 'mended', {
      after: [verdict.port('fair'), verdict.port('bad')],
    });
    return { took: verdict.result.port, said: w.first(publish, mend) };
  });

  test('takes one port, and what comes after the others does not run', () => {
    const good = run(review, { text: 't', to: 'you' }, by({ grade: { score: 0.9 } }));
    expect(good.output).toEqual({ took: 'good', said: { to: 'you', score: 0.9, other: 'x' } });
    expect(good.ended).not.toContain('mend');
    for (const [score, took] of [
      [0.6, 'fair'],
      [0.1, 'bad'],
    ]) {
      const seen = run(review, { text: 't', to: 'you' }, by({ grade: { score } }));
      expect(seen.output).toEqual({ took, said: 'mended' });
      expect(seen.ended).not.toContain('publish');
    }
  });

  test('joins again in a block that comes after both ways', () => {
    const joined = workflow('joined', (w, input: Ref<number>) => {
      const big = w.choice('big', { values: { n: input }, cases: { yes: 'n > 5.0' } });
      const extra = w.task('extra', echo, 'extra', { after: [big.port('yes')] });
      return w.task('all', echo, [w.first(extra, 'none')], { after: ['big'] });
    });
    expect(run(joined, 9).output).toEqual(['extra']);
    expect(run(joined, 1).output).toEqual(['none']);
  });

  test('may be made by a task, which says the port', () => {
    const routed = workflow('routed', (w, input: Ref<string>) => {
      const way = w.route('way', sort, input);
      const mail = w.task('mail', echo, 'mailed', { after: [way.port('mail')] });
      const call = w.task('call', echo, 'called', { after: [way.port('call')] });
      return { said: w.first(mail, call), why: way.result.why };
    });
    const does = by({ way: { port: 'call', why: 'loud' } });
    expect(run(routed, 'x', does).output).toEqual({ said: 'called', why: 'loud' });
  });
});

describe('a loop', () => {
  test('runs its body so many times, and holds what each round returned', () => {
    const counted = workflow('counted', (w, input: Ref<{ rounds: number; name: string }>) => {
      const rounds = w.repeat('rounds', input.rounds, (index) => {
        const said = w.task('say', echo, { index, name: input.name });
        w.task('aside', echo, 'not returned');
        return { said, twice: [said.index, index] };
      });
      return { rounds, last: w.last(rounds).said };
    });
    const said = (index: number) => ({ index, name: 'Ada' });
    expect(run(counted, { rounds: 2, name: 'Ada' }).output).toEqual({
      rounds: [0, 1].map((index) => ({ said: said(index), twice: [index, index] })),
      last: said(1),
    });
  });

  test('goes through items, and loops in loops each know their own', () => {
    const nested = workflow('nested', (w, input: Ref<{ name: string; pages: string[] }[]>) =>
      w.forEach('books', input, (book, b) =>
        w.parallel('pages', book.pages, (page, p) =>
          w.task('read', echo, { book: book.name, page, b, p }),
        ),
      ),
    );
    const books = [
      { name: 'A', pages: ['a0', 'a1'] },
      { name: 'B', pages: ['b0'] },
    ];
    expect(run(nested, books).output).toEqual([
      [
        { book: 'A', page: 'a0', b: 0, p: 0 },
        { book: 'A', page: 'a1', b: 0, p: 1 },
      ],
      [{ book: 'B', page: 'b0', b: 1, p: 0 }],
    ]);
    expect(run(nested, books).ended).toEqual(
      expect.arrayContaining(['read[0][0]', 'read[0][1]', 'read[1][0]']),
    );
  });

  test('goes on until its condition holds, asked about what the round returned', () => {
    const improved = workflow('improved', (w, input: Ref<{ text: string; least: number }>) => {
      const drafts = w.until(
        'improve',
        (index) => w.task('draft', grade, { text: w.text`${input.text} ${index}` }),
        (draft) => ({
          when: 'score >= least',
          values: { score: draft.score, least: input.least },
        }),
        { roundsMax: 5 },
      );
      return { best: w.last(drafts).score, drafts };
    });
    const scores = by(
      Object.fromEntries([0.1, 0.5, 0.9].map((s, i) => [`draft[${i}]`, { score: s }])),
    );
    expect(run(improved, { text: 't', least: 0.8 }, scores).output).toEqual({
      best: 0.9,
      drafts: [{ score: 0.1 }, { score: 0.5 }, { score: 0.9 }],
    });
    const never = run(improved, { text: 't', least: 2 }, () => ({ score: 0 }));
    expect(never.failed).toContain('more than 5 rounds');
  });

  test('hands what a round returned to the next one', () => {
    const grown = workflow('grown', (w, input: Ref<{ text: string }>) => {
      const drafts = w.until(
        'grow',
        (round, last: Ref<{ text: string }>) => {
          const text = w.text`${w.first(last.text, input.text)}+${round}`;
          return w.task('draft', echo, { text }) as Ref<{ text: string }>;
        },
        (latest) => ({ when: 'size(text) > 4', values: { text: latest.text } }),
      );
      const sums = w.forEach('sums', [5, 7], (n, _index, last: Ref<number[]>) =>
        w.value('sum', [n, w.first(last[0], 0)]),
      );
      return { text: w.last(drafts).text, sums };
    });
    expect(run(grown, { text: 'a' }).output).toEqual({
      text: 'a+0+1',
      sums: [
        [5, 0],
        [7, 5],
      ],
    });
  });

  test('goes on while its condition holds, asked before the first round too', () => {
    const polled = workflow('polled', (w) =>
      w.while(
        'poll',
        (index) => {
          const waited = w.wait('nap', 1_000);
          return w.task('look', echo, index, { after: [waited] });
        },
        (last) => ({ when: 'last == null || last < 2.0', values: { last } }),
      ),
    );
    expect(run(polled, null).output).toEqual([0, 1, 2]);
  });
});

describe('a parallel', () => {
  test('runs its body in branches, as many as are asked for', () => {
    const votes = workflow('votes', (w) => ({
      votes: w.branches('vote', 3, (index) => w.task('ask', echo, index), { inFlightMax: 2 }),
    }));
    expect(run(votes, null).output).toEqual({ votes: [0, 1, 2] });
  });

  test('holds null where a branch skipped what it returns', () => {
    const some = workflow('some', (w, input: Ref<number[]>) =>
      w.parallel('each', input, (n) => {
        const odd = w.choice('odd', { values: { n }, cases: { yes: 'int(n) % 2 == 1' } });
        return w.task('keep', echo, n, { after: [odd.port('yes')] });
      }),
    );
    expect(run(some, [1, 2, 3]).output).toEqual([1, null, 3]);
  });
});

describe('a container', () => {
  test('runs only when what it uses inside, or comes after, has come about', () => {
    const guarded = workflow('guarded', (w, input: Ref<number>) => {
      const other = w.task('other', echo, 'o');
      const big = w.choice('big', { values: { n: input }, cases: { yes: 'n > 5.0' } });
      const risky = w.task('risky', echo, input);
      const each = w.parallel('each', [1, 2], (n) => w.task('one', echo, [n, other]), {
        after: [big.port('yes')],
      });
      const mended = w.repeat('mended', 2, (index) =>
        w.branches('deep', 1, () => w.task('mend', echo, [index, w.failure(risky).message, other])),
      );
      return { each, mended };
    });
    const each = [
      [1, 'o'],
      [2, 'o'],
    ];
    expect(run(guarded, 9).output).toEqual({ each, mended: null });
    expect(run(guarded, 1).output).toEqual({ each: null, mended: null });
    expect(run(guarded, 1, by({ risky: new Failing('no') })).output).toEqual({
      each: null,
      mended: [[[0, 'no', 'o']], [[1, 'no', 'o']]],
    });
  });

  test('may hold blocks with branches of their own', () => {
    const held = workflow('held', (w, input: Ref<{ name: string; pages: string[] }[]>) =>
      w.forEach('books', input, (book, b) =>
        w.each('read', book.pages, echo, (page, p) => [book.name, page, b, p]),
      ),
    );
    expect(run(held, [{ name: 'A', pages: ['x', 'y'] }]).output).toEqual([
      [
        ['A', 'x', 0, 0],
        ['A', 'y', 0, 1],
      ],
    ]);
  });
});

describe('a failure', () => {
  test('is dealt with by what uses it, and the run goes on', () => {
    const careful = workflow('careful', (w, input: Ref<string>) => {
      const other = w.task('other', echo, 'o');
      const risky = w.task('risky', echo, input);
      const mended = w.task('mend', echo, { why: w.failure(risky).message, other });
      const always = w.task('after', echo, 'always', { after: [w.settled(risky)] });
      return { said: w.first(mended, risky), always };
    });
    const failed = run(careful, 'fine', by({ risky: new Failing('no luck') }));
    expect(failed.output).toEqual({
      said: { why: 'no luck', other: 'o' },
      always: 'always',
    });
    const well = run(careful, 'fine');
    expect(well.output).toEqual({ said: 'fine', always: 'always' });
    expect(well.ended).not.toContain('mend');
  });

  test('leaves no result: where it is used it is null, and `first` takes what is behind it', () => {
    const instead = workflow('instead', (w) => {
      const risky = w.task('risky', echo, 'fine');
      const why = w.value('why', w.failure(risky).message);
      const asked = w.choice(
        'asked',
        {
          values: { risky },
          cases: { none: 'risky == null' },
          otherwise: 'some',
        },
        { after: [w.settled(risky)] },
      );
      return { said: w.first(risky, why), whole: risky, asked: asked.result.port };
    });
    const failed = run(instead, null, by({ risky: new Failing('no luck') }));
    expect(failed.output).toEqual({ said: 'no luck', whole: null, asked: 'none' });
    expect(run(instead, null).output).toEqual({ said: 'fine', whole: 'fine', asked: 'some' });
  });

  test('inside a loop is caught at the loop, whatever was at work in it', () => {
    const caught = workflow('caught', (w) => {
      const all = w.parallel('all', [1, 2, 3], (n) => w.task('one', echo, n));
      return w.first(w.value('why', w.failure(all).message), 'well');
    });
    expect(run(caught, null, by({ 'one[1]': new Failing('the second') })).output).toBe(
      'the second',
    );
    expect(run(caught, null).output).toBe('well');
  });
});

test('an answer ends the run, and a value is one at once', () => {
  const early = workflow('early', (w, input: Ref<{ n: number }>) => {
    const made = w.value('made', { n: input.n, list: [input.n] });
    const known = w.choice('known', { values: { n: made.n }, cases: { yes: 'n == 1.0' } });
    const said = w.answer('said', { at: 'once', list: made.list }, { after: [known.port('yes')] });
    const long = w.task('long', echo, 'long', { after: [w.settled('known')] });
    return w.first(said, { at: long, list: made.list });
  });
  expect(run(early, { n: 1 }).output).toEqual({ at: 'once', list: [1] });
  expect(run(early, { n: 2 }).output).toEqual({ at: 'long', list: [2] });
});

test('what a workflow says of its blocks and of itself is written down', () => {
  const inner = workflow('inner', (w, input: Ref<{ n: number }>) => w.task('t', echo, input.n));
  const outer = workflow(
    'outer',
    (w, input: Ref<{ n: number }>) => {
      const child = w.run('child', inner, { n: input.n });
      w.task('hard', echo, 1, { retries: 7, backoffMs: 50, limitMs: 900, priority: 'high' });
      w.call('count', Counter, 'k', 'inc', [1], { retries: 0, backoffMs: [1, 2] });
      w.pause('ask', 'ok?', { limitMs: 5_000 });
      return child;
    },
    { onFailure: 'go-on', limitMs: 60_000 },
  );
  expect(outer.workflow).toMatchObject({
    onFailure: 'go-on',
    limitMs: 60_000,
    blocks: [
      { id: 'child', kind: 'run', workflow: 'inner', input: { n: { $ref: ['input', 'n'] } } },
      { id: 'hard', retries: 7, backoffMs: [50], limitMs: 900, priority: 'high' },
      { id: 'count', retries: 0, backoffMs: [1, 2] },
      { id: 'ask', limitMs: 5_000 },
    ],
  });
});

test('mistakes are refused with the block named when the module loads', () => {
  type W = Parameters<Parameters<typeof workflow<null, unknown>>[1]>[0];
  const building = (body: (w: W) => unknown) => () => workflow('bad', (w, _: Ref<null>) => body(w));
  const verdict = (w: W) => w.choice('v', { cases: { yes: 'true' } });
  for (const [body, message] of [
    [(w: W) => w.repeat('r', 2, () => 1), 'block r has no block in its body'],
    [
      (w: W) => w.repeat('r', 2, async () => w.value('v', 1)),
      'block r has a body that is an async',
    ],
    [
      (w: W) => {
        let inner: unknown;
        w.repeat('r', 2, () => {
          inner = w.value('v', 1);
        });
        return w.value('x', inner);
      },
      'block x, value uses v, which stands in the body of r: use what r comes to (W4)',
    ],
    [
      (w: W) => {
        w.repeat('r', 2, () => w.value('v', 1));
        return w.value('x', 1, { after: ['v'] });
      },
      'block x comes after v, which stands in r (W4)',
    ],
    [
      (w: W) => {
        w.value('v', 1);
        return w.repeat('r', 2, () => w.value('x', 1, { after: ['v'] }));
      },
      'block x comes after v, which stands outside of this body (W4)',
    ],
    [
      (w: W) => {
        let kept: unknown;
        w.repeat('r', 2, (index) => {
          kept = index;
          return w.value('v', index);
        });
        return w.value('x', kept);
      },
      'block x, value uses the index of r, whose body ends before it (W4)',
    ],
    [(w: W) => verdict(w).port('no' as 'yes'), 'block v has no port "no"'],
    [(w: W) => w.value('x', verdict(w).port('yes')), 'block x, value is an instance of Port'],
    [(w: W) => w.choice('v', { cases: {} }), 'block v has no case'],
    [(w: W) => w.choice('v', { cases: { a: '' } }), 'block v has no text in CEL for case a'],
    [(w: W) => w.choice('v', { cases: { done: 'true' } }), 'block v has a port "done"'],
    [
      (w: W) => w.choice('v', { values: { 'a b': 1 }, cases: { a: 'true' } }),
      'block v names a value "a b"',
    ],
    [(w: W) => w.task('t', echo, 1, { retries: -1 }), 'block t has retries -1'],
    [(w: W) => w.task('t', echo, 1, { backoffMs: [1, -5] }), 'block t has backoffMs -5'],
    [(w: W) => w.task('t', echo, 1, { limitMs: 0 }), 'block t has limitMs 0'],
    [
      (w: W) => w.task('t', echo, 1, { priority: 'urgent' as 'high' }),
      'block t has priority "urgent"',
    ],
    [(w: W) => w.wait('t', -1), 'block t has a wait of -1'],
    [(w: W) => w.pause('t', 1, { limitMs: 0.5 }), 'block t has limitMs 0.5'],
    [
      (w: W) => w.repeat('r', 1, () => w.value('v', 1), { roundsMax: 0 }),
      'block r has roundsMax 0',
    ],
    [(w: W) => w.failure('nobody'), 'nobody, which is no block before it'],
    [(w: W) => w.value('x', { $text: [1] }), 'block x, value.$text is a reserved name'],
  ] as const) {
    expect(building(body), message).toThrow(message);
    expect(building(body), message).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
  }
  expect(() => workflow('w', (w) => w.value('v', 1), { limitMs: -1 })).toThrow('limitMs -1');
  expect(() => workflow('w', (w) => w.value('v', 1), { onFailure: 'no' as 'stop' })).toThrow(
    'onFailure "no"',
  );
});
