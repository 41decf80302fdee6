/**
 * A workload: clients that do one operation after another through the public SDK and record what
 * came of each, and the final state that its promise is checked against.
 *
 * W1  an operation has its line when it has ended, however it ended; one that is still open when
 *     the run ends is recorded as unknown.
 * W2  an id is used for one effect only.
 * W3  a key that has been used up is read for its final state and its actors are destroyed, so that there are no
 *     more and more actors; the first keys and the latest are there to the end.
 */
import { type Troupe, TroupeError } from '@troupe/sdk';
import type { Final, HistoryWriter, Operation, Outcome } from '../history/history.ts';
import type { Random } from '../random.ts';

export interface Workload {
  readonly name: string;
  readonly clients: number;
  /** Mean pause of a client between two operations. */
  readonly thinkMs: number;
  /** Tenants that it speaks for beside the usual one, and their weights. */
  readonly tenants?: { readonly [tenant: string]: number };
  /** What one client does, again and again. */
  client(seat: Seat): () => Promise<void>;
  /** The final state of these keys, read when nothing of them is under way any more. */
  finals(seat: Seat, keys: readonly string[]): Promise<readonly Final[]>;
  /** Every actor that there may be for a key. */
  actorsOf(key: string): readonly Used[];
}

/** An actor that a workload used. */
export interface Used {
  readonly actor: Parameters<Troupe['actors']['destroy']>[0];
  readonly key: string;
  /** The workload's usual one unless it says so. */
  readonly tenant?: string;
}

/** What a client is given. */
export interface Seat {
  readonly client: string;
  readonly troupe: Troupe;
  /** One of the tenants of its workload. */
  troupeOf(tenant: string): Troupe;
  readonly random: Random;
  /** How many the cluster has. */
  readonly nodes: number;
  readonly operations: Operations;
}

export interface Asked {
  readonly id: string;
  readonly key: string;
  readonly action: string;
  readonly input?: unknown;
}

/** What came of an operation, when its body says it itself. */
export interface Came {
  readonly outcome: Outcome;
  readonly output?: unknown;
  readonly code?: string;
  readonly message?: string;
}

/** Of one key: operations under way, and when the last one ended. */
interface Use {
  open: number;
  endedAt: number;
}

/** W3: so many of the first keys, and of the latest. */
export const keptKeys = 24;
/** Longer than anything goes on after its operation was answered or given up. */
const quietMs = 120_000;

interface Open {
  readonly asked: Asked;
  readonly client: string;
  readonly from: number;
}

/** The operations of one workload: numbered keys, and the record of each operation. */
export class Operations {
  readonly #workload: string;
  readonly #writer: HistoryWriter;
  readonly #open = new Set<Open>();
  readonly #uses = new Map<string, Use>();
  readonly #first = new Set<string>();
  #count = 0;
  #closed = false;

  constructor(workload: string, writer: HistoryWriter) {
    this.#workload = workload;
    this.#writer = writer;
  }

  /** Every key that an operation went to and that was not left. */
  get keys(): readonly string[] {
    return [...this.#uses.keys()];
  }

  /** W3: those that nobody comes back to. */
  usedUp(longMs = quietMs): readonly string[] {
    const since = this.#writer.now() - longMs;
    return [...this.#uses]
      .slice(0, -keptKeys)
      .filter(([key, { open, endedAt }]) => !this.#first.has(key) && open === 0 && endedAt <= since)
      .map(([key]) => key);
  }

  /** Its final state has been read. */
  leave(key: string): void {
    this.#uses.delete(key);
  }

  /** Rises by one with each `size` operations: keys named by it are used for a bounded time. */
  generation(size: number): number {
    return Math.floor(this.#count / size);
  }

  nextId(client: string): string {
    this.#count += 1;
    return `${this.#workload}-${client}-${this.#count}`;
  }

  /** Does the operation; an answer is `ok`, and an error what its code says of it. */
  async record(
    client: string,
    asked: Asked,
    run: () => Promise<unknown>,
    judge: (reason: unknown) => Came = cameOf,
  ): Promise<Came> {
    return await this.recordAs(client, asked, async () => {
      try {
        return { outcome: 'ok', output: await run() };
      } catch (reason) {
        return judge(reason);
      }
    });
  }

  /** Does the operation, whose body says itself what came of it. */
  async recordAs(client: string, asked: Asked, run: () => Promise<Came>): Promise<Came> {
    const open = { asked, client, from: this.#writer.now() };
    this.#open.add(open);
    const use = this.#useOf(asked.key);
    use.open += 1;
    const came = await run();
    use.open -= 1;
    use.endedAt = this.#writer.now();
    if (this.#open.delete(open) && !this.#closed) this.#write(open, came);
    return came;
  }

  /** W1: what is still open ends as unknown, and is told. */
  close(): number {
    const open = [...this.#open];
    this.#open.clear();
    for (const one of open) this.#write(one, { outcome: 'unknown', code: 'UNANSWERED' });
    this.#closed = true;
    return open.length;
  }

  #useOf(key: string): Use {
    const use = this.#uses.get(key) ?? { open: 0, endedAt: 0 };
    this.#uses.set(key, use);
    if (this.#first.size < keptKeys) this.#first.add(key);
    return use;
  }

  #write({ asked, client, from }: Open, came: Came): void {
    const until = this.#writer.now();
    const workload = this.#workload;
    const operation: Operation = {
      kind: 'operation',
      workload,
      client,
      ...asked,
      from,
      until,
      ...came,
    };
    this.#writer.write(operation);
  }
}

/** What an error says of a single call: a turn that failed changed nothing. */
export function cameOf(reason: unknown): Came {
  if (!(reason instanceof TroupeError)) {
    return { outcome: 'unknown', code: 'UNCODED', message: String(reason) };
  }
  const { code, message } = reason;
  return { outcome: reason.outcome === 'unknown' ? 'unknown' : 'failed', code, message };
}

/** The same where what failed may have had effects elsewhere before: only `none` is surely none. */
export function cameOfMany(reason: unknown): Came {
  const came = cameOf(reason);
  const surely = reason instanceof TroupeError && reason.outcome === 'none';
  return surely ? came : { ...came, outcome: 'unknown' };
}

/** Asks until it is answered: for what may be asked again without harm. Bounded by `msMax`. */
export async function insist<T>(ask: () => Promise<T>, msMax = 60_000): Promise<T> {
  const end = performance.now() + msMax;
  for (;;) {
    try {
      return await ask();
    } catch (reason) {
      const again =
        reason instanceof TroupeError && (reason.retryable || reason.outcome === 'unknown');
      if (!again || performance.now() > end) throw reason;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The clients of a workload. */
export function seats({ name, clients }: Workload): readonly string[] {
  return Array.from({ length: clients }, (_, number) => `${name}${number}`);
}

/** Reads the final state of many keys, some at a time. */
export async function readAll(
  workload: string,
  keys: readonly string[],
  read: (key: string) => Promise<unknown>,
): Promise<Final[]> {
  const finals: Final[] = [];
  const waiting = [...keys];
  const reader = async () => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      const asked = key;
      finals.push({ kind: 'final', workload, key, value: await insist(() => read(asked)) });
    }
  };
  await Promise.all(Array.from({ length: 16 }, reader));
  return finals;
}
