/** The configuration of a scheduler process: the shared part, and its own section. */
import { checkConfig, loadConfig, sharedConfig } from '@troupe/fabric';
import { isShortName, limits, strategyNames } from '@troupe/model';
import { clockRule } from '@troupe/scheduler-core/autoscale';
import { z } from 'zod';

const ms = (value: number) => z.int().min(50).max(600_000).default(value);

const share = z.number().min(0).max(1);
const restMs = z.int().min(1_000).max(86_400_000);

const nodeGroup = z
  .strictObject({
    name: z.string().refine(isShortName, 'a name of a-z, 0-9 and dashes'),
    /** A node with all of these is of the group. */
    labels: z.record(z.string(), z.string()).default({}),
    min: z.int().min(0).max(100_000).default(1),
    max: z.int().min(1).max(100_000),
    threshold: z
      .strictObject({
        upShare: share.default(0.8),
        downShare: share.default(0.3),
        upRestMs: restMs.default(60_000),
        downRestMs: restMs.default(300_000),
      })
      .optional(),
    tasksPerNode: z.number().positive().optional(),
    forecast: z
      .strictObject({
        startMs: restMs.default(60_000),
        caution: z.number().min(0).max(10).default(2),
      })
      .optional(),
    clock: z.array(z.string().superRefine(checkClockRule)).default([]),
    idleMs: restMs.optional(),
  })
  .refine(({ min, max }) => min <= max, 'min is above max')
  .refine(({ min, idleMs }) => min === 0 || idleMs === undefined, 'idleMs is for min 0')
  .refine(
    ({ threshold }) => threshold === undefined || threshold.downShare < threshold.upShare,
    'threshold.downShare is not below upShare',
  );

function areNamedApart(groups: readonly { readonly name: string }[]): boolean {
  return new Set(groups.map(({ name }) => name)).size === groups.length;
}

const watts = { idle: z.number().min(0).max(100_000), full: z.number().min(0).max(100_000) };
const isSpan = ({ idle, full }: { readonly idle: number; readonly full: number }) => idle <= full;
const gpuWatts = z.strictObject(watts).refine(isSpan, 'full is below idle');
const socketWatts = z
  .strictObject({ ...watts, cores: z.number().min(0.001).max(100_000) })
  .refine(isSpan, 'full is below idle');

/** By models as the labels `gpu-model` and `cpu-model` of nodes name them. */
const power = z
  .strictObject({
    gpus: z.record(z.string().min(1), gpuWatts).default({}),
    gpuOther: gpuWatts.optional(),
    cpus: z.record(z.string().min(1), socketWatts).default({}),
    cpuOther: socketWatts,
  })
  .refine(({ gpus, gpuOther }) => Object.keys(gpus).length === 0 || gpuOther !== undefined, {
    path: ['gpuOther'],
    message: 'gpus are named: say what those of other models draw',
  });

function checkClockRule(text: string, context: z.RefinementCtx): void {
  const rule = clockRule(text);
  if ('fault' in rule) context.addIssue({ code: 'custom', message: rule.fault });
}

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
  /** How a node is chosen for a task that names no strategy. */
  placementStrategy: z.enum(strategyNames).default('load-balanced'),
  /** What nodes draw, for `energy-aware`; without it the fullest nodes are filled. */
  power: power.optional(),
  /** Actors are moved to even out the load of the nodes. */
  rebalance: z
    .strictObject({
      enabled: z.boolean().default(false),
      periodMs: z.int().min(5_000).max(3_600_000).default(60_000),
      imbalanceShare: z.number().min(0.05).max(10).default(0.25),
      migrationsMax: z.int().min(1).max(100).default(10),
    })
    .prefault({}),
  /** How many nodes each group of them should have is decided, and shown. */
  autoscale: z
    .strictObject({
      groups: z
        .array(nodeGroup)
        .max(100)
        .refine(areNamedApart, 'two groups have one name')
        .default([]),
      utcOffsetMinutes: z.int().min(-840).max(840).default(0),
    })
    .prefault({}),
  /** Under pressure things are given up, in a stated order. */
  pressure: z
    .strictObject({
      enabled: z.boolean().default(false),
      tasksMax: z.int().min(1).default(100_000),
      factsMax: z.int().min(1).default(200_000),
      downMs: restMs.default(5_000),
      upMs: restMs.default(30_000),
    })
    .prefault({}),
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
