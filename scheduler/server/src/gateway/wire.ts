/**
 * The gRPC definition of `proto/troupe/v1/troupe.proto`, loaded once, and the shapes that
 * proto-loader gives its messages. 64-bit numbers arrive as numbers: what does not fit is rounded
 * beyond the safe range and refused by whoever reads the field.
 *
 * W1  bytes that are no message of the expected type become `malformed`, never a broken stream.
 */
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';
import type { StoredObject } from '@troupe/model';
import { protoPath as healthProto } from 'grpc-health-check';

/** `src/gateway` and `dist/gateway` lie at the same depth. */
const troupeProto = fileURLToPath(
  new URL('../../../../proto/troupe/v1/troupe.proto', import.meta.url),
);

const options: Options = {
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: false,
};

/** Everything this server offers, for reflection too. */
export const packageDefinition: PackageDefinition = loadSync([troupeProto, healthProto], options);

/** Stands for a message that could not be decoded (W1). */
export const malformed: unique symbol = Symbol('malformed');

export type ServiceName =
  | 'SessionService'
  | 'ActorsService'
  | 'TasksService'
  | 'RunsService'
  | 'DeploymentsService'
  | 'ClusterService'
  | 'ObjectsService'
  | 'ScopesService'
  | 'CheckpointsService';

export const serviceNames: readonly ServiceName[] = [
  'SessionService',
  'ActorsService',
  'TasksService',
  'RunsService',
  'DeploymentsService',
  'ClusterService',
  'ObjectsService',
  'ScopesService',
  'CheckpointsService',
];

/** The definition of one service, with decoding that cannot fail (W1). */
export function serviceDefinition(
  name: ServiceName,
): ServiceDefinition<UntypedServiceImplementation> {
  const loaded = packageDefinition[`troupe.v1.${name}`];
  if (loaded === undefined || 'format' in loaded) throw new Error(`the proto has no ${name}`);
  const guarded: { [method: string]: ServiceDefinition[string] } = {};
  for (const [method, definition] of Object.entries(loaded)) {
    guarded[method] = {
      ...definition,
      requestDeserialize: (bytes: Buffer): object | typeof malformed => {
        try {
          return definition.requestDeserialize(bytes);
        } catch {
          return malformed;
        }
      },
    };
  }
  return guarded;
}

export interface HelloMessage {
  readonly session: string;
  readonly tenant: string;
  readonly version: string;
}

export interface CallMessage {
  readonly number: number;
  readonly low: number;
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly args: Uint8Array;
  readonly deadlineMs: number;
  readonly scope: string;
  readonly atTurn?: number;
  readonly birth: number;
  readonly priority: string;
}

export interface SubmitMessage {
  readonly number: number;
  readonly task: string;
  readonly name: string;
  readonly input: Uint8Array;
  readonly priority: string;
  readonly retries: number;
  readonly limitMs: number;
  readonly queue: string;
  readonly dueInMs: number;
}

export interface ClientMessage {
  readonly hello?: HelloMessage | null;
  readonly call?: CallMessage | null;
  readonly cancel?: { readonly number: number } | null;
  readonly submit?: SubmitMessage | null;
}

export interface OpenRequest {
  readonly messages: readonly ClientMessage[];
}

export interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly detailsJson: string;
}

export type ServerMessage =
  | {
      readonly welcome: {
        readonly cell: string;
        readonly version: string;
        readonly gateway: string;
      };
    }
  | {
      readonly result: {
        readonly number: number;
        readonly value?: Uint8Array;
        readonly objects?: readonly StoredObject[];
        readonly error?: ErrorMessage;
      };
    }
  | { readonly refused: ErrorMessage };

export interface OpenResponse {
  readonly messages: readonly ServerMessage[];
}
