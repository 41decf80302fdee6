/** What is in each block: its kind, with all parameters as expressions. */
import type { Block, Condition, Expression } from '@troupe/model';
import { answerOf, asRecord } from './answers.ts';
import { type BlockType, builtInTasks } from './block-types.ts';
import { NamedValues, translate } from './condition/condition.ts';
import { own, type SimBlock, type SimDocument } from './document.ts';
import { portOf } from './edges.ts';
import { slugOf } from './names.ts';
import { optionsOf, routesOf } from './options.ts';
import type { Reached } from './reach.ts';
import { type Place, Refused, type Scope } from './scope.ts';
import {
  codeTemplate,
  type Environment,
  jsonIn,
  type Meanings,
  taskTemplate,
  template,
  textTemplate,
  valueTemplate,
} from './templates.ts';
import { assignmentsFault, assignmentsOf, typedValue } from './variables.ts';

/** Of every kind of block what is its own. */
type BodyOf<B> = B extends Block ? Omit<B, 'id' | 'after' | 'in' | 'each'> : never;
export type BlockBody = BodyOf<Block>;
type Body<K extends Block['kind']> = Extract<BlockBody, { kind: K }>;

export interface NeededTask {
  readonly name: string;
  /** The task that it is, tried again as its block says. */
  readonly of: string;
  /** It comes along. */
  readonly isBuiltIn: boolean;
  /** Tries after the first. */
  readonly retries: number;
  readonly backoffMs: number;
}

export interface BlockWriterParts {
  readonly document: SimDocument;
  readonly reached: Reached;
  readonly ids: ReadonlyMap<string, string>;
  readonly scope: Scope;
  readonly environment: Environment;
  readonly note: (block: SimBlock, what: string) => void;
}

/** Parameters that are read otherwise than as texts. */
interface ReadAs {
  readonly code?: readonly string[] | undefined;
  readonly json?: readonly string[] | undefined;
  readonly unused?: readonly string[] | undefined;
}

/** Sim takes so many rounds where none are given. */
const roundsDefault = 1_000;
const unitsMs: { readonly [unit: string]: number } = {
  milliseconds: 1,
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
};

export class BlockWriter {
  readonly #parts: BlockWriterParts;
  readonly #tasks = new Map<string, NeededTask>();

  constructor(parts: BlockWriterParts) {
    this.#parts = parts;
  }

  tasks(): readonly NeededTask[] {
    return [...this.#tasks.values()];
  }

  /** Throws `Refused` for what cannot be carried over. */
  bodyOf(block: SimBlock, type: BlockType): BlockBody {
    switch (type.kind) {
      case 'trigger':
        return { kind: 'value', value: { $ref: ['input'] } };
      case 'task':
        return {
          kind: 'task',
          task: this.#task(block, type.task),
          input: this.#input(block, type),
        };
      case 'route':
        return this.#route(block, type);
      case 'condition':
        return this.#choice(block);
      case 'pause':
        return { kind: 'pause', prompt: this.#input(block, {}) };
      case 'wait':
        return { kind: 'wait', ms: this.#waitMs(block) };
      case 'variables':
        return { kind: 'value', value: this.#assigned(block) };
      case 'answer':
        return {
          kind: 'answer',
          value: answerOf(block, this.#meanings({ block }), this.#parts.environment),
        };
      case 'run':
        return this.#run(block);
      case 'call':
        return this.#call(block, type);
      case 'loop':
        return this.#loop(block);
      case 'parallel':
        return this.#parallel(block);
      case 'note':
        throw new Refused('it is a note, which does not run');
    }
  }

  /** What a container goes through; undefined where it counts. */
  itemsOf(container: string): Expression | undefined {
    const { loops, parallels } = this.#parts.document;
    const block = this.#parts.reached.byId.get(container);
    if (block === undefined) return undefined;
    const loop = own(loops, container);
    if (loop?.loopType === 'forEach') return this.#items(block, loop.forEachItems);
    const parallel = own(parallels, container);
    if (parallel === undefined || !isCollection(parallel)) return undefined;
    return this.#items(block, parallel.distribution);
  }

  #task({ id, metadata, retry }: SimBlock, named: string | undefined): string {
    const of = slugOf(named ?? metadata.id);
    const tries = retry?.enabled === true ? retry.maxTries : 1;
    const name = tries === 1 ? of : `${of}.${this.#idOf(id)}`;
    const backoffMs = retry?.waitBetweenTriesMs ?? 0;
    const isBuiltIn = Object.hasOwn(builtInTasks, of);
    this.#tasks.set(name, { name, of, isBuiltIn, retries: tries - 1, backoffMs });
    return name;
  }

  #input(block: SimBlock, { code = [], json = [], unused = [] }: ReadAs): Expression {
    const { environment } = this.#parts;
    const meanings = this.#meanings({ block });
    const idle = unused.filter((name) => !isNothing(block.config.params[name]));
    for (const name of idle) {
      this.#parts.note(block, `its \`${name}\` are carried over, but the task does not use them`);
    }
    const fields: [string, Expression][] = [];
    for (const [name, value] of Object.entries(block.config.params)) {
      if (value === undefined || name === 'triggerMode') continue;
      if (code.includes(name)) fields.push([name, { ...this.#code(block, value) }]);
      else if (json.includes(name) && typeof value === 'string') {
        const read = jsonIn(value);
        fields.push([name, taskTemplate(read ?? value, meanings, environment)]);
      } else fields.push([name, taskTemplate(value, meanings, environment)]);
    }
    return Object.fromEntries(fields);
  }

  #code(block: SimBlock, value: unknown): { readonly [name: string]: Expression } {
    const { language } = block.config.params;
    if (language !== undefined && language !== 'javascript') {
      throw new Refused(`its code is ${String(language)}; only javascript can be run`);
    }
    const list = Array.isArray(value) ? value : [value];
    const text = list.map((one: unknown) => codeText(one)).join('\n');
    const { code, values } = codeTemplate(text, this.#meanings({ block }));
    return { text: code, values };
  }

  #route(block: SimBlock, type: Extract<BlockType, { kind: 'route' }>): BlockBody {
    const task = this.#task(block, type.task);
    const ports =
      type.ports === 'routes'
        ? routesOf(block).map(({ id, title }) => ({ port: portOf(id), title }))
        : this.#parts.reached.edges
            .filter(({ source, handle }) => source === block.id && handle !== 'error')
            .map(({ target }) => ({ port: portOf(target), title: this.#titleOf(target) }));
    return { kind: 'route', task, input: { ...asRecord(this.#input(block, type)), ports } };
  }

  #choice(block: SimBlock): Body<'choice'> {
    const named = new NamedValues();
    const cases: { port: string; when: string }[] = [];
    let otherwise: string | undefined;
    for (const { id, title, value } of optionsOf(block)) {
      if (title.trim().toLowerCase() === 'else') otherwise = portOf(id);
      else cases.push({ port: portOf(id), when: this.#when({ block }, value, named) });
    }
    return {
      kind: 'choice',
      ...(Object.keys(named.values).length === 0 ? {} : { values: named.values }),
      cases,
      ...(otherwise === undefined ? {} : { otherwise }),
    };
  }

  #when(place: Place, javascript: string, named: NamedValues): string {
    const { block } = place;
    const text = withLiterals(javascript, this.#parts.environment);
    if (text.trim() === '') {
      this.#parts.note(block, 'an empty condition never holds');
      return 'false';
    }
    const secret = /\{\{\s*([^{}\s]+)\s*\}\}/.exec(text);
    if (secret !== null) {
      throw new Refused(
        `the condition \`${javascript}\` reads {{${secret[1]}}} of the environment, which the ` +
          'scheduler does not see; give it a value when importing',
      );
    }
    const translated = translate(text, this.#meanings(place), named);
    if ('refusal' in translated) {
      throw new Refused(
        `the condition \`${javascript}\` cannot be translated: ${translated.refusal}`,
      );
    }
    for (const name of translated.unknownNames) {
      const what = `the condition \`${javascript}\` asks for "${name}", which nothing sets: it fails`;
      this.#parts.note(block, what);
    }
    if (translated.asksCase) {
      const what = `the condition \`${javascript}\` asks for another case: of the letters from A to Z only`;
      this.#parts.note(block, what);
    }
    return translated.when;
  }

  #waitMs(block: SimBlock): Expression {
    const { timeValue = 10, timeUnit = 'seconds' } = block.config.params;
    const unit = own(unitsMs, String(timeUnit));
    const value = typeof timeValue === 'string' ? Number(timeValue) : timeValue;
    if (unit === undefined || typeof value !== 'number' || !(value >= 0)) {
      throw new Refused(
        `it waits for \`${String(timeValue)} ${String(timeUnit)}\`, which is no time`,
      );
    }
    return value * unit;
  }

  #assigned(block: SimBlock): Expression {
    const meanings = this.#meanings({ block });
    const fault = assignmentsFault(block);
    if (fault !== undefined) throw new Refused(fault);
    const fields = assignmentsOf(block).map(({ name, type, value }): [string, Expression] => {
      const { environment } = this.#parts;
      if (type === 'string') return [name, template(value, meanings, environment)];
      return [name, valueTemplate(typedValue(type, value), meanings, environment)];
    });
    return Object.fromEntries(fields);
  }

  #run(block: SimBlock): Body<'run'> {
    const { workflowId, inputMapping, input } = block.config.params;
    if (typeof workflowId !== 'string' || workflowId === '') {
      throw new Refused('it names no workflow in `workflowId`');
    }
    const workflow = slugOf(workflowId);
    this.#parts.note(block, `it runs the workflow "${workflow}", which must be deployed too`);
    const { environment } = this.#parts;
    const given = inputMapping ?? input ?? {};
    return {
      kind: 'run',
      workflow,
      input: valueTemplate(given, this.#meanings({ block }), environment),
    };
  }

  #call(
    block: SimBlock,
    { type, key, method, args }: Extract<BlockType, { kind: 'call' }>,
  ): BlockBody {
    const { params } = block.config;
    const { environment } = this.#parts;
    const meanings = this.#meanings({ block });
    const keyed = params[key];
    if (typeof keyed !== 'string')
      throw new Refused(`its parameter \`${key}\` is no key of an actor`);
    return {
      kind: 'call',
      type,
      key: textTemplate(keyed, meanings, environment),
      method,
      args: args.map((name) => valueTemplate(params[name] ?? null, meanings, environment)),
    };
  }

  #loop(block: SimBlock): Body<'loop'> {
    const loop = own(this.#parts.document.loops, block.id);
    if (loop === undefined) throw new Refused('it has no entry in `loops`');
    switch (loop.loopType) {
      case 'for':
        return counted(wholeOf('iterations', loop.iterations));
      case 'forEach':
        return { kind: 'loop', rounds: { items: this.#items(block, loop.forEachItems) } };
      case 'while': {
        const { whileCondition } = loop;
        if (!whileCondition?.trim()) {
          this.#parts.note(block, 'it has no condition, so that it never runs');
          return { kind: 'loop', rounds: { count: 0 } };
        }
        const condition = this.#condition({ block, asked: 'before-round' }, whileCondition);
        return { kind: 'loop', rounds: { while: condition } };
      }
      case 'doWhile': {
        const { doWhileCondition } = loop;
        if (!doWhileCondition?.trim()) return counted(wholeOf('iterations', loop.iterations));
        const condition = this.#condition({ block, asked: 'after-round' }, doWhileCondition);
        return { kind: 'loop', rounds: { until: { ...condition, when: `!(${condition.when})` } } };
      }
    }
  }

  #condition(place: Place, javascript: string): Condition {
    const named = new NamedValues();
    const when = this.#when(place, javascript, named);
    return Object.keys(named.values).length === 0 ? { when } : { when, values: named.values };
  }

  #parallel(block: SimBlock): Body<'parallel'> {
    const parallel = own(this.#parts.document.parallels, block.id);
    if (parallel === undefined) throw new Refused('it has no entry in `parallels`');
    const { batchSize, distribution } = parallel;
    const inFlight = typeof batchSize === 'number' && batchSize >= 1 ? Math.trunc(batchSize) : 0;
    const inFlightMax = inFlight === 0 ? {} : { inFlightMax: inFlight };
    if (isCollection(parallel)) {
      const items = this.#items(block, distribution);
      return { kind: 'parallel', branches: { items }, ...inFlightMax };
    }
    const count = wholeOf('count', parallel.count) || 1;
    return { kind: 'parallel', branches: { count }, ...inFlightMax };
  }

  #items(block: SimBlock, given: unknown): Expression {
    const isMissing = given === null || given === undefined || given === '';
    if (isMissing) {
      this.#parts.note(block, 'it has no items, so that the run fails when it comes to it');
      return '';
    }
    return valueTemplate(given, this.#meanings({ block }), this.#parts.environment);
  }

  #meanings(place: Place): Meanings {
    return (reference) => this.#parts.scope.meaning(reference, place);
  }

  #titleOf(id: string): string {
    return this.#parts.reached.byId.get(id)?.metadata.name ?? id;
  }

  #idOf(id: string): string {
    return this.#parts.ids.get(id) ?? id;
  }
}

function counted(given: number): Body<'loop'> {
  const count = given > 0 ? given : roundsDefault;
  return { kind: 'loop', rounds: { count }, roundsMax: count };
}

/** The editor writes counts as text at times, and leaves them out; 0 then. */
function wholeOf(name: string, given: number | string | null | undefined): number {
  const count = typeof given === 'string' ? Number(given.trim()) : (given ?? 0);
  if (count >= 0 && count <= Number.MAX_SAFE_INTEGER) return Math.trunc(count);
  throw new Refused(
    `its \`${name}\` is ${JSON.stringify(given)}, which is no count; give a number from 0 on`,
  );
}

function isCollection({ parallelType, distribution }: SimDocument['parallels'][string]): boolean {
  if (parallelType !== undefined) return parallelType === 'collection';
  return distribution !== undefined && distribution !== null && distribution !== '';
}

function isNothing(value: unknown): boolean {
  return !value || (Array.isArray(value) && value.length === 0);
}

/** Code stands as text, or as files of an editor. */
function codeText(one: unknown): string {
  if (typeof one === 'string') return one;
  const { content } = asRecord(one);
  return typeof content === 'string' ? content : '';
}

/** Variables of the environment that were given, as JavaScript. */
function withLiterals(javascript: string, environment: Environment): string {
  return javascript.replace(/(["']?)\{\{\s*([^{}\s]+)\s*\}\}\1/g, (kept, _quote, name: string) =>
    Object.hasOwn(environment, name) ? JSON.stringify(environment[name]) : kept,
  );
}
