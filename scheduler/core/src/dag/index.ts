/** The graph engine: workflows compiled, the state of a run, what a block does next. Pure. */
export {
  type Compilation,
  type CompiledWorkflow,
  compile,
  type Step,
} from './compile.ts';
export { buildGraph, type Graph, type GraphPlan } from './graph.ts';
export { type Behaviour, type Play, type Played, play } from './play.ts';
export { RunState } from './run-state.ts';
