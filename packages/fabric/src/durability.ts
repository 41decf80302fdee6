/** What the store promises when it acknowledges: asked of the servers themselves. */
import { troupeError } from '@troupe/model';
import { RequestStrategy } from 'nats';
import type { NatsLink } from './nats-connection.ts';
import { textOf } from './nats-errors.ts';

export interface Durability {
  /** `always`: acknowledged is on disk. `delayed`: it may be lost by a power cut. */
  readonly sync: 'always' | 'delayed' | 'unverified';
  /** One clear line for the log and the status page. */
  readonly text: string;
  /** Those that answered. */
  readonly servers: readonly { readonly name: string; readonly version: string }[];
}

/** How long the first server may take to answer; the client gives each further one 300 ms. */
const answerMs = 500;

interface ServerAnswer {
  readonly server?: { readonly name?: string; readonly ver?: string };
  readonly data?: {
    readonly config?: { readonly sync_interval?: number; readonly sync_always?: boolean };
    readonly disabled?: boolean;
  };
}

/** Asks every server of the cluster; `system` is absent without system credentials. */
export async function checkDurability(system: NatsLink | undefined): Promise<Durability> {
  if (system === undefined) {
    return unverified('no `nats.systemUser` is configured to ask the server');
  }
  const answers: ServerAnswer[] = [];
  try {
    const subject = '$SYS.REQ.SERVER.PING.JSZ';
    const options = { strategy: RequestStrategy.JitterTimer, maxWait: answerMs };
    const messages = await system.connection.requestMany(subject, '', options);
    for await (const message of messages) answers.push(message.json<ServerAnswer>());
  } catch (cause) {
    return unverified(`the servers did not say (${textOf(cause)})`);
  }
  const stores = answers.filter((answer) => answer.data?.config !== undefined);
  if (stores.length === 0) return unverified('no server with JetStream answered');
  const servers = stores.map(({ server }) => ({
    name: server?.name ?? 'a server',
    version: server?.ver ?? 'unknown',
  }));
  const delayed = stores.filter((answer) => answer.data?.config?.sync_always !== true);
  if (delayed.length === 0) {
    return { sync: 'always', text: 'every acknowledged record is synced to disk', servers };
  }
  const which = delayed.map((answer) => {
    const seconds = (answer.data?.config?.sync_interval ?? 0) / 1e9;
    return `${answer.server?.name ?? 'a server'} each ${seconds} s`;
  });
  const text = `a power cut may lose acknowledged records: NATS syncs ${which.join(', ')}`;
  return {
    sync: 'delayed',
    text: `${text}; set \`jetstream { sync_interval: always }\``,
    servers,
  };
}

/** Throws `NATS_UNSUITABLE` unless syncing is certain. */
export function requireSync(durability: Durability): void {
  if (durability.sync === 'always') return;
  throw troupeError('NATS_UNSUITABLE', `nats.requireSync is set, but ${durability.text}`);
}

function unverified(why: string): Durability {
  const text = `whether NATS syncs every write is not known: ${why}`;
  return { sync: 'unverified', text, servers: [] };
}
