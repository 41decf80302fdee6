/**
 * Whom this leader turned away. A gateway sends a request again until it is answered, so a copy of one
 * that was refused may come long after its caller was told, when nothing stands against it any more.
 *
 * W1  what was refused stays refused for as long as this leader leads: a copy finds the refusal.
 * W2  a copy of what its gateway has settled is not served.
 * W3  of each gateway the last `refusalsMax` are kept. A copy from before them that would begin or
 *     change something is answered `OUTCOME_UNKNOWN`.
 *
 * Requests to another leader are not served at all, so no more needs to be known by a successor.
 */
import { type Address, type Failure, failure, type Request, type RequestBody } from '@troupe/model';
import type { Asker } from './waiting.ts';

interface Gateway {
  /** All requests below it are settled. */
  low: number;
  /** By number, as they were refused. */
  readonly refusals: Map<number, Failure>;
  /** The greatest number whose refusal is not kept any more. */
  forgotten: number;
}

const refusalsMax = 4_096;
/** Processes that ever asked this leader; the first of more is forgotten with its refusals. */
const gatewaysMax = 1_024;

export class TurnedAway {
  readonly #gateways = new Map<Address, Gateway>();

  /** Of a copy: what it is told again, or `settled`. Nothing of what may be served. `isKnown`: whether
   *  serving it begins and changes nothing. */
  find(request: Request, isKnown: (body: RequestBody) => boolean): Failure | 'settled' | undefined {
    const { number, low, body, replyTo } = request;
    const gateway = this.#gateways.get(replyTo) ?? this.#add(replyTo);
    if (number < gateway.low) return 'settled';
    if (low > gateway.low) settle(gateway, low);
    const refusal = gateway.refusals.get(number);
    if (refusal !== undefined || number > gateway.forgotten || isKnown(body)) return refusal;
    const what = `"${body.kind}" came again after ${refusalsMax} later refusals`;
    return failure('OUTCOME_UNKNOWN', what);
  }

  note({ to, number }: Asker, refusal: Failure): void {
    const gateway = this.#gateways.get(to) ?? this.#add(to);
    const { refusals } = gateway;
    refusals.set(number, refusal);
    if (refusals.size <= refusalsMax) return;
    const [oldest = 0] = refusals.keys();
    refusals.delete(oldest);
    gateway.forgotten = Math.max(gateway.forgotten, oldest);
  }

  #add(address: Address): Gateway {
    const gateway: Gateway = { low: 0, refusals: new Map(), forgotten: 0 };
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
  for (const number of gateway.refusals.keys()) {
    // Nearly in their order: what lies behind a greater one goes a little later.
    if (number >= low) return;
    gateway.refusals.delete(number);
  }
}
