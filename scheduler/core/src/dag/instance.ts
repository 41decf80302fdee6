/**
 * A body at work: the root of a run, the rounds of a loop one after the other, or the branches of a
 * parallel side by side. A **frame** is one of these; its vertices have a **slot** each. All that is
 * known of a slot stands in flat arrays, so that a branch costs bytes, not objects.
 */
import type { Bytes } from '@troupe/model';
import type { Body, Vertex } from './graph.ts';

export const slotStates = [
  'waiting',
  'ready',
  'running',
  'paused',
  'done',
  'failed',
  'skipped',
  'abandoned',
] as const;

export type SlotState = (typeof slotStates)[number];

const waiting = 0;
export const ready = 1;
export const running = 2;
export const paused = 3;
export const done = 4;
export const failed = 5;
export const skipped = 6;
/** What it belonged to failed, and its failure was caught further out. */
export const abandoned = 7;

/** It has settled by itself, and so has an output. */
export function settledWell(state: number): boolean {
  return state === done || state === failed;
}

/** One place of a run that settles once: a block, in one round and branch of all around it. */
export interface Context {
  readonly instance: Instance;
  readonly slot: number;
}

/** What a block came to: its output, or the instance that a container's was. */
export interface Result {
  readonly vertex: Vertex;
  /** Its output is its failure. */
  readonly failed: boolean;
  readonly output: Bytes | undefined;
  readonly inner: Instance | undefined;
}

/** How a container goes on: branches at once, so many rounds, or rounds until somebody says no. */
export type Course =
  | { readonly kind: 'branches'; readonly count: number; readonly inFlightMax: number }
  | { readonly kind: 'rounds'; readonly count: number }
  | { readonly kind: 'asks' };

export class Instance {
  readonly body: Body;
  /** The frame it is in, by the slot of its container; absent for the root. */
  readonly parent: Context | undefined;
  readonly course: Course;
  /** By slot. */
  readonly state: Uint8Array;
  readonly left: Int32Array;
  readonly fired: Uint8Array;
  readonly port: Int32Array;
  /** Tries that its task took, up to 255; for people. */
  readonly attempts: Uint8Array;
  /** The prompt while it is paused. */
  readonly outputs: (Bytes | undefined)[] = [];
  readonly contexts: (Context | undefined)[] = [];
  /** By frame. */
  readonly unsettled: Int32Array;
  /** By frame, slots in the order in which they settled; only where there is more than one. */
  readonly order: (number[] | undefined)[] = [];
  /** Present rounds of a loop are one frame; what earlier ones came to. */
  readonly earlier: (readonly Result[])[] = [];
  /** By slot, containers that are at work or were. */
  readonly inner = new Map<number, Instance>();
  branchesDone = 0;
  branchNext = 0;

  constructor(body: Body, parent: Context | undefined, course: Course) {
    const width = course.kind === 'branches' ? course.count : 1;
    const slots = width * body.vertices.length;
    this.body = body;
    this.parent = parent;
    this.course = course;
    this.state = new Uint8Array(slots);
    this.left = new Int32Array(slots);
    this.fired = new Uint8Array(slots);
    this.port = new Int32Array(slots);
    this.attempts = new Uint8Array(slots);
    this.unsettled = new Int32Array(width);
  }

  get size(): number {
    return this.body.vertices.length;
  }

  get round(): number {
    return this.earlier.length;
  }

  vertexAt(slot: number): Vertex {
    const vertex = this.body.vertices[slot % this.size];
    if (vertex === undefined) throw new RangeError(`no vertex has slot ${slot}`);
    return vertex;
  }

  stateAt(slot: number): SlotState {
    return slotStates[this.state[slot] ?? 0] ?? 'waiting';
  }

  frameOf(slot: number): number {
    return Math.floor(slot / this.size);
  }

  contextAt(slot: number): Context {
    const known = this.contexts[slot];
    if (known !== undefined) return known;
    const context: Context = { instance: this, slot };
    this.contexts[slot] = context;
    return context;
  }

  /** All waits again, as at the beginning of a round or branch. */
  clear(frame: number): void {
    const { size, body } = this;
    const first = frame * size;
    this.left.set(body.edgesIn, first);
    this.state.fill(waiting, first, first + size);
    this.fired.fill(0, first, first + size);
    this.port.fill(0, first, first + size);
    this.attempts.fill(0, first, first + size);
    this.unsettled[frame] = size;
    this.order[frame] = undefined;
    for (let slot = first; slot < first + size; slot++) {
      this.outputs[slot] = undefined;
      // A context of an earlier round is another one.
      this.contexts[slot] = undefined;
      this.inner.delete(slot);
    }
  }

  settledIn(slot: number): void {
    if (this.size === 1) return;
    const frame = this.frameOf(slot);
    const order = this.order[frame];
    if (order === undefined) this.order[frame] = [slot];
    else order.push(slot);
  }

  /** What the blocks of a frame came to, in the order in which they did. */
  resultsOf(frame: number): Result[] {
    const slots = this.size === 1 ? [frame] : (this.order[frame] ?? []);
    return slots.flatMap((slot) => {
      return settledWell(this.state[slot] ?? 0) ? [this.resultAt(slot)] : [];
    });
  }

  /** Of what has settled. */
  resultAt(slot: number): Result {
    const vertex = this.vertexAt(slot);
    const isFailed = this.state[slot] === failed;
    return { vertex, failed: isFailed, output: this.outputs[slot], inner: this.inner.get(slot) };
  }

  /** Of all rounds or branches, in their order. */
  results(): readonly (readonly Result[])[] {
    if (this.course.kind !== 'branches') return this.earlier;
    return Array.from(this.unsettled, (_, frame) => this.resultsOf(frame));
  }
}

/** What all came to that has settled in it, in earlier rounds, and in what stands inside. */
export function* outputsIn(instance: Instance): IterableIterator<Bytes> {
  for (const [slot, output] of instance.outputs.entries()) {
    if (output !== undefined && settledWell(instance.state[slot] ?? 0)) yield output;
  }
  for (const round of instance.earlier) {
    for (const { output, inner } of round) {
      if (output !== undefined) yield output;
      if (inner !== undefined) yield* outputsIn(inner);
    }
  }
  for (const inner of instance.inner.values()) yield* outputsIn(inner);
}

/** Indices of the rounds and branches around a context, the outermost first. */
export function indicesOf({ instance, slot }: Context): readonly number[] {
  const indices: number[] = [];
  let at: Context | undefined = { instance, slot };
  while (at !== undefined && at.instance.parent !== undefined) {
    const inside: Instance = at.instance;
    indices.push(inside.body.kind === 'loop' ? inside.round : inside.frameOf(at.slot));
    at = inside.parent;
  }
  return indices.reverse();
}

/** `ask`, or `ask[2][0]` inside the third round of what holds the first branch of what holds it. */
export function contextId(context: Context): string {
  const { name } = context.instance.vertexAt(context.slot);
  if (context.instance.parent === undefined) return name;
  let text = name;
  for (const index of indicesOf(context)) text += `[${index}]`;
  return text;
}

/** Whether it is written as `contextId` writes: what a person means by `ask[1`, `ask[01]` or `ask[0.5]`
 *  nobody knows. */
export function isContextId(id: string): boolean {
  return /^[^[\]]+(\[(0|[1-9]\d*)\])*$/.test(id);
}

/** True when the context lies in the instance, however deep. */
export function liesIn(context: Context, instance: Instance): boolean {
  for (let at: Context | undefined = context; at !== undefined; at = at.instance.parent) {
    if (at.instance === instance) return true;
  }
  return false;
}
