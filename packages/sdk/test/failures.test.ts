import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { errorOfStatus } from '../src/wire/failures.ts';

function ended(code: status, details: string, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata });
}

const toldOf = (error: ServiceError) => errorOfStatus(error, 'TasksService/Submit', 'host:1').code;

it('a call that its gateway let go of as it ended may be asked again, and is no bug', () => {
  const details = 'Received RST_STREAM with code 0 (Call ended without gRPC status)';
  expect(toldOf(ended(status.INTERNAL, details))).toBe('UNAVAILABLE');
  expect(toldOf(ended(status.UNAVAILABLE, 'Connection dropped'))).toBe('UNAVAILABLE');
});

it('what a gateway says is taken from it, and another internal error is one', () => {
  const metadata = new Metadata();
  metadata.set('troupe-code', 'WRONG_STATE');
  expect(toldOf(ended(status.INTERNAL, 'Received RST_STREAM with code 0', metadata))).toBe(
    'WRONG_STATE',
  );
  expect(toldOf(ended(status.INTERNAL, 'it broke'))).toBe('INTERNAL');
});
