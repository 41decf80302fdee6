/**
 * Holds the import graph and the layout of the repository: imports run one way, a package imports only
 * what it declares, the pure packages stay pure, and files keep a size that can be read.
 */
import { builtinModules } from 'node:module';
import { expect, test } from 'vitest';
import {
  declaredAtRoot,
  lineAt,
  type Room,
  readRooms,
  readSource,
  readSourceFiles,
  roomReached,
  type SourceFile,
} from './source/rooms.ts';

/** What the source of each room may import of ours. Rooms that are not named may import nothing. */
const edges: Record<string, readonly string[]> = {
  'packages/model': [],
  'scheduler/core': ['packages/model'],
  'worker-node/core': ['packages/model'],
  'packages/fabric': ['packages/model'],
  'packages/sdk': ['packages/model'],
  'scheduler/server': ['scheduler/core', 'packages/fabric', 'packages/model'],
  'worker-node/host': ['worker-node/core', 'packages/fabric', 'packages/model'],
  'worker-node/runner': ['packages/sdk', 'packages/model'],
  'packages/providers': ['packages/model'],
  'packages/testing': [
    'packages/virtual',
    'packages/sdk',
    'packages/fabric',
    'worker-node/runner',
    'packages/model',
  ],
  'packages/virtual': ['scheduler/core', 'worker-node/core', 'packages/fabric', 'packages/model'],
  'chaos/sim': [
    'packages/virtual',
    'scheduler/core',
    'worker-node/core',
    'packages/fabric',
    'packages/model',
  ],
  'packages/sim-format': ['packages/sdk', 'packages/model'],
  'packages/cli': [
    'packages/sdk',
    'packages/model',
    'packages/fabric',
    'packages/providers',
    'packages/sim-format',
  ],
  'chaos/faults': [],
  'chaos/real': [
    'packages/sdk',
    'packages/cli',
    'packages/fabric',
    'packages/providers',
    'chaos/faults',
  ],
};

/** Entries beside the main one of a package, which nothing else of it imports, and what they may import. */
const entries: Record<string, readonly string[]> = {
  'packages/sdk/testing/index.ts': ['packages/testing'],
};

/** Processes: they are started, never imported. */
const processes = ['scheduler/server', 'worker-node/host'];
const free = /^(examples\/|bench$|test$)/;
const pure = ['packages/model', 'scheduler/core', 'worker-node/core'];

const lineCountMax = 700;
const indexLineCountMax = 60;
const emptyNouns = ['utils', 'common', 'helpers', 'misc', 'lib', 'managers'];

/** Rooms that run in a test cluster too, on virtual time, but for the files named: those make the rest of
 *  the room for a process of its own. */
const timed: Record<string, readonly string[]> = {
  'packages/sdk': ['connect.ts', 'platform.ts', 'wire/channel.ts'],
  'worker-node/runner': [
    'long-timer.ts',
    'main.ts',
    'orphan-guard.ts',
    'pipe.ts',
    'turn-meter.ts',
    'use-meter.ts',
  ],
};

const clocks =
  /(?<![.\w$])(?:set(?:Timeout|Interval|Immediate)|performance|randomUUID|Math\.random|Date\.now)\b/g;

/** What the pure packages must not touch; `instanceof Date` is a question about a value, and a `Date` of
 *  a time that is given is one. */
const ambient =
  /(?<![.\w$])(?:process|performance|console|fetch|globalThis|Buffer|crypto|require|set(?:Timeout|Interval|Immediate)|queueMicrotask)\b(?!\s*\??:)|(?<![.\w$])Math\s*\.\s*random\b|(?<![.\w$])(?:new\s+)Date\b(?!\s*\([^)])|(?<![.\w$]|new\s)Date\s*[.(]/g;

const rooms = readRooms();
const atRoot = declaredAtRoot();
const files = readSourceFiles(rooms);

test('imports run one way', () => {
  expect(files.flatMap(wrongEdges)).toEqual([]);
});

test('a package imports only what its package.json declares', () => {
  expect(files.flatMap(undeclared)).toEqual([]);
});

test('the machines and the model touch neither Node nor clock nor chance', () => {
  expect(files.flatMap(impure)).toEqual([]);
});

test('a client and a runner take time and chance from whoever makes them', () => {
  expect(files.flatMap(ownTime)).toEqual([]);
});

test('a public API fits on one screen, and no file is longer than anyone reads', () => {
  expect(files.flatMap(tooLong)).toEqual([]);
});

test('every folder is a noun of the domain', () => {
  expect(files.flatMap(emptyFolders)).toEqual([]);
});

test('an entry beside the main one is there, and nothing of its package imports it', () => {
  for (const entry of Object.keys(entries)) {
    const file = files.find(({ path }) => path === entry);
    expect(file).toBeDefined();
    const siblings = files.filter((one) => one.room === file?.room && one !== file);
    const reached = siblings.flatMap(({ imports }) => imports).map(({ specifier }) => specifier);
    expect(reached.filter((specifier) => specifier.includes('testing'))).toEqual([]);
  }
});

test('every room that the graph names is there', () => {
  const paths = rooms.map((room) => room.path);
  expect(Object.keys(edges).filter((path) => !paths.includes(path))).toEqual([]);
  for (const path of Object.keys(edges)) {
    expect(files.some((file) => file.room.path === path && !file.isTest)).toBe(true);
  }
});

test.each([
  [
    'a core that imports fabric',
    "import { x } from '@troupe/fabric';",
    'worker-node/core',
    wrongEdges,
  ],
  [
    'a type of fabric in the model',
    "import type { X } from '@troupe/fabric';",
    'packages/model',
    wrongEdges,
  ],
  [
    'a path into another package',
    "export * from '../../fabric/src/index.ts';",
    'packages/sdk',
    wrongEdges,
  ],
  [
    'a process, imported late',
    "const x = await import('@troupe/scheduler-server');",
    'packages/cli',
    wrongEdges,
  ],
  ['a process, imported by a test', "import '@troupe/worker-node-host';", 'test', wrongEdges],
  [
    'a path into a process',
    "import { x } from '../../worker-node/host/src/x.ts';",
    'bench',
    wrongEdges,
  ],
  [
    'an import over several lines',
    "import {\n  parse,\n} from 'yaml';",
    'packages/sdk',
    undeclared,
  ],
  [
    'a cluster in what every application carries',
    "import { TestCluster } from '@troupe/testing';",
    'packages/sdk',
    wrongEdges,
  ],
  [
    'an undeclared package of ours',
    "import { x } from '@troupe/cli';",
    'packages/fabric',
    undeclared,
  ],
  ['files in a core', "import { readFileSync } from 'node:fs';", 'scheduler/core', impure],
  ['the clock in a core', 'const at = Date.now();', 'worker-node/core', impure],
  ['the date in the model', 'const at = new Date();', 'packages/model', impure],
  ['chance in a core', 'const luck = Math.random();', 'scheduler/core', impure],
  ['a timer in a core', 'setTimeout(() => {}, 10);', 'scheduler/core', impure],
  ['a timer of its own in a client', 'setTimeout(() => {}, 10);', 'packages/sdk', ownTime],
  ['a timer of its own in a runner', 'setTimeout(() => {}, 10);', 'worker-node/runner', ownTime],
  [
    'the timers of the process in a runner',
    "import { after } from './long-timer.ts';",
    'worker-node/runner',
    ownTime,
  ],
  ['the environment in the model', 'if (process.env.DEBUG) {}', 'packages/model', impure],
] as const)('refused: %s', (_title, text, path, rule) => {
  const problems = rule(readSource(`${path}/src/a.ts`, roomAt(path), false, text));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^${path}/src/a.ts:[1-3] `));
});

test('refused: an index of 61 lines, a file of 701, a folder called utils', () => {
  const room = roomAt('packages/sdk');
  const read = (path: string, lines: number) =>
    readSource(`packages/sdk/src/${path}`, room, false, '//\n'.repeat(lines));
  expect(tooLong(read('index.ts', 60))).toEqual([]);
  expect(tooLong(read('index.ts', 61))).toHaveLength(1);
  expect(tooLong(read('long.ts', 700))).toEqual([]);
  expect(tooLong(read('long.ts', 701))).toHaveLength(1);
  expect(emptyFolders(read('utils/text.ts', 1))).toHaveLength(1);
});

test.each([
  ['a comment', "// import { x } from '@troupe/fabric';", 'packages/model'],
  ['a string', 'const code = "import(\'@troupe/fabric\')";', 'packages/model'],
  ['words in a string', "const words = 'the process; new Date()';", 'packages/model'],
  ['the question whether a value is a date', 'const is = value instanceof Date;', 'packages/model'],
  ['a field of that name', 'const kind = { process: 1 }.process;', 'packages/model'],
  ['a core that imports the model', "import { x } from '@troupe/model';", 'scheduler/core'],
] as const)('allowed: %s', (_title, text, path) => {
  const file = readSource(`${path}/src/a.ts`, roomAt(path), false, text);
  expect([wrongEdges, undeclared, impure].flatMap((rule) => rule(file))).toEqual([]);
});

function wrongEdges(file: SourceFile): string[] {
  const from = file.room.path;
  const mayImport = (to: string) => {
    if (to === from) return true;
    if (processes.includes(to)) return false;
    const allowed = entries[file.path] ?? edges[from] ?? [];
    return free.test(from) || file.isTest || allowed.includes(to);
  };
  return file.imports.flatMap(({ line, specifier }) => {
    const to = specifier.startsWith('.')
      ? roomReached(file, specifier, rooms)
      : rooms.find((room) => room.name === packageOf(specifier))?.path;
    if (to === undefined || mayImport(to)) return [];
    return [`${file.path}:${line} imports ${specifier}: ${from} must not import ${to}`];
  });
}

function undeclared(file: SourceFile): string[] {
  const known = (name: string) =>
    file.room.declared.has(name) || name === file.room.name || (file.isTest && atRoot.has(name));
  return file.imports.flatMap(({ line, specifier }) => {
    if (specifier.startsWith('.') || isBuiltin(specifier) || known(packageOf(specifier))) return [];
    return [`${file.path}:${line} imports ${specifier}, which its package.json does not declare`];
  });
}

function impure(file: SourceFile): string[] {
  if (!pure.includes(file.room.path) || file.isTest) return [];
  const modules = file.imports
    .filter(({ specifier }) => isBuiltin(specifier))
    .map(({ line, specifier }) => `${file.path}:${line} imports ${specifier}`);
  const names = [...file.code.matchAll(ambient)].map(
    (match) => `${file.path}:${lineAt(file.code, match.index)} uses ${match[0].trim()}`,
  );
  return [...modules, ...names];
}

function ownTime(file: SourceFile): string[] {
  const { path } = file.room;
  const makers = timed[path];
  if (makers === undefined || !file.path.startsWith(`${path}/src/`)) return [];
  if (makers.some((maker) => file.path === `${path}/src/${maker}`)) return [];
  const names = [...file.code.matchAll(clocks)].map(
    (match) => `${file.path}:${lineAt(file.code, match.index)} uses ${match[0]}`,
  );
  const isTimer = /import \{[^}]*\bafter\b[^}]*\} from\s+'[./]*long-timer\.ts'/.exec(file.text);
  if (isTimer === null) return names;
  return [...names, `${file.path}:${lineAt(file.text, isTimer.index)} imports long-timer.ts`];
}

function tooLong(file: SourceFile): string[] {
  const isIndex = file.path === `${file.room.path}/src/index.ts`;
  const most = isIndex ? indexLineCountMax : lineCountMax;
  if (file.lineCount <= most) return [];
  return [`${file.path}: has ${file.lineCount} lines, at most ${most} are allowed`];
}

function emptyFolders(file: SourceFile): string[] {
  const empty = file.path
    .split('/')
    .slice(0, -1)
    .filter((folder) => emptyNouns.includes(folder));
  return empty.map((folder) => `${file.path}: the folder "${folder}" says nothing`);
}

function roomAt(path: string): Room {
  const room = rooms.find((candidate) => candidate.path === path);
  if (room === undefined) throw new Error(`no room ${path}`);
  return room;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}
