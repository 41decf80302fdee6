/** Ports: one that is free, and whether a given one is. */
import { createServer } from 'node:net';
import { TroupeError, troupeError } from '@troupe/model';

/** Ports handed out by this process: the system may offer a port again before it is bound. */
const given = new Set<number>();

const attemptsMax = 5;

/** Where servers listen unless told otherwise: nobody else reaches them there. */
export const loopback = '127.0.0.1';

/** A port that nobody listens on, and that this process did not hand out before. */
export async function freePort(host: string = loopback): Promise<number> {
  for (;;) {
    const port = await listenOnce(0, host).catch((cause: unknown) => {
      throw portInUse(0, 'a server', host, cause);
    });
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** Starts something on the port given, else on a free one; a free one lost to another is replaced. */
export async function onFreePort<T>(
  port: number | undefined,
  start: (port: number) => Promise<T>,
  host: string = loopback,
): Promise<T> {
  if (port !== undefined) return start(port);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort(host));
    } catch (error) {
      const lost = error instanceof TroupeError && error.code === 'PORT_IN_USE';
      if (!lost || attempt === attemptsMax) throw error;
    }
  }
}

/** Fails with `PORT_IN_USE` when somebody listens on the port already. */
export async function assertPortFree(port: number, who: string, host: string): Promise<void> {
  try {
    await listenOnce(port, host);
  } catch (error) {
    throw portInUse(port, who, host, error);
  }
}

export function portInUse(port: number, who: string, host: string, cause?: unknown) {
  const notHere = cause instanceof Error && 'code' in cause && cause.code === 'EADDRNOTAVAIL';
  const why = notHere ? 'which is no address of this machine' : 'which another process uses';
  const what = `${who} cannot listen on ${host}:${port}, ${why}`;
  return troupeError('PORT_IN_USE', what, { port }, cause);
}

function listenOnce(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}
