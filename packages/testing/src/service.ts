/** A unary call: what is asked of the leader for it, and how its answer is told. */
import type { CheckpointShelf } from '@troupe/fabric/shelf';
import {
  type Answer,
  type Failure,
  type ProgressView,
  type RequestBody,
  troupeError,
} from '@troupe/model';
import type { UnaryMethods } from '@troupe/sdk/door';

export type Ask = (body: RequestBody) => Promise<Answer>;
/** Where versions of actors are read from. */
export type Shelf = CheckpointShelf;
export type Method = keyof UnaryMethods;
export type Services = {
  readonly [M in Method]?: (
    request: UnaryMethods[M]['request'],
    ask: Ask,
    shelf: Shelf,
  ) => Promise<UnaryMethods[M]['response']>;
};

export function told<K extends Answer['kind']>(
  kind: K,
  answer: Answer,
): Extract<Answer, { kind: K }> {
  if (answer.kind === kind) return answer as Extract<Answer, { kind: K }>;
  throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
}

export function progressOf(progress: ProgressView | undefined) {
  if (progress === undefined) return {};
  const { share, text = '', agoMs } = progress;
  return { progress: { share, text, agoMs } };
}

export function errorOf({ code, message, details }: Failure) {
  return { code, message, detailsJson: details === undefined ? '' : JSON.stringify(details) };
}
