/**
 * The librarian's ranking: BM25 over passages. The index is one self-contained digest a document,
 * so that learning a document changes the state in one place and its delta is as small as it is; a
 * question scans the digests, which for the bounded number of documents takes milliseconds.
 *
 * R1  the result depends on the set of documents, never on the order in which they were learned.
 * R2  equal scores are ordered by path, then by line.
 */
import {
  crewLimits,
  type Digest,
  type Hit,
  type IndexedPassage,
  type PassageKind,
  type SearchResult,
} from '../contract.ts';
import { compareText, termsOf } from '../documents/terms.ts';

const saturation = 1.2;
const lengthShare = 0.75;
/** Prose answers questions better than code that happens to hold the words. */
const kindWeight: { readonly [kind in PassageKind]: number } = { prose: 1, code: 0.6, plain: 0.3 };
/** Tests speak of what they test, but rarely explain it. */
const testWeight = 0.6;
const testPath = /(?:^|\/)(?:tests?|__tests__|spec|fixtures)\//;

export type Index = { readonly [path: string]: Digest };

export function search(
  index: Index,
  question: string,
  hitsMax: number = crewLimits.hitsMax,
): SearchResult {
  const asked = [...new Set(termsOf(question))].sort(compareText);
  const survey = surveyOf(index, asked);
  const weights: Record<string, number> = {};
  for (const term of asked) {
    const within = survey.passagesWith.get(term) ?? 0;
    if (within > 0) {
      weights[term] = Math.log(1 + (survey.passages - within + 0.5) / (within + 0.5));
    }
  }
  const meanLength = survey.length / Math.max(1, survey.passages);
  const hits: Hit[] = [];
  for (const { digest, places } of survey.candidates) {
    const share = testPath.test(digest.path) ? testWeight : 1;
    for (const passage of digest.passages) {
      const score = share * scoreOf(passage, places, weights, meanLength);
      if (score > 0) hits.push(hitOf(digest.path, passage, score));
    }
  }
  return { hits: best(hits, hitsMax), weights };
}

interface Survey {
  passages: number;
  length: number;
  readonly passagesWith: Map<string, number>;
  readonly candidates: { digest: Digest; places: ReadonlyMap<number, string> }[];
}

/** Counts what the weights need; integers only, so that the order of documents cannot matter (R1). */
function surveyOf(index: Index, asked: readonly string[]): Survey {
  const survey: Survey = { passages: 0, length: 0, passagesWith: new Map(), candidates: [] };
  for (const digest of Object.values(index)) {
    const terms = digest.terms.split(' ');
    const places = new Map<number, string>();
    for (const term of asked) {
      const place = terms.indexOf(term);
      if (place >= 0) places.set(place, term);
    }
    survey.passages += digest.passages.length;
    for (const passage of digest.passages) {
      survey.length += passage.length;
      for (let i = 0; places.size > 0 && i < passage.counts.length; i += 2) {
        const term = places.get(passage.counts[i] ?? -1);
        if (term !== undefined) {
          survey.passagesWith.set(term, (survey.passagesWith.get(term) ?? 0) + 1);
        }
      }
    }
    if (places.size > 0) survey.candidates.push({ digest, places });
  }
  return survey;
}

function scoreOf(
  passage: IndexedPassage,
  places: ReadonlyMap<number, string>,
  weights: { readonly [term: string]: number },
  meanLength: number,
): number {
  const norm = saturation * (1 - lengthShare + (lengthShare * passage.length) / meanLength);
  let score = 0;
  let matched = 0;
  // `places` is in the order of the sorted terms: floating point sums always meet alike.
  for (const [place, term] of places) {
    const count = countAt(passage.counts, place);
    if (count === 0) continue;
    matched += 1;
    score += ((weights[term] ?? 0) * count * (saturation + 1)) / (count + norm);
  }
  const coverage = matched / Math.max(1, Object.keys(weights).length);
  return score * kindWeight[passage.kind] * (0.5 + 0.5 * coverage);
}

function countAt(counts: readonly number[], place: number): number {
  for (let i = 0; i < counts.length; i += 2) if (counts[i] === place) return counts[i + 1] ?? 0;
  return 0;
}

function hitOf(path: string, passage: IndexedPassage, score: number): Hit {
  const { from, to, heading, kind } = passage;
  return { path, from, to, heading, kind, score };
}

function best(hits: Hit[], hitsMax: number): Hit[] {
  hits.sort(
    (left, right) =>
      right.score - left.score || compareText(left.path, right.path) || left.from - right.from,
  );
  const taken = new Map<string, number>();
  return hits
    .filter(({ path }) => {
      const count = (taken.get(path) ?? 0) + 1;
      taken.set(path, count);
      return count <= crewLimits.hitsPerDocumentMax;
    })
    .slice(0, hitsMax);
}
