/** Looks at all of a run's state; for tests and simulations. */
import { assert } from '@troupe/model';
import { type Context, type Instance, liesIn, slotStates } from './instance.ts';
import type { RunState } from './run-state.ts';

const settledStates: ReadonlySet<string | undefined> = new Set(['done', 'failed', 'skipped']);

export function checkState(state: RunState): void {
  const { ready, active, paused, asking } = state;
  for (const set of [ready, active, paused, asking]) {
    for (const context of set) {
      assert(liesIn(context, state.root), 'D1: what is at work belongs to the run');
      assert(context.instance.contextAt(context.slot) === context, 'D1: a context is one');
    }
  }
  checkInstance(state, state.root);
  const live = ready.size + active.size + paused.size;
  assert(state.known >= state.settled + (state.stopped ? 0 : live), 'D2: contexts are counted');
  assert(state.planned >= 0, 'D2: what is to come is counted');
}

function checkInstance(state: RunState, instance: Instance): void {
  const { size } = instance;
  for (const [frame, unsettled] of instance.unsettled.entries()) {
    let open = 0;
    for (let slot = frame * size; slot < frame * size + size; slot++) {
      const name = slotStates[instance.state[slot] ?? 0];
      if (!settledStates.has(name)) open++;
      checkSlot(state, instance.contextAt(slot), name);
    }
    const isBegun = instance.course.kind !== 'branches' || frame < instance.branchNext;
    // What settles after the end takes no edges, and what is let go of settles no more.
    if (isBegun && !state.stopped)
      assert(open === unsettled, 'D1: what has not settled is counted');
  }
  for (const [slot, inner] of instance.inner) {
    if (slotStates[instance.state[slot] ?? 0] === 'running') checkInstance(state, inner);
  }
}

function checkSlot(state: RunState, context: Context, name: string | undefined): void {
  const { instance, slot } = context;
  const isOpen = instance.inner.has(slot);
  assert((name === 'ready') === state.ready.has(context), 'D1: what is ready is listed');
  assert((name === 'paused') === state.paused.has(context), 'D1: what is paused is listed');
  const atWork = name === 'running' && !isOpen;
  assert(atWork === state.active.has(context), 'D1: what runs is listed');
  if (name === 'ready' || atWork || name === 'paused') {
    assert(instance.left[slot] === 0, 'D1: a block starts when all edges into it have gone');
  }
}
