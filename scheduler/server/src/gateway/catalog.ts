/**
 * Which tenants exist and what their deployed bundles declare, as the durable journal says: so that
 * a call to nothing is refused before anything is created.
 *
 * A follower may lag behind a deployment that its client has just seen; so `refusalOf` is a verdict
 * only once the caller knows that this table is fresh.
 */
import {
  type ActorManifest,
  type Bytes,
  builtInManifest,
  decodeForeign,
  dropMethod,
  type Failure,
  failure,
  letterMethods,
  limits,
  type Manifest,
  postboxType,
  signalMethod,
  type TenantName,
  topicType,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';

interface TenantEntry {
  readonly actors: Map<string, ActorEntry>;
}

export interface ActorEntry {
  readonly methods: ReadonlySet<string>;
  /** How long the answer to an accepted call may take. */
  readonly runMs: number;
}

export class Catalog {
  readonly #tenants = new Map<string, TenantEntry>();
  #version = 0;

  /** Rises whenever something new is known. */
  get version(): number {
    return this.#version;
  }

  apply(fact: SchedulerFact): void {
    if (fact.kind === 'tenant-put') this.tenantPut(fact.tenant);
    if (fact.kind === 'bundle-deployed') this.deployed(fact.tenant, fact.manifest);
  }

  tenantPut(tenant: TenantName): void {
    if (this.#tenants.has(tenant)) return;
    this.#tenants.set(tenant, { actors: new Map(builtIns) });
    this.#version++;
  }

  /** The latest deployment of a type is the one that counts. */
  deployed(tenant: TenantName, manifest: Manifest): void {
    this.tenantPut(tenant);
    const entry = this.#tenants.get(tenant);
    for (const actor of manifest.actors) entry?.actors.set(actor.type, actorEntry(actor));
    this.#version++;
  }

  actor(tenant: string, type: string): ActorEntry | undefined {
    return this.#tenants.get(tenant)?.actors.get(type);
  }

  /** Why a call of this method would go nowhere, if so; of a subscription, why its messages would, and of what is sent,
   *  why its letter would. */
  refusalOf(tenant: string, type: string, method: string, args?: Bytes): Failure | undefined {
    const entry = this.#tenants.get(tenant);
    if (entry === undefined) {
      return failure('UNKNOWN_TENANT', `tenant "${tenant}" does not exist`, { tenant });
    }
    const actor = entry.actors.get(type);
    if (actor === undefined) {
      const text = `tenant "${tenant}" has no actor type "${type}"`;
      return failure('UNKNOWN_TYPE', text, { tenant, type });
    }
    if (actor.methods.has(method)) {
      if (args === undefined) return undefined;
      const names = namesIn(type, method, args);
      return names === undefined ? undefined : this.refusalOf(tenant, names.type, names.method);
    }
    const text = `actor type "${type}" of tenant "${tenant}" has no method "${method}"`;
    return failure('UNKNOWN_METHOD', text, { tenant, type, method });
  }
}

/** No turn of theirs waits for a signal. */
const builtIns = builtInManifest.actors.map((actor): readonly [string, ActorEntry] => {
  const methods = new Set([...actor.methods, ...actor.reads]);
  return [actor.type, { ...actorEntry(actor), methods }];
});

function actorEntry(actor: ActorManifest): ActorEntry {
  return {
    methods: new Set([...actor.methods, ...actor.reads, signalMethod, ...letterMethods]),
    runMs: (actor.turnLimitMs ?? limits.turnLimitMs) + (actor.waitsMs ?? 0),
  };
}

/** Whom a subscription or a letter is for. Other faults of it are found by the topic, or by the postbox. */
function namesIn(
  type: string,
  called: string,
  args: Bytes,
): { readonly type: string; readonly method: string } | undefined {
  const isSubscription = type === topicType && called === 'subscribe';
  if (!isSubscription && (type !== postboxType || called !== dropMethod)) return undefined;
  try {
    const given = decodeForeign(args);
    if (!Array.isArray(given)) return undefined;
    const [receiver, key, method] = given as readonly unknown[];
    const isText = [receiver, key, method].every((one) => typeof one === 'string');
    return isText ? { type: String(receiver), method: String(method) } : undefined;
  } catch {
    // Whoever is given it says what is wrong.
    return undefined;
  }
}
