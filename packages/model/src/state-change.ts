/**
 * What turns one state of an actor into the next, as it stands in records and checkpoints. What leads from one
 * state to another is found by `worker-node/runner/src/delta.ts`.
 */
import { troupeError } from './errors.ts';

export type StatePath = readonly (string | number)[];

/** `set` a value, `cut` a key, `splice` an array. The empty path is the whole state. */
export type Change =
  | readonly ['set', StatePath, unknown]
  | readonly ['cut', StatePath]
  | readonly ['splice', StatePath, number, number, readonly unknown[]];

/** Names a place in a state as users write it: `state.sockets[0]`. */
export function placeOf(path: StatePath): string {
  let place = 'state';
  for (const part of path) place += typeof part === 'number' ? `[${part}]` : `.${part}`;
  return place;
}

/** Applies a delta in place and returns the state; only for a state that nobody else holds. */
export function applyDelta(state: unknown, delta: readonly Change[]): unknown {
  let root = state;
  for (const change of delta) {
    const path = change[1];
    const last = path.at(-1);
    if (last === undefined && change[0] === 'set') {
      root = change[2];
      continue;
    }
    if (change[0] === 'splice') {
      const target = walk(root, path, path.length) as unknown[];
      target.splice(change[2], change[3], ...change[4]);
      continue;
    }
    const target = walk(root, path, path.length - 1) as { [key: string | number]: unknown };
    if (last === undefined)
      throw troupeError('LOG_CORRUPT', 'a recorded change cuts all of a state');
    if (change[0] === 'set') target[last] = change[2];
    else delete target[last];
  }
  return root;
}

function walk(root: unknown, path: StatePath, depth: number): unknown {
  let target = root;
  for (let i = 0; i < depth; i++) {
    const fields = target as { [key: string | number]: unknown } | null | undefined;
    target = fields?.[path[i] as string | number];
  }
  if (typeof target !== 'object' || target === null) {
    throw troupeError(
      'LOG_CORRUPT',
      `a recorded change does not fit the state at ${placeOf(path)}`,
    );
  }
  return target;
}
