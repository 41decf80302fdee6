/** Takes what a method yields: a call under an id of its own, on a stream of its own to the gateway. */
import { limits, type SessionId, TroupeError, takenIn, troupeError } from '@troupe/model';
import {
  failureOfMessage,
  type OpenResponse,
  type TakeRequest,
  type TakeResponse,
} from '@troupe/sdk/door';
import type { TestStream } from './test-stream.ts';

/** After its deadline it is known whether a call could be sent, within the next sweep. */
const sweptMs = 1_000;
const nothing = new Uint8Array(0);

/** Of whom a take is: the same for everybody who has the id. */
export function sessionOf({ tenant, type, key, idempotencyKey }: TakeRequest): SessionId {
  return `key:${tenant}:${type}/${key}:${idempotencyKey}` as SessionId;
}

/** What there is from a position on, as soon as there is something; nothing after a while. */
export function take(
  request: TakeRequest,
  stream: TestStream,
  after: (ms: number, run: () => void) => () => void,
): Promise<TakeResponse> {
  const { tenant, type, key, method, value: args, from, scope, birth } = request;
  const deadlineMs = from === 0 ? request.deadlineMs : limits.takeMs;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      stream.end();
    };
    const cancel = after(deadlineMs + sweptMs, () => {
      leave();
      resolve({ position: from, values: [], ended: false, value: nothing });
    });
    stream.on('error', (error) => {
      cancel();
      reject(troupeError('UNAVAILABLE', error.message, {}, error));
    });
    stream.on('end', () => {
      cancel();
      reject(troupeError('UNAVAILABLE', 'the gateway ended the stream', {}, new Error('ended')));
    });
    stream.on('data', ({ messages }: OpenResponse) => {
      for (const { welcome, result, refused } of messages) {
        if (welcome) {
          const call = { number: 1, low: 1, type, key, method, args, deadlineMs, scope, birth };
          stream.write({ messages: [{ call: { ...call, from } as typeof call }] });
        } else if (result || refused) {
          leave();
          const error = refused ?? result?.error;
          if (error) reject(new TroupeError(failureOfMessage(error)));
          else answer(result?.value ?? nothing, from, resolve, reject);
        }
      }
    });
    stream.write({ messages: [{ hello: { session: sessionOf(request), tenant, version: '' } }] });
  });
}

function answer(
  bytes: Uint8Array,
  from: number,
  resolve: (taken: TakeResponse) => void,
  reject: (reason: Error) => void,
): void {
  const { position, values, end } = takenIn(bytes);
  if (end === undefined || position > from) {
    return resolve({ position, values, ended: false, value: nothing });
  }
  if (end.ok) resolve({ position, values, ended: true, value: end.value });
  else reject(new TroupeError(end.failure));
}
