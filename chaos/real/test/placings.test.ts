/** What the history of tasks that hold GPUs must keep, and that each way to break it is found out. */
import { describe, expect, it } from 'vitest';
import { checkHistory } from '../src/checkers/check.ts';
import { gangsTogether } from '../src/checkers/gangs-together.ts';
import { gpusOnce } from '../src/checkers/gpus-once.ts';
import { selectedNodes } from '../src/checkers/selected-nodes.ts';
import { UnreadableError, type Verdict } from '../src/checkers/verdict.ts';
import { type Held, kinds, markOf } from '../src/gpus.ts';
import { type Final, historyOf, type Line, type Operation } from '../src/history/history.ts';
import { summarize } from '../src/report/summary.ts';
import { reportText } from '../src/report/text.ts';
import { begin, final, operations } from './histories.ts';

type KindName = keyof typeof kinds;

/** An attempt on GPU 0 of n1, from 0 to 10, unless it says otherwise. */
const held = (given: Partial<Held> = {}): Held => ({
  node: 'n1',
  process: '1.1',
  gpus: [0],
  attempt: 1,
  from: 0,
  until: 10,
  ...given,
});

function one(id: string, kind: KindName, answer: Held, given: Partial<Operation> = {}): Operation {
  const input = { priority: 'normal', members: [kinds[kind]] };
  return made({ id, action: kind, input, output: [answer], ...given });
}

function gang(
  id: string,
  policy: string,
  members: readonly (readonly [KindName, Held])[],
  given: Partial<Operation> = {},
): Operation {
  const input = { policy, priority: 'normal', members: members.map(([kind]) => kinds[kind]) };
  return made({ id, action: 'gang', input, output: members.map(([, answer]) => answer), ...given });
}

function made(given: Pick<Operation, 'id' | 'action'> & Partial<Operation>): Operation {
  const [operation] = operations('k', given);
  if (operation === undefined) throw new Error('nothing was made');
  return operation;
}

/** What the attempts of these answers leave in the ledger, less and more. */
function ledger(
  all: readonly Operation[],
  less: readonly string[] = [],
  more: readonly string[] = [],
): Final {
  const marks = all.flatMap(({ id, output, outcome }) =>
    outcome !== 'ok'
      ? []
      : (output as Held[]).map(({ attempt, node }, at) => markOf(`${id}.${at}`, attempt, node)),
  );
  return final('k', [...marks.filter((text) => !less.includes(text)), ...more]);
}

const kindsOf = ({ findings }: Verdict) => findings.map(({ kind }) => kind);
const once = (...all: Operation[]) => kindsOf(gpusOnce('p', { operations: all, finals: [] }));

describe('GPUs', () => {
  it('may be had whole one after the other, and in parts at once', () => {
    expect(
      once(
        one('a', 'whole', held({ until: 10 })),
        one('b', 'half', held({ from: 10, until: 20 })),
        one('c', 'quarter', held({ from: 11, until: 19 })),
        one('d', 'quarter', held({ from: 12, until: 18 })),
        one('e', 'whole', held({ from: 11, until: 19, gpus: [1] })),
        one('f', 'pair', held({ from: 20, until: 30, gpus: [0, 1] })),
        one('g', 'half', held({ from: 21, until: 29, gpus: [1] })),
        one('h', 'whole', held({ node: 'n2', process: '2.1' })),
      ),
    ).toEqual([]);
  });

  it('are found out when a whole one is had by two at once', () => {
    const { findings } = gpusOnce('p', {
      operations: [
        one('a', 'whole', held()),
        one('b', 'whole', held({ from: 9, until: 20 })),
        one('c', 'whole', held({ from: 20, until: 30 })),
      ],
      finals: [],
    });
    expect(findings).toMatchObject([{ kind: 'doubled', operations: ['a', 'b'] }]);
  });

  it('are found out when parts come to more than one', () => {
    const parts = (last: KindName) =>
      once(
        one('a', 'half', held()),
        one('b', 'quarter', held({ from: 1 })),
        one('c', last, held({ from: 2 })),
      );
    expect(parts('quarter')).toEqual([]);
    expect(parts('half')).toEqual(['doubled']);
  });

  it('are found out when one of a pair is had by another', () => {
    const pair = one('a', 'pair', held({ gpus: [0, 1] }));
    expect(once(pair, one('b', 'whole', held({ gpus: [1], from: 5 })))).toEqual(['doubled']);
  });

  it('are found out when members of one gang have the same one', () => {
    const both = (kind: KindName) =>
      once(
        gang('a', 'PACK', [
          [kind, held()],
          [kind, held()],
        ]),
      );
    expect(both('half')).toEqual([]);
    expect(both('whole')).toEqual(['doubled']);
  });

  it('are others once their node began anew, whatever an old attempt of it still does', () => {
    const frozen = one('a', 'whole', held({ until: 50 }));
    expect(once(frozen, one('b', 'whole', held({ process: '7.2', from: 5 })))).toEqual([]);
  });

  it('are not judged by attempts whose result was not taken', () => {
    const late = one('a', 'whole', held(), { outcome: 'unknown' });
    expect(once(late, one('b', 'whole', held()))).toEqual([]);
  });

  it.each([
    ['there are too few', 'pair', [1]],
    ['one is named twice', 'pair', [1, 1]],
    ['there is none', 'half', []],
    ['there are too many', 'whole', [0, 1]],
    ['it is one that the node has not', 'whole', [2]],
  ] as const)('are found out when %s', (_what, kind, gpus) => {
    expect(once(one('a', kind, held({ gpus })))).toEqual(['wrong']);
  });

  it('are not taken for right when an answer does not say where it ran', () => {
    expect(once(one('a', 'whole', held(), { output: [] }))).toEqual(['wrong']);
    expect(once(one('a', 'whole', held(), { output: undefined }))).toEqual(['wrong']);
  });

  it('are not judged where it was not written down what was asked for', () => {
    const silent = one('a', 'whole', held(), { input: {} });
    expect(() => once(silent)).toThrow(UnreadableError);
  });
});

describe('gangs', () => {
  const far = { node: 'n2', process: '2.1' };
  const together = (all: Operation[], less: string[] = [], more: string[] = []) =>
    kindsOf(gangsTogether('p', { operations: all, finals: [ledger(all, less, more)] }));
  const spread = gang('a', 'STRICT_SPREAD', [
    ['whole', held()],
    ['whole', held(far)],
  ]);

  it('have all their members run, each on its own node where that is strict', () => {
    expect(together([spread])).toEqual([]);
    const packed = gang('b', 'PACK', [
      ['whole', held()],
      ['whole', held({ gpus: [1] })],
    ]);
    expect(together([packed])).toEqual([]);
  });

  it('are found out when one of them is done and a member never began', () => {
    expect(together([spread], ['a.1#1@n2'])).toEqual(['lost']);
  });

  it('are found out when one of them was refused and a member began', () => {
    const refused = { ...spread, outcome: 'failed', code: 'QUOTA_EXCEEDED' } as const;
    expect(together([refused])).toEqual([]);
    expect(together([refused], [], ['a.1#1@n2'])).toEqual(['wrong']);
  });

  it('are found out when two strictly spread members began on one node', () => {
    const near = gang('a', 'STRICT_SPREAD', [
      ['half', held()],
      ['half', held({ gpus: [1] })],
    ]);
    expect(together([near])).toEqual(['wrong']);
    const unknown = { ...near, outcome: 'unknown', output: undefined } as const;
    expect(together([unknown], [], ['a.0#1@n1', 'a.1#1@n1'])).toEqual(['wrong']);
    expect(together([unknown], [], ['a.0#1@n1', 'a.1#2@n1'])).toEqual([]);
  });

  it('are on their own once they are tried again', () => {
    const again = gang('a', 'STRICT_SPREAD', [
      ['half', held()],
      ['half', held({ gpus: [1], attempt: 2, from: 50, until: 60 })],
    ]);
    const other = one('b', 'whole', held({ gpus: [1], until: 50 }));
    expect(together([again, other], [], ['a.1#1@n2'])).toEqual([]);
  });

  it('are found out when a member had to wait for what another task had', () => {
    const half = (from: number) =>
      gang('a', 'PACK', [
        ['whole', held({ until: 100 })],
        ['whole', held({ gpus: [1], from, until: 100 })],
      ]);
    const other = one('b', 'whole', held({ gpus: [1], from: -10, until: 40 }));
    const before = one('b', 'whole', held({ gpus: [1], from: -10, until: 0 }));
    expect(together([half(50), before])).toEqual([]);
    expect(together([half(50), other])).toEqual(['out-of-order']);
    // Each of its own is right: only the gang says that it was not.
    expect(once(half(50), other)).toEqual([]);
  });

  it('are found out when another task was put in the place of a member that had not begun', () => {
    const late = gang('a', 'PACK', [
      ['whole', held({ until: 100 })],
      ['half', held({ gpus: [1], from: 50, until: 100 })],
    ]);
    const fits = one('b', 'half', held({ gpus: [1], from: 10, until: 40 }));
    const more = one('c', 'quarter', held({ gpus: [1], from: 20, until: 30 }));
    expect(together([late, fits])).toEqual([]);
    expect(together([late, fits, more])).toEqual(['out-of-order']);
  });

  it('are not found out for a GPU that was given twice before they began', () => {
    const twice = [one('b', 'whole', held({ from: -10 })), one('c', 'whole', held({ from: -9 }))];
    expect(together(twice)).toEqual([]);
  });

  it('are not taken for right when it was not read what began', () => {
    const unread = { operations: [spread], finals: [] };
    expect(kindsOf(gangsTogether('p', unread))).toEqual(['wrong']);
  });
});

describe('selectors', () => {
  const check = (all: Operation[], less: string[] = [], more: string[] = []) =>
    kindsOf(selectedNodes('p', { operations: all, finals: [ledger(all, less, more)] }));
  const left = one('a', 'wholeLeft', held());
  const right = one('b', 'halfRight', held({ node: 'n2' }));

  it('are kept: odd nodes are left, even ones right, and what asks for neither runs anywhere', () => {
    expect(check([left, right, one('c', 'whole', held({ node: 'n2' }))])).toEqual([]);
  });

  it.each([
    ['a result comes from a node on the other side', one('a', 'wholeLeft', held({ node: 'n4' }))],
    ['a result comes from a node that was to be left out', one('a', 'halfRight', held())],
    ['a member of a gang ran there', gang('a', 'PACK', [['wholeLeft', held({ node: 'n2' })]])],
    ['an attempt does not say where it ran', one('a', 'wholeLeft', held({ node: '' }))],
  ])('are found out when %s', (_what, operation) => {
    expect(check([operation])).toContain('wrong');
  });

  it('are found out when an attempt began there whose result was not taken', () => {
    expect(check([left], [], ['a.0#2@n2'])).toEqual(['wrong']);
    const unknown = { ...left, outcome: 'unknown' } as const;
    expect(check([unknown], [], ['a.0#1@n2'])).toEqual(['wrong']);
  });

  it('are found out when the attempt whose result counts left no mark', () => {
    expect(check([left], ['a.0#1@n1'], ['a.0#2@n1'])).toEqual(['lost']);
  });

  it('are found out when something began that nobody asked for', () => {
    expect(check([left], [], ['z.0#1@n1'])).toEqual(['wrong']);
    expect(check([left], [], ['a.1#1@n1'])).toEqual(['wrong']);
  });

  it('are not taken for right when it was not read what began', () => {
    expect(kindsOf(selectedNodes('p', { operations: [left], finals: [] }))).toEqual(['wrong']);
  });
});

describe('a history', () => {
  const placed = { ...one('a', 'whole', held()), workload: 'placings' };
  const marks: Final = { ...ledger([placed]), workload: 'placings' };
  const promisesOf = (...lines: Line[]) =>
    checkHistory(historyOf([...lines, { kind: 'end', at: 2_000 }])).map(({ promise }) => promise);
  const promised = [
    'no GPU is given twice',
    'a gang starts together or not at all',
    'a task runs where its selector says',
  ];

  it('from before there were placings is judged as it was then', () => {
    for (const promise of promised) expect(promisesOf(begin())).not.toContain(promise);
  });

  it('that says they were at work, or has one, is judged by what is promised of them', () => {
    const said = promisesOf(begin({ workloads: ['placings'] }));
    const has = promisesOf(begin(), placed, marks);
    for (const promises of [said, has]) expect(promises).toEqual(expect.arrayContaining(promised));
  });

  it('that says they were at work and has none of it proves nothing', () => {
    const lines: Line[] = [begin({ workloads: ['placings'] }), { kind: 'end', at: 2_000 }];
    const { conclusion, reasons } = summarize(historyOf(lines));
    expect(conclusion).toBe('inconclusive');
    for (const promise of promised) {
      expect(reasons).toContain(`nothing was there to check: ${promise}`);
    }
  });

  it('is reported with their number and each of their promises', () => {
    const lines: Line[] = [begin(), placed, marks, { kind: 'end', at: 2_000 }];
    const text = reportText(summarize(historyOf(lines)));
    expect(text).toMatch(/^ {2}placings +1 +0 +0$/m);
    for (const promise of promised)
      expect(text).toMatch(new RegExp(`^ {2}${promise} +\\d+ +0$`, 'm'));
  });
});
