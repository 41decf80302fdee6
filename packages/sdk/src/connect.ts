/** `connect(options)`: one session and a few unary calls, as the `Troupe` that applications use. */
import {
  actorKeyLengthMax,
  type ClusterView,
  decodeValue,
  encodeValue,
  errorTable,
  incarnation,
  isActorKey,
  isTypeName,
  limits,
  postboxType,
  retriesOf,
  signalMethod,
  type TaskView,
  type TroupeError,
  taskId,
  tenantName,
  troupeError,
} from '@troupe/model';
import { progressField } from './activity.ts';
import type { AnyActorDefinition, UntypedCalls } from './actor.ts';
import { actorsOf } from './actors.ts';
import { checkpointsOf } from './checkpoints.ts';
import { configOf } from './config.ts';
import { deadLettersOf } from './dead-letters.ts';
import { checkWhole, int32Max, uint32Max } from './definition.ts';
import { listDemands } from './demands.ts';
import { makeHandle, nameOf, withStreams } from './handle.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { largeValue, type ReadObject } from './large-values.ts';
import { migrate } from './migrate.ts';
import { type Platform, processPlatform } from './platform.ts';
import { type PoolOptions, poolOf } from './pool.ts';
import { saidPriority } from './priority.ts';
import { dropReservation, putReservation } from './reservations.ts';
import { rolloutsOf } from './rollouts.ts';
import { runHandle, viewOf } from './runs.ts';
import { scopeOf } from './scopes.ts';
import { Semaphore } from './semaphore.ts';
import { semaphoreOf } from './semaphores.ts';
import { type ClientSendOptions, ClientSends } from './sends.ts';
import type { Order } from './session/ask.ts';
import { Session } from './session/session.ts';
import { SessionOwner } from './session-owner.ts';
import { type ActorStream, streamOf } from './stream.ts';
import { putTenant } from './tenants.ts';
import { listTimers } from './timer-list.ts';
import { listTopics, topicOf } from './topics.ts';
import type {
  CallOptions,
  ConnectOptions,
  GangMember,
  GangOptions,
  RunHandle,
  StartOptions,
  SubmitOptions,
  Troupe,
} from './troupe.ts';
import { Channel } from './wire/channel.ts';
import type { Door } from './wire/door.ts';
import type { TaskMessage } from './wire/messages.ts';
import { Unary } from './wire/unary.ts';

const addressDefault = '127.0.0.1:7411';
const connectMsDefault = 10_000;
/** After its deadline and the time its turn may take, an accepted call should have been answered. */
const answerMs = 45_000;
const deployMs = 120_000;
const listedMax = 100;

type Target =
  | string
  | { readonly name: string; readonly turnLimitMs?: number; readonly waitsMs?: number };

/** Connects to a cluster. Fails with `UNAVAILABLE` when none answers within `connectMs`. */
export async function connect(options: ConnectOptions = {}): Promise<Troupe> {
  const { connectMs = connectMsDefault } = options;
  checkWhole('connectMs', connectMs, 1, int32Max);
  const addresses = addressesOf(options.address ?? process.env['TROUPE_ADDRESS'] ?? addressDefault);
  const settings = settingsOf(options, processPlatform);
  const doors = addresses.map((address) => new Channel(address));
  const session = new Session({ doors, tenant: settings.tenant });
  try {
    await readyWithin(session, connectMs, addresses);
  } catch (thrown) {
    session.close();
    for (const door of doors) door.close();
    throw thrown;
  }
  return troupeOf(session, doors, settings);
}

/** A client of a cluster behind these doors, which is there already. */
export function connectTo(
  doors: readonly Door[],
  platform: Platform,
  options: Pick<ConnectOptions, 'tenant' | 'deadlineMs'> = {},
): Troupe {
  const settings = settingsOf(options, platform);
  const session = new Session({ doors, tenant: settings.tenant, platform });
  return troupeOf(session, doors, settings);
}

interface Settings {
  readonly tenant: string;
  readonly deadlineMs: number;
  readonly platform: Platform;
}

function settingsOf(
  { tenant = 'default', deadlineMs = limits.deadlineMsDefault }: ConnectOptions,
  platform: Platform,
): Settings {
  return { tenant, deadlineMs: checkedDeadline(deadlineMs), platform };
}

function troupeOf(session: Session, doors: readonly Door[], settings: Settings): Troupe {
  const { tenant, deadlineMs, platform } = settings;
  const unary = new Unary({
    doors,
    current: () => session.door,
    checkOpen: () => session.checkOpen(),
    deadlineMs,
    platform,
  });
  const read: ReadObject = (stored) => unary.read(stored);
  const way: Way = { session, read, platform, unary, tenant };
  const owner = new SessionOwner(unary, tenant, platform);
  const actors = actorsOf(unary, tenant, { platform, session: owner }, (target, key, birth) =>
    actorHandle(way, target, key, { deadlineMs, birth }),
  );
  const sends = new ClientSends(platform, deadlineMs, (postbox, limit) =>
    actorHandle<UntypedCalls>(way, postboxType, postbox, limit),
  );
  return {
    actor: <T>(target: Target, key: string, options: CallOptions = {}): T =>
      actorHandle<T>(way, target, key, { deadlineMs, ...options }),
    send: <T>(target: Target, key: string, options: ClientSendOptions = {}): T =>
      sends.to<T>(target, key, options),
    async signal(target: Target, key: string, name: string, value?: unknown, options = {}) {
      refuseKey('a signal', options);
      const all = { deadlineMs, ...options };
      const calls = actorHandle<UntypedCalls>(way, target, key, all);
      if (!isTypeName(name)) {
        throw troupeError('INVALID_ARGUMENT', `${JSON.stringify(name)} is no name of a signal`);
      }
      await calls[signalMethod]?.(name, value ?? null);
    },
    semaphore: (name, permits) =>
      semaphoreOf(actorHandle(way, Semaphore, name, { deadlineMs }), permits, platform),
    pool: <A extends AnyActorDefinition>(
      target: A,
      size: number,
      { name, ...options }: PoolOptions & CallOptions = {},
    ) => {
      refuseKey('a pool', options);
      return poolOf<A>(size, name === undefined ? {} : { name }, (key) =>
        actorHandle(way, target, key, { deadlineMs, ...options }),
      );
    },
    scope: (name) =>
      scopeOf(unary, tenant, name, (target, key, atTurn) =>
        actorHandle(way, target, key, { deadlineMs, atTurn }),
      ),
    task: <O>(target: Target, input: unknown, options: SubmitOptions = {}): Promise<O> =>
      submit<O>(way, nameOf(target), input, options),
    async gang<O>(members: readonly GangMember<O>[], options: GangOptions = {}): Promise<O[]> {
      const { id = platform.newId(), policy = 'PACK', priority = '', signal } = options;
      const tasks = members.map(({ task, input }, at) => {
        const value = encodeValue(input, `input of member ${at}`);
        checkSize(`input of member ${at}`, value);
        return { task: `${id}.${at}`, name: nameOf(task), value };
      });
      const asked = { tenant, gang: id, policy, priority, members: tasks };
      await unary.ask('TasksService/SubmitGang', asked, { begins: true });
      const of = signal === undefined ? {} : { signal };
      const results = members.map(({ input }, at) => {
        const { task = '', name = '' } = tasks[at] ?? {};
        return submit<O>(way, name, input, { ...of, id: task });
      });
      return await Promise.all(results);
    },
    async start<O>(
      target: Target,
      input: unknown,
      options: StartOptions = {},
    ): Promise<RunHandle<O>> {
      const { run = platform.newId(), limitMs } = options;
      checkWhole('limitMs', limitMs, 1);
      const value = encodeValue(input, 'input');
      checkSize('input', value);
      const workflow = nameOf(target);
      const asked = { tenant, run, workflow, value, limitMs: limitMs ?? 0 };
      await unary.ask('RunsService/Start', asked, { begins: true });
      return runHandle<O>(unary, run);
    },
    run: (id) => runHandle(unary, id),
    async runs({ limit = listedMax } = {}) {
      checkWhole('limit', limit, 1, uint32Max);
      const { runs } = await unary.ask('RunsService/List', { tenant, limit });
      // A list carries no outcomes: an absent one must not look like an output of nothing.
      return runs.map((run) => {
        const { outcome: _, ...listed } = viewOf(run.run, run);
        return listed;
      });
    },
    async deploy(bytes) {
      session.checkOpen();
      if (bytes.length > limits.bundleBytesMax) {
        const what = `the bundle has ${bytes.length} bytes, more than ${limits.bundleBytesMax}`;
        throw troupeError('TOO_LARGE', what);
      }
      return await session.door.deploy(tenant, bytes, deployMs);
    },
    async status() {
      const { json } = await unary.ask('ClusterService/Status', {});
      return JSON.parse(json) as ClusterView;
    },
    actors,
    deadLetters: deadLettersOf(unary, tenant, (target, key) => actors.getIfExists(target, key)),
    topic: (name) => topicOf(name, (type, key) => actorHandle(way, type, key, { deadlineMs })),
    topics: (asked = {}) => listTopics(actors, asked),
    checkpoints: checkpointsOf(unary, tenant),
    config: configOf(unary, tenant),
    rollouts: rolloutsOf(unary, tenant),
    migrate: (type, key, options) => migrate(unary, { tenant, type, key }, options),
    async timers({ type = '', key = '', after = '', limit = listedMax } = {}) {
      checkWhole('limit', limit, 1, uint32Max);
      return await listTimers(unary, { tenant, type, key, after, limit });
    },
    async tasks({ limit = listedMax, activity = false } = {}) {
      checkWhole('limit', limit, 1, uint32Max);
      const { tasks, total } = await unary.ask('TasksService/List', { tenant, limit, activity });
      return { tasks: tasks.map(taskViewOf), total };
    },
    putTenant: (name, options) => putTenant(unary, name, options),
    putReservation: (owner, name, options) => putReservation(unary, owner, name, options),
    dropReservation: (owner, name) => dropReservation(unary, owner, name),
    async drainNode(node) {
      await unary.ask('ClusterService/DrainNode', { node }, { waitMs: limits.drainMs });
    },
    async cordonNode(node, cordoned) {
      await unary.ask('ClusterService/CordonNode', { node, cordoned });
    },
    async demands({ tenant: whose = '', limit = listedMax } = {}) {
      checkWhole('limit', limit, 1, uint32Max);
      return await listDemands(unary, { tenant: whose, limit });
    },
    async close() {
      const ended = owner.end();
      if (ended !== undefined) await ended;
      session.close();
      for (const door of doors) door.close();
    },
  };
}

function taskViewOf({
  task,
  tenant,
  name,
  state,
  attempts,
  node,
  gpus,
  why,
  progress,
}: TaskMessage): TaskView {
  return {
    task: taskId(task),
    tenant: tenantName(tenant),
    name,
    state: state === 'running' ? 'running' : 'waiting',
    attempts,
    ...(node === '' ? {} : { node: incarnation(node) }),
    ...(gpus.length === 0 ? {} : { gpus }),
    ...(why === '' ? {} : { why }),
    ...progressField(progress),
  };
}

/** Where questions go, and how large answers are read. */
interface Way {
  readonly session: Session;
  readonly read: ReadObject;
  readonly platform: Platform;
  readonly unary: Unary;
  readonly tenant: string;
}

function actorHandle<T>(
  way: Way,
  target: Target,
  key: string,
  options: CallOptions & { readonly deadlineMs: number },
): T {
  const type = nameOf(target);
  const { deadlineMs, signal, scope = '', birth = 0, atTurn } = options;
  checkWhole('waitsMs', options.waitsMs, 0);
  checkWhole('birth', birth, 0);
  checkWhole('atTurn', atTurn, 0);
  checkedDeadline(deadlineMs);
  const priority = saidPriority(`calls of ${type}`, options.priority);
  if (!isTypeName(type) || !isActorKey(key)) {
    // A key may be long, and hold line ends.
    const named = JSON.stringify(`${type}/${key}`.slice(0, 80));
    const what =
      `${named} names no actor: a type is letters, digits, "_", "$", "." or "-"; ` +
      `a key is 1 to ${actorKeyLengthMax} characters without control characters`;
    throw troupeError('INVALID_ARGUMENT', what);
  }
  const known = typeof target === 'string' ? undefined : target;
  const runMs =
    (known?.turnLimitMs ?? limits.turnLimitMs) + (options.waitsMs ?? known?.waitsMs ?? 0);
  const answerAfterMs = deadlineMs + runMs + answerMs;
  const called = (method: string, args: readonly unknown[]) =>
    asked(way, signal, (settle) => {
      const bytes = encodeValue([...args], 'args');
      checkSize('args', bytes);
      const now = way.platform.now();
      return {
        ...settle,
        name: `call ${type}/${key}.${method}`,
        body: {
          kind: 'call',
          message: {
            type,
            key,
            method,
            args: bytes,
            scope,
            birth,
            priority: priority ?? '',
            ...(atTurn === undefined ? {} : { atTurn }),
          },
          deadlineAt: now + deadlineMs,
          answerBy: now + answerAfterMs,
        },
      };
    });
  const idempotencyKey = idempotencyKeyOf(`calls of ${type}`, options.idempotencyKey);
  if (idempotencyKey !== undefined && options.stream !== undefined) {
    const what = `calls of ${type} have an idempotencyKey and the id of a stream, which is one too`;
    throw troupeError('INVALID_ARGUMENT', what, { argument: 'idempotencyKey' });
  }
  const taken = (
    method: string,
    args: readonly unknown[],
    of: { readonly id: string; readonly name: string; readonly from: number },
  ) => {
    const value = encodeValue([...args], 'args');
    checkSize('args', value);
    refuseOfStream({ atTurn, waitsMs: options.waitsMs });
    const { tenant, platform } = way;
    const said = priority ?? '';
    const request = { tenant, type, key, method, value, birth, scope, priority: said };
    const order = { request, ...of, deadlineMs, platform };
    return streamOf(way.unary, signal === undefined ? order : { ...order, signal });
  };
  const calls = makeHandle<{ [method: string]: (...args: unknown[]) => unknown }>(
    (method, args) => {
      if (idempotencyKey === undefined) return called(method, args);
      const name = `call ${type}/${key}.${method} with the key ${JSON.stringify(idempotencyKey)}`;
      return replyOf(() => taken(method, args, { id: idempotencyKey, name, from: 0 }));
    },
  );
  const streams = makeHandle<object>((method, args) => {
    const { stream = idempotencyKey, from = 0 } = options;
    if (from > 0 && stream === undefined) {
      throw troupeError('INVALID_ARGUMENT', `from ${from} is of no stream: give the id of one`);
    }
    const id = stream ?? way.platform.newId();
    return taken(method, args, { id, name: `stream ${id}`, from });
  });
  return withStreams<T>(calls, streams);
}

/** A call under a key is a stream of which only the reply is wanted: asked for again wherever, it is the same. */
async function replyOf(take: () => ActorStream<unknown, unknown>): Promise<unknown> {
  return await take().reply();
}

/** A key names one call of one actor. */
function refuseKey(what: string, { idempotencyKey }: CallOptions): void {
  if (idempotencyKey === undefined) return;
  const text = `${what} has no idempotencyKey; call a method of one actor with it`;
  throw troupeError('INVALID_ARGUMENT', text, { argument: 'idempotencyKey' });
}

/** What a stream cannot do: it is of a turn to come, and its values are awaited for as long as that goes on. */
function refuseOfStream(options: { readonly [option: string]: number | undefined }): void {
  for (const [option, given] of Object.entries(options)) {
    if (given === undefined) continue;
    const what = `${option} is of calls that are no streams and have no idempotencyKey; take a handle without it`;
    throw troupeError('INVALID_ARGUMENT', what, { argument: option });
  }
}

function submit<O>(way: Way, name: string, input: unknown, options: SubmitOptions): Promise<O> {
  const { priority = '', id = way.platform.newId(), limitMs, signal } = options;
  const { queue = '', dueInMs } = options;
  const retries = options.retries === undefined ? undefined : retriesOf(options.retries);
  return asked(way, signal, (settle) => {
    const bytes = encodeValue(input, 'input');
    checkSize('input', bytes);
    checkWhole('retries', retries, 0, int32Max);
    checkWhole('limitMs', limitMs, 1, uint32Max);
    checkWhole('dueInMs', dueInMs, 1, uint32Max);
    checkQueue(options.queue);
    return {
      ...settle,
      name: `task ${name} (${id})`,
      body: {
        kind: 'submit',
        message: {
          task: id,
          name,
          input: bytes,
          priority,
          retries: retries ?? -1,
          limitMs: limitMs ?? 0,
          queue,
          dueInMs: dueInMs ?? 0,
        },
      },
    };
  });
}

/** On the wire an empty name is none at all, which is not what who gave one meant. */
function checkQueue(queue: string | undefined): void {
  if (queue !== '') return;
  const what = 'queue "" is no name of a queue; leave it out for the queue of the tenant itself';
  throw troupeError('INVALID_ARGUMENT', what, { argument: 'queue' });
}

/** Asks and decodes the answer; what `make` throws rejects the promise. */
function asked<T>(
  { session, read }: Way,
  signal: AbortSignal | undefined,
  make: (settle: Pick<Order, 'resolve' | 'reject'>) => Order,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => session.abort(order);
    const order = make({
      resolve: (bytes, objects) => {
        signal?.removeEventListener('abort', abort);
        if (objects.length > 0) {
          largeValue(bytes, objects, read).then((value) => resolve(value as T), reject);
          return;
        }
        try {
          resolve(decodeValue(bytes) as T);
        } catch (thrown) {
          reject(thrown);
        }
      },
      reject: (reason) => {
        signal?.removeEventListener('abort', abort);
        reject(reason);
      },
    });
    if (signal?.aborted === true) {
      throw troupeError('CANCELLED', `${order.name} was not sent (aborted)`);
    }
    signal?.addEventListener('abort', abort);
    session.ask(order);
  });
}

function checkSize(what: string, bytes: Uint8Array): void {
  if (bytes.length <= limits.payloadBytesMax) return;
  throw troupeError('TOO_LARGE', `${what} has ${bytes.length} bytes`, {
    bytes: bytes.length,
    bytesMax: limits.payloadBytesMax,
  });
}

function checkedDeadline(deadlineMs: number): number {
  checkWhole('deadlineMs', deadlineMs, 1, limits.deadlineMsMax);
  return deadlineMs;
}

function addressesOf(list: string): readonly string[] {
  const addresses = list.split(',').map((address) => address.trim());
  if (addresses.some((address) => !/^[^\s]+:\d+$/.test(address))) {
    throw troupeError('INVALID_ARGUMENT', `address "${list}" is not host:port, or a list of them`);
  }
  return addresses;
}

async function readyWithin(
  session: Session,
  ms: number,
  addresses: readonly string[],
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(noCluster(addresses.join(', '), ms, session.lastReason));
    }, ms);
  });
  try {
    await Promise.race([session.ready, expired]);
  } finally {
    clearTimeout(timer);
  }
}

function noCluster(where: string, ms: number, reason: TroupeError | undefined): TroupeError {
  // Its own next move is ours too: it is said once.
  const said = reason?.message.replace(`; ${errorTable[reason.code].next}`, '');
  const why = said === undefined ? '' : ` (${said})`;
  const what = `no cluster answered at ${where} within ${ms} ms${why}`;
  return troupeError('UNAVAILABLE', what, { address: where }, reason);
}
