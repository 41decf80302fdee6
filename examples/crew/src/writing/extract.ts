/**
 * The extractive writer: the sentences of the best passages that say most about the question, each
 * with the line it stands on. No model, no network.
 *
 * E1  equal passages and question give a byte-identical answer.
 * E2  every sentence of the answer stands in a document at the line cited.
 */
import { type Answer, type Citation, crewLimits, type Excerpt } from '../contract.ts';
import { termsOf } from '../documents/terms.ts';
import { type Sentence, sentencesOf } from './sentences.ts';

export interface Passages {
  readonly question: string;
  /** The best first, with the score that the librarian gave. */
  readonly excerpts: readonly (Excerpt & { readonly score: number })[];
  readonly weights: { readonly [term: string]: number };
}

/** How much the rank of its passage adds to a sentence. */
const passageShare = 0.35;
/** Sentences that share more of their terms than this say the same. */
const likenessMax = 0.5;
const wordsWantedMin = 5;
const wordsWantedMax = 45;

interface Candidate extends Sentence {
  readonly excerpt: Excerpt;
  readonly rank: number;
  readonly terms: ReadonlySet<string>;
  readonly score: number;
}

export function extractAnswer(passages: Passages): Answer {
  const chosen = choose(candidatesOf(passages));
  if (chosen.length === 0) return nothingSaid(passages);
  chosen.sort((left, right) => left.rank - right.rank || left.line - right.line);
  return {
    question: passages.question,
    text: chosen.map(({ text, excerpt, line }) => `${text} [${excerpt.path}:${line}]`).join('\n'),
    citations: citationsOf(chosen.map(({ excerpt }) => excerpt)),
    writtenBy: 'extract',
  };
}

export function citationsOf(excerpts: readonly Excerpt[]): Citation[] {
  return [...new Set(excerpts)].map(({ path, from, to, heading }) => ({ path, from, to, heading }));
}

function candidatesOf({ excerpts, weights }: Passages): Candidate[] {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const top = excerpts[0]?.score ?? 0;
  const candidates: Candidate[] = [];
  for (const [rank, excerpt] of excerpts.entries()) {
    for (const sentence of sentencesOf(excerpt)) {
      const terms = new Set(termsOf(sentence.text));
      let matched = 0;
      for (const [term, weight] of Object.entries(weights)) if (terms.has(term)) matched += weight;
      if (matched === 0) continue;
      const score = matched / total + (passageShare * excerpt.score) / top;
      candidates.push({ ...sentence, excerpt, rank, terms, score: score * shapeOf(sentence.text) });
    }
  }
  return candidates.sort(
    (left, right) => right.score - left.score || left.rank - right.rank || left.line - right.line,
  );
}

/** Fragments and run-ons read badly: both count less. */
function shapeOf(text: string): number {
  const words = text.split(' ').length;
  if (words < wordsWantedMin) return 0.4;
  return words > wordsWantedMax ? 0.7 : 1;
}

function choose(candidates: readonly Candidate[]): Candidate[] {
  const chosen: Candidate[] = [];
  for (const candidate of candidates) {
    if (chosen.length === crewLimits.sentencesMax) break;
    if (chosen.every((other) => likeness(other.terms, candidate.terms) <= likenessMax)) {
      chosen.push(candidate);
    }
  }
  return chosen;
}

function likeness(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let shared = 0;
  for (const term of left) if (right.has(term)) shared += 1;
  return shared / Math.max(1, Math.min(left.size, right.size));
}

function nothingSaid({ question, excerpts }: Passages): Answer {
  const places = excerpts.slice(0, 3);
  const text =
    places.length === 0
      ? 'No document read says anything about this.'
      : `No sentence answers this. The nearest passages: ${places
          .map(({ path, from }) => `[${path}:${from}]`)
          .join(' ')}`;
  return { question, text, citations: citationsOf(places), writtenBy: 'extract' };
}
