/** What the journal of a cluster says, as a scheduler would read it. */
import type { Cluster } from '@troupe/cli';
import {
  type Batch,
  BatchReader,
  type Fabric,
  journalGeneration,
  openFabric,
  silentLogger,
} from '@troupe/fabric';
import { decode, logName } from '@troupe/model';

export interface Fact {
  readonly kind: string;
  readonly run?: unknown;
  readonly task?: string;
  readonly node?: string;
  readonly block?: string;
}

/** All facts so far, in order. */
export async function journalOf(cluster: Cluster): Promise<readonly Fact[]> {
  return await withFabric(cluster, async (fabric) => {
    const generation = await journalGeneration(fabric.coordination, fabric.names);
    const reader = new BatchReader<Fact>(0);
    const facts: Fact[] = [];
    for await (const record of fabric.logs.read(logName(`journal-${generation}`), 1)) {
      if (record.kind === 'rec') facts.push(...reader.push(decode<Batch<Fact>>(record.body)));
    }
    return facts;
  });
}

/** The servers of a cluster, as its own processes see them. */
export async function withFabric<T>(
  { cell, servers }: Cluster,
  act: (fabric: Fabric) => Promise<T>,
): Promise<T> {
  const { url, user, password } = servers.nats;
  const nats = { servers: [url], user, password, requireSync: false };
  const config = {
    cell,
    etcd: [servers.etcd.url],
    nats,
    replicas: 1 as const,
    checkpointsKept: 4,
    compressCheckpoints: true,
  };
  const fabric = await openFabric({
    config: { ...config, logLevel: 'silent' },
    name: 'reader',
    logger: silentLogger,
  });
  try {
    return await act(fabric);
  } finally {
    await fabric.close();
  }
}

/** Of a run, the contexts that have a result in the journal: once for every result. */
export function resultsOf(facts: readonly Fact[], run: string): string[] {
  const inRun = `run:${run}:`;
  return facts.flatMap((fact) => {
    if (fact.kind === 'block-ended' && fact.run === run) return [String(fact.block)];
    if (fact.kind === 'task-ended' && fact.task?.startsWith(inRun) === true) {
      return [fact.task.slice(inRun.length)];
    }
    // A run within is the block of this one whose name follows.
    const ended = fact.kind === 'run-ended' ? String(fact.run) : '';
    return ended.startsWith(`${run}/`) ? [ended.slice(run.length + 1)] : [];
  });
}
