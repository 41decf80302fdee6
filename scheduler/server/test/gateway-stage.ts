/**
 * A gateway with its door on real NATS and etcd. The test plays the leader and the nodes, in their
 * own words, over the real bus.
 */
import { type Fabric, openFabric, silentLogger } from '@troupe/fabric';
import {
  type ActorId,
  answeredAs,
  type Call,
  type CallResult,
  encodeValue,
  type Incarnation,
  type Manifest,
  type Request,
  type Resolve,
  type TenantName,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { parsedConfig } from '../src/config.ts';
import { Gateway } from '../src/gateway/gateway.ts';
import { type Door, openDoor } from '../src/gateway/grpc-server.ts';
import { ForeignClient } from './foreign-client.ts';
import type { Servers } from './servers.ts';

export interface Stage {
  readonly fabric: Fabric;
  readonly gateway: Gateway;
  readonly door: Door;
  readonly client: ForeignClient;
  /** What the gateway asked of the leader; emptied by the test. */
  readonly asked: (Request | Resolve)[];
  /** The journal grows by these facts. Answers the position of the last. */
  journal(...facts: readonly SchedulerFact[]): number;
  /** A node that answers each call by `reply`, once it is subscribed. */
  node(incarnation: Incarnation, reply: (call: Call) => CallResult | undefined): Promise<void>;
  leader: (message: Request | Resolve) => void;
  /** The process stands still for so long, and its clocks go on. */
  standStill(ms: number): void;
  close(): Promise<void>;
}

const counterManifest: Manifest = {
  sdk: '0.1.0',
  actors: [{ type: 'Counter', methods: ['add'], reads: ['get'] }],
  tasks: [],
  workflows: [],
};

/** Whose answer it is. */
export function answered({ number, forTerm }: Request) {
  const term = { generation: 1, number: forTerm };
  return { kind: 'answered', number, term } as const;
}

export async function openStage(servers: Servers, cell: string): Promise<Stage> {
  const config = parsedConfig(servers.config(cell));
  const fabric = await openFabric({ config, name: 's1', logger: silentLogger });
  const asked: (Request | Resolve)[] = [];
  let next = 0;
  let stoodMs = 0;
  const gateway = new Gateway({
    id: 's1-test',
    cell,
    names: fabric.names,
    bus: fabric.bus,
    clock: { ...fabric.clock, now: () => fabric.clock.now() + stoodMs },
    objects: fabric.objects,
    outputs: fabric.outputs,
    checkpoints: fabric.checkpoints,
    resendMs: 1_000,
    logger: silentLogger,
    leader: {
      leading: false,
      fresh: async () => {},
      post: (message) => {
        asked.push(message);
        stage.leader(message);
      },
    },
  });
  const door = await openDoor('127.0.0.1:0', gateway, () => ({ calls: gateway.calls.size }));
  const client = new ForeignClient(door.address);
  const stage: Stage = {
    fabric,
    gateway,
    door,
    client,
    asked,
    leader: () => {},
    standStill(ms) {
      stoodMs += ms;
    },
    journal(...facts) {
      gateway.durable(facts, next);
      next += facts.length;
      return next - 1;
    },
    async node(incarnation, reply) {
      fabric.bus.listen(fabric.names.node(incarnation), (call: Call) => {
        const answer = reply(call);
        if (answer !== undefined) fabric.bus.send(fabric.names.inbox(call.replyTo), answer);
      });
      await fabric.bus.flush();
    },
    async close() {
      client.close();
      await door.close(100);
      gateway.stop();
      await fabric.close();
    },
  };
  stage.journal({ kind: 'term-opened', scheduler: 's1', generation: 1, at: 0 });
  return stage;
}

export function deployed(tenant: TenantName): SchedulerFact[] {
  const bundle = 'b'.repeat(64) as never;
  return [
    { kind: 'tenant-put', tenant, weight: 1 },
    { kind: 'bundle-deployed', tenant, bundle, manifest: counterManifest, bytes: 1, at: 0 },
  ];
}

export function joined(incarnation: Incarnation): SchedulerFact[] {
  const name = incarnation.split('.')[0] as never;
  return [
    { kind: 'node-joining', incarnation, name, resources: {}, labels: {}, at: 0 },
    { kind: 'node-joined', incarnation },
  ];
}

export function born(actor: ActorId, node: Incarnation): SchedulerFact[] {
  return [{ kind: 'actor-created', actor, scope: actor }, moved(actor, node)];
}

export function moved(actor: ActorId, node: Incarnation): SchedulerFact {
  return { kind: 'actor-placed', actor, node, bundle: 'b'.repeat(64) as never, chain: [] };
}

export function done(call: Call, value: unknown): CallResult {
  const { actor, caller } = call;
  const outcome = { ok: true, value: encodeValue(value) } as const;
  return { kind: 'call-result', actor, ...answeredAs(caller), outcome };
}
