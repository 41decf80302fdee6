/** Pieces of CEL, and how they are put together so that they mean what JavaScript means. */
import type * as js from 'acorn';

export type Type = 'number' | 'int' | 'string' | 'bool' | 'null' | 'list' | 'any';

/** A piece of CEL; `level` says how tightly it holds together. */
export interface Printed {
  readonly text: string;
  readonly type: Type;
  readonly level: number;
  /** It is a part that may not be there, which JavaScript tells from null. */
  readonly member?: { readonly there: Printed; readonly part: Printed };
}

export const levels = {
  ternary: 0,
  or: 1,
  and: 2,
  relation: 3,
  sum: 4,
  product: 5,
  unary: 6,
  whole: 7,
};

export function whole(text: string, type: Type, level = levels.whole): Printed {
  return { text, type, level };
}

export function within({ text, level }: Printed, least: number): string {
  return level < least ? `(${text})` : text;
}

export function truthOf(one: Printed): Printed {
  switch (one.type) {
    case 'bool':
      return one;
    case 'null':
      return whole('false', 'bool');
    case 'list':
      return whole('true', 'bool');
    case 'int':
      return relation(one, '!=', whole('0', 'int'));
    case 'number': {
      // NaN is neither.
      const zero = whole('0.0', 'number');
      const [below, above] = [relation(one, '<', zero), relation(one, '>', zero)];
      return whole(`${below.text} || ${above.text}`, 'bool', levels.or);
    }
    case 'string':
      return relation(one, '!=', whole('""', 'string'));
    case 'any':
      return whole(`!(${within(one, levels.sum)} in [null, false, 0.0, ""])`, 'bool', levels.unary);
  }
}

/** As JavaScript makes a number of it; of a list or an object the condition fails. */
export function numberOf(one: Printed): Printed {
  if (one.type === 'number') return one;
  if (one.type === 'null') return whole('0.0', 'number');
  if (one.type === 'bool') return ternary(one, whole('1.0', 'number'), whole('0.0', 'number'));
  if (one.type !== 'any') return whole(`double(${one.text})`, 'number');
  if (one.member !== undefined) {
    const { there, part } = one.member;
    return ternary(there, numberOf(part), whole('double("NaN")', 'number'));
  }
  const given = within(one, levels.relation);
  return whole(`double(${given} == null ? 0.0 : ${within(one, levels.or)})`, 'number');
}

export function textOf(one: Printed): Printed {
  return one.type === 'string' ? one : whole(`string(${one.text})`, 'string');
}

export function relation(left: Printed, operator: string, right: Printed): Printed {
  const text = `${within(left, levels.sum)} ${operator} ${within(right, levels.sum)}`;
  return { text, type: 'bool', level: levels.relation };
}

export function negated(one: Printed): Printed {
  return { text: `!${within(one, levels.whole)}`, type: 'bool', level: levels.unary };
}

export function ternary(test: Printed, left: Printed, right: Printed): Printed {
  const parts = [within(test, levels.or), within(left, levels.or), within(right, levels.or)];
  const type = left.type === right.type ? left.type : 'any';
  return { text: `${parts[0]} ? ${parts[1]} : ${parts[2]}`, type, level: levels.ternary };
}

export function quoted(text: string): string {
  return JSON.stringify(text);
}

export function ordered(left: Printed, operator: string, right: Printed): Printed {
  const isNumeric = ({ type }: Printed) => type === 'number' || type === 'int' || type === 'bool';
  if (isNumeric(left) === isNumeric(right)) return relation(left, operator, right);
  const asNumber = (one: Printed) => (one.type === 'int' ? one : numberOf(one));
  return relation(asNumber(left), operator, asNumber(right));
}

export function sum(left: Printed, right: Printed): Printed {
  if (left.type === 'string' || right.type === 'string')
    return joined([textOf(left), textOf(right)]);
  const isKnown = left.type !== 'any' && right.type !== 'any';
  if (isKnown) return numbers(left, '+', right, levels.sum);
  const text = `${within(left, levels.sum)} + ${within(right, levels.product)}`;
  return { text, type: 'any', level: levels.sum };
}

export function numbers(left: Printed, operator: string, right: Printed, level: number): Printed {
  const [a, b] = [within(numberOf(left), level), within(numberOf(right), level + 1)];
  return { text: `${a} ${operator} ${b}`, type: 'number', level };
}

export function joined(parts: readonly Printed[]): Printed {
  const [only = whole('""', 'string')] = parts;
  if (parts.length < 2) return only;
  const text = parts.map((part) => within(part, levels.product)).join(' + ');
  return { text, type: 'string', level: levels.sum };
}

/** `x == 5` also holds of "5" in JavaScript, and `x == 0` of "" and false. */
export function alike(one: Printed, literal: js.Expression): Printed | undefined {
  if (one.type !== 'any' || literal.type !== 'Literal') return undefined;
  const { value } = literal;
  if (value === null || !['string', 'number', 'boolean'].includes(typeof value)) return undefined;
  const number = Number(value);
  if (Number.isNaN(number)) return undefined;
  const same = [numberText(number)];
  if (number === 0) same.push('false');
  if (number === 1) same.push('true');
  if (typeof value === 'string') same.push(quoted(value));
  const among = whole(
    `${within(one, levels.sum)} in [${same.join(', ')}]`,
    'bool',
    levels.relation,
  );
  // Of a list, which JavaScript makes a text of, it fails.
  const others = typeof value === 'string' ? '== list' : 'in [string, list]';
  const isOther = whole(`type(${one.text}) ${others}`, 'bool', levels.relation);
  const asNumber = whole(`double(${one.text}) == ${same[0]}`, 'bool', levels.relation);
  return ternary(isOther, asNumber, among);
}

/** `==` of JavaScript: what is of two types is compared as numbers; where that cannot be done it fails. */
export function looselyEqual(left: Printed, right: Printed): Printed {
  const plain = relation(left, '==', right);
  const isNull = left.type === 'null' || right.type === 'null';
  if (isNull || (left.type === right.type && left.type !== 'any')) return plain;
  const [one, other] = [within(left, levels.sum), within(right, levels.sum)];
  const isAlike = `type(${left.text}) == type(${right.text}) || ${one} == null || ${other} == null`;
  const asNumbers = whole(`double(${left.text}) == double(${right.text})`, 'bool', levels.relation);
  return ternary(whole(isAlike, 'bool', levels.or), plain, asNumbers);
}

/** `===` with null, or with what is not there, of a part: JavaScript tells the two apart. */
export function isNothing(one: Printed, nothing: 'null' | 'undefined'): Printed | undefined {
  if (one.member === undefined) return undefined;
  const { there, part } = one.member;
  if (nothing === 'undefined') return negated(there);
  const isNull = relation(part, '==', whole('null', 'null'));
  return whole(`${within(there, levels.and)} && ${isNull.text}`, 'bool', levels.and);
}

/** `===` of two values of which one may not be there, and the other null. */
export function strictlyEqual(left: Printed, right: Printed): Printed {
  const same = relation(left, '==', right);
  if (left.type !== 'any' || right.type !== 'any') return same;
  const [one, other] = [left.member?.there, right.member?.there];
  const first = one ?? other;
  if (first === undefined) return same;
  const there = one !== undefined && other !== undefined ? relation(one, '==', other) : first;
  return whole(`${within(there, levels.and)} && ${same.text}`, 'bool', levels.and);
}

/** Words of CEL and names of its types and functions. */
export const taken: ReadonlySet<string> = new Set(
  (
    'true false null in as break const continue else for function if import let loop package ' +
    'namespace return var void while type size string double int uint bool bytes list map has ' +
    'matches duration timestamp dyn null_type'
  ).split(' '),
);

export function numberText(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
