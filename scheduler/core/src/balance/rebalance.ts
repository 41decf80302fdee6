/**
 * Fewest migrations that lower max L: the search, bounded by the migrations allowed, then whoever
 * can go home again without raising max L goes home.
 *
 * M1  at most `migrationsMax` actors migrate, none of them pinned, and max L never rises;
 *     nobody migrates who could as well have stayed.
 * M2  `migrations` are in an order in which each has room when the ones before are done;
 *     `together` are those that have room only when they are done as one exchange.
 */
import { type BalanceSnapshot, Instance, nowhere } from './instance.ts';
import { type Effort, Search } from './search.ts';
import { Standing } from './standing.ts';

export interface Migration {
  readonly actor: string;
  readonly from: string;
  readonly to: string;
}

export interface Rebalance {
  readonly migrations: readonly Migration[];
  readonly together: readonly Migration[];
  readonly maxLoadBefore: number;
  readonly maxLoadAfter: number;
  readonly reason: string;
}

export interface RebalanceEffort extends Effort {
  readonly migrationsMax: number;
  /** An actor goes home again when max L rises by no more than this share: 0 unless given. */
  readonly homewardShare?: number;
}

export function rebalance(snapshot: BalanceSnapshot, effort: RebalanceEffort): Rebalance {
  const instance = new Instance(snapshot);
  const standing = new Standing(instance);
  const before = standing.maxLoad();
  if (effort.migrationsMax > 0) {
    new Search(standing, effort).run(effort.steps);
    sendHome(standing, Math.min(before, standing.maxLoad() * (1 + (effort.homewardShare ?? 0))));
  }
  const after = standing.maxLoad();
  const { migrations, together } = inOrder(instance, standing);
  const reason =
    standing.away.length === 0
      ? `the hottest node has load ${rounded(before)}; no allowed migration lowers it`
      : `${standing.away.length} migrations lower the load of the hottest node from ` +
        `${rounded(before)} to ${rounded(after)}`;
  return { migrations, together, maxLoadBefore: before, maxLoadAfter: after, reason };
}

/** The smallest first: they are the likeliest not to matter. One that goes may make room for another. */
function sendHome(standing: Standing, maxLoad: number): void {
  const { instance, load, place } = standing;
  let away = [...standing.away].sort(
    (left, right) => instance.size(left) - instance.size(right) || left - right,
  );
  for (let count = away.length + 1; away.length < count; ) {
    count = away.length;
    away = away.filter((actor) => {
      const home = instance.home[actor] ?? nowhere;
      const node = place[actor] ?? nowhere;
      standing.move(actor, home);
      const stays = (load[home] ?? 0) <= maxLoad + tie && standing.holds(home);
      if (!stays) standing.move(actor, node);
      return !stays;
    });
  }
}

function inOrder(
  instance: Instance,
  goal: Standing,
): { migrations: Migration[]; together: Migration[] } {
  const standing = new Standing(instance);
  const migrations: Migration[] = [];
  let open = [...goal.away].sort((left, right) => left - right);
  for (let moved = true; moved; ) {
    const stuck: number[] = [];
    for (const actor of open) {
      const to = goal.place[actor] ?? nowhere;
      if (standing.fits(to, actor)) {
        migrations.push(migrationOf(instance, actor, to));
        standing.move(actor, to);
      } else stuck.push(actor);
    }
    moved = stuck.length < open.length;
    open = stuck;
  }
  const together = open.map((actor) => migrationOf(instance, actor, goal.place[actor] ?? nowhere));
  return { migrations, together };
}

function migrationOf(instance: Instance, actor: number, to: number): Migration {
  return {
    actor: instance.actors[actor]?.id ?? '',
    from: instance.nodes[instance.home[actor] ?? nowhere]?.id ?? '',
    to: instance.nodes[to]?.id ?? '',
  };
}

function rounded(load: number): string {
  return load.toFixed(3);
}

const tie = 1e-9;
