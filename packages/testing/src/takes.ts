/** Takes what a method yields: a call under an id of its own, on a stream of its own to the gateway. */
import {
  limits,
  type SessionId,
  type Taken,
  TroupeError,
  takenIn,
  troupeError,
  withKey,
} from '@troupe/model';
import {
  failureOfMessage,
  type OpenResponse,
  type TakeRequest,
  type TakeResponse,
} from '@troupe/sdk/door';
import { errorOf } from './service.ts';
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
  const { tenant, type, key, method, value: args, from, scope, birth, priority } = request;
  const { idempotencyKey } = request;
  const deadlineMs = from === 0 ? request.deadlineMs : limits.takeMs;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      stream.end();
    };
    const cancel = after(Math.max(deadlineMs, limits.takeMs) + sweptMs, () => {
      leave();
      resolve({ position: from, values: [], ended: false, value: nothing, error: null });
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
          const of = { deadlineMs, scope, birth, priority };
          const call = { number: 1, low: 1, type, key, method, args, ...of };
          stream.write({ messages: [{ call: { ...call, from, idempotencyKey } as typeof call }] });
        } else if (result || refused) {
          leave();
          const error = refused ?? result?.error;
          if (error) reject(new TroupeError(withKey(failureOfMessage(error), idempotencyKey)));
          else resolve(answerOf(takenIn(result?.value ?? nothing), from));
        }
      }
    });
    stream.write({ messages: [{ hello: { session: sessionOf(request), tenant, version: '' } }] });
  });
}

function answerOf({ position, values, end }: Taken, from: number): TakeResponse {
  const answer = { position, values, ended: false, value: nothing, error: null };
  if (end === undefined || position > from) return answer;
  if (end.ok) return { ...answer, ended: true, value: end.value };
  return { ...answer, ended: true, error: errorOf(end.failure) };
}
