/** A real cluster with the test bundle deployed, and a client. */
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, type ClusterOptions, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';

const bundle = fileURLToPath(new URL('../agents/agents.ts', import.meta.url));

export interface Scene {
  readonly cluster: Cluster;
  readonly troupe: Troupe;
  /** Name of the node process that hosts this actor. */
  hostOf(actor: string): Promise<string>;
  /** Resolves when `holds` does for the cluster's status; asked whenever it may have changed. */
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  /** Ends the leader by SIGKILL, and starts it anew where clients look for it. */
  killLeader(): Promise<void>;
  stop(): Promise<void>;
}

export async function scene(options: ClusterOptions = {}): Promise<Scene> {
  const cluster = await startCluster(options);
  try {
    const troupe = await connect({ address: cluster.addresses.join(',') });
    await troupe.deploy((await bundleFile(bundle)).bytes);
    return {
      cluster,
      troupe,
      async hostOf(actor) {
        const [, type = '', key = ''] = actor.split('/');
        const views = await troupe.actors({ type, prefix: key, limit: 1_000 });
        const view = views.actors.find((one) => one.actor === actor);
        if (view === undefined) throw new Error(`${actor} is not placed`);
        return view.node.slice(0, view.node.lastIndexOf('.'));
      },
      until,
      async killLeader() {
        const { leader } = await troupe.status();
        const leading = cluster.schedulers.find(({ name }) => name === leader);
        if (leading?.address === undefined) throw new Error(`${leader} leads`);
        leading.kill('SIGKILL');
        await leading.exited;
        await cluster.startScheduler({ name: leading.name, listen: leading.address });
      },
      async stop() {
        troupe.close();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Asks again and again, for a minute at most; the interval only bounds the load of asking. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (performance.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never came: ${what}`);
}
