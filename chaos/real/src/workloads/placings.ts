/** Tasks and gangs that hold GPUs, more than there is room for now and then: what runs where, on which
 *  GPUs and when is told by each attempt. */
import type { GangMember } from '@troupe/sdk';
import { Ledger } from '../agents.ts';
import { gpusPerNode, type Held, type Hold, kinds } from '../gpus.ts';
import { half, halfRight, pair, quarter, urgent, whole, wholeLeft } from '../placing.ts';
import type { Random } from '../random.ts';
import { cameOfMany, readAll, type Seat, type Workload } from './workload.ts';

type KindName = keyof typeof kinds;

const tasks = { whole, half, quarter, pair, wholeLeft, halfRight, urgent };

/** Only its own tasks are preempted by it. */
const tenant = 'placing';
/** More than it takes, whatever the priority of its tasks: nobody here is to wait for his share, and the
 *  tenants of `shares` are judged for theirs. */
const weight = 30;
const operationsPerKey = 100;
const policies = ['PACK', 'SPREAD', 'STRICT_SPREAD'] as const;
const priorities = ['low', 'normal', 'high'] as const;
const holdMs = [50, 400] as const;
/** Drawn from, so that what stands there twice comes twice as often. */
const alone: readonly KindName[] = ['whole', 'half', 'half', 'quarter', 'quarter', 'pair'];
const together: readonly KindName[] = ['whole', 'half', 'quarter'];

export const placings: Workload = {
  name: 'placings',
  clients: 8,
  thinkMs: 200,
  tenants: { [tenant]: weight },
  client(seat) {
    return () => (seat.random.chance(0.3) ? gang(seat) : single(seat));
  },
  finals: ({ troupeOf }, keys) =>
    readAll('placings', keys, (key) => troupeOf(tenant).actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key, tenant }],
};

async function single({ client, troupeOf, random, operations, nodes }: Seat): Promise<void> {
  const key = keyOf(operations);
  const id = operations.nextId(client);
  const sides: KindName[] = nodes > 1 ? ['wholeLeft', 'halfRight'] : ['wholeLeft'];
  const name = random.chance(0.15) ? 'urgent' : pick(random, [...alone, ...sides]);
  const priority = name === 'urgent' ? 'high' : pick(random, priorities);
  const input = { priority, members: [kinds[name]] };
  await operations.record(
    client,
    { id, key, action: name, input },
    async () => {
      const held = { id: `${id}.0`, key, ms: random.between(...holdMs) };
      return [await troupeOf(tenant).task(tasks[name], held, { id, priority })];
    },
    cameOfMany,
  );
}

async function gang({ client, troupeOf, random, operations, nodes }: Seat): Promise<void> {
  const key = keyOf(operations);
  const id = operations.nextId(client);
  const policy = pick(random, nodes > 1 ? policies : policies.slice(0, 2));
  // One node is often missing.
  const most = policy === 'STRICT_SPREAD' ? Math.max(2, nodes - 1) : 3;
  const count = Math.min(random.between(2, 3), most, nodes * gpusPerNode);
  const names = Array.from({ length: count }, () => pick(random, together));
  if (random.chance(0.3)) names[0] = 'wholeLeft';
  const priority = pick(random, priorities);
  const members = names.map((name, index): GangMember<Held> => {
    const input: Hold = { id: `${id}.${index}`, key, ms: random.between(...holdMs) };
    return { task: tasks[name], input };
  });
  const input = { policy, priority, members: names.map((name) => kinds[name]) };
  await operations.record(
    client,
    { id, key, action: 'gang', input },
    () => troupeOf(tenant).gang(members, { id, policy, priority }),
    cameOfMany,
  );
}

function keyOf(operations: Seat['operations']): string {
  return `placings${operations.generation(operationsPerKey)}`;
}

function pick<T>(random: Random, list: readonly T[]): T {
  const picked = random.pick(list);
  if (picked === undefined) throw new Error('there is nothing to pick from');
  return picked;
}
