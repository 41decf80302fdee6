/**
 * Conditions in CEL. They are parsed when a workflow is compiled and asked in the leader: pure,
 * without loops of their own, so that user code never runs there.
 *
 * K1  an expression that does not parse is refused at compile time, with the place in it.
 * K2  the answer is true or false; anything else is a coded failure, never taken for either.
 * K3  a loop over a list inside another is refused: what an answer takes grows with what it sees. So is
 *     a condition, when it is asked, that would look at too much; what others look at is counted.
 * K4  what one leader could read every other one can, whose stack may be shorter.
 */
import { celEnv, parse, plan } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { type TroupeError, troupeError } from '@troupe/model';
import { listSum } from './condition-lists.ts';
import { type ConditionParts, depthOf, partsToAsk, workOf } from './condition-work.ts';

/** What is in a value that a workflow handles. */
type Plain = Parameters<ReturnType<typeof plan>>[0];

/** Longer ones are programs, and belong into a task. */
const lengthMax = 4_000;

/** Functions of texts that CEL adds to its own; those that can make a text longer are left out. */
const textFunctions = ['lowerAscii', 'upperAscii', 'trim'];
const environment = celEnv({
  funcs: [...strings.filter(({ name }) => textFunctions.includes(name)), listSum],
});
const known = new Map<string, Planned>();
const knownMax = 10_000;
/** What one answer may take: about half a second. */
const workMax = 20_000_000;
/** Brackets in brackets, and parts of an expression in one another: a reader goes down into both. */
const bracketsMax = 100;
const partsMax = 500;

interface Planned {
  readonly answer: ReturnType<typeof plan>;
  readonly parts: ConditionParts;
}

/** What is wrong with the expression, if anything. */
export function conditionFault(when: string): string | undefined {
  if (when.length > lengthMax) return `has ${when.length} characters, ${lengthMax} are allowed`;
  try {
    planned(when);
    return nestingOf(parse(when)) > 1 ? 'has a loop over a list inside another' : undefined;
  } catch (thrown) {
    return `does not parse: ${text(thrown)}`;
  }
}

/** What is wrong with how deep the expression goes, if anything (K4). Asked of what is deployed from now on. */
export function depthFault(when: string): string | undefined {
  let open = 0;
  let brackets = 0;
  // Also those in a text: nobody writes so many there.
  for (const char of when) {
    if ('([{'.includes(char)) open++;
    else if (')]}'.includes(char)) open--;
    brackets = Math.max(brackets, open);
  }
  if (brackets > bracketsMax) return `has more than ${bracketsMax} brackets in one another`;
  const isTooDeep = depthOf(parse(when).expr) > partsMax;
  return isTooDeep ? `has more than ${partsMax} operators in one another` : undefined;
}

/** Asks the expression; `spend` is told the work that this takes, where 1 is to look at a number in a list.
 *  Throws `WORKFLOW_INVALID` when it cannot be answered with true or false. */
export function ask(
  when: string,
  values: { readonly [name: string]: unknown },
  spend: (work: number) => void = () => undefined,
): boolean {
  let answer: unknown;
  let work = 0;
  try {
    const { answer: answerTo, parts } = planned(when);
    work = workOf(parts, values, workMax);
    spend(Math.min(work, workMax));
    if (work <= workMax) answer = answerTo(bare(values) as Plain);
  } catch (thrown) {
    throw unanswered(when, text(thrown));
  }
  if (work > workMax) {
    throw unanswered(when, 'it would look at too much, as often as it does; let a task say it');
  }
  if (typeof answer === 'boolean') return answer;
  throw unanswered(when, answer instanceof Error ? text(answer) : `it comes to ${typeof answer}`);
}

function planned(when: string): Planned {
  const before = known.get(when);
  if (before !== undefined) return before;
  const parsed = parse(when);
  const made = { answer: plan(environment, parsed), parts: partsToAsk(parsed.expr) };
  if (known.size >= knownMax) known.clear();
  known.set(when, made);
  return made;
}

/** What a condition may name and nothing else: not what every object has, such as `constructor`. */
function bare(values: { readonly [name: string]: unknown }): object {
  return Object.assign(Object.create(null), values);
}

/** How deep loops over lists (`all`, `exists`, `map`, `filter`) stand in one another. */
function nestingOf(part: unknown): number {
  if (typeof part !== 'object' || part === null) return 0;
  let deepest = 0;
  for (const [name, inner] of Object.entries(part)) {
    // What a loop goes through is made before it begins.
    const isRound = name === 'loopStep' || name === 'loopCondition';
    deepest = Math.max(deepest, nestingOf(inner) + (isRound ? 1 : 0));
  }
  return deepest;
}

function unanswered(when: string, why: string): TroupeError {
  return troupeError('WORKFLOW_INVALID', `the condition "${when}" has no answer: ${why}`);
}

function text(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
