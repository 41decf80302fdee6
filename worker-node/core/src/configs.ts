/**
 * Configurations of the tenants that have something here: which version there is, its values, and which
 * one each runner was given last.
 *
 * G1  an actor comes into memory, and an attempt begins, only when the version that their placement or
 *     order named is at hand, or a later one: what an actor sees never goes back.
 * G2  a turn that had begun sees the version that it was begun with, on whatever node it runs again, as
 *     long as the leader keeps that: then the latest.
 * G3  turns and attempts see what their runner was given last before them.
 */
import {
  type ConfigNews,
  type ConfigTold,
  type ConfigVersion,
  emptyConfig,
  limits,
  type TenantName,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { RunnerId } from './events.ts';

interface Held {
  /** The latest that was heard of. */
  heard: number;
  /** The latest that is at hand. */
  at: ConfigVersion;
  /** What waits for a version to be at hand, by whom. */
  readonly waiting: Map<object, { readonly version: number; readonly go: () => void }>;
  /** Those that begun turns need. */
  readonly begun: Map<Activation, { readonly version: number; readonly go: () => void }>;
}

/** Ticks between two looks for tenants that have nothing here any more. */
const lookTicks = 60;

export class Configs {
  readonly #core: Core;
  readonly #tenants = new Map<TenantName, Held>();
  readonly #given = new Map<RunnerId, Map<TenantName, number>>();
  #ticks = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Something of the tenant is here, and there is this version. */
  hear(tenant: TenantName, version = 0): void {
    const held = this.#of(tenant);
    if (version <= held.heard) return;
    held.heard = version;
    this.#ask(tenant, version);
  }

  /** News are of use where something of the tenant is. */
  onNews({ tenant, version }: ConfigNews): void {
    if (this.#tenants.has(tenant)) this.hear(tenant, version);
    const { incarnation } = this.#core.config;
    const message = { kind: 'config-seen', incarnation, tenant, version } as const;
    this.#core.out.send({ kind: 'to-leader', message });
  }

  onTold({ tenant, asked, version, values }: ConfigTold): void {
    const held = this.#tenants.get(tenant);
    if (held === undefined) return;
    const told = { version, values };
    if (version > held.at.version) held.at = told;
    held.heard = Math.max(held.heard, version);
    for (const [activation, wait] of [...held.begun]) {
      if (wait.version !== asked) continue;
      held.begun.delete(activation);
      activation.begunConfig = { ...told, asked };
      wait.go();
    }
    for (const [who, wait] of [...held.waiting]) {
      if (wait.version > held.at.version) continue;
      held.waiting.delete(who);
      wait.go();
    }
  }

  /** What begins now sees this. */
  latest(tenant: TenantName): ConfigVersion {
    return this.#tenants.get(tenant)?.at ?? emptyConfig;
  }

  /** G1, for an attempt. */
  whenThere(who: object, tenant: TenantName, version: number, go: () => void): void {
    const held = this.#of(tenant);
    if (held.at.version >= version) return go();
    held.waiting.set(who, { version, go });
    this.hear(tenant, version);
  }

  /** G1 and G2, for an actor that comes into memory. */
  whenReady(activation: Activation, go: () => void): void {
    const { tenant } = activation;
    this.whenThere(activation, tenant, activation.config, () => {
      const begun = activation.memory?.begun;
      const version = begun?.config ?? 0;
      if (begun === undefined || isAtHand(activation, version)) return go();
      const held = this.#of(tenant);
      if (held.at.version === version) {
        activation.begunConfig = { ...held.at, asked: version };
        return go();
      }
      held.begun.set(activation, { version, go });
      this.#ask(tenant, version);
    });
  }

  /** What its begun turn sees (G2). */
  ofBegun(activation: Activation): ConfigVersion {
    const version = activation.memory?.begun?.config ?? 0;
    const { begunConfig } = activation;
    return begunConfig?.asked === version ? begunConfig : emptyConfig;
  }

  /** It does not come into memory here any more. */
  forget(activation: Activation): void {
    const held = this.#tenants.get(activation.tenant);
    held?.waiting.delete(activation);
    held?.begun.delete(activation);
  }

  /** The runner has it, or is given it, before whatever it is given next (G3). */
  give(runner: RunnerId, tenant: TenantName, { version, values }: ConfigVersion): void {
    const given = this.#given.get(runner);
    if ((given?.get(tenant) ?? 0) === version) return;
    if (given === undefined) this.#given.set(runner, new Map([[tenant, version]]));
    else keepLatest(given, tenant, version);
    this.#core.runners.frame(runner, { kind: 'config', tenant, version, values });
  }

  runnerGone(runner: RunnerId): void {
    this.#given.delete(runner);
  }

  /** Every `resendMs`: what was asked for and did not come. */
  tick(): void {
    this.#ticks += 1;
    if (this.#ticks % lookTicks === 0) this.#forgetUnused();
    for (const [tenant, { heard, at, begun }] of this.#tenants) {
      if (heard > at.version) this.#ask(tenant, heard);
      for (const version of new Set([...begun.values()].map((wait) => wait.version))) {
        this.#ask(tenant, version);
      }
    }
  }

  /** Of tenants without an actor here: their attempts name a version, which is asked for then. */
  #forgetUnused(): void {
    const used = new Set<TenantName>();
    for (const { tenant } of this.#core.actors.values()) used.add(tenant);
    for (const [tenant, { waiting, begun }] of this.#tenants) {
      const isUsed = used.has(tenant) || waiting.size + begun.size > 0;
      if (!isUsed) this.#tenants.delete(tenant);
    }
  }

  #of(tenant: TenantName): Held {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const held = { heard: 0, at: emptyConfig, waiting: new Map(), begun: new Map() };
    this.#tenants.set(tenant, held);
    return held;
  }

  #ask(tenant: TenantName, version: number): void {
    const { incarnation } = this.#core.config;
    const message = { kind: 'ask-config', incarnation, tenant, version } as const;
    this.#core.out.send({ kind: 'to-leader', message });
  }
}

/** As its runner does, so that both know the same ones. */
function keepLatest(given: Map<TenantName, number>, tenant: TenantName, version: number): void {
  given.delete(tenant);
  given.set(tenant, version);
  if (given.size <= limits.runnerConfigsMax) return;
  const [oldest] = given.keys();
  if (oldest !== undefined) given.delete(oldest);
}

function isAtHand({ begunConfig }: Activation, version: number): boolean {
  return version === 0 || begunConfig?.asked === version;
}
