/** Documents of Sim in few words. */
import type { Block } from '@troupe/model';
import { type Behaviour, compile, play } from '@troupe/scheduler-core/dag';
import { type Imported, type ImportOptions, importSim } from '../src/index.ts';

interface Given {
  readonly params?: object;
  readonly name?: string;
  readonly enabled?: boolean;
  readonly outputs?: object;
  readonly retry?: object;
}

export function block(id: string, type = 'function', given: Given = {}) {
  const { params = {}, name = id, enabled = true, ...rest } = given;
  const config = { tool: type, params };
  return { id, enabled, config, metadata: { id: type, name }, ...rest };
}

/** `a -> b`, or `a -error-> b` by a handle. */
export function edges(...written: readonly string[]) {
  return written.map((one) => {
    const [, source = '', sourceHandle, target = ''] =
      /^(\S+) -(?:(\S+)-)?> (\S+)$/.exec(one) ?? [];
    return { source, target, ...(sourceHandle === undefined ? {} : { sourceHandle }) };
  });
}

export function imported(document: object, options: Partial<ImportOptions> = {}): Imported {
  return importSim(
    { connections: [], loops: {}, parallels: {}, ...document },
    { name: 'flow', ...options },
  );
}

export function blockOf({ workflow, refusals }: Imported, id: string): Block {
  const found = workflow?.blocks.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no block ${id}: ${JSON.stringify(refusals)}`);
  return found;
}

/** Ids of the contexts that ran, in order, with the inputs of tasks. */
export function played(
  made: Imported,
  input: unknown,
  behave: Behaviour = () => ({ value: { result: 1 } }),
) {
  const { workflow, tasks, refusals } = made;
  if (workflow === undefined) throw new Error(JSON.stringify(refusals));
  const declared = tasks.map(({ name }) => {
    return { name, resources: {}, retries: 0, backoffMs: [], limitMs: 1 };
  });
  const compiled = compile(workflow, { tasks: declared });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  const inputs: Record<string, unknown> = {};
  const { outcome, ended } = play(compiled, input, (asked) => {
    inputs[asked.id] = asked.input;
    return behave(asked);
  });
  return { outcome, ids: ended.map(({ id }) => id), inputs };
}
