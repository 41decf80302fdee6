/**
 * Tenants and the bundles they deployed. Of several bundles that export one name, the one deployed
 * last serves it: actors placed and tasks and runs started from then on use it. What already runs
 * stays with its bundle, so that recorded steps are replayed by the code that took them.
 *
 * B1  a tenant is put before anything is deployed for it.
 */
import {
  type ActorManifest,
  assert,
  type BundleHash,
  encode,
  type Failure,
  failure,
  isShortName,
  isTypeName,
  limits,
  type Manifest,
  mayRetry,
  type PriorityName,
  type QueueWeight,
  type Quota,
  type StrategyName,
  type TaskManifest,
  type TenantName,
  type TenantSettings,
  type Workflow,
} from '@troupe/model';
import { conditionsFault } from './dag/block-fault.ts';
import { type CompiledWorkflow, compile } from './dag/compile.ts';
import type { SchedulerFact } from './facts.ts';
import { rerated, type StartBudget, spent } from './fair/start-budget.ts';
import { formFault } from './manifest-form.ts';
import { demandFault, wishesFault } from './placement/index.ts';
import { resourcesFault } from './resources.ts';

export interface TenantRecord {
  readonly tenant: TenantName;
  weight: number;
  priority: PriorityName;
  quota: Quota;
  /** What is left of its start rate, if it has one, as `ledMs` of facts: no leader begins it anew. */
  starts: StartBudget | undefined;
  /** Queues below it, by name. */
  queues: ReadonlyMap<string, number>;
  /** Queues that were closed and not opened again, the latest last: bounded. */
  closed: ReadonlySet<string>;
  /** That of the cluster when undefined. */
  strategy: StrategyName | undefined;
  /** Deployed bundles, the latest last. */
  bundles: BundleHash[];
  /** Names to what serves them; derived. */
  readonly actors: Map<string, Served<ActorManifest>>;
  readonly tasks: Map<string, Served<TaskManifest>>;
  readonly workflows: Map<string, BundleHash>;
  /** By the last rollout of each type, until a bundle is deployed that has it. */
  readonly rolled: Map<string, BundleHash>;
}

export interface Served<T> {
  readonly bundle: BundleHash;
  readonly declared: T;
}

export interface DeploymentsImage {
  readonly tenants: readonly {
    readonly tenant: TenantName;
    readonly weight: number;
    readonly priority: PriorityName;
    readonly quota: Quota;
    readonly starts?: StartBudget;
    readonly queues: readonly QueueWeight[];
    readonly closed?: readonly string[];
    readonly strategy?: StrategyName;
    readonly bundles: readonly BundleHash[];
    /** Types that another bundle serves than the latest that has them. */
    readonly rolled?: readonly (readonly [type: string, bundle: BundleHash])[];
  }[];
  readonly bundles: readonly {
    readonly bundle: BundleHash;
    readonly manifest: Manifest;
    readonly bytes: number;
    readonly at: number;
  }[];
}

/** Encoded size of a manifest; it must fit into a record of the journal. */
const manifestBytesMax = 800_000;

type TenantPut = Extract<SchedulerFact, { kind: 'tenant-put' }>;
type DeploymentFact = Extract<
  SchedulerFact,
  { kind: 'tenant-put' | 'bundle-deployed' | 'rollout-begun' }
>;

export class DeploymentTable {
  readonly #tenants = new Map<TenantName, TenantRecord>();
  readonly #bundles = new Map<BundleHash, DeploymentsImage['bundles'][number]>();
  readonly #compiled = new Map<string, CompiledWorkflow>();

  tenant(tenant: TenantName): TenantRecord | undefined {
    return this.#tenants.get(tenant);
  }
  tenants(): IterableIterator<TenantRecord> {
    return this.#tenants.values();
  }
  get tenantCount(): number {
    return this.#tenants.size;
  }
  manifest(bundle: BundleHash): Manifest | undefined {
    return this.#bundles.get(bundle)?.manifest;
  }

  /** Which version a bundle gives to states of a type; undefined when it does not have it. */
  versionOf(bundle: BundleHash, type: string): number | undefined {
    const declared = this.manifest(bundle)?.actors.find((actor) => actor.type === type);
    return declared === undefined ? undefined : (declared.version ?? 1);
  }

  /** The compiled workflow of a bundle; it was compiled without fault when it was deployed. */
  compiled(bundle: BundleHash, workflow: string): CompiledWorkflow {
    const key = `${bundle} ${workflow}`;
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const manifest = this.manifest(bundle);
    const found = manifest?.workflows.find(({ name }) => name === workflow);
    assert(manifest !== undefined && found !== undefined, 'B1: a run is of a deployed workflow');
    const compiled = compile(found, manifest);
    assert('graph' in compiled, 'B1: a deployed workflow compiles');
    this.#compiled.set(key, compiled);
    return compiled;
  }

  apply(fact: DeploymentFact, ledMs: number): void {
    switch (fact.kind) {
      case 'tenant-put': {
        const tenant = this.#tenants.get(fact.tenant) ?? this.#add(fact.tenant);
        return this.#set(tenant, fact, ledMs);
      }
      case 'bundle-deployed': {
        const tenant = this.#tenants.get(fact.tenant);
        assert(tenant !== undefined, 'B1: a tenant is put before anything is deployed for it');
        const { bundle, manifest, bytes, at } = fact;
        if (!this.#bundles.has(bundle)) this.#bundles.set(bundle, { bundle, manifest, bytes, at });
        tenant.bundles = [...tenant.bundles.filter((other) => other !== bundle), bundle];
        for (const { type } of manifest.actors) tenant.rolled.delete(type);
        return this.#serve(tenant, bundle);
      }
      case 'rollout-begun': {
        const tenant = this.#tenants.get(fact.tenant);
        assert(tenant !== undefined, 'B1: a tenant is put before anything is rolled out for it');
        return this.#serveType(tenant, fact.type, fact.bundle);
      }
    }
  }

  /** One of its tasks was started. */
  started(name: TenantName, ledMs: number): void {
    const tenant = this.#tenants.get(name);
    const perSecond = tenant?.quota.startsPerSecondMax;
    if (tenant?.starts === undefined || perSecond === undefined) return;
    tenant.starts = spent(tenant.starts, perSecond, { count: 1, now: ledMs });
  }

  image(): DeploymentsImage {
    const tenants = [...this.#tenants.values()].map((tenant) => {
      const { starts, bundles, closed, rolled } = tenant;
      return {
        ...settingsOf(tenant),
        ...(starts === undefined ? {} : { starts }),
        bundles,
        ...(closed.size === 0 ? {} : { closed: [...closed] }),
        ...(rolled.size === 0 ? {} : { rolled: [...rolled] }),
      };
    });
    return { tenants, bundles: [...this.#bundles.values()] };
  }

  restore(image: DeploymentsImage): void {
    for (const bundle of image.bundles) this.#bundles.set(bundle.bundle, bundle);
    for (const { starts, bundles, closed = [], rolled = [], ...settings } of image.tenants) {
      const tenant = this.#add(settings.tenant);
      this.#set(tenant, settings, 0);
      if (starts !== undefined) tenant.starts = starts;
      tenant.closed = new Set(closed);
      tenant.bundles = [...bundles];
      for (const bundle of bundles) this.#serve(tenant, bundle);
      for (const [type, bundle] of rolled) this.#serveType(tenant, type, bundle);
    }
  }

  #add(tenant: TenantName): TenantRecord {
    const record: TenantRecord = {
      tenant,
      weight: 1,
      priority: 'normal',
      quota: {},
      starts: undefined,
      queues: new Map(),
      closed: new Set(),
      strategy: undefined,
      bundles: [],
      actors: new Map(),
      tasks: new Map(),
      workflows: new Map(),
      rolled: new Map(),
    };
    this.#tenants.set(tenant, record);
    return record;
  }

  #set(
    tenant: TenantRecord,
    {
      weight,
      priority,
      quota,
      queues,
      strategy,
    }: Pick<TenantPut, 'weight' | 'priority' | 'quota' | 'queues' | 'strategy'>,
    ledMs: number,
  ): void {
    tenant.weight = weight;
    if (priority !== undefined) tenant.priority = priority;
    if (quota !== undefined) {
      const before = { budget: tenant.starts, perSecond: tenant.quota.startsPerSecondMax };
      tenant.starts = rerated(before, quota.startsPerSecondMax, ledMs);
      tenant.quota = quota;
    }
    if (strategy !== undefined) tenant.strategy = strategy ?? undefined;
    if (queues !== undefined) {
      const open = new Map(queues.map((one) => [one.queue, one.weight]));
      const closed = [...tenant.closed, ...tenant.queues.keys()].filter((name) => !open.has(name));
      tenant.closed = new Set([...new Set(closed)].slice(-limits.tenantQueuesMax));
      tenant.queues = open;
    }
  }

  #serveType(tenant: TenantRecord, type: string, bundle: BundleHash): void {
    const declared = this.manifest(bundle)?.actors.find((actor) => actor.type === type);
    assert(declared !== undefined, 'B1: what is rolled out was deployed');
    tenant.actors.set(type, { bundle, declared });
    tenant.rolled.set(type, bundle);
  }

  #serve(tenant: TenantRecord, bundle: BundleHash): void {
    const manifest = this.manifest(bundle);
    assert(manifest !== undefined, 'B1: what is served was deployed');
    for (const actor of manifest.actors) tenant.actors.set(actor.type, { bundle, declared: actor });
    for (const task of manifest.tasks) tenant.tasks.set(task.name, { bundle, declared: task });
    for (const { name } of manifest.workflows) tenant.workflows.set(name, bundle);
  }
}

export function settingsOf(record: TenantRecord): TenantSettings {
  const { tenant, weight, priority, quota, strategy } = record;
  const queues = [...record.queues].map(([queue, share]) => ({ queue, weight: share }));
  const settings = { tenant, weight, priority, quota, queues };
  return strategy === undefined ? settings : { ...settings, strategy };
}

/** What is wrong with a manifest that somebody wants to deploy, if anything. */
export function manifestFault(manifest: Manifest): Failure | undefined {
  const form = formFault(manifest);
  if (form !== undefined) return failure('INVALID_ARGUMENT', form);
  const bytes = encode(manifest).length;
  if (bytes > manifestBytesMax) {
    const what = `the manifest has ${bytes} bytes, ${manifestBytesMax} are allowed`;
    return failure('TOO_LARGE', what);
  }
  const fault =
    nameFault(
      'actor',
      manifest.actors.map(({ type }) => type),
    ) ??
    nameFault(
      'task',
      manifest.tasks.map(({ name }) => name),
    ) ??
    nameFault(
      'workflow',
      manifest.workflows.map(({ name }) => name),
    ) ??
    taskFault(manifest.tasks) ??
    triesFault(manifest);
  if (fault !== undefined) return failure('INVALID_ARGUMENT', fault);
  for (const workflow of manifest.workflows) {
    const compiled = compile(workflow, manifest);
    if ('failure' in compiled) return compiled.failure;
    const [deep] = workflow.blocks.flatMap((block) => conditionsFault(block) ?? []);
    const wrong = placeFault(workflow) ?? deep;
    if (wrong !== undefined) {
      const what = `workflow "${workflow.name}": ${wrong}`;
      return failure('WORKFLOW_INVALID', what, { workflow: workflow.name });
    }
  }
  return undefined;
}

/** Of what is deployed from now on: a block with `each` has branches, and no body for others to stand in. */
function placeFault({ blocks }: Workflow): string | undefined {
  const withEach = new Set(blocks.flatMap(({ id, each }) => (each === undefined ? [] : [id])));
  const lost = blocks.find((block) => block.in !== undefined && withEach.has(block.in));
  return lost && `block "${lost.id}" stands in "${lost.in}", which is no container`;
}

export function tenantFault(tenant: TenantName, weight: number): Failure | undefined {
  if (!isShortName(tenant)) {
    return failure('INVALID_ARGUMENT', `tenant name "${tenant}" is not [a-z0-9-]{1,63}`);
  }
  return weightFault(weight, `tenant "${tenant}"`);
}

export function weightFault(weight: number, whose: string): Failure | undefined {
  const { weightMin, weightMax } = limits;
  if (weight >= weightMin && weight <= weightMax) return undefined;
  const what = `weight ${weight} of ${whose} is not from ${weightMin} to ${weightMax}`;
  return failure('INVALID_ARGUMENT', what);
}

function nameFault(what: string, names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const name of names) {
    if (!isTypeName(name)) return `${what} name "${name}" is not a name`;
    if (name.startsWith('$')) return `${what} name "${name}" begins with $, which is reserved`;
    if (seen.has(name)) return `the bundle exports two ${what}s named "${name}"`;
    seen.add(name);
  }
  return undefined;
}

/** Of what is deployed from now on: what was before is tried as it says. */
function triesFault({ tasks, workflows }: Manifest): string | undefined {
  for (const { name, ...tries } of tasks) {
    const fault = beyond(tries);
    if (fault !== undefined) return `task "${name}" has ${fault}`;
  }
  for (const { name, blocks } of workflows) {
    for (const block of blocks) {
      const fault = beyond(block as Tries);
      if (fault !== undefined) return `block "${block.id}" of workflow "${name}" has ${fault}`;
    }
  }
  return undefined;
}

type Tries = Partial<Pick<TaskManifest, 'retries' | 'limitMs'>>;

function beyond({ retries = 0, limitMs = 0 }: Tries): string | undefined {
  const { retriesMax } = limits;
  if (!mayRetry(retries, retriesMax)) return `retries ${retries}, ${retriesMax} are allowed`;
  if (limitMs <= Number.MAX_SAFE_INTEGER) return undefined;
  return `limitMs ${limitMs}, ${Number.MAX_SAFE_INTEGER} is allowed`;
}

export function taskFault(tasks: readonly TaskManifest[]): string | undefined {
  for (const task of tasks) {
    const { resources, placement } = task;
    const fault =
      resourcesFault(resources) ??
      retryFault(task) ??
      (placement === undefined ? demandFault({ resources }) : wishesFault(placement, resources));
    if (fault !== undefined) return `task "${task.name}": ${fault}`;
  }
  return undefined;
}

export function retryFault({
  retries,
  backoffMs,
  limitMs,
}: Pick<TaskManifest, 'retries' | 'backoffMs' | 'limitMs'>): string | undefined {
  if (!(Number.isInteger(retries) && retries >= 0)) return `retries ${retries}`;
  if (!backoffMs.every((ms) => Number.isFinite(ms) && ms >= 0)) return 'a negative back-off';
  if (!(limitMs > 0)) return `limitMs ${limitMs}`;
  return undefined;
}
