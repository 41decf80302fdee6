/** Where the job stands: the one thing that the displays show. */

export type Phase =
  | 'starting the cluster'
  | 'planning'
  | 'reading'
  | 'answering'
  | 'approval'
  | 'publishing'
  | 'done';

export interface NodeStanding {
  readonly name: string;
  readonly state: 'starting' | 'alive' | 'killed' | 'gone';
  readonly actors?: number;
  readonly librarian: boolean;
}

export interface Count {
  readonly done: number;
  readonly all: number;
}

export interface KillReport {
  readonly node: string;
  readonly pid: number;
  /** Documents read when it was killed, of all. */
  readonly at: Count;
  /** Documents that the librarian had acknowledged just before. */
  readonly known: number;
  /** Absent while the librarian has not answered again. */
  readonly recovery?: {
    readonly ms: number;
    readonly known: number;
    /** Node on which the librarian came back. */
    readonly node: string;
  };
}

export interface Progress {
  readonly folder: string;
  readonly phase: Phase;
  readonly elapsedMs: number;
  readonly nodes: readonly NodeStanding[];
  readonly documents: Count;
  readonly answers: Count;
  /** What the librarian said last of its index. */
  readonly index?: { readonly documents: number; readonly passages: number };
  readonly kill?: KillReport;
}

/** The part of a run's view that is looked at. */
export interface BlockStanding {
  readonly block: string;
  readonly state: string;
  readonly branches?: Count;
}

/** The phase that the blocks of a run are in: the first that has not settled. */
export function phaseOf(blocks: readonly BlockStanding[]): Phase {
  const settled = (id: string) => {
    const state = blocks.find(({ block }) => block === id)?.state;
    return state === 'done' || state === 'failed' || state === 'skipped';
  };
  if (!settled('plan')) return 'planning';
  if (!settled('read')) return 'reading';
  if (!settled('answer')) return 'answering';
  if (!settled('approve')) return 'approval';
  return settled('publish') ? 'done' : 'publishing';
}

/** Branches of an `each` block done and in all. */
export function countOf(blocks: readonly BlockStanding[], id: string): Count {
  const found = blocks.find(({ block }) => block === id);
  return found?.branches ?? { done: 0, all: 0 };
}

/** Seconds with one decimal, for people. */
export function secondsText(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** `12 of 2,000 documents`. */
export function countText({ done, all }: Count, noun: string): string {
  return `${done.toLocaleString('en-US')} of ${plural(all, noun)}`;
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
