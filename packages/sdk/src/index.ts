/** The whole public surface of Troupe: definitions, and the client. */
export * from './define.ts';
export type {
  CallOptions,
  ConnectOptions,
  Deployed,
  RunHandle,
  StartOptions,
  SubmitOptions,
  Troupe,
} from './troupe.ts';
