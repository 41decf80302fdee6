/**
 * What docker-compose.yml promises, held without Docker: the file by the schema of Compose, the servers'
 * configuration by the servers themselves, and the cell's by starting it from the very files, with
 * only addresses and folders changed.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBinary, freePort, startEtcd } from '@troupe/fabric/servers';
import { DCLinter } from 'dclint';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Started, start } from './process/started.ts';
import { root } from './source/rooms.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'troupe-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const service = z.object({
  image: z.string().optional(),
  build: z.object({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  hostname: z.string().optional(),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
});
const compose = z
  .object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
  .parse(parse(read('docker-compose.yml'), { merge: true }));
const services = Object.entries(compose.services);

test('the compose file is valid', () => {
  expect(lint(join(root, 'docker-compose.yml'))).toEqual([]);
});

test.each([
  ['a misspelt key', 'healthcheck:', 'healthchek:'],
  ['a wrong condition', 'service_healthy', 'service_helthy'],
  ['a port that is open to everybody', '"127.0.0.1:7411:7411"', '"7411:7411"'],
])('a compose file with %s is refused', (title, text, broken) => {
  const file = join(folder, `${title.replaceAll(' ', '-')}.yml`);
  writeFileSync(file, read('docker-compose.yml').replaceAll(text, broken));
  expect(lint(file)).not.toEqual([]);
});

test('every file and volume that a service uses is there', () => {
  for (const [, { build, volumes, command }] of services) {
    if (build !== undefined)
      expect(existsSync(join(root, build.context, build.dockerfile))).toBe(true);
    for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
      if (source.startsWith('.')) expect(existsSync(join(root, source)), source).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
    if (build !== undefined) expectProgram(command[0]);
  }
});

test('the image takes what is in the repository', () => {
  const copied = [
    ...read('deploy/Dockerfile').matchAll(/^COPY --from=build .*?\/troupe\/(\S+) /gm),
  ];
  const built = ['node_modules'];
  for (const [, path = ''] of copied) {
    expect(built.includes(path) || existsSync(join(root, path)), path).toBe(true);
  }
  const projects = /tsc -b (.*?) \\$/m.exec(read('deploy/Dockerfile'))?.[1]?.split(' ') ?? [];
  expect(projects.length).toBeGreaterThan(0);
  for (const path of projects)
    expect(existsSync(join(root, path, 'tsconfig.json')), path).toBe(true);
});

test('nats-server and etcd accept their configuration', async () => {
  const file = join(root, 'deploy', 'nats.conf');
  await run(await findBinary('nats-server'), ['-t', '--config', file]);
  const { stdout } = await run(await findBinary('etcd'), ['--help']);
  for (const argument of compose.services['etcd']?.command.slice(1) ?? []) {
    expect(stdout).toContain(`${argument.split('=')[0]} `);
  }
});

test('the cell comes up from the files of the deployment, and its health check says so', async () => {
  await using etcd = disposable(await startEtcd({ dataDir: join(folder, 'etcd') }));
  const ports = { nats: await freePort(), health: await freePort() };
  await using nats = await startNatsAsDeployed(ports);
  await healthy(`http://127.0.0.1:${ports.health}/healthz`, nats);

  const changes: Changes = [
    ['http://etcd:2379', etcd.url],
    ['nats://nats:4222', `nats://127.0.0.1:${ports.nats}`],
    ['0.0.0.0:7411', '127.0.0.1:0'],
    ['data: /data', `data: ${JSON.stringify(join(folder, 'node'))}`],
  ];
  await using first = startAsDeployed('s1', changes);
  await using second = startAsDeployed('s2', changes);
  const [, address = ''] = await first.says(/"address":"([^"]+)"/);
  await second.says(/"name":"s2"/);
  await using node = startAsDeployed('n1', changes);
  await node.says(/"incarnation":"[a-z0-9-]+\./);

  const { test: check } = compose.services['s1']?.healthcheck ?? { test: [] };
  expect(check.slice(0, 3)).toEqual(['CMD', 'node', 'deploy/health.mjs']);
  await run(process.execPath, [join(root, 'deploy', 'health.mjs'), address]);
  const closed = run(process.execPath, [join(root, 'deploy', 'health.mjs'), '127.0.0.1:1']);
  await expect(closed).rejects.toMatchObject({ code: 1 });

  for (const process of [node, second, first]) {
    process.child.kill('SIGTERM');
    expect(await process.ended).toMatchObject({ code: 0 });
  }
});

type Changes = readonly (readonly [from: string, to: string])[];

/** The command of a service, on this machine: its mounted file is read from the repository. */
function startAsDeployed(name: string, changes: Changes): Started {
  const { command = [], volumes = [] } = compose.services[name] ?? {};
  const [program = '', option = '', mounted = ''] = command;
  const source = volumes.find((volume) => volume.split(':')[1] === mounted)?.split(':')[0] ?? '';
  const file = changed(source, changes, `${name}.yaml`);
  return start(process.execPath, [join(root, program), option, file], { env: environment() });
}

async function startNatsAsDeployed(ports: { nats: number; health: number }): Promise<Started> {
  const store = join(folder, 'nats');
  mkdirSync(store);
  const file = changed(
    './deploy/nats.conf',
    [
      ['0.0.0.0:4222', `127.0.0.1:${ports.nats}`],
      ['127.0.0.1:8222', `127.0.0.1:${ports.health}`],
      ['store_dir: /data', `store_dir: ${JSON.stringify(store)}`],
    ],
    'nats.conf',
  );
  return start(await findBinary('nats-server'), ['--config', file]);
}

/** A copy of a file with other addresses; one that is not in it is a mistake of this test. */
function changed(source: string, changes: Changes, name: string): string {
  const used = changes.filter(([from]) => read(source).includes(from));
  expect(used.length).toBeGreaterThan(1);
  const text = used.reduce((before, [from, to]) => before.replaceAll(from, to), read(source));
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Asks until the server answers; a server that ended never will. */
async function healthy(url: string, server: Started): Promise<void> {
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  while (!ended) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
  }
  throw new Error(`ended: ${(await server.ended).stderr}`);
}

const complaints = z.array(
  z.object({ messages: z.array(z.object({ rule: z.string(), message: z.string() })) }),
);

function lint(file: string): string[] {
  const opinions = [
    'services-alphabetical-order',
    'service-keys-order',
    'top-level-properties-order',
  ];
  // This rule does not see quotes behind a merge key.
  const off = [...opinions, 'require-quotes-in-ports'];
  const rules = Object.fromEntries(off.map((rule) => [rule, 0 as const]));
  const linter = new DCLinter({ rules, quiet: true, debug: false, exclude: [] });
  return complaints
    .parse(linter.lintFiles([file], false))
    .flatMap(({ messages }) => messages.map(({ rule, message }) => `${rule}: ${message}`));
}

/** `dist` is made from `src`: the source of the program must be there. */
function expectProgram(program = ''): void {
  const source = program.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
  expect(existsSync(join(root, source)), source).toBe(true);
}

function environment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function disposable<S extends { stop(): Promise<unknown> }>(server: S): S & AsyncDisposable {
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      await server.stop();
    },
  });
}
