/**
 * Reads segments of the past of actors, and versions of them.
 *
 * X9  each request is answered once: by what lies there, or by a failure, in bounded time.
 */
import type { Checkpoints } from '@troupe/fabric';
import { type Bytes, type Failure, failure, TroupeError } from '@troupe/model';
import type { NodeWork } from '@troupe/worker-node-core';
import { type Patience, patiently } from './patience.ts';

export interface PastReaderStart {
  readonly checkpoints: Checkpoints;
  read(ask: number, bodies: readonly (Bytes | undefined)[]): void;
  failed(ask: number, why: Failure): void;
}

const patience: Patience = { limitMs: 20_000, firstMs: 100, longestMs: 5_000 };

export class PastReader {
  readonly #start: PastReaderStart;

  constructor(start: PastReaderStart) {
    this.#start = start;
  }

  read({ ask, keys }: Extract<NodeWork, { kind: 'read-past' }>): void {
    const { checkpoints } = this.#start;
    this.#answer(ask, async () => {
      const stored = await Promise.all(keys.map((key) => checkpoints.get(key)));
      return stored.map((one) => one?.body);
    });
  }

  readVersion({ ask, actor, revision }: Extract<NodeWork, { kind: 'read-version' }>): void {
    this.#answer(ask, async () => {
      const found = await this.#start.checkpoints.version(actor, revision);
      return [found?.body, found?.base];
    });
  }

  #answer(ask: number, read: () => Promise<readonly (Bytes | undefined)[]>): void {
    patiently(patience, read).then(
      (bodies) => this.#start.read(ask, bodies),
      (reason: unknown) => {
        if (reason instanceof TroupeError && reason.code === 'LOG_CORRUPT') {
          return this.#start.failed(ask, reason.toFailure());
        }
        const text = reason instanceof Error ? reason.message : String(reason);
        const why = failure('UNAVAILABLE', `the past of an actor could not be read: ${text}`);
        this.#start.failed(ask, why);
      },
    );
  }
}
