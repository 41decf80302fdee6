/**
 * The nodes, durably: who is a member, in which phase, and what is reserved on it.
 *
 *   joining ─▶ alive ─▶ draining          (its turn log exists from `alive` on)
 *      └────────┴──────────┴─▶ dying ─▶ sealed ─▶ gone
 *
 * M1  phases only go forward: a dying incarnation never lives again.
 * M2  at most one incarnation of a name is joining, alive or draining.
 * M3  what is reserved on a node never exceeds what it has.
 * M4  a log is deleted only after it was sealed.
 */
import {
  assert,
  type Incarnation,
  type LogName,
  type NodeName,
  type Resources,
  turnLogName,
} from '@troupe/model';
import type { SchedulerFact } from './facts.ts';
import { capacityOf, type Shape } from './resources.ts';

export type NodePhase =
  | { readonly kind: 'joining' }
  | { readonly kind: 'alive' }
  | { readonly kind: 'draining' }
  | { readonly kind: 'dying'; readonly reason: string; readonly logMade: boolean }
  | { readonly kind: 'sealed'; readonly to: number }
  | { readonly kind: 'gone' };

export interface NodeRecord {
  readonly incarnation: Incarnation;
  readonly name: NodeName;
  readonly resources: Resources;
  readonly labels: { readonly [name: string]: string };
  readonly at: number;
  readonly log: LogName;
  phase: NodePhase;
  /** Nothing new is placed there. */
  cordoned: boolean;
  /** Thousandths; derived. */
  readonly capacity: ReadonlyMap<string, number>;
  readonly used: Map<string, number>;
  /** Largest share reserved of any resource, 0 to 1; derived. */
  load: number;
}

export interface NodesImage {
  readonly lost: number;
  readonly nodes: readonly Pick<
    NodeRecord,
    'incarnation' | 'name' | 'resources' | 'labels' | 'at' | 'phase' | 'cordoned'
  >[];
}

/** Incarnations that are gone and still told so when they speak; the oldest are forgotten beyond. */
const goneNodesMax = 10_000;

type NodeFact = Extract<
  SchedulerFact,
  {
    kind:
      | 'node-joining'
      | 'node-joined'
      | 'node-draining'
      | 'node-cordoned'
      | 'node-dying'
      | 'node-sealed'
      | 'log-deleted';
  }
>;

export class NodeTable {
  readonly #nodes = new Map<Incarnation, NodeRecord>();
  readonly #byName = new Map<NodeName, NodeRecord>();
  readonly #byLog = new Map<LogName, NodeRecord>();
  readonly #gone: Incarnation[] = [];
  #serving: readonly NodeRecord[] = [];
  #lost = 0;
  #changes = 0;

  get(incarnation: Incarnation): NodeRecord | undefined {
    return this.#nodes.get(incarnation);
  }
  /** The incarnation of this name that is joining, alive or draining. */
  named(name: NodeName): NodeRecord | undefined {
    return this.#byName.get(name);
  }
  ofLog(log: LogName): NodeRecord | undefined {
    return this.#byLog.get(log);
  }
  /** Joining, alive or draining: the incarnations that silence may end. */
  present(): IterableIterator<NodeRecord> {
    return this.#byName.values();
  }
  get presentCount(): number {
    return this.#byName.size;
  }
  /** Alive: the only ones that get anything new. In the order of their incarnations. */
  get serving(): readonly NodeRecord[] {
    return this.#serving;
  }
  /** All but those that are gone. */
  kept(): IterableIterator<NodeRecord> {
    return this.#byLog.values();
  }
  /** Incarnations that died otherwise than by leaving. */
  get lost(): number {
    return this.#lost;
  }
  /** Rises whenever `serving` changes. */
  get changes(): number {
    return this.#changes;
  }

  apply(fact: NodeFact): void {
    switch (fact.kind) {
      case 'node-joining':
        return this.#joining(fact);
      case 'node-joined':
        return this.#move(this.#at(fact.incarnation, 'joining'), { kind: 'alive' });
      case 'node-draining':
        return this.#move(this.#at(fact.incarnation, 'alive'), { kind: 'draining' });
      case 'node-cordoned': {
        const node = this.#nodes.get(fact.incarnation);
        assert(node !== undefined && isPresent(node), 'M1: only a present node is cordoned');
        if (node.cordoned === fact.cordoned) return;
        node.cordoned = fact.cordoned;
        if (node.phase.kind !== 'alive') return;
        return fact.cordoned ? this.#serve(node, 1, []) : this.#serve(node, 0, [node]);
      }
      case 'node-dying': {
        const node = this.#nodes.get(fact.incarnation);
        assert(node !== undefined && isPresent(node), 'M1: only a present node begins to die');
        this.#byName.delete(node.name);
        if (fact.reason !== 'left') this.#lost++;
        const logMade = node.phase.kind !== 'joining';
        return this.#move(node, { kind: 'dying', reason: fact.reason, logMade });
      }
      case 'node-sealed':
        return this.#move(this.#at(fact.incarnation, 'dying'), { kind: 'sealed', to: fact.to });
      case 'log-deleted': {
        const node = this.#byLog.get(fact.log);
        assert(node?.phase.kind === 'sealed', 'M4: a log is deleted only after it was sealed');
        this.#byLog.delete(fact.log);
        this.#move(node, { kind: 'gone' });
        return this.#bury(node.incarnation);
      }
    }
  }

  reserve(node: NodeRecord, shape: Shape): void {
    for (const { name, milli } of shape.amounts) {
      const used = (node.used.get(name) ?? 0) + milli;
      assert(used <= (node.capacity.get(name) ?? 0), 'M3: reserved never exceeds what there is');
      node.used.set(name, used);
    }
    if (shape.amounts.length > 0) node.load = loadOf(node);
  }

  free(node: NodeRecord, shape: Shape): void {
    for (const { name, milli } of shape.amounts) {
      const used = (node.used.get(name) ?? 0) - milli;
      assert(used >= 0, 'M3: nothing is freed that was not reserved');
      node.used.set(name, used);
    }
    if (shape.amounts.length > 0) node.load = loadOf(node);
  }

  image(): NodesImage {
    const nodes = [...this.#nodes.values()].map(
      ({ incarnation, name, resources, labels, at, phase, cordoned }) => {
        return { incarnation, name, resources, labels, at, phase, cordoned };
      },
    );
    return { lost: this.#lost, nodes };
  }

  restore(image: NodesImage): void {
    this.#lost = image.lost;
    for (const kept of image.nodes) {
      const node = this.#add(kept, kept.phase, kept.cordoned);
      if (isPresent(node)) this.#byName.set(node.name, node);
      if (node.phase.kind === 'gone') this.#gone.push(node.incarnation);
      else this.#byLog.set(node.log, node);
    }
    this.#listServing();
  }

  check(): void {
    const serving = new Set(this.#serving);
    for (const node of this.#nodes.values()) {
      if (isPresent(node)) {
        assert(this.#byName.get(node.name) === node, 'M2: one present incarnation of a name');
      }
      assert(
        (node.phase.kind === 'alive' && !node.cordoned) === serving.has(node),
        'M1: serving are exactly the alive that are not cordoned',
      );
      for (const [name, used] of node.used) {
        const holds = used >= 0 && used <= (node.capacity.get(name) ?? 0);
        assert(holds, 'M3: reserved never exceeds what there is');
      }
    }
  }

  #joining(fact: Extract<NodeFact, { kind: 'node-joining' }>): void {
    assert(!this.#nodes.has(fact.incarnation), 'M1: an incarnation joins once');
    assert(!this.#byName.has(fact.name), 'M2: one present incarnation of a name');
    const node = this.#add(fact, { kind: 'joining' });
    this.#byName.set(node.name, node);
    this.#byLog.set(node.log, node);
  }

  #add(
    from: Omit<NodesImage['nodes'][number], 'phase' | 'cordoned'>,
    phase: NodePhase,
    cordoned = false,
  ): NodeRecord {
    const { incarnation, name, resources, labels, at } = from;
    const node: NodeRecord = {
      incarnation,
      name,
      resources,
      labels,
      at,
      log: turnLogName(incarnation),
      phase,
      cordoned,
      capacity: capacityOf(resources),
      used: new Map(),
      load: 0,
    };
    this.#nodes.set(incarnation, node);
    return node;
  }

  #at(incarnation: Incarnation, kind: NodePhase['kind']): NodeRecord {
    const node = this.#nodes.get(incarnation);
    assert(node?.phase.kind === kind, `M1: ${incarnation} is ${kind} before it goes on`);
    return node;
  }

  #move(node: NodeRecord, phase: NodePhase): void {
    const served = node.phase.kind === 'alive' && !node.cordoned;
    node.phase = phase;
    if (served) this.#serve(node, 1, []);
    else if (phase.kind === 'alive' && !node.cordoned) this.#serve(node, 0, [node]);
  }

  /** Puts the node where it belongs, or takes it out: sorting anew with every node that joins would
   *  make the start of a large cluster cost the square of its size. */
  #serve(node: NodeRecord, taken: 0 | 1, put: readonly NodeRecord[]): void {
    const serving = [...this.#serving];
    serving.splice(placeOf(serving, node.incarnation), taken, ...put);
    this.#serving = serving;
    this.#changes++;
  }

  #listServing(): void {
    const alive = [...this.#byName.values()].filter(
      ({ phase, cordoned }) => phase.kind === 'alive' && !cordoned,
    );
    this.#serving = alive.sort((left, right) => (left.incarnation < right.incarnation ? -1 : 1));
    this.#changes++;
  }

  #bury(incarnation: Incarnation): void {
    this.#gone.push(incarnation);
    while (this.#gone.length > goneNodesMax) {
      const oldest = this.#gone.shift();
      if (oldest !== undefined) this.#nodes.delete(oldest);
    }
  }
}

export function isPresent(node: NodeRecord): boolean {
  const { kind } = node.phase;
  return kind === 'joining' || kind === 'alive' || kind === 'draining';
}

/** Index of the first node that does not come before this incarnation. */
function placeOf(sorted: readonly NodeRecord[], incarnation: Incarnation): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = sorted[middle];
    if (there !== undefined && there.incarnation < incarnation) low = middle + 1;
    else high = middle;
  }
  return low;
}

function loadOf(node: NodeRecord): number {
  let load = 0;
  for (const [name, used] of node.used) {
    const capacity = node.capacity.get(name) ?? 0;
    if (capacity > 0 && used / capacity > load) load = used / capacity;
  }
  return load;
}
