/**
 * A condition of Sim, which is JavaScript, as CEL over named values. The scheduler asks conditions,
 * and user code never runs there: what CEL cannot say is refused.
 *
 * T1  what is answered is a truth value, as JavaScript would take the expression for one.
 * T2  where JavaScript would turn one type into another silently and CEL cannot, the condition fails
 *     when it is asked; it never answers otherwise than JavaScript, but for this: the length of a text is
 *     that in code points, only letters from A to Z have another case (which is told when importing), NaN
 *     holds by itself, lists know no methods as fields and are no text of what is in them, and inside of a
 *     loop over a list what is null counts as not there.
 */
import type { Expression } from '@troupe/model';
import { type Node, parse } from 'acorn';
import { taken } from './printed.ts';
import { Printer, Untranslatable } from './printer.ts';

/** What a reference stands for. */
export interface Meaning {
  readonly expression: Expression;
  /** It is known to be a number. */
  readonly isNumber?: boolean;
  /** So much is added to it. */
  readonly plus?: number;
}

/** The meaning of what stands between `<` and `>`; none when that is no reference. */
export type Resolve = (reference: string) => Meaning | undefined;

export interface Translated {
  readonly when: string;
  /** Names that nothing is known of: the condition fails when they are asked for. */
  readonly unknownNames: readonly string[];
  /** It asks for texts in lower or upper case, which CEL knows of the letters from A to Z. */
  readonly asksCase: boolean;
}

/** Named values that several conditions share. */
export class NamedValues {
  readonly values: Record<string, Expression> = {};
  readonly #names = new Map<string, string>();

  name(reference: string, expression: Expression): string {
    const key = JSON.stringify(expression);
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const wish = valueName(reference);
    let name = wish;
    for (let number = 2; Object.hasOwn(this.values, name); number++) name = `${wish}_${number}`;
    this.#names.set(key, name);
    this.values[name] = expression;
    return name;
  }
}

/** Answers the condition, or why it cannot be translated. */
export function translate(
  javascript: string,
  resolve: Resolve,
  named: NamedValues,
): Translated | { readonly refusal: string } {
  const found: { name: string; meaning: Meaning }[] = [];
  const bare = javascript.trim().replace(/;+$/, '');
  const written = bare.replace(/<([^<>\n]+)>/g, (text, inside) => {
    const meaning = resolve(inside);
    if (meaning === undefined) return text;
    found.push({ name: named.name(inside, meaning.expression), meaning });
    return placeholder(found.length - 1);
  });
  const code = `(${written})`;
  const readable = (text: string) =>
    found.reduce((shown, { name }, i) => shown.replaceAll(placeholder(i), name), text);
  let tree: Node;
  try {
    tree = expressionIn(code);
  } catch (thrown) {
    return { refusal: `it is no JavaScript expression: ${readable(messageOf(thrown))}` };
  }
  try {
    const printer = new Printer(code, (name) => {
      const index = placeholderIndex(name);
      const one = index === undefined ? undefined : found[index];
      return one === undefined ? undefined : { ...one.meaning, name: one.name };
    });
    const when = printer.condition(tree);
    return { when, unknownNames: [...printer.unknownNames], asksCase: printer.asksCase };
  } catch (thrown) {
    if (thrown instanceof Untranslatable) return { refusal: readable(thrown.message) };
    throw thrown;
  }
}

/** Reads one expression that nothing follows; in brackets, so that no statement is taken for one. */
function expressionIn(bracketed: string): Node {
  const { body } = parse(bracketed, { ecmaVersion: 2023 });
  const [statement] = body;
  if (statement?.type !== 'ExpressionStatement' || body.length !== 1) {
    throw new SyntaxError('it has statements');
  }
  return statement.expression;
}

function placeholder(index: number): string {
  return `$value${index}$`;
}

function placeholderIndex(name: string): number | undefined {
  const match = /^\$value(\d+)\$$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

function valueName(reference: string): string {
  const name = reference
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 56);
  const word = /^[A-Za-z]/.test(name) ? name : `value_${name}`;
  return taken.has(word) ? `${word}_` : word;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
