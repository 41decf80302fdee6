/** A workflow while it is drawn: blocks one after the other, each with what it comes after. */
import type { Block, Edge, Expression } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType } from '../node/program.ts';

const blocksMax = 24;
/** More rounds fail the loop. */
const roundsMax = 3;

type Kind = Block['kind'] | 'each';

/** What is drawn. */
export interface Shape {
  readonly name: string;
  readonly kinds: readonly (readonly [Kind, share: number])[];
  readonly depthMax: number;
  readonly root: readonly [least: number, most: number];
  /** Workflows that it may run. */
  readonly children: readonly string[];
  /** Its pauses are never answered: they run into their limit. */
  readonly silent: boolean;
}

export class Draft {
  readonly blocks: Block[] = [];
  readonly edges: Edge[] = [];
  readonly #shape: Shape;
  readonly #chance: Random;
  /** By block, what is in sight where it stands: what is right before it and the containers around. */
  readonly #sights = new Map<string, readonly Expression[]>();

  constructor(shape: Shape, chance: Random) {
    this.#shape = shape;
    this.#chance = chance;
  }

  /** Ids of the blocks of a body. */
  body(container: string | undefined): readonly string[] {
    const depth = this.#containersAround(container).length;
    const [least, most] = depth === 0 ? this.#shape.root : [1, 3];
    const members: string[] = [];
    for (let left = this.#chance.whole(least, most); left > 0; left--) {
      const kind = this.#kind(depth, members.length > 0);
      const block = this.#add(kind, container, members);
      members.push(block.id);
      if (block.kind === 'loop' || block.kind === 'parallel') this.body(block.id);
      if (!canFail(block) || !this.#chance.chance(0.7)) continue;
      members.push(this.#handler(block, container));
    }
    return members;
  }

  #kind(depth: number, hasBefore: boolean): Kind {
    const isFull = this.blocks.length >= blocksMax || depth >= this.#shape.depthMax;
    const kinds = this.#shape.kinds.filter(([kind]) => {
      if (kind === 'loop' || kind === 'parallel') return !isFull;
      return kind !== 'answer' || hasBefore;
    });
    let drawn = this.#chance.next() * kinds.reduce((sum, [, share]) => sum + share, 0);
    for (const [kind, share] of kinds) {
      drawn -= share;
      if (drawn < 0) return kind;
    }
    return 'value';
  }

  #add(kind: Kind, container: string | undefined, members: readonly string[]): Block {
    const id = `${kind}${this.blocks.length}`;
    const after: string[] = [];
    const before: Expression[] = [];
    for (const [place, member] of members.entries()) {
      if (!this.#chance.chance(place === members.length - 1 ? 0.7 : 0.25)) continue;
      const source = this.blocks.find((block) => block.id === member);
      if (source === undefined) continue;
      const port = this.#portOf(source);
      if (port === 'done') after.push(member);
      else this.edges.push({ from: member, to: id, port });
      before.push(resultOf(source));
    }
    const around = container === undefined ? [] : (this.#sights.get(container) ?? []);
    const turns = this.#containersAround(container).map(
      (name): Expression => ({ $ref: ['around', name, 'index'] }),
    );
    this.#sights.set(id, [...before, ...around.slice(0, 2)]);
    const base = { id, after, ...(container === undefined ? {} : { in: container }) };
    const block = this.#blockOf(base, kind, { before: [...before, ...around.slice(0, 2)], turns });
    this.blocks.push(block);
    return block;
  }

  /** What follows when the block fails. */
  #handler({ id }: Block, container: string | undefined): string {
    const handler = `caught${this.blocks.length}`;
    this.edges.push({ from: id, to: handler, port: 'error' });
    this.blocks.push({
      id: handler,
      after: [],
      ...(container === undefined ? {} : { in: container }),
      kind: 'value',
      value: { $ref: ['blocks', id, 'error', 'code'], optional: true },
    });
    this.#sights.set(handler, []);
    return handler;
  }

  #blockOf(
    base: { readonly id: string; readonly after: readonly string[] },
    kind: Kind,
    seen: { readonly before: readonly Expression[]; readonly turns: readonly Expression[] },
  ): Block {
    const { id } = base;
    const chance = this.#chance;
    const number = seen.turns.at(-1) ?? { $ref: ['input', 'number'] };
    const values = { number };
    switch (kind) {
      case 'task': {
        const name = chance.chance(0.6) ? 'work' : 'once';
        const parts: Expression = { $ref: ['input', 'parts', id], optional: true };
        const input = { value: number, before: [...seen.before], parts };
        return { ...base, kind, task: name, input };
      }
      case 'route': {
        const port: Expression = {
          $first: [{ $ref: ['input', 'ports', id], optional: true }, 'left'],
        };
        return { ...base, kind, task: 'once', input: { port, value: number } };
      }
      case 'call': {
        const own: Expression = { $ref: ['input', 'ids', id] };
        const program: Expression = { $text: [own, ...seen.turns.flatMap((turn) => ['.', turn])] };
        const key: Expression = { $ref: ['input', 'keys', id] };
        return { ...base, kind, type: actorType, key, method: 'run', args: [program, []] };
      }
      case 'pause': {
        const prompt = { what: id, turns: [...seen.turns] };
        const isLimited = this.#shape.silent || chance.chance(0.25);
        if (!isLimited) return { ...base, kind, prompt };
        const limitMs = chance.whole(100, this.#shape.silent ? 900 : 2_500);
        return { ...base, kind, prompt, limitMs };
      }
      case 'wait': {
        const ms = Math.round(chance.spread(20, chance.chance(0.3) ? 6_000 : 900));
        return { ...base, kind, ms: chance.chance(0.2) ? { $ref: ['input', 'ms'] } : ms };
      }
      case 'choice': {
        const cases = [
          { port: 'left', when: `number > ${chance.whole(0, 2)}.0` },
          { port: 'right', when: `number == ${chance.whole(0, 2)}.0` },
        ];
        return {
          ...base,
          kind,
          values,
          cases,
          ...(chance.chance(0.6) ? { otherwise: 'right' } : {}),
        };
      }
      case 'run': {
        const input: Expression = {
          number,
          ms: { $ref: ['input', 'ms'] },
          items: { $ref: ['input', 'items'] },
          parts: { $ref: ['input', 'parts'] },
        };
        return { ...base, kind, workflow: chance.pick(this.#shape.children), input };
      }
      case 'each': {
        const each: Expression = { $ref: ['input', 'items'] };
        const value: Expression = {
          item: { $ref: ['item'] },
          at: { $ref: ['around', id, 'index'] },
        };
        const inFlight = chance.chance(0.5) ? { inFlightMax: chance.whole(1, 2) } : {};
        if (chance.chance(0.3)) return { ...base, ...inFlight, kind: 'pause', each, prompt: value };
        return { ...base, ...inFlight, kind: 'task', task: 'work', each, input: { value } };
      }
      case 'loop':
        return { ...base, kind, rounds: this.#rounds(id), roundsMax };
      case 'parallel': {
        const inFlight = chance.chance(0.4) ? { inFlightMax: chance.whole(1, 2) } : {};
        const branches = chance.chance(0.5)
          ? { count: chance.whole(0, 10) === 0 ? 0 : chance.whole(1, 3) }
          : { items: { $ref: ['input', chance.pick(['items', 'named'])] } };
        return { ...base, ...inFlight, kind, branches };
      }
      case 'answer':
        return { ...base, kind, value: { answered: id, before: [...seen.before] } };
      case 'value':
        return { ...base, kind: 'value', value: { number, before: [...seen.before] } };
    }
  }

  #rounds(id: string): Extract<Block, { kind: 'loop' }>['rounds'] {
    const chance = this.#chance;
    const values = { round: { $ref: ['around', id, 'index'] } };
    // One more than are allowed now and then.
    const last = chance.chance(0.12) ? roundsMax + 1 : chance.whole(0, 2);
    switch (chance.whole(0, 4)) {
      case 0:
        return { items: { $ref: ['input', 'items'] } };
      case 1:
        return { while: { when: `round < ${last}.0`, values } };
      case 2:
        return { until: { when: `round >= ${last}.0`, values } };
      default:
        return { count: chance.whole(1, 3) };
    }
  }

  #portOf(source: Block): string {
    const chance = this.#chance;
    if (source.kind === 'choice' || source.kind === 'route') {
      return chance.pick(['left', 'left', 'right', 'right', 'done']);
    }
    return canFail(source) && chance.chance(0.15) ? 'error' : 'done';
  }

  #containersAround(container: string | undefined): readonly string[] {
    const around: string[] = [];
    for (let at = container; at !== undefined; ) {
      around.unshift(at);
      const inside = at;
      at = this.blocks.find((block) => block.id === inside)?.in;
    }
    return around;
  }
}

/** It may fail by itself: its task is tried once, its time is limited, or something in it may. */
function canFail(block: Block): boolean {
  switch (block.kind) {
    case 'task':
    case 'route':
      return block.task === 'once';
    case 'pause':
      return block.limitMs !== undefined;
    case 'loop':
    case 'parallel':
    case 'run':
      return true;
    default:
      return false;
  }
}

/** What others see of a block: small, so that what is seen of what was seen does not grow. */
function resultOf({ id, kind, each }: Block): Expression {
  const seen = (...path: string[]): Expression => ({
    $ref: ['blocks', id, ...path],
    optional: true,
  });
  if (each !== undefined) return seen();
  switch (kind) {
    case 'task':
      return seen('given', 'value');
    case 'route':
    case 'choice':
      return seen('port');
    case 'pause':
      return seen('to');
    case 'value':
      return seen('number');
    case 'loop':
    case 'parallel':
      return seen('results', '0');
    default:
      return seen();
  }
}
