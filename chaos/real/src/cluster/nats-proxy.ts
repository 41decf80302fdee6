/**
 * Stands between NATS and all processes of the cluster, and does to their links what a network
 * does: resets them, cuts them silently in one direction or both, slows them down. Whose link it is
 * the proxy reads from the name in the client's first words.
 *
 * P1  bytes of one direction of a link are passed on whole and in order, or the link breaks.
 * P2  a link that is cut stays open on both sides: nobody is told, as with a lost route.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'to-server' | 'to-client';

interface Rule {
  readonly cut: ReadonlySet<Direction>;
  readonly delayMs: number;
}

const free: Rule = { cut: new Set(), delayMs: 0 };
/** Bytes that wait in one direction of a slow link before its source has to wait. */
const waitingBytesMax = 4 * 1024 * 1024;

export class NatsProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #rules = new Map<string, Rule>();

  private constructor(target: URL) {
    this.#server = createServer((client) => {
      const upstream = connect({ host: target.hostname, port: Number(target.port) });
      const link = new Link(client, upstream, (owner) => this.#rules.get(owner) ?? free);
      this.#links.add(link);
      link.closed.then(() => this.#links.delete(link));
    });
  }

  /** Listens on a free port of loopback. */
  static async open(target: string): Promise<NatsProxy> {
    const proxy = new NatsProxy(new URL(target));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `nats://127.0.0.1:${address.port}`;
  }

  /** Resets every link of the process; answers how many. */
  reset(owner: string): number {
    const links = this.#linksOf(owner);
    for (const link of links) link.reset();
    return links.length;
  }

  /** Until `heal`, nothing comes through in these directions; answers on how many links. */
  cut(owner: string, directions: readonly Direction[]): number {
    return this.#rule(owner, { cut: new Set(directions), delayMs: 0 });
  }

  /** Until `heal`, all comes so much later; answers on how many links. */
  slow(owner: string, delayMs: number): number {
    return this.#rule(owner, { cut: new Set(), delayMs });
  }

  heal(owner: string): void {
    this.#rule(owner, free);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const link of this.#links) link.reset();
    await closed;
  }

  #rule(owner: string, rule: Rule): number {
    this.#rules.set(owner, rule);
    const links = this.#linksOf(owner);
    for (const link of links) link.ruled();
    return links.length;
  }

  #linksOf(owner: string): readonly Link[] {
    return [...this.#links].filter((link) => link.owner === owner);
  }
}

/** One connection through the proxy. */
class Link {
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #pipes: readonly Pipe[];
  #owner = '';
  #greeting = '';

  constructor(client: Socket, upstream: Socket, ruleOf: (owner: string) => Rule) {
    this.#client = client;
    this.#upstream = upstream;
    const rule = () => ruleOf(this.#owner);
    this.#pipes = [
      new Pipe(client, upstream, 'to-server', rule, (chunk) => this.#listen(chunk)),
      new Pipe(upstream, client, 'to-client', rule, () => undefined),
    ];
    this.closed = new Promise((resolve) => {
      for (const socket of [client, upstream]) {
        socket.setNoDelay(true);
        socket.on('error', () => this.reset());
        socket.on('close', () => {
          this.reset();
          resolve();
        });
      }
    });
  }

  /** The process: the first part of the name that the client gives itself. */
  get owner(): string {
    return this.#owner;
  }

  ruled(): void {
    for (const pipe of this.#pipes) pipe.ruled();
  }

  reset(): void {
    for (const socket of [this.#client, this.#upstream]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  #listen(chunk: Buffer): void {
    if (this.#owner !== '' || this.#greeting.length > 8_192) return;
    this.#greeting += chunk.toString('latin1');
    const name = /CONNECT \{.*?"name":"([a-z0-9-]+)/.exec(this.#greeting);
    if (name?.[1] === undefined) return;
    this.#owner = name[1];
    this.#greeting = '';
    this.ruled();
  }
}

interface Waiting {
  readonly chunk: Buffer;
  readonly due: number;
}

/** One direction of a link. */
class Pipe {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #direction: Direction;
  readonly #rule: () => Rule;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    source: Socket,
    target: Socket,
    direction: Direction,
    rule: () => Rule,
    onChunk: (chunk: Buffer) => void,
  ) {
    this.#source = source;
    this.#target = target;
    this.#direction = direction;
    this.#rule = rule;
    source.on('data', (chunk: Buffer) => {
      onChunk(chunk);
      this.#waiting.push({ chunk, due: performance.now() + rule().delayMs });
      this.#bytes += chunk.length;
      this.#pass();
    });
    source.on('close', () => clearTimeout(this.#timer));
    target.on('drain', () => this.#pass());
  }

  ruled(): void {
    this.#pass();
  }

  /** Passes on what is due, in order (P1). */
  #pass(): void {
    clearTimeout(this.#timer);
    const cut = this.#rule().cut.has(this.#direction);
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (cut || this.#target.writableNeedDrain || this.#target.destroyed) break;
      const inMs = first.due - performance.now();
      if (inMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), inMs);
        break;
      }
      this.#waiting.shift();
      this.#bytes -= first.chunk.length;
      this.#target.write(first.chunk);
    }
    if (cut || this.#bytes > waitingBytesMax) this.#source.pause();
    else this.#source.resume();
  }
}
