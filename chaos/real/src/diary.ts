/** An actor whose state changes its form from version to version. */
import { actor } from '@troupe/sdk';

const turnLimitMs = 20_000;

/** An id, and the version whose code took it in. */
export type Entry = readonly [id: string, by: number];

interface Odd {
  entries: Entry[];
  /** Versions that the state was brought to, in order. */
  versions: number[];
}

/** The same under other names. */
interface Even {
  pages: { id: string; by: number }[];
  versions: number[];
}

type Reading =
  | { readonly entries: readonly Entry[] }
  | { readonly pages: readonly { readonly id: string; readonly by: number }[] };

/** The type with the code of this version; throws when it is given a state of the other form. */
export function diaryOf(version: number) {
  const written = (entries: readonly Entry[], versions: number[]): Odd | Even =>
    version % 2 === 1
      ? { entries: [...entries], versions }
      : { pages: entries.map(([id, by]) => ({ id, by })), versions };
  return actor('Diary', {
    version,
    state: (): Odd | Even => written([], [version]),
    migrate: (state: Odd | Even) => written(read(state), [...state.versions, version]),
    methods: {
      /** Answers the version that took it in. */
      add(c, id: string) {
        const { state } = c;
        if (version % 2 === 1 && 'entries' in state) state.entries.push([id, version]);
        else if (version % 2 === 0 && 'pages' in state) state.pages.push({ id, by: version });
        else throw new Error(`a state of another form came to version ${version}`);
        return version;
      },
    },
    reads: {
      all: (c) => ({ entries: read(c.state), versions: [...c.state.versions], read: version }),
    },
    turnLimitMs,
  });
}

function read(state: Reading): readonly Entry[] {
  if ('entries' in state) return [...state.entries];
  return state.pages.map(({ id, by }) => [id, by] as const);
}

/** What is deployed first: version 1 could not be migrated to. */
export const firstVersion = 2;
export const Diary = diaryOf(firstVersion);
