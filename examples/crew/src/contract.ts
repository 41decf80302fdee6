/**
 * What the crew's agents say to each other. Contents of documents stay in the actor that read them;
 * everybody else passes paths and line ranges, so that no message comes near the payload limit.
 */

/** Bounds of the job. What falls outside is listed as skipped, with the reason. */
export const crewLimits = {
  /** A larger file is skipped. Twice this fits a record with its delta. */
  fileBytesMax: 200_000,
  /** Documents of one job; further ones are skipped. */
  documentsMax: 2_000,
  /** Skipped files named in the plan; beyond, they are counted by reason only. */
  skippedNamedMax: 500,
  questionsMax: 20,
  questionLengthMax: 1_000,
  /** All paths of a plan together, so that the plan fits a payload. */
  pathBytesMax: 200_000,
  /** Longest path inside the folder, so that it fits an actor's key. */
  pathLengthMax: 400,
  passageLinesMax: 30,
  /** Passages that a writer gets for a question. */
  hitsMax: 16,
  hitsPerDocumentMax: 3,
  sentencesMax: 5,
  modelLimitMs: 60_000,
  modelRetries: 2,
} as const;

export interface CrewInput {
  /** Absolute path of the folder to be read. */
  readonly folder: string;
  /** First part of the key of every actor of this job. */
  readonly team: string;
  readonly questions: readonly Question[];
  /** Absolute path of the file to be published. */
  readonly file: string;
  readonly model: ModelChoice | null;
}

export interface Question {
  readonly number: number;
  readonly text: string;
}

/** An OpenAI-compatible endpoint. Its key stays in the environment of the nodes. */
export interface ModelChoice {
  readonly url: string;
  readonly model: string;
}

export type SkipReason =
  | 'not a text type'
  | 'too large'
  | 'binary content'
  | 'empty'
  | 'lock file'
  | 'symbolic link'
  | 'unfit path'
  | 'unreadable'
  | 'beyond the document bound';

export interface PlannedDocument {
  /** Relative to the folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
}

export interface Skipped {
  readonly path: string;
  readonly reason: SkipReason;
}

export interface Plan {
  readonly documents: readonly PlannedDocument[];
  readonly skipped: readonly Skipped[];
  readonly skippedCount: { readonly [reason: string]: number };
  /** Folders not entered, relative to the folder. */
  readonly foldersSkipped: readonly string[];
}

export type PassageKind = 'prose' | 'code' | 'plain';

/** A run of lines, counted from 1, both ends included. */
export interface Passage {
  readonly from: number;
  readonly to: number;
  readonly heading: string;
  readonly kind: PassageKind;
}

/** What the librarian keeps of a document. */
export interface Digest {
  readonly path: string;
  /** Of the content; a document is learned once for each. */
  readonly hash: string;
  /** The distinct terms, sorted, separated by blanks. */
  readonly terms: string;
  readonly passages: readonly IndexedPassage[];
}

export interface IndexedPassage extends Passage {
  /** Number of terms in it. */
  readonly length: number;
  /** Pairs: place of a term in the digest's `terms`, times it occurs here. */
  readonly counts: readonly number[];
}

/** What a reader made of its document. */
export interface ReadReport {
  readonly path: string;
  readonly passages: number;
  readonly headings: number;
  readonly keyTerms: readonly string[];
  /** Set when the file could not be read any more. */
  readonly unread?: string;
}

export interface Unread {
  readonly path: string;
  readonly reason: string;
}

export interface Hit extends Passage {
  readonly path: string;
  readonly score: number;
}

export interface SearchResult {
  readonly hits: readonly Hit[];
  /** Weight of each term of the question: the rarer in the index, the heavier. */
  readonly weights: { readonly [term: string]: number };
}

export interface IndexSize {
  readonly documents: number;
  readonly passages: number;
  readonly terms: number;
}

/** A passage with its lines, as a writer reads it. */
export interface Excerpt extends Passage {
  readonly path: string;
  readonly text: string;
}

export interface Citation {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly heading: string;
}

export interface Answer {
  readonly question: string;
  readonly text: string;
  readonly citations: readonly Citation[];
  /** `extract`, or the name of the model that wrote it. */
  readonly writtenBy: string;
  /** Why a configured model did not write it. */
  readonly note?: string;
}

/** What a person says to the pause `approve`; `troupe runs approve` says `true`. */
export type Approval = boolean | { readonly approved: boolean; readonly by: string };

export interface Published {
  readonly published: boolean;
  /** Who decided. */
  readonly by: string;
  readonly file: string;
  readonly bytes: number;
}

export interface CrewResult {
  readonly skipped: readonly Skipped[];
  readonly skippedCount: { readonly [reason: string]: number };
  readonly foldersSkipped: readonly string[];
  readonly answers: readonly Answer[];
  readonly published: Published;
}
