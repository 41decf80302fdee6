/** Prints the tree of a JavaScript expression as CEL, or throws what in it cannot be printed. */
import type * as js from 'acorn';
import { printCall } from './calls.ts';
import type { Meaning } from './condition.ts';
import {
  alike,
  isNothing,
  joined,
  levels,
  looselyEqual,
  negated,
  numberOf,
  numbers,
  numberText,
  ordered,
  type Printed,
  quoted,
  relation,
  strictlyEqual,
  sum,
  taken,
  ternary,
  textOf,
  truthOf,
  whole,
  within,
} from './printed.ts';

export class Untranslatable extends Error {}

type Find = (name: string) => (Meaning & { readonly name: string }) | undefined;

export class Printer {
  readonly unknownNames = new Set<string>();
  asksCase = false;
  readonly #code: string;
  readonly #find: Find;
  /** By name, what it is called here. */
  readonly #locals = new Map<string, string>();

  constructor(code: string, find: Find) {
    this.#code = code;
    this.#find = find;
  }

  /** The node taken for true or false. */
  condition(node: js.Node): string {
    return this.truth(node).text;
  }

  truth(any: js.Node): Printed {
    const node = any as js.Expression;
    if (node.type === 'LogicalExpression' && node.operator !== '??') {
      const isAnd = node.operator === '&&';
      const level = isAnd ? levels.and : levels.or;
      const left = within(this.truth(node.left), level);
      const right = within(this.truth(node.right), level + 1);
      return { text: `${left} ${node.operator} ${right}`, type: 'bool', level };
    }
    if (node.type === 'UnaryExpression' && node.operator === '!') {
      const inner = within(this.truth(node.argument), levels.unary);
      const text = inner.startsWith('!') ? inner.slice(1) : `!${inner}`;
      return { text, type: 'bool', level: levels.unary };
    }
    return truthOf(this.value(node));
  }

  value(any: js.Node): Printed {
    const node = any as js.Expression;
    switch (node.type) {
      case 'Literal':
        return this.#literal(node);
      case 'TemplateLiteral':
        return this.#template(node);
      case 'Identifier':
        return this.#identifier(node.name);
      case 'ParenthesizedExpression':
      case 'ChainExpression':
        return this.value(node.expression);
      case 'UnaryExpression':
        return this.#unary(node);
      case 'LogicalExpression':
        return this.#logical(node);
      case 'ConditionalExpression':
        return ternary(
          this.truth(node.test),
          this.value(node.consequent),
          this.value(node.alternate),
        );
      case 'BinaryExpression':
        return this.#binary(node);
      case 'MemberExpression':
        return this.#member(node);
      case 'CallExpression':
        return printCall(this, node);
      case 'ArrayExpression':
        return this.#array(node);
      default:
        throw this.refuse(node);
    }
  }

  /** With a name of its own for an element of a list. */
  withLocal<T>(name: string, print: (called: string) => T): T {
    const called = taken.has(name) ? `${name}_` : name;
    const known = this.#locals.has(name);
    this.#locals.set(name, called);
    const printed = print(called);
    if (!known) this.#locals.delete(name);
    return printed;
  }

  refuse(node: js.Node, why = 'has no counterpart in CEL'): Untranslatable {
    return new Untranslatable(`\`${this.#code.slice(node.start, node.end)}\` ${why}`);
  }

  #literal(node: js.Literal): Printed {
    const { value } = node;
    if (typeof value === 'string') return this.#textWithValues(value);
    if (typeof value === 'number') return whole(numberText(value), 'number');
    if (typeof value === 'boolean') return whole(String(value), 'bool');
    if (value === null && node.raw === 'null') return whole('null', 'null');
    throw this.refuse(node);
  }

  /** A reference in quotes becomes a part of the text. */
  #textWithValues(text: string): Printed {
    const parts = text.split(/(\$value\d+\$)/).filter((part) => part !== '');
    const printed = parts.map((part) => {
      const found = this.#find(part);
      return found === undefined ? whole(quoted(part), 'string') : textOf(whole(found.name, 'any'));
    });
    return joined(printed);
  }

  #template(node: js.TemplateLiteral): Printed {
    const parts: Printed[] = [];
    for (const [i, { value }] of node.quasis.entries()) {
      if (value.cooked) parts.push(this.#textWithValues(value.cooked));
      const expression = node.expressions[i];
      if (expression !== undefined) parts.push(textOf(this.value(expression)));
    }
    return joined(parts);
  }

  #identifier(name: string): Printed {
    if (name === 'undefined') return whole('null', 'null');
    if (name === 'NaN' || name === 'Infinity') return whole(`double("${name}")`, 'number');
    const local = this.#locals.get(name);
    if (local !== undefined) return whole(local, 'any');
    const found = this.#find(name);
    if (found === undefined) {
      this.unknownNames.add(name);
      return whole(name, 'any');
    }
    const type = found.isNumber === true ? 'number' : 'any';
    if (found.plus === undefined) return whole(found.name, type);
    return { text: `${found.name} + ${numberText(found.plus)}`, type, level: levels.sum };
  }

  #unary(node: js.UnaryExpression): Printed {
    switch (node.operator) {
      case '!':
        return this.truth(node);
      case '-': {
        const inner = within(numberOf(this.value(node.argument)), levels.unary);
        return { text: `-${inner}`, type: 'number', level: levels.unary };
      }
      case '+':
        return numberOf(this.value(node.argument));
      default:
        throw this.refuse(node);
    }
  }

  #logical(node: js.LogicalExpression): Printed {
    const left = this.value(node.left);
    const right = this.value(node.right);
    if (left.type === 'bool' && right.type === 'bool' && node.operator !== '??') {
      return this.truth(node);
    }
    switch (node.operator) {
      case '&&':
        return ternary(truthOf(left), right, left);
      case '||':
        return ternary(truthOf(left), left, right);
      case '??':
        return ternary(relation(left, '!=', whole('null', 'null')), left, right);
    }
  }

  #binary(node: js.BinaryExpression): Printed {
    const { operator } = node;
    if (operator === '===' || operator === '!==' || operator === '==' || operator === '!=') {
      return this.#equality(node);
    }
    if (node.left.type === 'PrivateIdentifier') throw this.refuse(node);
    const left = this.value(node.left);
    const right = this.value(node.right);
    switch (operator) {
      case '<':
      case '<=':
      case '>':
      case '>=':
        return ordered(left, operator, right);
      case '+':
        return sum(left, right);
      case '-':
        return numbers(left, operator, right, levels.sum);
      case '*':
      case '/':
        return numbers(left, operator, right, levels.product);
      case '%': {
        const [a, b] = [left, right].map((one) => within(numberOf(one), levels.unary));
        return {
          text: `${a} - ${b} * double(int(${a} / ${b}))`,
          type: 'number',
          level: levels.sum,
        };
      }
      default:
        throw this.refuse(node);
    }
  }

  #equality(node: js.BinaryExpression): Printed {
    if (node.left.type === 'PrivateIdentifier') throw this.refuse(node);
    const isNot = node.operator.startsWith('!');
    const typed =
      this.#typeQuestion(node.left, node.right) ?? this.#typeQuestion(node.right, node.left);
    if (typed !== undefined) return isNot ? negated(typed) : typed;
    const left = this.value(node.left);
    const right = this.value(node.right);
    if (left.type === 'list' || right.type === 'list')
      throw this.refuse(node, 'asks whether two lists are one and the same, which CEL cannot say');
    const isLoose = node.operator.length === 2;
    const special = isLoose
      ? (alike(left, node.right) ?? alike(right, node.left) ?? looselyEqual(left, right))
      : (nothingIn(left, node.right) ?? nothingIn(right, node.left));
    const same = special ?? strictlyEqual(left, right);
    if (!isNot) return same;
    return same.level === levels.relation && special === undefined
      ? relation(left, '!=', right)
      : negated(same);
  }

  /** `typeof x === 'number'`. */
  #typeQuestion(asked: js.Expression, answer: js.Expression): Printed | undefined {
    if (asked.type !== 'UnaryExpression' || asked.operator !== 'typeof') return undefined;
    const one = this.value(asked.argument);
    const { text } = one;
    const named = answer.type === 'Literal' ? answer.value : undefined;
    switch (named) {
      case 'string':
        return whole(`type(${text}) == string`, 'bool', levels.relation);
      case 'number':
        return whole(`type(${text}) in [double, int]`, 'bool', levels.relation);
      case 'boolean':
        return whole(`type(${text}) == bool`, 'bool', levels.relation);
      case 'object':
        return whole(
          `${one.member === undefined ? '' : `${within(one.member.there, levels.and)} && `}` +
            `type(${text}) in [map, list, null_type]`,
          'bool',
          levels.and,
        );
      case 'undefined':
        return isNothing(one, 'undefined') ?? relation(one, '==', whole('null', 'null'));
      default:
        throw this.refuse(asked);
    }
  }

  #member(node: js.MemberExpression): Printed {
    if (node.object.type === 'Super') throw this.refuse(node);
    const object = this.value(node.object);
    const held = within(object, levels.whole);
    const key = this.#key(node);
    // Asked whether it has a field, CEL says no of a name that nothing sets; JavaScript throws.
    if (this.unknownNames.has(object.text)) return whole(`${held}[${quoted(String(key))}]`, 'any');
    if (key === 'length') {
      // Of an object, which has none, it fails.
      const counted =
        object.type === 'any'
          ? `type(${object.text}) == map ? null : ${within(object, levels.or)}`
          : object.text;
      const size = whole(`size(${counted})`, 'int');
      if (!node.optional) return size;
      return ternary(relation(object, '==', whole('null', 'null')), whole('0', 'int'), size);
    }
    const isName = typeof key === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(key);
    const of = typeof key === 'number' ? String(key) : quoted(key);
    const part = whole(isName && !literals.has(key) ? `${held}.${key}` : `${held}[${of}]`, 'any');
    const isSet =
      typeof key === 'number'
        ? whole(`size(${object.text}) > ${key}`, 'bool', levels.relation)
        : whole(`${of} in ${within(object, levels.sum)}`, 'bool', levels.relation);
    // `in` says no of what is null; going through the names tells, but a loop in a loop is not allowed.
    const isNamed =
      typeof key === 'number' || this.#locals.size > 0
        ? isSet
        : whole(`${held}.exists(name, name == ${of})`, 'bool');
    const sure = (there: Printed) => (node.optional ? unlessNull(object, there) : there);
    const value = ternary(sure(isSet), part, whole('null', 'null'));
    return { ...value, member: { there: sure(isNamed), part } };
  }

  #key(node: js.MemberExpression): string | number {
    const { property } = node;
    if (!node.computed && property.type === 'Identifier') return property.name;
    if (property.type !== 'Literal') throw this.refuse(node);
    const { value } = property;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
    throw this.refuse(node);
  }

  #array(node: js.ArrayExpression): Printed {
    const parts = node.elements.map((element) => {
      if (element === null || element.type === 'SpreadElement') throw this.refuse(node);
      return this.value(element).text;
    });
    return whole(`[${parts.join(', ')}]`, 'list');
  }
}

/** Words that CEL takes for no names of fields. */
const literals: ReadonlySet<string> = new Set(['in', 'true', 'false', 'null']);

function nothingIn(one: Printed, other: js.Expression): Printed | undefined {
  if (other.type === 'Identifier' && other.name === 'undefined') return isNothing(one, 'undefined');
  const isNull = other.type === 'Literal' && other.raw === 'null';
  return isNull ? isNothing(one, 'null') : undefined;
}

function unlessNull(object: Printed, there: Printed): Printed {
  const isThere = relation(object, '!=', whole('null', 'null'));
  return whole(`${isThere.text} && ${within(there, levels.relation)}`, 'bool', levels.and);
}
