/**
 * What becomes of each type of Sim's blocks: data, so that users add types of their own.
 */
import { z } from 'zod';

const blockType = z.discriminatedUnion('kind', [
  /** What the run starts with: its output is the run's input. */
  z.strictObject({ kind: z.literal('trigger') }),
  /** Runs a task: of the name of the type unless named. */
  z.strictObject({
    kind: z.literal('task'),
    task: z.string().optional(),
    /** Fields of its output, when there can be no others. */
    outputs: z.array(z.string()).optional(),
    /** Parameters that hold JavaScript: references in them become named values. */
    code: z.array(z.string()).optional(),
    /** Parameters that hold JSON as text. */
    json: z.array(z.string()).optional(),
    /** Parameters that the task does not heed: told where they stand. */
    unused: z.array(z.string()).optional(),
  }),
  /** A task that says by which port it leaves. */
  z.strictObject({
    kind: z.literal('route'),
    task: z.string().optional(),
    /** Its ports: the blocks it leads to, or the routes in its parameter `routes`. */
    ports: z.enum(['targets', 'routes']),
    json: z.array(z.string()).optional(),
  }),
  /** Conditions in JavaScript, which are translated. */
  z.strictObject({ kind: z.literal('condition') }),
  z.strictObject({ kind: z.literal('pause') }),
  z.strictObject({ kind: z.literal('wait') }),
  z.strictObject({ kind: z.literal('variables') }),
  /** Ends the run with an answer. */
  z.strictObject({ kind: z.literal('answer') }),
  /** A run of another workflow. */
  z.strictObject({ kind: z.literal('run') }),
  /** A call of an actor. `key` and `args` name parameters. */
  z.strictObject({
    kind: z.literal('call'),
    type: z.string(),
    key: z.string(),
    method: z.string(),
    args: z.array(z.string()).default([]),
  }),
  z.strictObject({ kind: z.literal('loop') }),
  z.strictObject({ kind: z.literal('parallel') }),
  /** For people only; not a part of the run. */
  z.strictObject({ kind: z.literal('note') }),
]);

export type BlockType = z.infer<typeof blockType>;
export type BlockTypes = { readonly [type: string]: BlockType };

/** Checks block types that a user wrote. */
export const blockTypesSchema = z.record(z.string(), blockType);

/** Types that come along. */
export const builtInTypes: BlockTypes = {
  start_trigger: { kind: 'trigger' },
  starter: { kind: 'trigger' },
  trigger: { kind: 'trigger' },
  api_trigger: { kind: 'trigger' },
  chat_trigger: { kind: 'trigger' },
  input_trigger: { kind: 'trigger' },
  manual_trigger: { kind: 'trigger' },
  generic_webhook: { kind: 'trigger' },
  schedule: { kind: 'trigger' },
  agent: { kind: 'task', json: ['messages', 'responseFormat'], unused: ['tools'] },
  api: { kind: 'task', outputs: ['data', 'status', 'headers'] },
  function: { kind: 'task', outputs: ['result', 'stdout'], code: ['code'] },
  evaluator: { kind: 'task', json: ['metrics'] },
  router: { kind: 'route', ports: 'targets' },
  router_v2: { kind: 'route', ports: 'routes', json: ['routes'] },
  condition: { kind: 'condition' },
  variables: { kind: 'variables' },
  wait: { kind: 'wait' },
  human_in_the_loop: { kind: 'pause' },
  response: { kind: 'answer' },
  workflow: { kind: 'run' },
  workflow_input: { kind: 'run' },
  loop: { kind: 'loop' },
  parallel: { kind: 'parallel' },
  note: { kind: 'note' },
};

/** Sim starts with the first block of one of these, when none is chosen. */
export const startTypes: readonly string[] = ['start_trigger', 'starter', 'trigger'];

/** Tasks that come along, by name: what exports them. */
export const builtInTasks: { readonly [task: string]: string } = {
  agent: 'agent',
  api: 'api',
  evaluator: 'evaluator',
  function: 'functionTask',
  router: 'router',
  router_v2: 'routerV2',
};
