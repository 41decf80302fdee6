/**
 * A graph to run: vertices in bodies. The root is a body; a loop or a parallel is a vertex that has
 * a body of its own, so that nesting is a tree and no vertex is ever copied. Edges stay inside their
 * body and leave a vertex by a **port**: `done`, `error`, or a choice that the vertex makes. Pure.
 *
 * G1  the edges of a body make no cycle.
 * G2  what is wrong is refused here, with its place; a graph that was built can run.
 */

/** What a graph is built from. */
export interface GraphPlan {
  readonly blocks: readonly PlannedBlock[];
  readonly edges: readonly PlannedEdge[];
}

export interface PlannedBlock {
  readonly id: string;
  /** What context ids call it; unique among the blocks of its depth. The id unless given. */
  readonly name?: string | undefined;
  /** The loop or parallel in whose body it stands. */
  readonly in?: string | undefined;
  /** It is a container: its body runs round after round, or in branches side by side. */
  readonly container?: Container | undefined;
}

export type Container = 'loop' | 'parallel';

export interface PlannedEdge {
  readonly from: string;
  readonly to: string;
  /** `done` unless named. */
  readonly port?: string | undefined;
}

export interface Vertex {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  /** The body it stands in, and its place there. */
  readonly body: Body;
  readonly local: number;
  /** What it contains, when it is a container. */
  readonly inner: Body | undefined;
  /** An edge leaves it by `error`: its failure goes on there. */
  readonly catches: boolean;
}

export interface Body {
  readonly number: number;
  /** Whose body it is; absent for the root. */
  readonly container: Vertex | undefined;
  readonly kind: Container | 'root';
  /** Containers around it. */
  readonly depth: number;
  readonly vertices: readonly Vertex[];
  /** By place: edges into it. */
  readonly edgesIn: Int32Array;
  /** Edges out of the vertex at place p: `from[p]` up to `from[p + 1]` of `to` and `ports`. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly ports: Int32Array;
  /** Places without an edge into them. */
  readonly roots: readonly number[];
}

export interface Graph {
  readonly root: Body;
  readonly bodies: readonly Body[];
  readonly vertices: readonly Vertex[];
  readonly byId: ReadonlyMap<string, Vertex>;
  /** By depth, what context ids call the vertices there. */
  readonly byName: readonly ReadonlyMap<string, Vertex>[];
  readonly ports: ReadonlyMap<string, number>;
}

/** Numbers of the ports that every graph has. */
export const donePort = 0;
export const errorPort = 1;
/** Nothing leaves by it: an edge from it is waited for, and never fires. */
export const settledPort = 'settled';

/** Containers in containers. */
export const depthMax = 16;
/** Bounds by which an edge has a number of its own that a double can hold. */
const blocksMax = 1_000_000;
const portsMax = 8_192;

export type Built = { readonly graph: Graph } | { readonly fault: string };

export function buildGraph({ blocks, edges }: GraphPlan): Built {
  const builder = new Builder();
  const fault = builder.addBlocks(blocks) ?? builder.addEdges(edges) ?? builder.addBodies();
  return fault === undefined ? { graph: builder.graph() } : { fault };
}

interface OpenVertex {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  body: Body;
  local: number;
  inner: Body | undefined;
  catches: boolean;
  readonly plan: PlannedBlock;
  readonly out: { readonly to: OpenVertex; readonly port: number }[];
  edgesIn: number;
}

class Builder {
  readonly #vertices: OpenVertex[] = [];
  readonly #byId = new Map<string, OpenVertex>();
  readonly #members = new Map<string | undefined, OpenVertex[]>([[undefined, []]]);
  readonly #ports = new Map<string, number>([
    ['done', donePort],
    ['error', errorPort],
  ]);
  readonly #bodies: Body[] = [];
  readonly #names: Map<string, OpenVertex>[] = [];

  addBlocks(blocks: readonly PlannedBlock[]): string | undefined {
    for (const plan of blocks) {
      if (this.#byId.has(plan.id)) return `two blocks have the id "${plan.id}"`;
      const vertex: OpenVertex = {
        number: this.#vertices.length,
        id: plan.id,
        name: plan.name ?? plan.id,
        body: noBody,
        local: -1,
        inner: undefined,
        catches: false,
        plan,
        out: [],
        edgesIn: 0,
      };
      this.#vertices.push(vertex);
      this.#byId.set(plan.id, vertex);
      if (plan.container !== undefined) this.#members.set(plan.id, []);
    }
    for (const vertex of this.#vertices) {
      const members = this.#members.get(vertex.plan.in);
      if (members === undefined) {
        const what = this.#byId.has(vertex.plan.in ?? '') ? 'which is no container' : 'not there';
        return `block "${vertex.id}" stands in "${vertex.plan.in}", ${what}`;
      }
      members.push(vertex);
    }
    for (const [id, members] of this.#members) {
      if (id !== undefined && members.length === 0) return `container "${id}" has no body`;
    }
    return undefined;
  }

  addEdges(edges: readonly PlannedEdge[]): string | undefined {
    if (this.#vertices.length > blocksMax) return `more than ${blocksMax} blocks`;
    const seen = new Set<number>();
    for (const { from, to, port = 'done' } of edges) {
      const source = this.#byId.get(from);
      const target = this.#byId.get(to);
      if (source === undefined) return `an edge leaves "${from}", which there is not`;
      if (target === undefined)
        return `an edge from "${from}" leads to "${to}", which there is not`;
      if (source.plan.in !== target.plan.in) {
        return `the edge from "${from}" to "${to}" crosses the border of a container`;
      }
      const number = this.#port(port);
      if (number >= portsMax) return `more than ${portsMax} different ports`;
      const key = (source.number * this.#vertices.length + target.number) * portsMax + number;
      if (seen.has(key)) continue;
      seen.add(key);
      source.out.push({ to: target, port: number });
      if (port === 'error') source.catches = true;
      target.edgesIn++;
    }
    return undefined;
  }

  /** Bodies from the root inwards; a container inside itself is reached from no root. */
  addBodies(): string | undefined {
    const rest: { id: string | undefined; container: OpenVertex | undefined }[] = [
      { id: undefined, container: undefined },
    ];
    let placed = 0;
    for (const { id, container } of rest) {
      const members = this.#members.get(id) ?? [];
      const depth = container === undefined ? 0 : container.body.depth + 1;
      if (depth > depthMax) return `"${id}" lies in more than ${depthMax} containers`;
      for (const [local, member] of members.entries()) member.local = local;
      const cycle = cycleIn(members);
      if (cycle !== undefined) return `a cycle: ${cycle.map((one) => one.id).join(' -> ')}`;
      const names = this.#names[depth] ?? new Map<string, OpenVertex>();
      this.#names[depth] = names;
      for (const member of members) {
        if (names.has(member.name)) return `two blocks are named "${member.name}"`;
        names.set(member.name, member);
      }
      placed += members.length;
      this.#bodies.push(layBody(this.#bodies.length, container, members, depth));
      for (const member of members) {
        if (member.plan.container !== undefined) rest.push({ id: member.id, container: member });
      }
    }
    if (placed === this.#vertices.length) return undefined;
    const lost = this.#vertices.find(({ local }) => local < 0);
    return `container "${lost?.plan.in}" lies in itself`;
  }

  graph(): Graph {
    const [root = noBody] = this.#bodies;
    return {
      root,
      bodies: this.#bodies,
      vertices: this.#vertices,
      byId: this.#byId,
      byName: this.#names,
      ports: this.#ports,
    };
  }

  #port(name: string): number {
    const known = this.#ports.get(name);
    if (known !== undefined) return known;
    const number = this.#ports.size;
    this.#ports.set(name, number);
    return number;
  }
}

const noBody: Body = {
  number: -1,
  container: undefined,
  kind: 'root',
  depth: 0,
  vertices: [],
  edgesIn: new Int32Array(0),
  from: new Int32Array(1),
  to: new Int32Array(0),
  ports: new Int32Array(0),
  roots: [],
};

/** The containers around a vertex, the outermost first. */
export function containersOf({ body }: Vertex): readonly Vertex[] {
  const around: Vertex[] = [];
  for (let at = body.container; at !== undefined; at = at.body.container) around.push(at);
  return around.reverse();
}

/** What the id of a context names: a vertex, in the rounds and branches around it, the outermost first. */
export function namedBy(
  graph: Graph,
  context: string,
): { readonly vertex: Vertex; readonly indices: readonly number[] } | undefined {
  const [name = '', ...indices] = context.replaceAll(']', '').split('[');
  const vertex = graph.byName[indices.length]?.get(name);
  return vertex === undefined ? undefined : { vertex, indices: indices.map(Number) };
}

function layBody(
  number: number,
  container: OpenVertex | undefined,
  members: OpenVertex[],
  depth: number,
): Body {
  const count = members.reduce((sum, { out }) => sum + out.length, 0);
  const edgesIn = new Int32Array(members.length);
  const from = new Int32Array(members.length + 1);
  const to = new Int32Array(count);
  const ports = new Int32Array(count);
  let next = 0;
  for (const { local, out, edgesIn: into } of members) {
    edgesIn[local] = into;
    from[local] = next;
    for (const edge of out) {
      to[next] = edge.to.local;
      ports[next] = edge.port;
      next++;
    }
  }
  from[members.length] = next;
  const body: Body = {
    number,
    container,
    kind: container?.plan.container ?? 'root',
    depth,
    vertices: members,
    edgesIn,
    from,
    to,
    ports,
    roots: members.flatMap(({ edgesIn, local }) => (edgesIn === 0 ? [local] : [])),
  };
  if (container !== undefined) container.inner = body;
  for (const member of members) member.body = body;
  return body;
}

/** Removes what can settle; what is left has an edge from what is left, so a walk backwards loops. */
function cycleIn(members: readonly OpenVertex[]): readonly OpenVertex[] | undefined {
  const left = new Int32Array(members.length);
  const free: OpenVertex[] = [];
  for (const member of members) {
    left[member.local] = member.edgesIn;
    if (member.edgesIn === 0) free.push(member);
  }
  for (const { out } of free) {
    for (const { to } of out) {
      const count = (left[to.local] ?? 0) - 1;
      left[to.local] = count;
      if (count === 0) free.push(to);
    }
  }
  if (free.length === members.length) return undefined;
  const stuck = members.filter(({ local }) => (left[local] ?? 0) > 0);
  const before = new Map<OpenVertex, OpenVertex>();
  for (const member of stuck) for (const { to } of member.out) before.set(to, member);
  const walked = new Set<OpenVertex>();
  let [at] = stuck;
  while (at !== undefined && !walked.has(at)) {
    walked.add(at);
    at = before.get(at);
  }
  if (at === undefined) return [...walked];
  const path = [...walked];
  return [...path.slice(path.indexOf(at)), at].reverse();
}
