/**
 * What a module's exports declare. Definitions are found by brand, so the module may carry another
 * copy of this package than the one that looks.
 *
 * M1  one name means one definition of its kind; the same definition may be exported twice.
 * M2  all definitions of a module come from one version of the SDK.
 */
import { type Manifest, type TroupeError, troupeError } from '@troupe/model';
import type { AnyActorDefinition } from './actor.ts';
import { type DefinitionKind, definitionBrand } from './definition.ts';
import type { TaskDefinition } from './task.ts';
import type { WorkflowDefinition } from './workflow.ts';

export type AnyDefinition = AnyActorDefinition | TaskDefinition | WorkflowDefinition;

/** Definitions of a module, by name. */
export interface Definitions {
  readonly actors: ReadonlyMap<string, AnyActorDefinition>;
  readonly tasks: ReadonlyMap<string, TaskDefinition>;
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  readonly manifest: Manifest;
}

/** Finds the definitions among a module's exports. */
export function definitionsOf(exports: { readonly [name: string]: unknown }): Definitions {
  const actors = new Map<string, AnyActorDefinition>();
  const tasks = new Map<string, TaskDefinition>();
  const workflows = new Map<string, WorkflowDefinition>();
  let sdk: string | undefined;
  for (const [exportName, value] of Object.entries(exports)) {
    if (!isDefinition(value)) continue;
    if (sdk !== undefined && sdk !== value.sdk) throw twoVersions(exportName, sdk, value.sdk);
    sdk = value.sdk;
    switch (value[definitionBrand]) {
      case 'actor':
        addOnce(actors, value);
        break;
      case 'task':
        addOnce(tasks, value);
        break;
      case 'workflow':
        addOnce(workflows, value);
        break;
    }
  }
  if (sdk === undefined) {
    throw troupeError(
      'BUNDLE_LOAD_FAILED',
      'none of the exports of the bundle is an actor, task or workflow',
    );
  }
  const manifest = manifestOf(sdk, [...actors.values()], [...tasks.values()], workflows);
  return { actors, tasks, workflows, manifest };
}

/** True for a definition made by any copy of this package. */
export function isDefinition(value: unknown): value is AnyDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const kind = (value as { [definitionBrand]?: DefinitionKind })[definitionBrand];
  return kind === 'actor' || kind === 'task' || kind === 'workflow';
}

function manifestOf(
  sdk: string,
  actors: readonly AnyActorDefinition[],
  tasks: readonly TaskDefinition[],
  workflows: ReadonlyMap<string, WorkflowDefinition>,
): Manifest {
  return {
    sdk,
    actors: actors.map((actor) => ({
      type: actor.name,
      methods: Object.keys(actor.methods),
      reads: Object.keys(actor.reads),
      ...(actor.turnLimitMs === undefined ? {} : { turnLimitMs: actor.turnLimitMs }),
      ...(actor.waitsMs === undefined ? {} : { waitsMs: actor.waitsMs }),
      ...(actor.letters === undefined ? {} : { letters: actor.letters }),
      ...(actor.lettersOf === undefined ? {} : { lettersOf: actor.lettersOf }),
      ...(actor.groups === undefined ? {} : { groups: actor.groups }),
      ...(actor.healthMs === undefined ? {} : { healthMs: actor.healthMs }),
      ...(actor.restart === undefined ? {} : { restart: actor.restart }),
      ...(actor.version === undefined ? {} : { version: actor.version }),
    })),
    tasks: tasks.map(({ name, resources, retries, backoffMs, limitMs, placement }) => ({
      name,
      resources,
      retries,
      backoffMs,
      limitMs,
      ...(placement === undefined ? {} : { placement }),
    })),
    workflows: [...workflows.values()].map((definition) => definition.workflow),
  };
}

/** Adds a definition under its name; another one there already is refused (M1). */
function addOnce<D extends AnyDefinition>(known: Map<string, D>, definition: D): void {
  const earlier = known.get(definition.name);
  if (earlier !== undefined && earlier !== definition) {
    throw troupeError(
      'BUNDLE_LOAD_FAILED',
      `two definitions of kind ${definition[definitionBrand]} are named ${definition.name}`,
      { name: definition.name },
    );
  }
  known.set(definition.name, definition);
}

function twoVersions(exportName: string, left: string, right: string): TroupeError {
  return troupeError(
    'BUNDLE_LOAD_FAILED',
    `export ${exportName} was made by version ${right} of the SDK, others by ${left}`,
  );
}
