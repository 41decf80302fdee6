/**
 * What an operator of etcd and NATS asks them: who leads, how much they hold, and to let another
 * one lead. From where the suite runs; nothing here is in the way of the cluster.
 */
import { sha256 } from '@troupe/fabric';
import { connect, type JetStreamManager, type NatsConnection, type StreamInfo } from 'nats';
import { z } from 'zod';
import type { ServerMember } from './server-member.ts';

const answerMs = 2_000;

const etcdStatus = z.object({
  header: z.object({ member_id: z.string() }),
  leader: z.string().optional(),
  dbSize: z.string().optional(),
});

const steppedDown = z.object({ success: z.boolean().optional() });

export interface EtcdStatus {
  readonly member: ServerMember;
  readonly id: string;
  readonly leads: boolean;
  readonly bytes: number;
}

export interface StreamSize {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  /** Name of the server that leads it, where there are several. */
  readonly leader: string | undefined;
}

export class Operators {
  readonly #etcds: readonly ServerMember[];
  readonly #natsServers: readonly ServerMember[];
  #connection: NatsConnection | undefined;

  constructor(etcds: readonly ServerMember[], natsServers: readonly ServerMember[]) {
    this.#etcds = etcds;
    this.#natsServers = natsServers;
  }

  /** Of the members that answer. */
  async etcds(): Promise<readonly EtcdStatus[]> {
    const asked = this.#etcds.map(async (member): Promise<EtcdStatus[]> => {
      const said = await ask(member, 'maintenance/status', {}).catch(() => undefined);
      const status = etcdStatus.safeParse(said);
      if (!status.success) return [];
      const { header, leader, dbSize } = status.data;
      const id = header.member_id;
      return [{ member, id, leads: leader === id, bytes: Number(dbSize ?? 0) }];
    });
    return (await Promise.all(asked)).flat();
  }

  async moveEtcdLeader(from: EtcdStatus, to: EtcdStatus): Promise<void> {
    const told = { targetID: to.id };
    await ask(from.member, 'maintenance/transfer-leadership', told);
  }

  /** Every stream; throws while NATS does not answer. */
  async streams(): Promise<readonly StreamSize[]> {
    const manager = await (await this.#nats()).jetstreamManager({ timeout: answerMs });
    const streams: StreamInfo[] = [];
    for await (const stream of manager.streams.list()) streams.push(stream);
    return streams.map(({ config, state, cluster }) => ({
      name: config.name,
      messages: state.messages,
      bytes: state.bytes,
      leader: cluster?.leader,
    }));
  }

  /** Asks the stream's leader to step down; throws when it does not. */
  async moveStream(name: string): Promise<void> {
    const connection = await this.#nats();
    const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${name}`;
    const said = await connection.request(subject, '', { timeout: answerMs });
    const { success } = steppedDown.parse(said.json());
    if (success !== true) throw new Error(`${name} keeps its leader: ${said.string()}`);
  }

  /** Stores the last checkpoint of the actor once more, with a bit in its middle flipped, and takes the sound one away. */
  async flipCheckpoint(actor: string): Promise<void> {
    const connection = await this.#nats();
    const manager = await connection.jetstreamManager({ timeout: answerMs });
    const { name, subjects = [] } = await checkpointStream(manager);
    const subject = (subjects[0] ?? '').replace('*', sha256(actor));
    const last = await manager.streams.getMessage(name, { last_by_subj: subject });
    const { header, data } = last;
    // Those of the server say what it is to follow.
    for (const name of header.keys()) if (name.startsWith('Nats-')) header.delete(name);
    const at = data.length >> 1;
    const body = Uint8Array.from(data, (byte, index) => (index === at ? byte ^ 1 : byte));
    await connection.jetstream({ timeout: answerMs }).publish(subject, body, { headers: header });
    await manager.streams.deleteMessage(name, last.seq, false);
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }

  async #nats(): Promise<NatsConnection> {
    if (this.#connection !== undefined && !this.#connection.isClosed()) return this.#connection;
    const servers = this.#natsServers.map(({ server }) => server.url);
    const settings = { maxReconnectAttempts: -1, reconnectTimeWait: 300, timeout: answerMs };
    this.#connection = await connect({ servers, name: 'operator', ...settings });
    return this.#connection;
  }
}

/** Of the only cell. */
async function checkpointStream(manager: JetStreamManager): Promise<StreamInfo['config']> {
  for await (const { config } of manager.streams.list()) {
    if (config.name.endsWith('_checkpoints')) return config;
  }
  throw new Error('there is no stream of checkpoints');
}

async function ask({ server }: ServerMember, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${server.url}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answerMs),
  });
  if (!response.ok) throw new Error(`${server.name}: ${await response.text()}`);
  return response.json();
}
