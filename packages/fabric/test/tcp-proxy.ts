/** A wire that a test can cut: between a client and a server, each direction on its own. */
import { connect, createServer, type Server, type Socket } from 'node:net';

type Direction = 'requests' | 'replies';

export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<{ client: Socket; server: Socket }>();
  readonly #muted = new Set<Direction>();
  #refusing = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server);
    server.on('connection', (client) => proxy.#join(client, targetPort));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('proxy is not listening');
    return address.port;
  }

  /** Swallows everything in one direction; the connection stays open. */
  mute(...directions: Direction[]): void {
    for (const direction of directions) this.#muted.add(direction);
  }

  /** Breaks every connection; new ones are accepted unless `refuse` was called. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  refuse(): void {
    this.#refusing = true;
  }

  /** Everything flows again on new connections. */
  heal(): void {
    this.#muted.clear();
    this.#refusing = false;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket, targetPort: number): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = connect(targetPort, '127.0.0.1');
    const pair = { client, server };
    this.#pairs.add(pair);
    const pass = (from: Socket, to: Socket, direction: Direction) => {
      from.on('data', (chunk) => {
        if (!this.#muted.has(direction)) to.write(chunk);
      });
      // A broken side breaks the other; there is nothing more to say about it.
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    };
    pass(client, server, 'requests');
    pass(server, client, 'replies');
  }
}
