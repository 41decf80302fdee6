/** What the errors of nats.js mean. Everything not named here is an unknown outcome. */
import { ErrorCode, NatsError } from 'nats';

/** Error numbers of the JetStream API. */
export const jetStreamCode = {
  wrongLastSequence: 10_071,
  streamNotFound: 10_059,
  noMessage: 10_037,
  nameInUse: 10_058,
  streamMismatch: 10_060,
  noSuitablePeers: 10_005,
} as const;

export function apiCode(thrown: unknown): number | undefined {
  return thrown instanceof NatsError ? thrown.api_error?.err_code : undefined;
}

export function isNoMessage(thrown: unknown): boolean {
  if (apiCode(thrown) === jetStreamCode.noMessage) return true;
  // A direct get answers with a status line instead of an API error.
  return (
    thrown instanceof NatsError &&
    thrown.api_error === undefined &&
    thrown.code === ErrorCode.JetStream404NoMessages
  );
}

export function isStreamGone(thrown: unknown): boolean {
  return apiCode(thrown) === jetStreamCode.streamNotFound;
}

/** The server has understood the request and says no: asking again changes nothing. */
export function isDefinite(thrown: unknown): boolean {
  if (isNoMessage(thrown)) return true;
  if (!(thrown instanceof NatsError)) return false;
  if (thrown.code === ErrorCode.MaxPayloadExceeded) return true;
  // Servers of a cluster that has just begun, or lost one, do not know each other's room yet.
  if (apiCode(thrown) === jetStreamCode.noSuitablePeers) return false;
  const status = thrown.api_error?.code ?? 0;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

export function isNoResponders(thrown: unknown): boolean {
  return thrown instanceof NatsError && thrown.code === ErrorCode.NoResponders;
}

/** Retrying with the same name and password changes nothing. */
export function isRefusedLogin(thrown: unknown): boolean {
  if (!(thrown instanceof NatsError)) return false;
  return (
    thrown.code === ErrorCode.AuthorizationViolation ||
    thrown.code === ErrorCode.BadAuthentication ||
    thrown.code === ErrorCode.BadCreds
  );
}

export function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
