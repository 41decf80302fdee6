/**
 * What this leader told. A gateway sends a request again until it is answered, so a copy may come long after
 * its caller was told: of one that was refused, when nothing stands against it any more; of one that
 * was carried out, when others have changed the same since.
 *
 * W1  what was refused, or changed something, is not carried out by a copy: that finds the answer, for as long as
 *     this leader leads. Tasks, runs and gangs are known by their ids, whatever becomes of them.
 * W2  a copy of what its gateway has settled is not served.
 * W3  of each gateway the last `answersMax` are kept. A copy from before them that would begin or
 *     change something is answered `OUTCOME_UNKNOWN`.
 *
 * Requests to another leader are not served at all, so no more needs to be known by a successor.
 */
import { type Address, type Answer, failure, type Request, type RequestBody } from '@troupe/model';
import type { Asker } from './waiting.ts';

interface Gateway {
  /** All requests below it are settled. */
  low: number;
  /** By the number of the request. */
  readonly answers: Map<number, Answer>;
  /** The greatest number whose answer is not kept any more. */
  forgotten: number;
}

const answersMax = 4_096;
/** Processes that ever asked this leader; the first of more is forgotten with its answers. */
const gatewaysMax = 1_024;

/** Those of changes, which are short. */
const kept: ReadonlySet<Answer['kind']> = new Set([
  'failed',
  'done',
  'migrated',
  'tenant',
  'reservation',
  'deployed',
  'savepoint',
  'rewound',
  'actor',
]);

export class Told {
  readonly #gateways = new Map<Address, Gateway>();

  /** Answers that are kept. */
  get size(): number {
    let size = 0;
    for (const { answers } of this.#gateways.values()) size += answers.size;
    return size;
  }

  /** Of a copy: what it is told again, or `settled`. Nothing of what may be served. `isKnown`: whether
   *  serving it begins and changes nothing. */
  find(request: Request, isKnown: (body: RequestBody) => boolean): Answer | 'settled' | undefined {
    const { number, low, body, replyTo } = request;
    const gateway = this.#gateways.get(replyTo) ?? this.#add(replyTo);
    if (number < gateway.low) return 'settled';
    if (low > gateway.low) settle(gateway, low);
    const answer = gateway.answers.get(number);
    if (answer !== undefined || number > gateway.forgotten || isKnown(body)) return answer;
    const what = `"${body.kind}" came again after ${answersMax} later answers`;
    return { kind: 'failed', failure: failure('OUTCOME_UNKNOWN', what) };
  }

  note({ to, number }: Asker, answer: Answer): void {
    if (!kept.has(answer.kind)) return;
    const gateway = this.#gateways.get(to) ?? this.#add(to);
    const { answers } = gateway;
    answers.set(number, answer);
    if (answers.size <= answersMax) return;
    const [oldest = 0] = answers.keys();
    answers.delete(oldest);
    gateway.forgotten = Math.max(gateway.forgotten, oldest);
  }

  #add(address: Address): Gateway {
    const gateway: Gateway = { low: 0, answers: new Map(), forgotten: 0 };
    this.#gateways.set(address, gateway);
    if (this.#gateways.size > gatewaysMax) {
      const [oldest] = this.#gateways.keys();
      if (oldest !== undefined) this.#gateways.delete(oldest);
    }
    return gateway;
  }
}

function settle(gateway: Gateway, low: number): void {
  gateway.low = low;
  for (const number of gateway.answers.keys()) {
    // Nearly in their order: what lies behind a greater one goes a little later.
    if (number >= low) return;
    gateway.answers.delete(number);
  }
}
