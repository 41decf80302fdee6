/**
 * `workflow(name, build)`: a graph of blocks, written as a function that is run once, when the
 * module loads. What it calls becomes blocks; what it returns becomes the run's output.
 */
import { troupeError, version, type Workflow } from '@troupe/model';
import { checkName, type Definition, definitionBrand } from './definition.ts';
import { invalid, makeRef, type Ref, type Resolved } from './ref.ts';
import { builder } from './workflow/blocks.ts';
import type { WorkflowBuilder } from './workflow/builder.ts';
import { Graph } from './workflow/graph.ts';

export interface WorkflowDefinition<I = never, O = unknown> extends Definition<'workflow'> {
  readonly workflow: Workflow;
  /** Holds the types only. */
  readonly types?: { readonly input: (input: I) => void; readonly output: O };
}

export interface WorkflowOptions {
  /** What a failure does that nothing takes: `stop` (unless given) ends the run, `go-on` lets all
   *  that does not come after it run first. */
  readonly onFailure?: 'stop' | 'go-on';
  /** How long a run may take from its start to its end, pauses included. */
  readonly limitMs?: number;
  /** How long a run may be at work at a stretch, between the pauses and waits, its own and those of runs
   *  within it, in which nothing else is left to do. */
  readonly segmentLimitMs?: number;
}

/** Defines a workflow. Annotate the input: `(w, input: Ref<{ folder: string }>) => …`. */
export function workflow<I, X>(
  name: string,
  build: (w: WorkflowBuilder, input: Ref<I>) => X,
  options: WorkflowOptions = {},
): WorkflowDefinition<I, Resolved<X>> {
  checkName('workflow', name);
  const checked = checkedOptions(name, options);
  const graph = new Graph(name);
  const returned = build(builder(graph), makeRef<I>(graph, ['input']));
  if (returned instanceof Promise) {
    throw invalid(`workflow ${name}`, 'is built by an async function; it must be a plain one');
  }
  const definition: WorkflowDefinition<I, Resolved<X>> = {
    [definitionBrand]: 'workflow',
    name,
    sdk: version,
    workflow: graph.finish(returned, checked),
  };
  return Object.freeze(definition);
}

function checkedOptions(name: string, options: WorkflowOptions): WorkflowOptions {
  const { onFailure, limitMs, segmentLimitMs } = options;
  if (onFailure !== undefined && onFailure !== 'stop' && onFailure !== 'go-on') {
    const what = `workflow ${name} has onFailure "${String(onFailure)}", which is not stop or go-on`;
    throw troupeError('INVALID_ARGUMENT', what);
  }
  for (const [what, ms] of Object.entries({ limitMs, segmentLimitMs })) {
    if (ms === undefined || (Number.isSafeInteger(ms) && ms > 0)) continue;
    const text = `workflow ${name} has ${what} ${ms}, not a whole number from 1 on`;
    throw troupeError('INVALID_ARGUMENT', text);
  }
  return {
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(limitMs === undefined ? {} : { limitMs }),
    ...(segmentLimitMs === undefined ? {} : { segmentLimitMs }),
  };
}
