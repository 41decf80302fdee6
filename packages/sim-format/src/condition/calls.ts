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
    // As a list an object is one of its names.
    return whole(printer.value(first).text, 'list');
  }
  return printMethod(printer, node, { name: property.name, of: object, args });
}

function printFunction(
  printer: Printer,
  node: js.CallExpression,
  name: string,
  [argument, radix]: readonly js.Expression[],
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
      if (radix !== undefined && !(radix.type === 'Literal' && radix.value === 10))
        throw printer.refuse(node);
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

const textMethods: ReadonlyMap<string, string> = new Map([
  ['toLowerCase', 'lowerAscii'],
  ['toLocaleLowerCase', 'lowerAscii'],
  ['toUpperCase', 'upperAscii'],
  ['toLocaleUpperCase', 'upperAscii'],
  ['trim', 'trim'],
]);

const listMethods: ReadonlyMap<string, string> = new Map([
  ['some', 'exists'],
  ['every', 'all'],
  ['filter', 'filter'],
]);

function printMethod(
  printer: Printer,
  node: js.CallExpression,
  { name, of, args }: Method,
): Printed {
  const object = printer.value(of);
  const held = within(object, levels.whole);
  const [argument, another] = args;
  const ofText = textMethods.get(name);
  if (ofText !== undefined) {
    if (ofText !== 'trim') printer.asksCase = true;
    return whole(`${held}.${ofText}()`, 'string');
  }
  // By a base, from a place on: CEL says neither.
  if (another !== undefined) throw printer.refuse(node);
  if (name === 'toString' && argument === undefined) return textOf(object);
  if (argument === undefined) throw printer.refuse(node);
  const ofList = listMethods.get(name);
  if (ofList !== undefined) return printOfList(printer, node, { held, ofList, argument });
  switch (name) {
    case 'includes':
      return included(object, printer.value(argument));
    case 'startsWith':
    case 'endsWith':
      return whole(`${held}.${name}(${textOf(printer.value(argument)).text})`, 'bool');
    case 'match':
      if (argument.type !== 'Literal') throw printer.refuse(node);
      // What was found, or null.
      return whole(`(${matched(printer, object, argument).text} ? true : null)`, 'any');
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
  const isList = whole(`type(${object.text}) == list`, 'bool', levels.relation);
  return ternary(isList, inList, inText);
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
  const type = ofList === 'filter' ? 'list' : 'bool';
  return printer.withLocal(name, (called) => {
    return whole(`${held}.${ofList}(${called}, ${printer.condition(body)})`, type);
  });
}

/** RE2, which CEL has, knows neither look-around nor back-references. */
const beyondRe2 = /\(\?[=!<]|\\[1-9]|\\k<|\\c|\[\^?\]/;

function matched(printer: Printer, text: Printed, pattern: js.Literal): Printed {
  const { value } = pattern;
  if (!(value instanceof RegExp)) throw printer.refuse(pattern);
  const { source, flags } = value;
  if (beyondRe2.test(source) || /[^gimsu]/.test(flags)) throw printer.refuse(pattern);
  const kept = [...flags].filter((flag) => 'ims'.includes(flag)).join('');
  const written = source.replace(/\\u(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{4}))/g, '\\x{$1$2}');
  const flagged = kept === '' ? written : `(?${kept})${written}`;
  return whole(`${within(textOf(text), levels.whole)}.matches(${quoted(flagged)})`, 'bool');
}
