/** The calls of JavaScript that CEL has a counterpart for. */
import type * as js from 'acorn';
import {
  levels,
  numberOf,
  type Printed,
  quoted,
  relation,
  ternary,
  textOf,
  truthOf,
  whole,
  within,
} from './printed.ts';
import type { Printer } from './printer.ts';

export function printCall(printer: Printer, node: js.CallExpression): Printed {
  const { callee } = node;
  const args = node.arguments.map((argument) => {
    if (argument.type === 'SpreadElement') throw printer.refuse(node);
    return argument;
  });
  if (callee.type === 'Identifier') return printFunction(printer, node, callee.name, args);
  if (callee.type !== 'MemberExpression' || callee.computed) throw printer.refuse(node);
  const { object, property } = callee;
  if (property.type !== 'Identifier' || object.type === 'Super') throw printer.refuse(node);
  const [first] = args;
  if (object.type === 'Literal' && object.value instanceof RegExp) {
    if (property.name !== 'test' || first === undefined) throw printer.refuse(node);
    return matched(printer, printer.value(first), object);
  }
  if (object.type === 'Identifier' && property.name === 'isArray' && first !== undefined) {
    if (object.name !== 'Array') throw printer.refuse(node);
    return whole(`type(${printer.value(first).text}) == list`, 'bool', levels.relation);
  }
  if (object.type === 'Identifier' && object.name === 'Object' && property.name === 'keys') {
    if (first === undefined) throw printer.refuse(node);
    return whole(printer.value(first).text, 'any');
  }
  return printMethod(printer, node, { name: property.name, of: object, args });
}

function printFunction(
  printer: Printer,
  node: js.CallExpression,
  name: string,
  [argument]: readonly js.Expression[],
): Printed {
  if (argument === undefined) throw printer.refuse(node);
  const value = printer.value(argument);
  switch (name) {
    case 'Boolean':
      return truthOf(value);
    case 'String':
      return textOf(value);
    case 'Number':
    case 'parseFloat':
      return numberOf(value);
    case 'parseInt':
      return whole(`double(int(${numberOf(value).text}))`, 'number');
    case 'isNaN': {
      const number = numberOf(value);
      return relation(number, '!=', number);
    }
    default:
      throw printer.refuse(node);
  }
}

interface Method {
  readonly name: string;
  readonly of: js.Expression;
  readonly args: readonly js.Expression[];
}

const textMethods: { readonly [name: string]: string } = {
  toLowerCase: 'lowerAscii',
  toLocaleLowerCase: 'lowerAscii',
  toUpperCase: 'upperAscii',
  toLocaleUpperCase: 'upperAscii',
  trim: 'trim',
};

const listMethods: { readonly [name: string]: string } = {
  some: 'exists',
  every: 'all',
  filter: 'filter',
};

function printMethod(
  printer: Printer,
  node: js.CallExpression,
  { name, of, args }: Method,
): Printed {
  const object = printer.value(of);
  const held = within(object, levels.whole);
  const [argument] = args;
  const ofText = textMethods[name];
  if (ofText !== undefined) return whole(`${held}.${ofText}()`, 'string');
  if (name === 'toString') return textOf(object);
  if (argument === undefined) throw printer.refuse(node);
  const ofList = listMethods[name];
  if (ofList !== undefined) return printOfList(printer, node, { held, ofList, argument });
  switch (name) {
    case 'includes':
      return included(object, printer.value(argument));
    case 'startsWith':
    case 'endsWith':
      return whole(`${held}.${name}(${textOf(printer.value(argument)).text})`, 'bool');
    case 'match':
      if (argument.type !== 'Literal') throw printer.refuse(node);
      return matched(printer, object, argument);
    default:
      throw printer.refuse(node);
  }
}

function included(object: Printed, part: Printed): Printed {
  const held = within(object, levels.whole);
  const inText = whole(`${held}.contains(${part.text})`, 'bool');
  const member = `${within(part, levels.sum)} in ${within(object, levels.sum)}`;
  const inList = whole(member, 'bool', levels.relation);
  if (object.type === 'string') return inText;
  if (object.type === 'list') return inList;
  const isText = whole(`type(${object.text}) == string`, 'bool', levels.relation);
  return ternary(isText, inText, inList);
}

function printOfList(
  printer: Printer,
  node: js.CallExpression,
  { held, ofList, argument }: { held: string; ofList: string; argument: js.Expression },
): Printed {
  if (argument.type !== 'ArrowFunctionExpression' || argument.body.type === 'BlockStatement') {
    throw printer.refuse(node);
  }
  const { body } = argument;
  const [param, second] = argument.params;
  if (param?.type !== 'Identifier' || second !== undefined) throw printer.refuse(node);
  const { name } = param;
  const test = printer.withLocal(name, () => printer.condition(body));
  const type = ofList === 'filter' ? 'list' : 'bool';
  return whole(`${held}.${ofList}(${name}, ${test})`, type);
}

/** RE2, which CEL has, knows neither look-around nor back-references. */
const beyondRe2 = /\(\?[=!<]|\\[1-9]|\\k</;

function matched(printer: Printer, text: Printed, pattern: js.Literal): Printed {
  const { value } = pattern;
  if (!(value instanceof RegExp)) throw printer.refuse(pattern);
  const { source, flags } = value;
  if (beyondRe2.test(source) || /[^gimsu]/.test(flags)) throw printer.refuse(pattern);
  const kept = [...flags].filter((flag) => 'ims'.includes(flag)).join('');
  const flagged = kept === '' ? source : `(?${kept})${source}`;
  return whole(`${within(textOf(text), levels.whole)}.matches(${quoted(flagged)})`, 'bool');
}
