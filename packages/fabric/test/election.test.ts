import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import {
  type Coordination,
  Election,
  type Leadership,
  names,
  openCoordination,
  realClock,
  silentLogger,
} from '@troupe/fabric';
import { cellName } from '@troupe/model';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';
import { TcpProxy } from './tcp-proxy.ts';

const leaseMs = 2_000;
const servers = new TestServers();
const opened: Coordination[] = [];
const children: Candidate[] = [];
let cells = 0;
let cell = '';

beforeAll(() => servers.start());
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const one of opened.splice(0)) one.close();
});
afterAll(() => servers.stop());

async function candidate(id: string, etcd = servers.etcd.url): Promise<Election> {
  const coordination = await openCoordination({ etcd: [etcd], clock: realClock });
  opened.push(coordination);
  return new Election({
    coordination,
    names: names(cellName(cell)),
    id,
    address: `${id}:7411`,
    leaseMs,
    clock: realClock,
    logger: silentLogger,
  });
}

function newCell(): void {
  cells += 1;
  cell = `election-${cells}`;
}

/** Resolves with the instant at which the term was lost. */
const lostAt = (term: Leadership) => term.lost.then(() => performance.now());

describe('an election', () => {
  test('has one winner; the next one wins when it resigns, with a higher token', async () => {
    newCell();
    const [first, second, third] = await Promise.all(['s1', 's2', 's3'].map((id) => candidate(id)));
    if (first === undefined || second === undefined || third === undefined) throw new Error();
    const leading: string[] = [];
    const abort = new AbortController();
    const win = async (id: string, election: Election) => {
      const term = await election.campaign(abort.signal);
      expect(leading, 'E1: one leads at a time').toEqual([]);
      leading.push(id);
      expect(await election.currentLeader()).toEqual({
        id,
        address: `${id}:7411`,
        token: term.token,
      });
      expect(term.stillLeading()).toBe(true);
      leading.pop();
      await term.resign();
      expect(term.stillLeading()).toBe(false);
      return term.token;
    };
    const tokens = await Promise.all([win('s1', first), win('s2', second), win('s3', third)]);
    expect(new Set(tokens).size).toBe(3);
    expect(await first.currentLeader()).toBeUndefined();
  });

  test('ends a campaign when it is told to', async () => {
    newCell();
    const term = await (await candidate('s1')).campaign();
    const abort = new AbortController();
    const waiting = (await candidate('s2')).campaign(abort.signal);
    abort.abort();
    await expect(waiting).rejects.toThrow(/abort/);
    expect(term.stillLeading()).toBe(true);
    await term.resign();
  });

  test('gives the lead of a killed process to another one within its lease', async () => {
    newCell();
    const child = await Candidate.leading('s1');
    const token = child.token;
    const standby = await candidate('s2');
    const killedAt = performance.now();
    child.kill('SIGKILL');
    const term = await standby.campaign();
    expect(performance.now() - killedAt).toBeLessThan(leaseMs + 2_000);
    expect(term.token).toBeGreaterThan(token);
    await term.resign();
  });

  test('gives the lead of a frozen process to another one, and it knows when it wakes', async () => {
    newCell();
    const child = await Candidate.leading('s1');
    child.kill('SIGSTOP');
    const term = await (await candidate('s2')).campaign();
    child.kill('SIGCONT');
    expect(await child.line()).toBe('lost false DEPOSED');
    expect(term.stillLeading()).toBe(true);
    await term.resign();
  });

  test('lets a leader that is cut off from etcd step down before another one wins', async () => {
    newCell();
    const wire = await TcpProxy.start(servers.etcd.port);
    const leader = await (await candidate('s1', `http://127.0.0.1:${wire.port}`)).campaign();
    const standby = await candidate('s2');
    const lost = lostAt(leader);
    wire.mute('requests', 'replies');
    const term = await standby.campaign();
    const wonAt = performance.now();
    expect(await lost).toBeLessThan(wonAt);
    expect(leader.stillLeading()).toBe(false);
    await term.resign();
    await wire.stop();
  });

  test('tells a leader whose key was deleted that it leads no longer', async () => {
    newCell();
    const election = await candidate('s1');
    const term = await election.campaign();
    const other = await candidate('s2');
    expect(await other.revokeLeader('s3')).toBe(false);
    expect(term.stillLeading()).toBe(true);
    expect(await other.revokeLeader('s1')).toBe(true);
    const next = await other.campaign();
    expect(await term.lost).toMatchObject({ code: 'DEPOSED' });
    expect(term.stillLeading()).toBe(false);
    expect(next.token).toBeGreaterThan(term.token);
    await next.resign();
  });

  test('keeps its leader when etcd is killed and comes back at once', async () => {
    newCell();
    const election = await candidate('s1');
    const term = await election.campaign();
    await servers.crash(servers.etcd);
    const renewed = await election.currentLeader().catch(() => election.currentLeader());
    expect(renewed?.token).toBe(term.token);
    expect(term.stillLeading()).toBe(true);
    await term.resign();
  });
});

/** A candidate in a process of its own. It runs the built package: build before testing. */
class Candidate {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  token = 0;

  private constructor(id: string) {
    const script = new URL('./candidate-process.mjs', import.meta.url).pathname;
    const { NODE_EXTRA_CA_CERTS: _slow, ...env } = process.env;
    this.#child = spawn(process.execPath, [script, servers.etcd.url, cell, id, String(leaseMs)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    if (this.#child.stdout === null) throw new Error('a candidate has no stdout');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    children.push(this);
  }

  static async leading(id: string): Promise<Candidate> {
    const one = new Candidate(id);
    const line = await one.line();
    expect(line).toMatch(/^leads \d+$/);
    one.token = Number(line.split(' ')[1]);
    return one;
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('a candidate ended without a word');
    return next.value;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
