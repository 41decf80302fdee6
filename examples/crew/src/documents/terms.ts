/**
 * Terms: how text becomes what is counted and searched. The same function serves documents and
 * questions, so that both sides meet.
 *
 * T1  terms depend on the text alone: no locale, no clock, no order of calls.
 */

const stopWords: ReadonlySet<string> = new Set(
  (
    'a about after all also an and any are as at be because been before being between both but by ' +
    'can could did do does doing down each few for from further had happen happens happened has ' +
    'have having he her here ' +
    'hers him his how i if in into is it its itself just me more most my no nor not now of off on ' +
    'once only or other our out over own same she should so some such than that the their them ' +
    'then there these they this those through to too under until up very was we were what when ' +
    'where which while who whom why will with would you your'
  ).split(' '),
);

const wordPattern = /[\p{L}\p{N}_$]+/gu;
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
const partBorder = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|[_$]+/u;
const termLengthMax = 40;

/** The terms of a text, in order, with repeats. */
export function termsOf(text: string): string[] {
  const terms: string[] = [];
  for (const word of text.match(wordPattern) ?? []) {
    if (unspaced.test(word)) {
      terms.push(...pairsOf(word));
      continue;
    }
    const parts = word.split(partBorder).filter((part) => part !== '');
    if (parts.length > 1) addTerm(terms, parts.join(''));
    for (const part of parts) addTerm(terms, part);
  }
  return terms;
}

function addTerm(terms: string[], word: string): void {
  const lower = word.toLowerCase();
  if (lower.length < 2 || lower.length > termLengthMax || stopWords.has(lower)) return;
  terms.push(stem(lower));
}

/** Scripts without blanks between words are counted by pairs of characters. */
function pairsOf(word: string): string[] {
  const characters = [...word];
  if (characters.length === 1) return [word];
  return characters.slice(1).map((character, i) => `${characters[i]}${character}`);
}

/** Takes the commonest English endings off: enough that `places`, `placed` and `place` meet. */
function stem(word: string): string {
  if (!/^[a-z]+$/.test(word) || word.length < 4) return word;
  let stemmed = withoutPlural(word);
  if (stemmed.length > 5 && stemmed.endsWith('ing')) stemmed = undouble(stemmed.slice(0, -3));
  else if (stemmed.length > 4 && stemmed.endsWith('ed')) stemmed = undouble(stemmed.slice(0, -2));
  return stemmed.length > 4 && stemmed.endsWith('e') ? stemmed.slice(0, -1) : stemmed;
}

function withoutPlural(word: string): string {
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:[xsz]|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return /[^siu]s$/.test(word) ? word.slice(0, -1) : word;
}

function undouble(word: string): string {
  return /([bdfgmnprt])\1$/.test(word) ? word.slice(0, -1) : word;
}

/** How often each term occurs. */
export function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

/** Orders strings by code units: the same on every machine, unlike `localeCompare`. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
