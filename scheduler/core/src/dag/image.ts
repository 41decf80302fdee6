/**
 * A run's state as plain data, and back. What can be told from the rest is left out; a state that
 * was restored goes on exactly as the one that it was taken of.
 */
import type { Bytes } from '@troupe/model';
import type { Graph } from './graph.ts';
import { type Context, type Course, Instance, type Result } from './instance.ts';
import { type FailurePolicy, RunState } from './run-state.ts';

export interface RunStateImage {
  readonly policy: FailurePolicy;
  readonly root: InstanceImage;
  /** Places of contexts, in order. */
  readonly ready: readonly Place[];
  readonly active: readonly Place[];
  readonly paused: readonly Place[];
  readonly asking: readonly Place[];
  readonly abandoned: readonly string[];
  readonly failures: readonly string[];
  readonly failureCount: number;
  readonly answer?: Place;
  readonly known: number;
  readonly settled: number;
  readonly planned: number;
}

/** Number of an instance, in the order in which the image lists them; slot. */
type Place = readonly [instance: number, slot: number];

interface InstanceImage {
  readonly course: Course;
  readonly state: Bytes;
  readonly left: Bytes;
  readonly fired: Bytes;
  readonly port: Bytes;
  readonly attempts: Bytes;
  readonly unsettled: Bytes;
  readonly outputs: readonly (readonly [slot: number, output: Bytes])[];
  readonly order: readonly (readonly [frame: number, slots: readonly number[]])[];
  readonly earlier: readonly (readonly ResultImage[])[];
  readonly inner: readonly (readonly [slot: number, image: InstanceImage])[];
  readonly branchesDone: number;
  readonly branchNext: number;
}

interface ResultImage {
  /** Place of the block in its body. */
  readonly block: number;
  readonly failed?: true;
  readonly output?: Bytes;
  readonly inner?: InstanceImage;
}

export function imageOf(run: RunState): RunStateImage {
  const numbers = new Map<Instance, number>();
  const root = instanceImage(run.root, numbers);
  const placeOf = ({ instance, slot }: Context): Place => [numbers.get(instance) ?? -1, slot];
  const places = (contexts: Iterable<Context>) => Array.from(contexts, placeOf);
  const image = {
    policy: run.policy,
    root,
    ready: places(run.ready),
    active: places(run.active),
    paused: places(run.paused),
    asking: places(run.asking),
    abandoned: [...run.abandoned],
    failures: [...run.failures],
    failureCount: run.failureCount,
    known: run.known,
    settled: run.settled,
    planned: run.planned,
  };
  return run.answer === undefined ? image : { ...image, answer: placeOf(run.answer) };
}

export function restoreRun(graph: Graph, image: RunStateImage): RunState {
  const run = new RunState(graph, image.policy);
  const instances: Instance[] = [];
  fill(run.root, image.root, instances);
  const contextAt = ([number, slot]: Place): Context => {
    const instance = instances[number];
    if (instance === undefined) throw new RangeError(`no instance has number ${number}`);
    return instance.contextAt(slot);
  };
  run.ready.clear();
  for (const name of ['ready', 'active', 'paused', 'asking'] as const) {
    for (const place of image[name]) run[name].add(contextAt(place));
  }
  for (const id of image.abandoned) run.abandoned.add(id);
  run.failures.push(...image.failures);
  run.failureCount = image.failureCount;
  // An earlier version kept an answer given in a round or branch that it had let go of, as of no instance.
  if (image.answer !== undefined && image.answer[0] >= 0) run.answer = contextAt(image.answer);
  run.known = image.known;
  run.settled = image.settled;
  run.planned = image.planned;
  return run;
}

/** The same as `inner`, at work in another instance, whose body there is alike; `pairs` learns which
 *  instance became which. */
export function copyInner(
  inner: Instance,
  { instance, slot }: Context,
  pairs: Map<Instance, Instance>,
): Instance {
  const numbers = new Map<Instance, number>();
  const image = instanceImage(inner, numbers);
  const copies: Instance[] = [];
  const copy = restoreInner(instance, slot, image, copies);
  for (const [from, number] of numbers) {
    const to = copies[number];
    if (to !== undefined) pairs.set(from, to);
  }
  return copy;
}

function instanceImage(instance: Instance, numbers: Map<Instance, number>): InstanceImage {
  numbers.set(instance, numbers.size);
  const outputs: [number, Bytes][] = [];
  for (const [slot, output] of instance.outputs.entries()) {
    if (output !== undefined) outputs.push([slot, output]);
  }
  const order: [number, readonly number[]][] = [];
  for (const [frame, slots] of instance.order.entries()) {
    if (slots !== undefined) order.push([frame, slots]);
  }
  return {
    course: instance.course,
    state: bytesOf(instance.state),
    left: bytesOf(instance.left),
    fired: bytesOf(instance.fired),
    port: bytesOf(instance.port),
    attempts: bytesOf(instance.attempts),
    unsettled: bytesOf(instance.unsettled),
    outputs,
    order,
    earlier: instance.earlier.map((round) => round.map((one) => resultImage(one, numbers))),
    inner: Array.from(instance.inner, ([slot, inner]) => [slot, instanceImage(inner, numbers)]),
    branchesDone: instance.branchesDone,
    branchNext: instance.branchNext,
  };
}

function resultImage(
  { vertex, failed, output, inner }: Result,
  numbers: Map<Instance, number>,
): ResultImage {
  return {
    block: vertex.local,
    ...(failed ? { failed } : {}),
    ...(output === undefined ? {} : { output }),
    ...(inner === undefined ? {} : { inner: instanceImage(inner, numbers) }),
  };
}

function fill(instance: Instance, image: InstanceImage, instances: Instance[]): void {
  instances.push(instance);
  instance.state.set(image.state);
  instance.fired.set(image.fired);
  instance.attempts.set(image.attempts);
  instance.left.set(integersOf(image.left));
  instance.port.set(integersOf(image.port));
  instance.unsettled.set(integersOf(image.unsettled));
  instance.contexts.length = 0;
  for (const [slot, output] of image.outputs) instance.outputs[slot] = output;
  for (const [frame, slots] of image.order) instance.order[frame] = [...slots];
  for (const round of image.earlier) {
    instance.earlier.push(round.map((one) => restoreResult(instance, one, instances)));
  }
  for (const [slot, inner] of image.inner) {
    instance.inner.set(slot, restoreInner(instance, slot, inner, instances));
  }
  instance.branchesDone = image.branchesDone;
  instance.branchNext = image.branchNext;
}

function restoreResult(instance: Instance, image: ResultImage, instances: Instance[]): Result {
  const vertex = instance.body.vertices[image.block];
  if (vertex === undefined) throw new RangeError(`no block has place ${image.block}`);
  const { output, inner: held, failed = false } = image;
  const inner =
    held === undefined ? undefined : restoreInner(instance, vertex.local, held, instances);
  return { vertex, failed, output, inner };
}

function restoreInner(
  around: Instance,
  slot: number,
  image: InstanceImage,
  instances: Instance[],
): Instance {
  const { inner: body } = around.vertexAt(slot);
  if (body === undefined) throw new RangeError(`slot ${slot} holds no container`);
  const instance = new Instance(body, around.contextAt(slot), image.course);
  fill(instance, image, instances);
  return instance;
}

/** As they lie in memory, which is little-endian wherever Node runs. */
function bytesOf(values: Uint8Array | Int32Array): Bytes {
  return new Uint8Array(values.buffer.slice(0));
}

function integersOf(bytes: Bytes): Int32Array {
  // A decoded image may be a view of a larger piece, not aligned.
  return new Int32Array(Uint8Array.from(bytes).buffer);
}
