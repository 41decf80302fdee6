/** The graph engine: workflows compiled, the state of a run, what a block does next. Pure. */
export {
  type Compilation,
  type CompiledWorkflow,
  compileWorkflow,
  type Step,
} from './compile-workflow.ts';
export { type Behaviour, type Play, type Played, play } from './play.ts';
