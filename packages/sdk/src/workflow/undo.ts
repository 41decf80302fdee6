/** What undoes a block: said beside it, with a ref for what the block came to. */
import type { Undo as UndoForm } from '@troupe/model';
import type { AnyActorDefinition } from '../actor.ts';
import { invalid, makeRef, type Ref, type Refs } from '../ref.ts';
import type { TaskDefinition } from '../task.ts';
import type { ArgsOf, MethodsOf } from './builder.ts';
import { callOf, triesOf } from './checks.ts';
import type { Graph, Seen } from './graph.ts';
import type { EachOptions, Tried } from './options.ts';
import type { Place } from './place.ts';

/** What undoes a block, as an `Undoer` makes it. */
export class Undo {
  readonly form: UndoForm;

  constructor(form: UndoForm) {
    this.form = form;
  }
}

/** Says what undoes a block, as the builder says what a block does. */
export interface Undoer {
  /** A task; it is tried 5 more times unless `options` say otherwise. */
  task<I>(task: TaskDefinition<I, unknown>, input: Refs<I>, options?: Tried): Undo;
  /** A call of a method of an actor. */
  call<A extends AnyActorDefinition, K extends keyof MethodsOf<A> & string>(
    actor: A,
    key: Refs<string>,
    method: K,
    args: ArgsOf<MethodsOf<A>[K]>,
    options?: Tried,
  ): Undo;
}

/** The part of a block that says what undoes it. */
export function undoOf<O>(
  graph: Graph,
  place: Place,
  given: ((done: Ref<O>, by: Undoer) => Undo) | undefined,
  seen: Seen = 'in-undo',
): { readonly undo?: UndoForm } {
  if (given === undefined) return {};
  const undo: unknown = given(makeRef<O>(graph, ['done', place.id]), undoer(graph, place, seen));
  if (!(undo instanceof Undo)) {
    throw invalid(place.name, 'has an undo that is none: return by.task(…) or by.call(…) from it');
  }
  return { undo: undo.form };
}

/** The same of what is undone branch by branch. */
export function undoOfBranch<E, O>(
  graph: Graph,
  place: Place,
  given: EachOptions<E, O>['undo'],
): { readonly undo?: UndoForm } {
  if (given === undefined) return {};
  const item = makeRef<E>(graph, ['item']);
  const index = makeRef<number>(graph, ['index']);
  const undo = (done: Ref<O>, by: Undoer) => given(done, by, item, index);
  return undoOf<O>(graph, place, undo, 'in-undo-of-branch');
}

function undoer(graph: Graph, place: Place, seen: Seen): Undoer {
  const write = (part: string, value: unknown) => graph.write(place, `undo, ${part}`, value, seen);
  return {
    task(task, input, options) {
      const tries = triesOf(place, options);
      return new Undo({ kind: 'task', task: task.name, input: write('input', input), ...tries });
    },
    call(actor, key, method, args, options) {
      const call = callOf(place, { actor, key, method, args }, write);
      return new Undo({ ...call, ...triesOf(place, options) });
    },
  };
}
