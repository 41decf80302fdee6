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

/** The terms that occur most often, ties by name. */
export function keyTermsOf(digest: Digest, count: number): string[] {
  const terms = digest.terms.split(' ');
  const totals = terms.map(() => 0);
  for (const { counts } of digest.passages) {
    for (let i = 0; i + 1 < counts.length; i += 2) {
      const place = counts[i] ?? 0;
      totals[place] = (totals[place] ?? 0) + (counts[i + 1] ?? 0);
    }
  }
  return terms
    .map((term, place) => ({ term, total: totals[place] ?? 0 }))
    .filter(({ term }) => term.length > 3)
    .sort((left, right) => right.total - left.total || compareText(left.term, right.term))
    .slice(0, count)
    .map(({ term }) => term);
}

/** How many different headings a document has. */
export function headingCount(digest: Digest): number {
  return new Set(digest.passages.map(({ heading }) => heading).filter((text) => text !== '')).size;
}
