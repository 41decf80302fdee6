/** What a gateway learns from a journal that was read up to some point, all of it durable. */
import type { History } from '../history.ts';
import type { Gateway } from './gateway.ts';

export function seedGateway(_gateway: Gateway, _history: History): void {}
