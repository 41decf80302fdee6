/**
 * A cluster of its own for one job, with the crew deployed on it. Its data lies in a folder of its
 * own and goes away with it; after a failure the logs stay.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { bundleFile, type Cluster, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';

export interface Session {
  readonly cluster: Cluster;
  readonly troupe: Troupe;
  /** First part of the keys of the job's actors, and id of its run. */
  readonly team: string;
  readonly logs: string;
  /** Stops everything; `tidy` removes the data too. */
  close(tidy: boolean): Promise<void>;
}

export interface SessionStart {
  readonly folder: string;
  readonly nodes: number;
  readonly port: number | undefined;
  /** Where `.troupe` lies. */
  readonly home: string;
  readonly onProgress: (line: string) => void;
}

/** Where every command looks unless told otherwise. */
export const addressDefault = '127.0.0.1:7411';

export async function openSession(start: SessionStart): Promise<Session> {
  const team = `${shortName(path.basename(start.folder))}-${randomBytes(2).toString('hex')}`;
  const dataDir = path.join(start.home, '.troupe', 'crew', 'jobs', team);
  const logs = path.join(dataDir, 'logs');
  const cluster = await startCluster({
    dataDir,
    logDir: logs,
    nodes: start.nodes,
    // Of our environment a runner sees only the basics and what is named here.
    nodeConfig: { environment: ['OPENAI_API_KEY'] },
    address: await addressFor(start.port),
    onProgress: start.onProgress,
  });
  let troupe: Troupe | undefined;
  const close = async (tidy: boolean) => {
    await troupe?.close();
    await cluster.stop();
    if (tidy) rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    troupe = await connect({ address: cluster.address });
    const { bytes } = await bundleFile(agentsFile());
    await troupe.deploy(bytes);
    return { cluster, troupe, team, logs, close };
  } catch (cause) {
    await close(false);
    throw cause;
  }
}

/** The definitions lie beside this module, compiled or not. */
function agentsFile(): string {
  const type = path.extname(import.meta.filename);
  return path.join(import.meta.dirname, '..', `agents${type}`);
}

function shortName(name: string): string {
  const short = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return short === '' ? 'crew' : short;
}

async function addressFor(port: number | undefined): Promise<string> {
  if (port !== undefined) return `127.0.0.1:${port}`;
  return (await isFree(addressDefault)) ? addressDefault : '127.0.0.1:0';
}

function isFree(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(Number(port), host, () => server.close(() => resolve(true)));
  });
}
