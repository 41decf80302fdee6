/** What a context came to, also in a round that is over, of which only the results are kept. */
import type { Vertex } from './graph.ts';
import { containersOf, namedBy } from './graph.ts';
import { type Instance, type Result, settledWell } from './instance.ts';
import type { RunState } from './run-state.ts';

/** A round or branch that is there, or the results of a round that is over. */
type Frame = { readonly instance: Instance; readonly base: number } | readonly Result[];

/** Of the context that the id names; undefined when it has not settled by itself. */
export function resultOf({ graph, root }: RunState, id: string): Result | undefined {
  const named = namedBy(graph, id);
  if (named === undefined) return undefined;
  const { vertex, indices } = named;
  let frame: Frame = { instance: root, base: 0 };
  for (const container of containersOf(vertex)) {
    const inner = innerIn(frame, container);
    const next = inner && frameOf(inner, indices[container.body.depth] ?? Number.NaN);
    if (next === undefined) return undefined;
    frame = next;
  }
  return resultIn(frame, vertex);
}

function frameOf(inner: Instance, index: number): Frame | undefined {
  if (inner.body.kind !== 'loop') {
    return index < inner.unsettled.length
      ? { instance: inner, base: index * inner.size }
      : undefined;
  }
  return index === inner.round ? { instance: inner, base: 0 } : inner.earlier[index];
}

function innerIn(frame: Frame, container: Vertex): Instance | undefined {
  if (isOver(frame)) return resultIn(frame, container)?.inner;
  return frame.instance.inner.get(frame.base + container.local);
}

function resultIn(frame: Frame, vertex: Vertex): Result | undefined {
  if (isOver(frame)) return frame.find((result) => result.vertex === vertex);
  const { instance, base } = frame;
  const slot = base + vertex.local;
  return settledWell(instance.state[slot] ?? 0) ? instance.resultAt(slot) : undefined;
}

function isOver(frame: Frame): frame is readonly Result[] {
  return Array.isArray(frame);
}
