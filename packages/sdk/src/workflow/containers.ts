/** Loops and parallels: blocks with a body, which a function of its own builds with the same `w`. */
import { type Made, makeRef, type Ref, type Refs, type Resolved } from '../ref.ts';
import type { WorkflowBuilder } from './builder.ts';
import { countFrom, questionOf } from './checks.ts';
import type { Graph } from './graph.ts';
import type { LoopOptions, ParallelOptions, Question } from './options.ts';
import type { Place } from './place.ts';

type Containers = Pick<
  WorkflowBuilder,
  'repeat' | 'forEach' | 'while' | 'until' | 'parallel' | 'branches'
>;

export function containers(graph: Graph): Containers {
  const indexOf = (id: string) => makeRef<number>(graph, ['around', id, 'index']);
  const lastOf = <L>(id: string) => makeRef<L>(graph, ['around', id, 'last']);
  const itemOf = <E>(id: string) => makeRef<E>(graph, ['around', id, 'item']);
  return {
    repeat(id, count, body, options) {
      const place = graph.place(id, options);
      const rounds = { count: graph.write(place, 'count', count) };
      const { result } = graph.body(place, () => body(indexOf(id), lastOf(id)));
      return graph.add(place, { kind: 'loop', rounds, result, ...roundsOf(place, options) });
    },
    forEach<E, L, X extends Refs<L>>(
      id: string,
      items: unknown,
      body: (item: Ref<E>, index: Ref<number>, last: Ref<L>) => X,
      options?: LoopOptions,
    ) {
      const place = graph.place(id, options);
      const rounds = { items: graph.write(place, 'items', items) };
      const { result } = graph.body(place, () => body(itemOf<E>(id), indexOf(id), lastOf<L>(id)));
      return graph.add<Resolved<X>[]>(place, {
        kind: 'loop',
        rounds,
        result,
        ...roundsOf(place, options),
      });
    },
    while(id, body, condition, options) {
      const place = graph.place(id, options);
      const { returned, result } = graph.body(place, () => body(indexOf(id), lastOf(id)));
      const rounds = { while: asked(graph, place, condition(returned, indexOf(id))) };
      return graph.add(place, { kind: 'loop', rounds, result, ...roundsOf(place, options) });
    },
    until(id, body, condition, options) {
      const place = graph.place(id, options);
      const { returned, result } = graph.body(place, () => body(indexOf(id), lastOf(id)));
      const rounds = { until: asked(graph, place, condition(returned, indexOf(id))) };
      return graph.add(place, { kind: 'loop', rounds, result, ...roundsOf(place, options) });
    },
    parallel<E, X>(
      id: string,
      items: unknown,
      body: (item: Ref<E>, index: Ref<number>) => X,
      options?: ParallelOptions,
    ) {
      const place = graph.place(id, options);
      const branches = { items: graph.write(place, 'items', items) };
      const { result } = graph.body(place, () => body(itemOf<E>(id), indexOf(id)));
      return graph.add<Resolved<X>[]>(place, {
        kind: 'parallel',
        branches,
        result,
        ...inFlightOf(place, options),
      });
    },
    branches(id, count: number | Made<number>, body, options) {
      const place = graph.place(id, options);
      const branches = { count: graph.write(place, 'count', count) };
      const { result } = graph.body(place, () => body(indexOf(id)));
      return graph.add(place, {
        kind: 'parallel',
        branches,
        result,
        ...inFlightOf(place, options),
      });
    },
  };
}

/** The condition of a loop, which sees the body as its last round left it. */
function asked(graph: Graph, place: Place, question: Question) {
  const { when, values } = questionOf(place, question);
  const named = Object.entries(values).map(([name, value]) => [
    name,
    graph.write(place, `value ${name}`, value, 'in-body'),
  ]);
  return { when, values: Object.fromEntries(named) };
}

function roundsOf(place: Place, { roundsMax }: LoopOptions = {}): { readonly roundsMax?: number } {
  return roundsMax === undefined ? {} : { roundsMax: countFrom(1, place, 'roundsMax', roundsMax) };
}

export function inFlightOf(
  place: Place,
  { inFlightMax }: ParallelOptions = {},
): { readonly inFlightMax?: number } {
  if (inFlightMax === undefined) return {};
  return { inFlightMax: countFrom(1, place, 'inFlightMax', inFlightMax) };
}
