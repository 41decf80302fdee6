/** Deliberate faults in what a topic is told, and in what is kept of it. */
import { type ActorId, type Call, decode, decodeValue, encode, encodeValue } from '@troupe/model';
import { isTopic } from '../node/program.ts';

/** The subscription of one whose name is longer. */
export function subscribedForAnother(call: Call): Call {
  if (!isTopic(call.actor) || call.method !== 'subscribe') return call;
  const [type, key, method] = decodeValue(call.args) as readonly string[];
  return { ...call, args: encodeValue([type, `${key}0`, method]) };
}

/** The body of a checkpoint as far as it is spoilt here. */
interface Body {
  readonly actor: ActorId;
  readonly state?: Uint8Array;
}

export function withoutSubscribers(bytes: Uint8Array): Uint8Array {
  const body = decode<Body>(bytes);
  if (!isTopic(body.actor) || body.state === undefined) return bytes;
  const state = { ...decode<object>(body.state), subscribers: [] };
  return encode({ ...body, state: encode(state) });
}
