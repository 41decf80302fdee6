/** Scheduler processes as an operator starts them: the built program and a configuration file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ForeignClient } from './foreign-client.ts';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Everything it said on stderr. */
  readonly said: string;
}

export interface SchedulerProcess {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
  readonly client: ForeignClient;
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

export interface ProcessPlan {
  readonly dir: string;
  readonly name: string;
  /** Top-level keys of the configuration. */
  readonly config: object;
  readonly scheduler?: object;
}

/** Starts one and waits for its ready line. */
export async function startScheduler(plan: ProcessPlan): Promise<SchedulerProcess> {
  const { child, exited } = launch(plan);
  const ready = readyLine(child);
  const first = await Promise.race([ready, exited]);
  if ('code' in first) throw new Error(`${plan.name} exited with ${first.code}: ${first.said}`);
  const client = new ForeignClient(first.address);
  void exited.then(() => client.close());
  return {
    name: plan.name,
    pid: first.pid,
    address: first.address,
    client,
    exited,
    kill: (signal) => child.kill(signal),
  };
}

/** Starts one that is expected to end by itself. */
export function exitOf(plan: ProcessPlan): Promise<Exit> {
  return launch(plan).exited;
}

let files = 0;

function launch({ dir, name, config, scheduler }: ProcessPlan): {
  child: ChildProcess;
  exited: Promise<Exit>;
} {
  const file = join(dir, `${name}-${++files}.json`);
  const section = { name, listen: '127.0.0.1:0', ...scheduler };
  writeFileSync(file, JSON.stringify({ ...config, scheduler: section }));
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const child = spawn(process.execPath, [program, '--config', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const log = createWriteStream(join(dir, `${name}-${files}.log`));
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    log.write(chunk);
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, said }));
  });
  return { child, exited };
}

async function readyLine(child: ChildProcess): Promise<{ address: string; pid: number }> {
  if (child.stdout === null) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    return (JSON.parse(line) as { ready: { address: string; pid: number } }).ready;
  }
  return await new Promise(() => {});
}

/** What the process says of itself and of the cluster. */
export interface Status {
  readonly leader: string;
  readonly term: { readonly number: number };
  readonly tenants: readonly { readonly tenant: string; readonly weight: number }[];
  readonly process: { readonly leading: boolean; readonly scheduler: string };
}

export async function statusOf(scheduler: SchedulerProcess): Promise<Status> {
  const { json } = await scheduler.client.call<{ json: string }>('ClusterService/Status', {});
  return JSON.parse(json) as Status;
}
