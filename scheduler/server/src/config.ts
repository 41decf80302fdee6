/** The configuration of a scheduler process: the shared part, and its own section. */
import { checkConfig, loadConfig, sharedConfig } from '@troupe/fabric';
import { isShortName, limits, strategyNames } from '@troupe/model';
import { z } from 'zod';

const ms = (value: number) => z.int().min(50).max(600_000).default(value);

const schedulerSection = z.strictObject({
  name: z.string().refine(isShortName, 'a name of a-z, 0-9 and dashes').default('s1'),
  /** `host:port`; port 0 takes any. */
  listen: z
    .string()
    .regex(/^.+:\d{1,5}$/, 'host:port')
    .default('127.0.0.1:7411'),
  leaseMs: ms(limits.leaseMs),
  heartbeatMs: ms(limits.heartbeatMs),
  nodeSilenceMs: ms(limits.nodeSilenceMs),
  probeMs: ms(limits.probeMs),
  resendMs: ms(limits.resendMs),
  /** Tasks that declare more of cpu, memory and io raise the weight of their tenant. */
  demandCoefficient: z.boolean().default(false),
  /** Facts, and bytes, of the journal after which a new image is written. */
  imageEveryFacts: z.int().min(1).default(20_000),
  imageEveryBytes: z
    .int()
    .min(1)
    .default(32 * 1024 * 1024),
  /** Actors are moved to even out the load of the nodes. */
  rebalance: z
    .strictObject({
      enabled: z.boolean().default(false),
      periodMs: z.int().min(5_000).max(3_600_000).default(60_000),
      imbalanceShare: z.number().min(0.05).max(10).default(0.25),
      migrationsMax: z.int().min(1).max(100).default(10),
    })
    .prefault({}),
  /** How a node is chosen for a task that names no strategy. */
  placementStrategy: z.enum(strategyNames).default('load-balanced'),
});

/** What the file of a scheduler may say. */
export const schema = z.strictObject({ ...sharedConfig, scheduler: schedulerSection.prefault({}) });

export type ServerConfig = z.infer<typeof schema>;

export function readConfig(file: string): ServerConfig {
  return loadConfig(file, schema);
}

/** For what comes from this very process again, such as the image writer's. */
export function parsedConfig(raw: unknown): ServerConfig {
  return checkConfig(raw, schema);
}
