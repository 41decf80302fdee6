import { compile, play } from '@troupe/scheduler-core/dag';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importSim } from '../src/index.ts';

const loopless = { loops: {}, parallels: {} };

function block(id: string, type: string, params: object = {}) {
  return { id, enabled: true, config: { tool: type, params }, metadata: { id: type, name: id } };
}

function gate(javascript: string) {
  const conditions = [
    { id: 'yes', title: 'if', value: javascript },
    { id: 'no', title: 'else', value: '' },
  ];
  return importSim(
    {
      blocks: [block('in', 'start_trigger'), block('gate', 'condition', { conditions })],
      connections: [{ source: 'in', target: 'gate' }],
      ...loopless,
    },
    { name: 'gate' },
  );
}

/** What the engine answers for the input; undefined when it fails. */
function answers(javascript: string, input: unknown): boolean | undefined {
  const { workflow, refusals } = gate(javascript);
  if (workflow === undefined) throw new Error(refusals.map(({ what }) => what).join());
  const compiled = compile({ ...workflow, output: { $ref: ['blocks', 'gate'] } }, { tasks: [] });
  if ('failure' in compiled) throw new Error(`${javascript}: ${compiled.failure.message}`);
  const { outcome, ended } = play(compiled, input, () => ({ value: null }));
  if (!outcome.ok) return undefined;
  expect(ended.at(-1)?.id).toBe('gate');
  return new TextDecoder().decode(outcome.value).includes('yes');
}

/** What JavaScript says, with the values of the input under their names. */
function javascriptSays(javascript: string, input: object): boolean | undefined {
  const code = javascript.replace(/<in\.(\w+)>/g, '$1');
  try {
    return Boolean(
      new Function(...Object.keys(input), `return (${code})`)(...Object.values(input)),
    );
  } catch {
    return undefined;
  }
}

const values = {
  n: 7,
  zero: 0,
  text: 'Seven wonders',
  seven: '7',
  empty: '',
  yes: true,
  no: false,
  nothing: null,
  list: [1, 2, 3],
  none: [] as number[],
  words: ['red', 'Green'],
  person: { name: 'Ada', age: 36, tags: ['x'] },
  odd: { nick: null, in: 1, words: 'a b' },
  all: [{ in: 1, size: 2 }, { in: 2 }],
};

describe('a condition in JavaScript answers in CEL what it would have answered', () => {
  it.each([
    '<in.n> > 5',
    '<in.n> >= 7 && <in.n> < 8',
    '<in.seven> > 5',
    '<in.seven> === 7',
    '<in.seven> == 7',
    '<in.n> == "7"',
    '<in.n> != "8"',
    '<in.nothing> > 5',
    '<in.nothing> < 5',
    '<in.nothing> == null',
    '<in.nothing> === undefined || true',
    '<in.text>',
    '!<in.empty>',
    '<in.zero> || <in.empty>',
    '<in.list>',
    '<in.none>',
    '<in.none>.length',
    '<in.list>.length === 3',
    '<in.list>.length + 1 > 3',
    '<in.list>.includes(2)',
    '<in.text>.includes("wonder")',
    '<in.text>.toLowerCase().startsWith("seven")',
    '<in.text>.trim().endsWith("s")',
    '/^seven/i.test(<in.text>)',
    '<in.list>[0] === 1',
    '<in.list>[9] === undefined',
    '<in.person>.name === "Ada"',
    '<in.person>.shoe === undefined',
    '<in.person>?.tags?.length > 0',
    '<in.nothing>?.name === undefined',
    '<in.words>.some((word) => word === "red")',
    '<in.list>.every((one) => one > 1)',
    '<in.list>.filter((one) => one > 1).length === 2',
    '(<in.n> > 5 ? "many" : "few") === "many"',
    '(<in.empty> || "other") === "other"',
    '(<in.nothing> ?? 3) === 3',
    '<in.n> % 2 === 1',
    '-7 % 2 === -1',
    '<in.n> * 2 - 1 === 13',
    'typeof <in.text> === "string" && typeof <in.n> !== "string"',
    'Array.isArray(<in.list>)',
    'Number(<in.seven>) + 1 === 8',
    'String(<in.n>) === "7"',
    'Boolean(<in.no>) === false',
    'isNaN(<in.text>)',
    'Object.keys(<in.person>).length === 3',
    '["a", "b"].includes("b")',
    '!!<in.yes> && !(<in.no>)',
    '<in.person>.age > 30 && (<in.yes> || <in.no>);',
    '<in.text>.match(/wonder/) !== null',
    '<in.text>.match(/blunder/) !== null',
    '<in.text>.match(/blunder/) == null',
    '!<in.text>.match(/blunder/)',
    '<in.person>.shoe < 5',
    '<in.person>.shoe >= 0',
    '<in.person>.shoe - 1',
    '<in.odd>.nick < 5',
    '<in.person>.shoe === null',
    '<in.person>.shoe == null',
    '<in.odd>.nick === null',
    '<in.nothing> === <in.odd>.none',
    '<in.nothing> !== <in.odd>.none',
    '<in.odd>.nick === <in.nothing>',
    '<in.odd>.nick === <in.odd>.none',
    '<in.person>.shoe === <in.odd>.none',
    '<in.odd>.nick !== null',
    '<in.odd>.nick === undefined',
    '<in.odd>.nick == undefined',
    '<in.odd>?.nick === null',
    '<in.nothing>?.nick === null',
    '<in.nothing>?.nick !== undefined',
    '<in.list>[9] === null',
    'typeof <in.odd>.nick === "undefined"',
    'typeof <in.odd>.nick === "object"',
    'typeof <in.person>.shoe === "object"',
    'typeof <in.list>.length === "number"',
    '<in.odd>.in === 1',
    '<in.all>.some((in_) => in_.in === 2)',
    '<in.all>.some((size) => size.size === 2)',
    '<in.all>.every((string) => typeof string.in === "number")',
    '<in.zero> == ""',
    '<in.empty> == 0',
    '<in.empty> == false',
    '<in.zero> == false',
    '<in.no> == 0',
    '<in.no> == "0"',
    '<in.yes> == 1',
    '<in.yes> == "1"',
    '<in.nothing> == 0',
    '<in.nothing> == false',
    '<in.n> == <in.seven>',
    '<in.text> != <in.seven>',
    '<in.n> != <in.nothing>',
    '<in.seven> == 7.0',
    '<in.person> == 7',
    'parseInt(<in.seven>, 10) === 7',
    '<in.n>.toString() === "7"',
  ])('%s', (javascript) => {
    const said = javascriptSays(javascript.replace(/;$/, ''), values);
    expect(said).toBeDefined();
    expect(answers(javascript, values)).toBe(said);
  });

  it.each([
    '<in.person>.length > 0',
    '<in.person>.includes("name")',
    '<in.nothing>.name === undefined',
    '<in.yes> == <in.n>',
    '<in.none> == ""',
    '<in.list> == 0',
  ])('or fails when it is asked: %s', (javascript) => {
    expect(answers(javascript, values)).toBeUndefined();
  });

  it('that asks for another case is told to know only the letters from A to Z', () => {
    expect(gate('<in.text>.toLowerCase() === "x"').notes.map(({ what }) => what)).toEqual([
      expect.stringContaining('of the letters from A to Z only'),
    ]);
  });

  it('a reference in quotes is a part of the text, also in a template', () => {
    expect(answers('"<in.text>" === "Seven wonders"', values)).toBe(true);
    expect(answers('"<in.n> of <in.seven>" === "7 of 7"', values)).toBe(true);
    const template = ['`$', '{<in.text>}!` === "Seven wonders!"'].join('');
    expect(answers(template, values)).toBe(true);
  });

  it('whatever is compared, or it fails: it never answers otherwise', () => {
    const parts = ['<in.odd>.nick', '<in.odd>.none', '<in.odd>?.words', '<in.nothing>?.none'];
    const names = [...Object.keys(values).map((name) => `<in.${name}>`), ...parts];
    const literals = ['0', '7', '"7"', '""', '"red"', 'true', 'null'];
    const operand = fc.constantFrom(...names, ...literals);
    const operator = fc.constantFrom(
      ...['===', '!==', '==', '!=', '<', '<=', '>', '>=', '&&', '||', '??'],
    );
    const compared = fc
      .tuple(operand, operator, operand)
      .map(([left, by, right]) => `(${left} ${by} ${right})`);
    const not = fc.tuple(fc.constantFrom('', '!'), compared).map((parts) => parts.join(''));
    const joined = fc.tuple(not, fc.constantFrom('&&', '||'), not).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(joined, (javascript) => {
        const answered = answers(javascript, values);
        if (answered === undefined) return;
        expect([javascript, answered]).toEqual([javascript, javascriptSays(javascript, values)]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a condition that cannot be translated is refused, with its block and what it is', () => {
  it.each([
    ['this is not js', 'it is no JavaScript expression'],
    ['fetch("http://x")', '`fetch("http://x")` has no counterpart'],
    ['(() => true)()', 'has no counterpart'],
    ['<in.text>.replace("a", "b") === "b"', '`in_text.replace("a", "b")` has no counterpart'],
    ['new Date() > 5', '`new Date()` has no counterpart'],
    ['x = 5', '`x = 5` has no counterpart'],
    ['/(?=a)/.test(<in.text>)', '`/(?=a)/` has no counterpart'],
    ['/[^]/.test(<in.text>)', '`/[^]/` has no counterpart'],
    ['parseInt(<in.seven>, 2) === 7', '`parseInt(in_seven, 2)` has no counterpart'],
    ['<in.text>.includes("e", 3)', '`in_text.includes("e", 3)` has no counterpart'],
    ['<in.text>.startsWith("e", 1)', '`in_text.startsWith("e", 1)` has no counterpart'],
    ['<in.n>.toString(2) === "111"', '`in_n.toString(2)` has no counterpart'],
    ['<in.person>.hasOwnProperty("name")', '`in_person.hasOwnProperty("name")` has no counterpart'],
    ['<in.list> == []', 'asks whether two lists are one and the same'],
    ['if (true) {}', 'it is no JavaScript expression'],
    ['{{SECRET}} === "x"', 'reads {{SECRET}} of the environment'],
    ['true) || (true', 'true'],
  ])('%s', (javascript, why) => {
    const { workflow, refusals } = gate(javascript);
    if (why === 'true') return expect(refusals).toEqual([]);
    expect(workflow).toBeUndefined();
    expect(refusals.map(({ place }) => place)).toEqual(['gate']);
    expect(refusals[0]?.what).toContain(`the condition \`${javascript}\``);
    expect(refusals[0]?.what).toContain(why);
  });

  it('a name that nothing sets fails when it is asked for, and that is told', () => {
    const { notes } = gate('nope.missing > 1');
    expect(notes[0]?.what).toContain('asks for "nope", which nothing sets');
    expect(answers('nope.missing > 1', values)).toBeUndefined();
    expect(answers('nope === undefined', values)).toBeUndefined();
  });
});
