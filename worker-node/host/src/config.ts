/** The `node` section of the configuration file, and what stands where it says nothing. */
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { loadConfig, sharedConfig } from '@troupe/fabric';
import { isShortName, limits, type NodeName, nodeName, type Resources } from '@troupe/model';
import { z } from 'zod';
import { nameOfHost } from './incarnation.ts';

const mebibyte = 1024 * 1024;
const positive = z.int().positive();

const nodeSection = z.strictObject({
  /** Stays the same over restarts. */
  name: z
    .string()
    .refine(isShortName, 'must be lower-case letters, digits and inner hyphens, at most 63')
    .optional(),
  /** What tasks may reserve here: `cpu` in cores, `memory` in MiB, other names free. */
  resources: z.record(z.string(), z.number().nonnegative()).default({}),
  labels: z.record(z.string(), z.string()).default({}),
  /** Runner processes per bundle. */
  runners: z.int().min(1).max(64).default(2),
  /** Heap of one runner in MiB. */
  runnerMemory: positive.default(1_024),
  /** Variables of the node's own environment that runners may see, beside the basic ones. */
  environment: z.array(z.string().min(1)).default([]),
  /** What configurations may name as secrets: variables of the node's own environment, and files in these folders. */
  secrets: z
    .strictObject({
      environment: z.array(z.string().min(1)).default([]),
      folders: z.array(z.string().startsWith('/')).default([]),
    })
    .prefault({}),
  checkpointTurns: positive.default(limits.checkpointTurns),
  checkpointMs: positive.default(limits.checkpointMs),
  /** Of a large state that changes little no later than this, while no node fails. */
  checkpointMsMax: positive.default(limits.checkpointMsMax),
  /** For how long versions of an actor are kept beside the last one, if no more than `checkpointsKept`. */
  checkpointsKeptMs: positive.default(limits.checkpointsKeptMs),
  /** How long it may take to bring an actor back from the store. */
  restoreMs: positive.default(limits.restoreMs),
  /** An actor without a turn for so long is checkpointed and leaves memory. */
  idleMs: positive.default(300_000),
  /** Runners of a bundle that nothing has used for so long end, if another bundle was used since. */
  runnersIdleMs: positive.default(600_000),
  /** How soon after a takeover an actor is checkpointed, so that its chain is short again. */
  rebaseMs: z.int().nonnegative().default(2_000),
  logBytesBeyondCheckpointsMax: positive.default(limits.logBytesBeyondCheckpointsMax),
  /** Bytes of its own log that a node keeps behind its checkpoints. */
  logBytesKeptMax: positive.default(256 * mebibyte),
  /** Whose past is kept, so that a line may lead back to it: of actors in scopes of several, of all, or of none. */
  pastScopes: z.enum(['shared', 'all', 'none']).default('shared'),
  /** For how long, and in how many segments and bytes for each actor, whichever ends first. */
  pastMs: positive.default(limits.pastMs),
  pastSegmentsMax: positive.default(limits.pastSegmentsMax),
  pastBytesMax: positive.default(limits.pastBytesMax),
  /** Bytes of large outputs and inputs kept in memory, for blocks that take them here. */
  objectCacheBytesMax: z.int().nonnegative().default(limits.objectCacheBytesMax),
  resendMs: positive.default(limits.resendMs),
  /** How long SIGTERM waits for actors to be handed over. */
  drainMs: positive.default(limits.drainMs),
  /** Folder of fetched bundles. Nothing durable lies there. */
  data: z.string().min(1).optional(),
});

/** What the file of a node may say. */
export const schema = z.strictObject({ ...sharedConfig, node: nodeSection.prefault({}) });

type Parsed = z.infer<typeof schema>;

export type NodeHostConfig = Omit<Parsed, 'node'> & {
  readonly node: Omit<Parsed['node'], 'name' | 'resources' | 'data'> & {
    readonly name: NodeName;
    readonly resources: Resources;
    readonly data: string;
  };
};

/** Reads the file; whatever is wrong with it is `CONFIG_INVALID`. */
export function readConfig(file: string): NodeHostConfig {
  const parsed = loadConfig(file, schema);
  const name = parsed.node.name === undefined ? nameOfHost() : nodeName(parsed.node.name);
  return {
    ...parsed,
    node: {
      ...parsed.node,
      name,
      resources: {
        cpu: availableParallelism(),
        memory: Math.floor(totalmem() / mebibyte),
        ...parsed.node.resources,
      },
      data: parsed.node.data ?? join(tmpdir(), `troupe-${parsed.cell}-${name}`),
    },
  };
}
