/** What the building function of a workflow is given: one method for each kind of block. */
import type { AnyActorDefinition, Called } from '../actor.ts';
import type { Made, Ref, Refs, Resolved } from '../ref.ts';
import type { TaskDefinition } from '../task.ts';
import type { WorkflowDefinition } from '../workflow.ts';
import type {
  BlockOptions,
  ChoiceCases,
  EachOptions,
  LoopOptions,
  ParallelOptions,
  PauseOptions,
  Question,
  RunOptions,
  WorkOptions,
} from './options.ts';
import type { Branching, Port } from './port.ts';

export type MethodsOf<A extends AnyActorDefinition> = A['methods'] & A['reads'];
/** Of the parameters of a method, a value or ref for each. */
export type ArgsOf<F> = RefsOf<Called<F> extends (...args: infer P) => unknown ? P : never>;
type ReplyOf<F> = Called<F> extends (...args: never[]) => Promise<infer T> ? T : never;
type RefsOf<P extends readonly unknown[]> = { readonly [I in keyof P]: Refs<P[I]> };
type Items<E> = Ref<readonly E[]> | Ref<E[]> | readonly Refs<E>[];
type PortOf<O> = O extends { readonly port: infer P extends string } ? P : never;

export interface WorkflowBuilder {
  /** Runs a task. */
  task<I, O>(
    id: string,
    task: TaskDefinition<I, O>,
    input: Refs<I>,
    options?: WorkOptions<O>,
  ): Ref<O>;
  /** Runs a task for each item, in branches; the result holds theirs in the order of the items. */
  each<E, I, O>(
    id: string,
    items: Items<E>,
    task: TaskDefinition<I, O>,
    input: (item: Ref<E>, index: Ref<number>) => Refs<I>,
    options?: EachOptions<E, O>,
  ): Ref<O[]>;
  /** Calls a method of an actor. */
  call<A extends AnyActorDefinition, K extends keyof MethodsOf<A> & string>(
    id: string,
    actor: A,
    key: Refs<string>,
    method: K,
    args: ArgsOf<MethodsOf<A>[K]>,
    options?: WorkOptions<ReplyOf<MethodsOf<A>[K]>>,
  ): Ref<ReplyOf<MethodsOf<A>[K]>>;
  /** Runs another workflow of the tenant as a run of its own; the result is that run's output. */
  run<I, O>(
    id: string,
    workflow: WorkflowDefinition<I, O>,
    input: Refs<I>,
    options?: RunOptions<O>,
  ): Ref<O>;
  /** Waits for a person; the result is what the person answers. */
  pause<T = unknown>(id: string, prompt: unknown, options?: PauseOptions): Ref<T>;
  /** Waits for so many milliseconds, days or months too; nobody holds it meanwhile. */
  wait(id: string, ms: Refs<number>, options?: BlockOptions): Ref<null>;
  /** A value made of others. */
  value<X>(id: string, value: X, options?: BlockOptions): Ref<Resolved<X>>;
  /** Ends the run with this output: nothing new starts, and pauses and waits are over. What runs may end
   *  first; the run is done when it has. */
  answer<X>(id: string, value: X, options?: BlockOptions): Ref<Resolved<X>>;

  /** Takes the port of the first case that holds. Blocks come `after: [choice.port('name')]`. */
  choice<C extends string, E extends string = never>(
    id: string,
    cases: ChoiceCases<C, E>,
    options?: BlockOptions,
  ): Branching<C | E, { readonly port: C | E | null }>;
  /** Runs a task that says which port is taken: the `port` of what it answers. */
  route<I, O extends { readonly port: string }>(
    id: string,
    task: TaskDefinition<I, O>,
    input: Refs<I>,
    options?: WorkOptions<O>,
  ): Branching<PortOf<O>, O>;

  /** Runs the body so many times, one round after the other; the result holds what each returned.
   *  Annotate `last` to use what the round before returned: it is null in the first one. */
  repeat<L, X extends Refs<L>>(
    id: string,
    count: Refs<number>,
    body: (index: Ref<number>, last: Ref<L>) => X,
    options?: LoopOptions,
  ): Ref<Resolved<X>[]>;
  /** Runs the body for each item, one after the other. */
  forEach<E, L, X extends Refs<L>>(
    id: string,
    items: Items<E>,
    body: (item: Ref<E>, index: Ref<number>, last: Ref<L>) => X,
    options?: LoopOptions,
  ): Ref<Resolved<X>[]>;
  /** Runs the body as long as the condition holds. It is asked before each round, about what the
   *  last one returned: null before the first. */
  while<L, X extends Refs<L>>(
    id: string,
    body: (index: Ref<number>, last: Ref<L>) => X,
    condition: (last: X, index: Ref<number>) => Question,
    options?: LoopOptions,
  ): Ref<Resolved<X>[]>;
  /** Runs the body until the condition holds. It is asked after each round, about what it returned. */
  until<L, X extends Refs<L>>(
    id: string,
    body: (index: Ref<number>, last: Ref<L>) => X,
    condition: (latest: X, index: Ref<number>) => Question,
    options?: LoopOptions,
  ): Ref<Resolved<X>[]>;
  /** Runs the body for each item, in branches side by side; the result is in the order of items. */
  parallel<E, X>(
    id: string,
    items: Items<E>,
    body: (item: Ref<E>, index: Ref<number>) => X,
    options?: ParallelOptions,
  ): Ref<Resolved<X>[]>;
  /** Runs the body in so many branches side by side. */
  branches<X>(
    id: string,
    count: Refs<number>,
    body: (index: Ref<number>) => X,
    options?: ParallelOptions,
  ): Ref<Resolved<X>[]>;

  /** The failure of a block. What uses it, or comes `after` it, runs when that block fails; then the
   *  failure is dealt with and the run goes on: the result of that block is null wherever it is used. */
  failure(block: string | Made<unknown>): Ref<{ code: string; message: string }>;
  /** The end of a block, well or not: what comes `after` it runs in either case. */
  settled(block: string | Made<unknown>): Port;

  /** A text with values in it: ``w.text`Summarise ${pages} for ${input.team}` ``. */
  text(strings: TemplateStringsArray, ...values: unknown[]): Made<string>;
  /** The first of these that is there: a block that was skipped or that failed has no result. */
  first<X extends readonly unknown[]>(...values: X): Made<Resolved<X[number]>>;
  /** The last of a list. */
  last<T>(list: Ref<readonly T[]> | Ref<T[]>): Ref<T>;
}
