/** The cluster that a benchmark runs on: servers, schedulers, nodes and runners are processes of
 *  their own, this process is the client; NATS syncs every append to disk. */
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, type ClusterOptions, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';

export interface Bed {
  readonly cluster: Cluster;
  readonly troupe: Troupe;
  stop(): Promise<void>;
}

const agents = fileURLToPath(new URL('../src/agents.ts', import.meta.url));

/** `bundle`: the module that is deployed. */
export async function makeBed(options: ClusterOptions, bundle = agents): Promise<Bed> {
  const cluster = await startCluster(options);
  try {
    const troupe = await connect({ address: cluster.addresses.join(',') });
    await troupe.deploy((await bundleFile(bundle)).bytes);
    return {
      cluster,
      troupe,
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
