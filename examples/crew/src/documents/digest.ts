/** The digest of a document: what the librarian indexes, without the text itself. */
import type { Digest, IndexedPassage, Passage } from '../contract.ts';
import { passagesOf } from './passages.ts';
import { compareText, countTerms, termsOf } from './terms.ts';

/** A term in a heading or in the path counts as so many in the text. */
const headingWeight = 2;

export function digestOf(document: { path: string; hash: string; text: string }): Digest {
  const lines = document.text.split(/\r?\n/);
  const pathTerms = termsOf(document.path);
  const counted = passagesOf(document.path, document.text).map((passage) => ({
    passage,
    counts: countPassage(passage, lines, pathTerms),
  }));
  const terms = [...new Set(counted.flatMap(({ counts }) => [...counts.keys()]))].sort(compareText);
  const placeOf = new Map(terms.map((term, place) => [term, place]));
  return {
    path: document.path,
    hash: document.hash,
    terms: terms.join(' '),
    passages: counted.map(({ passage, counts }) => indexed(passage, counts, placeOf)),
  };
}

function countPassage(
  passage: Passage,
  lines: readonly string[],
  pathTerms: readonly string[],
): Map<string, number> {
  const counts = countTerms(termsOf(lines.slice(passage.from - 1, passage.to).join('\n')));
  for (const term of termsOf(passage.heading)) {
    counts.set(term, (counts.get(term) ?? 0) + headingWeight);
  }
  for (const term of pathTerms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

function indexed(
  passage: Passage,
  counts: ReadonlyMap<string, number>,
  placeOf: ReadonlyMap<string, number>,
): IndexedPassage {
  const pairs: number[] = [];
  let length = 0;
  for (const [term, count] of counts) {
    const place = placeOf.get(term);
    if (place === undefined) continue;
    pairs.push(place, count);
    length += count;
  }
  return { ...passage, length, counts: pairs };
}

/** The words that a document uses most, each in the form met first; ties by name. */
export function keyTermsOf(text: string, count: number): string[] {
  const words = new Map<string, { word: string; uses: number }>();
  for (const word of text.match(/\p{L}{4,}/gu) ?? []) {
    const [term] = termsOf(word.toLowerCase());
    if (term === undefined) continue;
    const known = words.get(term) ?? { word: word.toLowerCase(), uses: 0 };
    known.uses += 1;
    words.set(term, known);
  }
  return [...words.values()]
    .sort((left, right) => right.uses - left.uses || compareText(left.word, right.word))
    .slice(0, count)
    .map(({ word }) => word);
}

/** How many different headings a document has. */
export function headingCount(digest: Digest): number {
  return new Set(digest.passages.map(({ heading }) => heading).filter((text) => text !== '')).size;
}
