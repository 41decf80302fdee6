/** The client over doors of one's own: what a test cluster needs, and users must not see. */
export { connectTo } from './connect.ts';
export type { Platform } from './platform.ts';
export type { Door, SessionStream } from './wire/door.ts';
export { failureOfMessage } from './wire/failures.ts';
export type {
  ActorActivityMessage,
  ClientMessage,
  ErrorMessage,
  OpenRequest,
  OpenResponse,
  ResultMessage,
  RunMessage,
  TakeRequest,
  TakeResponse,
  UnaryMethods,
} from './wire/messages.ts';
