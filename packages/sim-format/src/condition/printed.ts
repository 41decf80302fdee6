/** Pieces of CEL, and how they are put together so that they mean what JavaScript means. */
import type * as js from 'acorn';

export type Type = 'number' | 'int' | 'string' | 'bool' | 'null' | 'list' | 'any';

/** A piece of CEL; `level` says how tightly it holds together. */
export interface Printed {
  readonly text: string;
  readonly type: Type;
  readonly level: number;
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
    case 'number':
      return relation(one, '!=', whole('0.0', 'number'));
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

/** `x == 5` also holds of "5" in JavaScript. */
export function alike(one: Printed, literal: js.Expression): Printed | undefined {
  if (one.type !== 'any' || literal.type !== 'Literal') return undefined;
  const { value } = literal;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) return undefined;
  const text = typeof value === 'string' ? value : String(number);
  const either = `[${numberText(number)}, ${quoted(text)}]`;
  return { text: `${within(one, levels.sum)} in ${either}`, type: 'bool', level: levels.relation };
}

export function numberText(value: number): string {
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
