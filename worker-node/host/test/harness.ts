/**
 * A cell for the tests of the node process: real etcd and NATS, real node processes, and a leader
 * and a caller that the test plays over the bus.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import {
  type Batch,
  BatchReader,
  checkConfig,
  type Fabric,
  openFabric,
  openLink,
  realClock,
  sharedConfig,
  silentLogger,
} from '@troupe/fabric';
import { type Server, startEtcd, startNats } from '@troupe/fabric/servers';
import {
  type ActorId,
  type Address,
  type BundleHash,
  bundleHash,
  type CallResult,
  type ChainLink,
  decode,
  decodeValue,
  encode,
  encodeValue,
  gatewayAddress,
  type Incarnation,
  incarnation,
  type NodeToGateway,
  type NodeToLeader,
  type Outcome,
  sessionId,
  type Term,
  type ToNode,
  turnLogName,
} from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';
import { z } from 'zod';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface NodeUnderTest {
  readonly incarnation: Incarnation;
  readonly process: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** What it wrote to stderr so far. */
  stderr(): string;
}

type Said<K extends NodeToLeader['kind']> = Extract<NodeToLeader, { kind: K }>;

export class Cell {
  readonly folder: string;
  readonly #servers: Server[];
  readonly fabric: Fabric;
  readonly #config: { etcd: string[]; nats: { servers: string[] } };
  readonly #nodes: ChildProcess[] = [];
  readonly #heard: NodeToLeader[] = [];
  readonly #results: CallResult[] = [];
  #waiting: (() => void)[] = [];
  #number = 0;
  term: Term = { generation: 1, number: 1 };
  /** What a join is answered with; `undefined` is silence. */
  welcome = true;

  private constructor(
    folder: string,
    servers: Server[],
    fabric: Fabric,
    config: { etcd: string[]; nats: { servers: string[] } },
  ) {
    this.folder = folder;
    this.#servers = servers;
    this.fabric = fabric;
    this.#config = config;
    fabric.bus.listen(fabric.names.leader, (said: NodeToLeader) => this.#lead(said));
    fabric.bus.listen(fabric.names.gateway('test'), (said: NodeToGateway) => {
      if (said.kind === 'call-result') this.#results.push(said);
      this.#wake();
    });
  }

  static async start(): Promise<Cell> {
    const folder = mkdtempSync(join(tmpdir(), 'troupe-node-'));
    const etcd = await startEtcd({ dataDir: join(folder, 'etcd') });
    const nats = await startNats({ dataDir: join(folder, 'nats') });
    const config = { etcd: [etcd.url], nats: { servers: [nats.url] } };
    const fabric = await openFabric({
      config: checkConfig(config, z.strictObject(sharedConfig)),
      name: 'leader',
      logger: silentLogger,
    });
    return new Cell(folder, [nats, etcd], fabric, config);
  }

  /** Stores the last message of a subject once more, with a bit of its body flipped. */
  async flipLast(stream: string, subject: string): Promise<void> {
    const nats = { ...this.#config.nats, requireSync: false };
    const shared = { nats, replicas: 1 as const, name: 'spoiler', clock: realClock };
    const link = await openLink({ ...shared, logger: silentLogger, role: 'store' });
    const { header, data } = await link.jsm.streams.getMessage(stream, { last_by_subj: subject });
    for (const name of header.keys()) if (name.startsWith('Nats-')) header.delete(name);
    const at = data.length >> 1;
    const body = Uint8Array.from(data, (byte, index) => (index === at ? byte ^ 1 : byte));
    await link.js.publish(subject, body, { headers: header });
    await link.close();
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) node.kill('SIGKILL');
    await this.fabric.close();
    for (const server of this.#servers) await server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts a node process with this `node` section. */
  spawnNode(
    node: Record<string, unknown> = {},
    shared: Record<string, unknown> = {},
  ): Omit<NodeUnderTest, 'incarnation'> & {
    readonly ready: Promise<Incarnation>;
  } {
    const file = join(this.folder, `node-${this.#nodes.length}.json`);
    const section = { name: 'n1', data: join(this.folder, 'data'), ...node };
    writeFileSync(file, JSON.stringify({ ...this.#config, ...shared, node: section }));
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    const child = spawn(process.execPath, [main, '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, NATS_PASSWORD: 'secret', SHOWN: 'yes' },
    });
    this.#nodes.push(child);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
      child.on('exit', (code, signal) => resolve({ code, signal })),
    );
    const ready = new Promise<Incarnation>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) => {
        const said: { ready: { incarnation: string } } = JSON.parse(line);
        resolve(incarnation(said.ready.incarnation));
      });
      exited.then(({ code }) => reject(new Error(`the node ended with ${code}: ${stderr}`)));
    });
    ready.catch(() => undefined);
    return { process: child, pid: child.pid ?? 0, exited, ready, stderr: () => stderr };
  }

  async startNode(node: Record<string, unknown> = {}): Promise<NodeUnderTest> {
    const started = this.spawnNode(node);
    return { ...started, incarnation: await started.ready };
  }

  /** Puts the bundle of `test/bundles/<name>.ts` into the object store. */
  async bundle(name: string): Promise<BundleHash> {
    const file = fileURLToPath(new URL(`bundles/${name}.ts`, import.meta.url));
    return bundleHash(await this.fabric.objects.put((await bundleFile(file)).bytes));
  }

  say(node: Incarnation, message: ToNode): void {
    this.fabric.bus.send(this.fabric.names.node(node), message);
  }

  /** Places the actor and waits until the node knows. */
  async place(
    node: Incarnation,
    actor: ActorId,
    placed: { bundle: BundleHash; epoch: number; birth?: number; chain?: readonly ChainLink[] },
  ): Promise<void> {
    const { bundle, epoch, birth = 1, chain = [] } = placed;
    const { term } = this;
    this.say(node, { kind: 'place', term, actor, birth, epoch, scope: actor, bundle, chain });
    await this.said('place-seen', (seen) =>
      seen.placed.some((each) => each.actor === actor && each.epoch === epoch),
    );
  }

  /** Sends one call; `answered` gives its outcome. Every call is a session's next. */
  call(
    node: Incarnation,
    actor: ActorId,
    method: string,
    args: unknown[],
    { epoch, birth = 1 }: { epoch: number; birth?: number },
  ): { number: number; answered: Promise<Outcome> } {
    const number = ++this.#number;
    const session = sessionId('test');
    this.say(node, {
      kind: 'call',
      actor,
      birth,
      epoch,
      method,
      args: encodeValue(args),
      caller: { session, number, low: number },
      replyTo: gatewayAddress('test') as Address,
      sentAt: performance.now(),
      deadlineAt: performance.now() + 30_000,
      standstills: 0,
      path: [],
    });
    const answered = this.#until(() => this.result(number)?.outcome);
    return { number, answered };
  }

  /** The answer to a call, if it has come. */
  result(number: number): CallResult | undefined {
    return this.#results.find((each) => each.number === number);
  }

  /** The value of a call. Fails when the call failed. */
  async value(call: { answered: Promise<Outcome> }): Promise<unknown> {
    const outcome = await call.answered;
    if (!outcome.ok) throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
    return decodeValue(outcome.value);
  }

  /** Waits until the leader has heard this. */
  said<K extends NodeToLeader['kind']>(
    kind: K,
    fits: (said: Said<K>) => boolean = () => true,
  ): Promise<Said<K>> {
    const is = (said: NodeToLeader): said is Said<K> => said.kind === kind;
    return this.#until(() => this.#heard.filter(is).find(fits));
  }

  heard(kind: NodeToLeader['kind']): number {
    return this.#heard.filter((said) => said.kind === kind).length;
  }

  /** Facts in the turn log of the incarnation, as they stand now. */
  async facts(node: Incarnation): Promise<NodeFact[]> {
    const reader = new BatchReader<NodeFact>(0);
    const facts: NodeFact[] = [];
    for await (const record of this.fabric.logs.read(turnLogName(node), 1)) {
      if (record.kind !== 'rec') continue;
      facts.push(...reader.push(decode<Batch<NodeFact>>(record.body)));
    }
    return facts;
  }

  /** Seals the log of the incarnation and answers the link that its actors' chains get. */
  async seal(node: Incarnation): Promise<ChainLink> {
    const log = turnLogName(node);
    return { log, from: 0, to: await this.fabric.logs.seal(log, encode({ by: 'test' })) };
  }

  #lead(said: NodeToLeader): void {
    this.#heard.push(said);
    this.#answer(said).then(() => this.#wake());
  }

  async #answer(said: NodeToLeader): Promise<void> {
    const { term } = this;
    switch (said.kind) {
      case 'join': {
        if (!this.welcome) return;
        const log = turnLogName(said.incarnation);
        await this.fabric.logs.create(log, encode({ incarnation: said.incarnation }));
        this.say(said.incarnation, { kind: 'welcome', term, log, heartbeatMs: 200 });
        return;
      }
      case 'leaving':
        this.say(said.incarnation, { kind: 'drain', term });
        return;
      case 'released':
        this.say(said.incarnation, { kind: 'release-seen', term, actors: said.actors });
        return;
      case 'left':
        this.say(said.incarnation, { kind: 'die', term, incarnation: said.incarnation });
        return;
      case 'rebased':
        this.say(said.incarnation, { kind: 'rebased-seen', term, actors: said.actors });
        return;
      case 'task-result':
        this.say(said.incarnation, {
          kind: 'task-result-seen',
          term,
          results: [{ task: said.task, attempt: said.attempt }],
        });
        return;
      default:
        return;
    }
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
