/** The way to one gateway: over gRPC, or in a test cluster within the process. */
import type { Bytes, StoredObject } from '@troupe/model';
import type { DeployResponse, OpenRequest, OpenResponse, UnaryMethods } from './messages.ts';

export interface SessionStream {
  on(event: 'data', heard: (response: OpenResponse) => void): unknown;
  on(event: 'error', heard: (error: Error) => void): unknown;
  on(event: 'drain' | 'end', heard: () => void): unknown;
  /** False: full, until `drain`. */
  write(request: OpenRequest): boolean;
  end(): unknown;
  cancel(): void;
}

export interface Door {
  readonly address: string;
  openSession(): SessionStream;
  unary<M extends keyof UnaryMethods>(
    method: M,
    request: UnaryMethods[M]['request'],
    deadlineMs: number,
  ): Promise<UnaryMethods[M]['response']>;
  deploy(tenant: string, bytes: Uint8Array, deadlineMs: number): Promise<DeployResponse>;
  /** The bytes of a large output, as they come. */
  read(object: StoredObject, deadlineMs: number): Promise<Bytes>;
  close(): void;
}
