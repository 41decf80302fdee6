/** Failures as they come over the wire: in a message, or as the status of a call. */
import { type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type Failure,
  type FailureDetails,
  failure,
  isErrorCode,
  TroupeError,
  troupeError,
} from '@troupe/model';
import type { ErrorMessage } from './messages.ts';

export function failureOfMessage(error: ErrorMessage): Failure {
  const { code, message, detailsJson } = error;
  if (!isErrorCode(code)) {
    return failure('INTERNAL', `the cluster answered with the unknown code ${code}: ${message}`);
  }
  const details = detailsOf(detailsJson);
  return details === undefined ? { code, message } : { code, message, details };
}

/** The error that a failed unary call stands for. `what` names the call. */
export function errorOfStatus(error: ServiceError, what: string, address: string): TroupeError {
  const code = textOf(error.metadata, 'troupe-code');
  if (code !== undefined && isErrorCode(code)) {
    const detailsJson = textOf(error.metadata, 'troupe-details') ?? '';
    return new TroupeError(failureOfMessage({ code, message: error.details, detailsJson }));
  }
  const said = `${what} at ${address}: ${error.details}`;
  if (error.code === status.UNAVAILABLE || isCutOff(error)) {
    return troupeError('UNAVAILABLE', said, {}, error);
  }
  if (error.code === status.DEADLINE_EXCEEDED)
    return troupeError('OUTCOME_UNKNOWN', said, {}, error);
  return troupeError('INTERNAL', said, {}, error);
}

/** A gateway that ends closes what is open without a word; grpc-js calls that an internal error. */
function isCutOff({ code, details }: ServiceError): boolean {
  return code === status.INTERNAL && details.startsWith('Received RST_STREAM with code');
}

function textOf(metadata: Metadata | undefined, key: string): string | undefined {
  const value = metadata?.get(key)[0];
  return value === undefined ? undefined : String(value);
}

function detailsOf(json: string): FailureDetails | undefined {
  if (json === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return { text: json };
  }
}
