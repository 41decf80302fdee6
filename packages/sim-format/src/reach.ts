/**
 * What of a document runs: the blocks that the chosen trigger leads to, the containers they stand
 * in, and the edges between them.
 *
 * P1  disabled blocks and notes are not there; what only they lead to is not reached.
 * P2  an edge that crosses the border of a container is dropped, as Sim does, and told; what only
 *     such an edge leads to is not reached.
 */
import { type TroupeError, troupeError } from '@troupe/model';
import { type BlockTypes, startTypes } from './block-types.ts';
import { own, type SimBlock, type SimConnection, type SimDocument } from './document.ts';
import { normalName } from './names.ts';

export interface Reached {
  readonly trigger: SimBlock | undefined;
  /** In the order of the document. */
  readonly blocks: readonly SimBlock[];
  readonly byId: ReadonlyMap<string, SimBlock>;
  readonly edges: readonly SimEdge[];
  /** By id of a block, the edges into it. */
  readonly into: ReadonlyMap<string, readonly SimEdge[]>;
  /** Blocks whose failures an edge takes. */
  readonly catching: ReadonlySet<string>;
  /** By id of a block, the container in whose body it stands. */
  readonly containerOf: ReadonlyMap<string, string>;
  /** Edges that cross a border. */
  readonly dropped: readonly SimConnection[];
}

export interface SimEdge {
  readonly source: string;
  readonly target: string;
  readonly handle: string | undefined;
  /** Its place among the edges that leave its source. */
  readonly place: number;
}

export interface Bounds {
  /** Where the run starts: id or name. */
  readonly trigger?: string | undefined;
  /** What comes after this block is left out. */
  readonly until?: string | undefined;
}

export function reach(
  document: SimDocument,
  types: BlockTypes,
  { trigger: wanted, until }: Bounds,
): Reached {
  const there = new Map(
    document.blocks
      .filter(({ enabled, metadata }) => enabled && own(types, metadata.id)?.kind !== 'note')
      .map((block) => [block.id, block]),
  );
  const last = until === undefined ? undefined : blockNamed([...there.values()], until)?.id;
  if (until !== undefined && last === undefined) {
    throw troupeError('WORKFLOW_INVALID', `the block "${until}" to end with is not there`);
  }
  const inLast = new Set(
    own(document.loops, last ?? '')?.nodes ?? own(document.parallels, last ?? '')?.nodes,
  );
  const connections = document.connections.filter(
    ({ source, target }) =>
      there.has(source) && there.has(target) && (source !== last || inLast.has(target)),
  );
  const trigger = triggerOf(document, [...there.values()], connections, wanted);
  const first = trigger === undefined ? [...there.keys()] : [trigger.id];
  const reached = followed(first, connections);
  const containerOf = containersOf(document, reached);
  const places = new Map<string, number>();
  const edges: SimEdge[] = [];
  const dropped: SimConnection[] = [];
  for (const connection of connections) {
    const { source, target, sourceHandle } = connection;
    if (!reached.has(source) || !reached.has(target)) continue;
    const place = places.get(source) ?? 0;
    places.set(source, place + 1);
    if (containerOf.get(target) === source) continue;
    if (containerOf.get(source) === containerOf.get(target)) {
      edges.push({ source, target, handle: sourceHandle ?? undefined, place });
    } else {
      dropped.push(connection);
    }
  }
  const live = liveOf([...reached], { first, edges, containerOf });
  const blocks = [...there.values()].filter(({ id }) => live.has(id));
  const kept = edges.filter(({ source, target }) => live.has(source) && live.has(target));
  const into = new Map<string, SimEdge[]>(blocks.map(({ id }) => [id, []]));
  for (const edge of kept) into.get(edge.target)?.push(edge);
  const byId = new Map(blocks.map((block) => [block.id, block]));
  const caught = kept.filter(({ handle }) => handle === 'error');
  const catching = new Set(caught.map(({ source }) => source));
  return { trigger, blocks, byId, edges: kept, into, catching, containerOf, dropped };
}

/** The trigger wanted; else the first to start with; else none, and all is reached. */
function triggerOf(
  document: SimDocument,
  there: readonly SimBlock[],
  connections: readonly SimConnection[],
  wanted: string | undefined,
): SimBlock | undefined {
  const isStart = ({ metadata }: SimBlock) => startTypes.includes(metadata.id);
  const ofStartType = there.find(isStart);
  if (wanted !== undefined) {
    const named = blockNamed(there, wanted) ?? blockNamed(there, wanted.replace(/__trigger$/, ''));
    const found =
      named ?? (blockNamed(document.blocks, wanted) === undefined ? undefined : ofStartType);
    if (found === undefined) throw noTrigger(document, wanted);
    return found;
  }
  const inBody = new Set(
    [...Object.values(document.loops), ...Object.values(document.parallels)].flatMap(
      ({ nodes }) => nodes,
    ),
  );
  const targets = new Set(connections.map(({ target }) => target));
  return (
    ofStartType ??
    there.find(isTrigger) ??
    there.find(({ id }) => !targets.has(id) && !inBody.has(id))
  );
}

function blockNamed(blocks: readonly SimBlock[], wanted: string): SimBlock | undefined {
  const byId = blocks.find(({ id }) => id === wanted);
  const name = normalName(wanted);
  return byId ?? blocks.find(({ metadata }) => normalName(metadata.name ?? '') === name);
}

/** A block that waits for the world outside. */
export function isTrigger({ config, metadata }: SimBlock): boolean {
  return config.params.triggerMode === true || metadata.category === 'triggers';
}

function noTrigger({ blocks }: SimDocument, wanted: string): TroupeError {
  const names = blocks
    .filter(
      (block) => block.enabled && (isTrigger(block) || startTypes.includes(block.metadata.id)),
    )
    .map(({ id, metadata }) => metadata.name ?? id);
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return troupeError(
    'WORKFLOW_INVALID',
    `the trigger "${wanted}" is not there or disabled: ${known}`,
  );
}

function followed(first: readonly string[], connections: readonly SimConnection[]): Set<string> {
  const targets = new Map<string, string[]>();
  for (const { source, target } of connections) {
    const known = targets.get(source);
    if (known === undefined) targets.set(source, [target]);
    else known.push(target);
  }
  const reached = new Set(first);
  for (const id of reached) for (const target of targets.get(id) ?? []) reached.add(target);
  return reached;
}

/** The innermost container for each block, where a container lists what its inner ones hold too. */
function containersOf(
  { loops, parallels }: SimDocument,
  reached: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const members = Object.entries({ ...loops, ...parallels })
    .filter(([id]) => reached.has(id))
    .map(([id, { nodes }]) => ({ id, nodes: new Set(nodes) }));
  const containerOf = new Map<string, string>();
  for (const block of reached) {
    const around = members.filter(({ id, nodes }) => nodes.has(block) && id !== block);
    const innermost = around.find(({ id }) =>
      around.every((other) => other.id === id || !memberOf(members, id).has(other.id)),
    );
    if (innermost !== undefined) containerOf.set(block, innermost.id);
  }
  return containerOf;
}

function memberOf(
  members: readonly { id: string; nodes: ReadonlySet<string> }[],
  id: string,
): ReadonlySet<string> {
  return members.find((one) => one.id === id)?.nodes ?? new Set();
}

interface Laid {
  readonly first: readonly string[];
  readonly edges: readonly SimEdge[];
  readonly containerOf: ReadonlyMap<string, string>;
}

/** What an edge that is left leads to, from where the run starts (P2). */
function liveOf(reached: readonly string[], { first, edges, containerOf }: Laid): Set<string> {
  const isTarget = new Set(edges.map(({ target }) => target));
  const next = new Map<string, string[]>();
  const leads = (from: string, to: string): void => {
    const known = next.get(from);
    if (known === undefined) next.set(from, [to]);
    else known.push(to);
  };
  for (const id of reached) {
    const container = containerOf.get(id);
    if (container !== undefined && !isTarget.has(id)) leads(container, id);
  }
  for (const { source, target } of edges) leads(source, target);
  const live = new Set(first);
  for (const id of live) for (const target of next.get(id) ?? []) live.add(target);
  return live;
}

/** By id, how many edges the longest way to a block has; none for what lies on a cycle. */
export function depthsOf({ blocks, edges, into }: Reached): ReadonlyMap<string, number> {
  const left = new Map([...into].map(([id, { length }]) => [id, length]));
  const out = new Map<string, string[]>(blocks.map(({ id }) => [id, []]));
  for (const { source, target } of edges) out.get(source)?.push(target);
  const depths = new Map<string, number>();
  const free = blocks.filter(({ id }) => left.get(id) === 0).map(({ id }) => id);
  for (const id of free) {
    const before = (into.get(id) ?? []).map(({ source }) => depths.get(source) ?? 0);
    depths.set(
      id,
      before.reduce((most, depth) => Math.max(most, depth + 1), 0),
    );
    for (const target of out.get(id) ?? []) {
      const rest = (left.get(target) ?? 0) - 1;
      left.set(target, rest);
      if (rest === 0) free.push(target);
    }
  }
  return depths;
}
