/**
 * The node process: `node main.js --config FILE`. Stdout carries one line, when the node is
 * welcomed; logs and the reason of a failed start go to stderr. Exit codes stand in `exit-codes.ts`.
 */
import {
  claimMember,
  configFileArgument,
  type Fabric,
  type Logger,
  type Membership,
  openFabric,
  processLogger,
  realClock,
  within,
} from '@troupe/fabric';
import { type Failure, failureOf, type Incarnation, limits, troupeError } from '@troupe/model';
import { readConfig } from './config.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { newIncarnation } from './incarnation.ts';
import { NodeHost } from './node-host.ts';
import { startWitness } from './witness.ts';

/** How long giving back the name and closing the connections may take at the end. */
const closeMs = 1_000;

/** Exit code after a second signal, as shells say it of an interrupted process. */
const interruptedCode = 130;

async function main(): Promise<void> {
  let host: NodeHost | undefined;
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    if (signals > 1 || host === undefined) {
      host?.killRunners();
      process.exit(signals > 1 ? interruptedCode : exitCodes.done);
    }
    host.leave();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('exit', () => host?.killRunners());

  try {
    const config = readConfig(configFileArgument());
    const incarnation = newIncarnation(config.node.name);
    const logger = processLogger(incarnation, config.logLevel);
    const fabric = await openFabric({ config, name: incarnation, logger });
    const membership = await claimMember({
      coordination: fabric.coordination,
      names: fabric.names,
      name: config.node.name,
      value: incarnation,
      ttlMs: limits.leaseMs,
      logger,
    });
    const witness = startWitness({ config, incarnation, logger });
    host = new NodeHost({
      config,
      incarnation,
      fabric,
      logger,
      ready: () => sayReady(incarnation),
      hasWitness: () => witness.answers,
    });
    guard(host, logger);
    const end = await host.run();
    if (end.failure !== undefined) say(end.failure);
    await closeWithin(fabric, membership, logger);
    process.exit(end.code);
  } catch (reason) {
    const why = failureOf(reason);
    say(why);
    process.exit(exitCodeOf(why));
  }
}

/** User code runs elsewhere, so whatever is uncaught here is a bug of this process. */
function guard(host: NodeHost, logger: Logger): void {
  const onBug = (reason: unknown) => {
    logger.error({ err: reason }, 'uncaught: this is a bug');
    host.crash(reason);
  };
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
}

async function closeWithin(fabric: Fabric, membership: Membership, logger: Logger): Promise<void> {
  const late = () => troupeError('UNAVAILABLE', 'etcd or NATS did not answer a close');
  const closed = membership.release().then(() => fabric.close());
  await within(realClock, closed, closeMs, late).catch((reason: unknown) => {
    logger.warn({ err: reason }, 'the connections were not closed in order');
  });
}

function sayReady(incarnation: Incarnation): void {
  process.stdout.write(`${JSON.stringify({ ready: { incarnation, pid: process.pid } })}\n`);
}

function say(why: Failure): void {
  process.stderr.write(`${why.code}: ${why.message}\n`);
}

await main();
