/** The builder: each of its methods adds a block to the graph. */
import { insideRef, invalid, makeOf, makeRef, type Ref } from '../ref.ts';
import type { WorkflowBuilder } from './builder.ts';
import { callOf, casesOf, countFrom, triesOf } from './checks.ts';
import { containers, inFlightOf } from './containers.ts';
import type { Graph } from './graph.ts';
import { type Branching, Port } from './port.ts';
import { undoOf, undoOfBranch } from './undo.ts';

export function builder(graph: Graph): WorkflowBuilder {
  return {
    ...works(graph),
    ...waits(graph),
    ...ways(graph),
    ...containers(graph),
    ...words(graph),
  };
}

/** Blocks that have something done elsewhere. */
function works(graph: Graph): Pick<WorkflowBuilder, 'task' | 'each' | 'call' | 'run'> {
  return {
    task(id, task, input, options) {
      const place = graph.place(id, options);
      const written = graph.write(place, 'input', input);
      const tries = triesOf(place, options);
      const undo = undoOf(graph, place, options?.undo);
      return graph.add(place, { kind: 'task', task: task.name, input: written, ...tries, ...undo });
    },
    each(id, items, task, input, options) {
      const place = graph.place(id, options);
      const each = graph.write(place, 'items', items);
      const branch = input(makeRef(graph, ['item']), makeRef(graph, ['index']));
      return graph.add(place, {
        kind: 'task',
        task: task.name,
        input: graph.write(place, 'input', branch, 'in-branch'),
        each,
        ...inFlightOf(place, options),
        ...triesOf(place, options),
        ...undoOfBranch(graph, place, options?.undo),
      });
    },
    call(id, actor, key, method, args, options) {
      const place = graph.place(id, options);
      const write = (part: string, value: unknown) => graph.write(place, part, value);
      const call = callOf(place, { actor, key, method, args }, write);
      const undo = undoOf(graph, place, options?.undo);
      return graph.add(place, { ...call, ...triesOf(place, options), ...undo });
    },
    run(id, workflow, input, options) {
      const place = graph.place(id, options);
      const written = graph.write(place, 'input', input);
      const undo = undoOf(graph, place, options?.undo);
      return graph.add(place, { kind: 'run', workflow: workflow.name, input: written, ...undo });
    },
  };
}

/** Blocks that wait, and those that are over at once. */
function waits(graph: Graph): Pick<WorkflowBuilder, 'pause' | 'wait' | 'value' | 'answer'> {
  return {
    pause(id, prompt, options) {
      const place = graph.place(id, options);
      const limitMs = options?.limitMs;
      const limit =
        limitMs === undefined ? {} : { limitMs: countFrom(1, place, 'limitMs', limitMs) };
      return graph.add(place, {
        kind: 'pause',
        prompt: graph.write(place, 'prompt', prompt),
        ...limit,
      });
    },
    wait(id, ms, options) {
      const place = graph.place(id, options);
      if (typeof ms === 'number') countFrom(0, place, 'a wait of', ms);
      return graph.add(place, { kind: 'wait', ms: graph.write(place, 'ms', ms) });
    },
    value(id, value, options) {
      const place = graph.place(id, options);
      return graph.add(place, { kind: 'value', value: graph.write(place, 'value', value) });
    },
    answer(id, value, options) {
      const place = graph.place(id, options);
      return graph.add(place, { kind: 'answer', value: graph.write(place, 'value', value) });
    },
  };
}

/** Blocks that leave by one of several ports. */
function ways(graph: Graph): Pick<WorkflowBuilder, 'choice' | 'route'> {
  return {
    choice(id, given, options) {
      const place = graph.place(id, options);
      const { cases, values, ports } = casesOf(place, given);
      const { otherwise } = given;
      const written = Object.entries(values).map(([name, value]) => [
        name,
        graph.write(place, `value ${name}`, value),
      ]);
      const result = graph.add<never>(place, {
        kind: 'choice',
        values: Object.fromEntries(written),
        cases: Object.entries<string>(cases).map(([port, when]) => ({ port, when })),
        ...(otherwise === undefined ? {} : { otherwise }),
      });
      return branching(graph, result, (port) => {
        if (!ports.has(port)) throw invalid(place.name, `has no port "${port}"`);
      });
    },
    route(id, task, input, options) {
      const place = graph.place(id, options);
      const written = graph.write(place, 'input', input);
      const tries = triesOf(place, options);
      const result = graph.add<never>(place, {
        kind: 'route',
        task: task.name,
        input: written,
        ...tries,
        ...undoOf(graph, place, options?.undo),
      });
      return branching(graph, result, () => {});
    },
  };
}

/** What refers to blocks, and adds none. */
function words(
  graph: Graph,
): Pick<WorkflowBuilder, 'failure' | 'settled' | 'text' | 'first' | 'last'> {
  return {
    failure(block) {
      const id = graph.blockOf(block, `${graph.name}, a failure`);
      return makeRef(graph, ['blocks', id, 'error'], 'error');
    },
    settled(block) {
      return new Port(graph, graph.blockOf(block, `${graph.name}, an end`), ['done', 'error']);
    },
    text(strings, ...values) {
      const parts = strings.flatMap((text, at) => [text, values[at] ?? '']);
      return makeOf(
        '$text',
        parts.filter((part) => part !== ''),
      );
    },
    first(...values) {
      return makeOf('$first', values);
    },
    last<T>(list: Ref<readonly T[]> | Ref<T[]>) {
      const inside = insideRef(list);
      if (inside === undefined) throw invalid(graph.name, 'asks for the last of what is no ref');
      return makeRef<T>(inside.owner, [...inside.path, -1], inside.port);
    },
  };
}

function branching<P extends string, O>(
  graph: Graph,
  result: Ref<O>,
  check: (port: string) => void,
): Branching<P, O> {
  const id = graph.blockOf(result, graph.name);
  return Object.freeze({
    result,
    port(name: P) {
      check(name);
      return new Port(graph, id, [name]);
    },
  });
}
