/**
 * What this leader has learnt of the tasks: how long their attempts run, and what these use beside
 * what they declare. Volatile: the next leader begins anew.
 */
import {
  type BundleHash,
  bundleHash,
  callTask,
  type DemandView,
  type ResourceDemand,
  type Resources,
} from '@troupe/model';
import { Demands, demandTerms } from './demand/index.ts';
import type { Shape } from './resources.ts';

interface Attempted {
  readonly bundle: BundleHash;
  readonly name: string;
  readonly shape: Shape;
}

/** What nodes measure; anything else that one says is passed over. */
const measuredNames = ['cpu', 'memory'] as const;

export class TaskDemands {
  readonly #demands = new Demands();
  /** The key of a task by its bundle and name: made once, since it is asked for on the hottest path. */
  readonly #types = new Map<BundleHash, Map<string, string>>();
  #typeCount = 0;

  /** How long an attempt is expected to run. */
  expectedMs(task: Attempted): number {
    return this.#demands.expectedMs(this.#typeOf(task));
  }

  ended(task: Attempted, tookMs: number, used: Resources | undefined): void {
    const declared: Record<string, number> = {};
    for (const { name, milli } of task.shape.amounts) declared[name] = milli / 1_000;
    const told = used === undefined ? {} : measured(used);
    this.#demands.ended({ type: this.#typeOf(task), declared, used: told, tookMs });
  }

  /** What is declared most wrongly first, then by name; of these bundles, or of all. */
  views(bundles: ReadonlySet<BundleHash> | undefined): readonly DemandView[] {
    const views: DemandView[] = [];
    for (const type of this.#demands.types()) {
      const at = type.indexOf(' ');
      const bundle = bundleHash(type.slice(0, at));
      const task = type.slice(at + 1);
      // A call block reserves nothing and waits for its actor: what its runner does is others' work.
      if (task === callTask || bundles?.has(bundle) === false) continue;
      const figures = this.#demands.durations(type);
      if (figures === undefined) continue;
      const { attempts, expectedMs, judged, errorShare, biasShare } = figures;
      const resources = this.#demands.resources(type);
      const durations = { attempts, expectedMs, judged, errorShare, biasShare };
      views.push({ bundle, task, ...durations, resources });
    }
    return views.sort((left, right) => wrongOf(right) - wrongOf(left) || byName(left, right));
  }

  #typeOf({ bundle, name }: Attempted): string {
    let names = this.#types.get(bundle);
    const known = names?.get(name);
    if (known !== undefined) return known;
    if (this.#typeCount >= demandTerms.typesMax) {
      this.#types.clear();
      this.#typeCount = 0;
      names = undefined;
    }
    const type = `${bundle} ${name}`;
    if (names === undefined) {
      names = new Map();
      this.#types.set(bundle, names);
    }
    names.set(name, type);
    this.#typeCount++;
    return type;
  }
}

function measured(used: Resources): Resources {
  const kept: Record<string, number> = {};
  for (const name of measuredNames) {
    const amount = used[name];
    if (amount !== undefined) kept[name] = amount;
  }
  return kept;
}

/** By how many times the worst of its declarations is off; 0 when none is. */
function wrongOf({ resources }: DemandView): number {
  return Math.max(0, ...resources.map(wrongness));
}

function wrongness({ fault, declared, proposed = 0 }: ResourceDemand): number {
  const least = 1e-6;
  if (fault === undefined) return 0;
  return Math.abs(Math.log(Math.max(declared, least) / Math.max(proposed, least)));
}

function byName(left: DemandView, right: DemandView): number {
  const leftKey = `${left.task} ${left.bundle}`;
  const rightKey = `${right.task} ${right.bundle}`;
  return leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
}
