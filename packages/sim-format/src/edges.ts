/**
 * Connections of Sim as edges: handles become ports.
 *
 * E1  an edge without a handle, or with one that means nothing, fires whether its block failed or
 *     not, where an error edge takes the failure; one from `source` fires only when it did not.
 */
import type { Edge } from '@troupe/model';
import type { BlockType } from './block-types.ts';
import type { SimBlock } from './document.ts';
import { optionsOf, routesOf } from './options.ts';
import type { Reached, SimEdge } from './reach.ts';

export interface EdgeParts {
  readonly reached: Reached;
  readonly typeOf: (id: string) => BlockType | undefined;
  readonly ids: ReadonlyMap<string, string>;
}

/** Edges into a block. */
export function edgesOf(
  block: SimBlock,
  { reached, typeOf, ids }: EdgeParts,
): { readonly after: readonly string[]; readonly edges: readonly Edge[] } {
  const idOf = (id: string) => ids.get(id) ?? id;
  const ports = new Map<string, Set<string>>();
  for (const edge of reached.into.get(block.id) ?? []) {
    const known = ports.get(edge.source) ?? new Set();
    for (const port of portsOf(edge, reached, typeOf(edge.source))) known.add(port);
    ports.set(edge.source, known);
  }
  const after: string[] = [];
  const edges: Edge[] = [];
  for (const [source, of] of ports) {
    const from = idOf(source);
    if (of.size === 1 && of.has('done')) after.push(from);
    else for (const port of of) edges.push({ from, to: idOf(block.id), port });
  }
  return { after, edges };
}

/** Ports that mean something by themselves. */
const ownPorts: ReadonlySet<string> = new Set(['done', 'error', 'settled']);

/** The name of an option or route as a port. */
export function portOf(option: string): string {
  return ownPorts.has(option) ? `option-${option}` : option;
}

function portsOf(
  { source, target, handle, place }: SimEdge,
  reached: Reached,
  type: BlockType | undefined,
): readonly string[] {
  if (handle === 'error') return ['error'];
  const [, option] = /^(?:condition|router)-(.+)$/s.exec(handle ?? '') ?? [];
  if (option !== undefined) return [portOf(option)];
  const block = reached.byId.get(source);
  if (type?.kind === 'route' && type.ports === 'targets') return [portOf(target)];
  if (handle === undefined && block !== undefined) {
    if (type?.kind === 'condition') return [portOf(optionsOf(block)[place]?.id ?? '')];
    if (type?.kind === 'route') return [portOf(routesOf(block)[place]?.id ?? '')];
  }
  if (handle === 'source' || type?.kind === 'loop' || type?.kind === 'parallel') return ['done'];
  return reached.catching.has(source) ? ['done', 'error'] : ['done'];
}
