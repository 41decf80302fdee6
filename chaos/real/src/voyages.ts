/** Workflows of the chaos suite that are data: every kind of nesting, two pauses that are open at once,
 *  a failure that is caught, and a child run. */
import { task, workflowOf } from '@troupe/sdk';

export interface Voyage {
  readonly id: string;
  readonly key: string;
  /** A branch of its own each. */
  readonly items: readonly number[];
  readonly size: number;
}

export interface Voyaged {
  /** By branch and round: the square, and how many ids the ledger had then. */
  readonly side: { readonly results: { readonly results: [number, number][] }[][] };
  readonly way: string;
  readonly caught: string;
  readonly first: number;
  readonly second: number;
  readonly child: { readonly squared: number };
}

/** Rounds of each branch. */
export const rounds = 2;
/** From here on it is a large one. */
export const large = 50;

/** Fails, so that its error edge is taken. */
export const refuse = task(
  'refuse',
  () => {
    throw new Error('as always');
  },
  { resources: { cpu: 0.01 }, retries: 0 },
);

const input = (...path: string[]) => ({ $ref: ['input', ...path] });
const block = (...path: string[]) => ({ $ref: ['blocks', ...path] });
const around = (container: string, what: string) => ({ $ref: ['around', container, what] });

/** The square of what it is given. */
export const stage = workflowOf<number, { squared: number }>({
  name: 'stage',
  blocks: [{ kind: 'task', id: 'squared', after: [], task: 'square', input: input() }],
  output: { squared: block('squared') },
});

export const voyage = workflowOf<Voyage, Voyaged>({
  name: 'voyage',
  blocks: [
    {
      kind: 'parallel',
      id: 'side',
      after: [],
      branches: { items: input('items') },
      inFlightMax: 2,
    },
    { kind: 'loop', id: 'again', in: 'side', after: [], rounds: { count: rounds } },
    {
      kind: 'task',
      id: 'step',
      in: 'again',
      after: [],
      task: 'square',
      input: around('side', 'item'),
    },
    {
      kind: 'call',
      id: 'note',
      in: 'again',
      after: ['step'],
      type: 'Ledger',
      key: input('key'),
      method: 'add',
      args: [{ $text: [input('id'), '/', around('side', 'index'), '.', around('again', 'index')] }],
    },
    {
      kind: 'choice',
      id: 'which',
      after: ['side'],
      values: { size: input('size') },
      cases: [{ port: 'large', when: `size >= ${large}.0` }],
      otherwise: 'small',
    },
    { kind: 'value', id: 'long', after: [], value: 'long' },
    { kind: 'value', id: 'short', after: [], value: 'short' },
    { kind: 'task', id: 'try', after: ['side'], task: 'refuse', input: null },
    { kind: 'value', id: 'caught', after: [], value: 'caught' },
    { kind: 'wait', id: 'rest', after: ['caught'], ms: 100 },
    { kind: 'pause', id: 'first', after: ['rest'], prompt: 'the first?' },
    { kind: 'pause', id: 'second', after: ['rest'], prompt: 'the second?' },
    { kind: 'run', id: 'child', after: [], workflow: 'stage', input: block('first') },
  ],
  edges: [
    { from: 'which', to: 'long', port: 'large' },
    { from: 'which', to: 'short', port: 'small' },
    { from: 'try', to: 'caught', port: 'error' },
  ],
  output: {
    side: block('side'),
    way: { $first: [block('long'), block('short')] },
    caught: block('caught'),
    first: block('first'),
    second: block('second'),
    child: block('child'),
  },
});
