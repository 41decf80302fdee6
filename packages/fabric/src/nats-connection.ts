/**
 * One connection to NATS. It reconnects for ever; only `close` ends it. Appends, bulk reading, bus
 * and beats have one each, so that a flood of messages never delays an append or a heartbeat.
 *
 * N1  while disconnected nothing is handed to the client library, which would lose it silently.
 * N3  what came back is used only once it was looked at, where that was asked for (`lookFirst`): behind it may be
 *     servers with other data than before, and what these acknowledge would be lost with that.
 */
import { assert, type TroupeError, troupeError } from '@troupe/model';
import {
  connect,
  Events,
  type JetStreamClient,
  type JetStreamManager,
  type NatsConnection,
} from 'nats';
import type { NatsConfig } from './config.ts';
import type { Logger } from './logger.ts';
import { isRefusedLogin, textOf } from './nats-errors.ts';
import type { Clock } from './ports.ts';
import { pause } from './real-clock.ts';
import { ReconnectPace } from './reconnect-pace.ts';

export type LinkRole = 'log' | 'store' | 'bus' | 'beats' | 'witness' | 'system';

export interface LinkStart {
  readonly nats: NatsConfig;
  /** Incarnation or scheduler name: what the broker's disconnect notices tell. */
  readonly name: string;
  readonly role: LinkRole;
  /** Of every stream: more than one asks more of the servers. */
  readonly replicas: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long the first connection may take in all. */
  readonly connectMsMax?: number;
}

const connectMsMaxDefault = 10_000;
const reconnectMs = 250;
const requestMs = 2_000;

type Version = readonly [major: number, minor: number, patch: number];
const versionMin: Version = [2, 10, 0];
/** Older ones have let replicas of a stream that is written with expectations differ for good. */
const versionMinOfReplicas: Version = [2, 12, 3];

/** Connects, waiting a bounded time for the server, and checks that it can carry a cluster. */
export async function openLink(start: LinkStart): Promise<NatsLink> {
  const pace = new ReconnectPace(start.clock);
  const connection = await firstConnection(start, pace);
  try {
    const { version = 'unknown', cluster } = connection.info ?? {};
    const where = `nats-server at ${connection.getServer()}`;
    checkVersion(where, version, start.replicas);
    if (start.replicas > 1 && cluster === undefined) {
      const text = `${where} stands alone, and \`replicas\` is ${start.replicas}`;
      throw troupeError('NATS_UNSUITABLE', text, { replicas: start.replicas });
    }
    const options = { timeout: requestMs };
    const js = connection.jetstream(options);
    const jsm = await connection.jetstreamManager({ ...options, checkAPI: false });
    if (start.role === 'log') await checkJetStream(start, jsm);
    return new NatsLink(start, { connection, pace, js, jsm });
  } catch (reason) {
    await connection.close();
    throw reason;
  }
}

/** Resolves once the servers may be used, or nobody cares any more; never rejects. */
export type LookFirst = (isOver: () => boolean) => Promise<void>;

export class NatsLink {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Settles when the connection has ended for good. */
  readonly closed: Promise<void>;
  readonly #pace: ReconnectPace;
  #connected = true;
  #closed = false;
  #listeners = new Set<(connected: boolean) => void>();
  #look: LookFirst | undefined;
  /** Counts losses and returns: what was looked at before the last of them says nothing. */
  #changes = 0;

  constructor(
    start: LinkStart,
    parts: {
      readonly connection: NatsConnection;
      readonly pace: ReconnectPace;
      readonly js: JetStreamClient;
      readonly jsm: JetStreamManager;
    },
  ) {
    const { connection } = parts;
    this.connection = connection;
    this.#pace = parts.pace;
    this.#pace.connected();
    this.js = parts.js;
    this.jsm = parts.jsm;
    this.name = `${start.name} ${start.role}`;
    this.clock = start.clock;
    this.logger = start.logger;
    this.closed = connection.closed().then(() => {
      this.#closed = true;
      this.#change(false);
    });
    void this.#watch();
  }

  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  /** From now on the connection counts as back only when this has resolved (N3). */
  lookFirst(look: LookFirst): void {
    this.#look = look;
  }

  /** Called at every loss and return of the connection, until the answer is called. */
  onConnection(on: (connected: boolean) => void): () => void {
    this.#listeners.add(on);
    return () => this.#listeners.delete(on);
  }

  /** Resolves when connected; rejects with `UNAVAILABLE` once closed. */
  ready(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (this.#connected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const off = this.onConnection((connected) => {
        if (!connected && !this.#closed) return;
        off();
        if (connected) resolve();
        else reject(this.#closedError());
      });
    });
  }

  /** `request`, or a rejection as soon as the connection breaks: its answer can come no more. */
  whileConnected<T>(request: () => Promise<T>): Promise<T> {
    if (!this.connected) return Promise.reject(this.#brokenError());
    return new Promise((resolve, reject) => {
      const off = this.onConnection((connected) => {
        if (!connected) reject(this.#closed ? this.#closedError() : this.#brokenError());
      });
      request().then(resolve, reject).finally(off);
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Hands over what was sent so far, for a bounded time, and ends. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#connected) {
      await Promise.race([
        this.connection.flush().catch(() => {}),
        pause(this.clock, 1_000),
        this.closed,
      ]);
    }
    await this.connection.close();
    await this.closed;
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === Events.Disconnect) {
        this.logger.warn({ link: this.name, server: status.data }, 'connection to NATS lost');
        this.#changes += 1;
        this.#change(false);
      } else if (status.type === Events.Reconnect) {
        this.#pace.connected();
        this.logger.info({ link: this.name, server: status.data }, 'connection to NATS is back');
        void this.#returned();
      } else if (status.type === Events.Error) {
        this.logger.error({ link: this.name, error: status.data }, 'NATS reports an error');
      }
    }
  }

  async #returned(): Promise<void> {
    const change = ++this.#changes;
    const isOver = (): boolean => this.#closed || change !== this.#changes;
    await this.#look?.(isOver);
    if (!isOver()) this.#change(true);
  }

  #change(connected: boolean): void {
    assert(!(connected && this.#closed), 'N2: a closed link never comes back');
    this.#connected = connected;
    for (const on of [...this.#listeners]) on(connected);
  }

  #closedError(): TroupeError {
    return troupeError('UNAVAILABLE', `connection "${this.name}" to NATS is closed`);
  }

  #brokenError(): TroupeError {
    return troupeError('UNAVAILABLE', `connection "${this.name}" to NATS is lost at present`);
  }
}

async function firstConnection(start: LinkStart, pace: ReconnectPace): Promise<NatsConnection> {
  const { nats, clock } = start;
  const user = start.role === 'system' ? nats.systemUser : nats.user;
  const pass = start.role === 'system' ? nats.systemPassword : nats.password;
  const msMax = start.connectMsMax ?? connectMsMaxDefault;
  const until = clock.now() + msMax;
  for (;;) {
    try {
      return await connect({
        servers: nats.servers,
        name: `${start.name} ${start.role}`,
        ...(user === undefined ? {} : { user }),
        ...(pass === undefined ? {} : { pass }),
        timeout: Math.min(5_000, Math.max(500, until - clock.now())),
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => pace.waitMs(),
        pingInterval: 5_000,
        maxPingOut: 2,
        // While a server reloads its accounts it may refuse us for a moment.
        ignoreAuthErrorAbort: true,
      });
    } catch (cause) {
      const who = `NATS at ${nats.servers.join(', ')}`;
      if (isRefusedLogin(cause)) {
        const as = user === undefined ? 'a connection without user' : `user "${user}"`;
        throw troupeError('NATS_UNREACHABLE', `${who} refuses ${as}`, {}, cause);
      }
      if (clock.now() + reconnectMs > until) {
        const text = `${who} did not answer within ${msMax} ms (${textOf(cause)})`;
        throw troupeError('NATS_UNREACHABLE', text, {}, cause);
      }
      await pause(clock, reconnectMs);
    }
  }
}

/** Throws `NATS_UNSUITABLE` when a server of that version cannot keep what is asked of it. */
export function checkVersion(where: string, version: string, replicas: number): void {
  const said = version.split(/[.-]/, 3).map(Number);
  if (said.length < 3 || said.some(Number.isNaN)) {
    throw troupeError('NATS_UNSUITABLE', `${where} says its version is "${version}"`);
  }
  const least = replicas > 1 ? versionMinOfReplicas : versionMin;
  const differs = said.findIndex((part, index) => part !== least[index]);
  if (differs < 0 || (said[differs] ?? 0) > (least[differs] ?? 0)) return;
  const what = replicas > 1 ? `too old for \`replicas: ${replicas}\`` : 'too old';
  throw troupeError('NATS_UNSUITABLE', `${where} has version ${version}, ${what}`, { version });
}

/** JetStream may take a moment after the port is open, above all in a cluster. */
async function checkJetStream(start: LinkStart, jsm: JetStreamManager): Promise<void> {
  const until = start.clock.now() + (start.connectMsMax ?? connectMsMaxDefault);
  for (;;) {
    try {
      await jsm.getAccountInfo();
      return;
    } catch (cause) {
      if (start.clock.now() + reconnectMs > until) {
        const text = `JetStream at ${start.nats.servers.join(', ')} does not answer`;
        throw troupeError('NATS_UNSUITABLE', `${text} (${textOf(cause)})`, {}, cause);
      }
      await pause(start.clock, reconnectMs);
    }
  }
}
