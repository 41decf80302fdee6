/** A link to a port of loopback that breaks when so many bytes have gone through it. */
import { connect, createServer, type Socket } from 'node:net';

export interface CutLink {
  readonly port: number;
  /** Bytes that still pass towards the server before every connection breaks. */
  allow(bytes: number): void;
  close(): Promise<void>;
}

/** `halfOpen`: it swallows what is too much, and tells nobody far that the near side is gone. */
export async function openCutLink(target: number, halfOpen = false): Promise<CutLink> {
  let left = Number.POSITIVE_INFINITY;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ port: target, host: '127.0.0.1' });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.once('close', () => {
        sockets.delete(one);
        if (!halfOpen || one === far) other.destroy();
        else far.resume();
      });
    }
    far.pipe(near);
    near.on('data', (bytes) => {
      left -= bytes.length;
      if (left >= 0) {
        if (!far.write(bytes)) {
          near.pause();
          far.once('drain', () => near.resume());
        }
      } else if (!halfOpen) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    allow(bytes) {
      left = bytes;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
