/** The scheduler process: `node dist/main.js --config FILE`. */
import { configFileArgument, processLogger } from '@troupe/fabric';
import { type ErrorCode, failureOf } from '@troupe/model';
import { readConfig } from './config.ts';
import { startScheduler } from './scheduler.ts';

/** Exit codes other than 1, by the code of a start that failed. */
const exitCodes: { readonly [code in ErrorCode]?: number } = {
  CONFIG_INVALID: 2,
  INVALID_ARGUMENT: 2,
  PORT_IN_USE: 2,
  ETCD_UNREACHABLE: 3,
  NATS_UNREACHABLE: 3,
  NATS_UNSUITABLE: 3,
  DEPOSED: 4,
  DATA_BEHIND: 5,
};

const drainMs = 5_000;

async function main(): Promise<void> {
  const config = readConfig(configFileArgument());
  const { name } = config.scheduler;
  const scheduler = await startScheduler(config, processLogger(name, config.logLevel));
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(0);
    stopping = true;
    scheduler.stop(drainMs).then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => process.exit(0));
  const { address } = scheduler;
  process.stdout.write(`${JSON.stringify({ ready: { name, address, pid: process.pid } })}\n`);
  await scheduler.ended;
}

function fail(thrown: unknown): void {
  const { code, message } = failureOf(thrown);
  process.stderr.write(`${code}: ${message}\n`);
  if (code === 'INTERNAL' && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  process.exit(exitCodes[code] ?? 1);
}

main().catch(fail);
