/** The whole `troupe` command: its parts, and what its end means. */
import { failureOf, version } from '@troupe/model';
import { Command, CommanderError } from 'commander';
import { terminal } from '../terminal/terminal.ts';
import { addActor } from './actor.ts';
import { addActors } from './actors.ts';
import { addCall } from './call.ts';
import { addChaos } from './chaos.ts';
import { addCheckpoints } from './checkpoints.ts';
import { addConfig } from './config.ts';
import { addDemand } from './demand.ts';
import { addDeploy } from './deploy.ts';
import { tellParent } from './detach.ts';
import { addDown } from './down.ts';
import { addEvents } from './events.ts';
import { exitCodeHelp, exitCodeOf, exitCodes, UsageError } from './exit-code.ts';
import { addImport } from './import.ts';
import { addKillNode } from './kill-node.ts';
import { addLetters } from './letters.ts';
import { addMigrate } from './migrate.ts';
import { addNode, addScheduler } from './node.ts';
import { addRollout } from './rollout.ts';
import { addRun } from './run.ts';
import { addRuns } from './runs.ts';
import { addScopes } from './scopes.ts';
import { addSend } from './send.ts';
import { addSettings, examples } from './settings.ts';
import { addSignal } from './signal.ts';
import { addStatus } from './status.ts';
import { addTask } from './task.ts';
import { addTasks } from './tasks.ts';
import { addTenants } from './tenants.ts';
import { addTimers } from './timers.ts';
import { addTopics } from './topics.ts';
import { addUp } from './up.ts';

/** Runs the command line and answers with the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    await makeProgram().parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (thrown) {
    return report(thrown, args.includes('--json'));
  }
}

export function makeProgram(): Command {
  const program = new Command('troupe')
    .description('durable actors, tasks and workflows on a cluster')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(see --help for examples)')
    .addHelpText(
      'after',
      examples(
        'troupe up --detach',
        'troupe deploy src/crew.ts',
        'troupe call Counter/visits add 1',
        'troupe down',
      ),
    )
    .addHelpText('afterAll', exitCodeHelp);
  addSettings(program);
  const parts = [addUp, addDown, addStatus, addDeploy, addCall, addTask, addRun, addRuns];
  for (const add of [
    ...parts,
    addSend,
    addSignal,
    addLetters,
    addActors,
    addActor,
    addEvents,
    addMigrate,
    addCheckpoints,
    addTasks,
    addTimers,
    addTopics,
    addTenants,
    addConfig,
    addRollout,
    addScopes,
    addDemand,
    addImport,
    addKillNode,
    addChaos,
    addNode,
    addScheduler,
  ]) {
    add(program);
  }
  return program;
}

function report(thrown: unknown, json: boolean): number {
  if (thrown instanceof CommanderError) {
    // Help and version are answers; anything else was said on standard error by commander.
    return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  const out = terminal(json);
  if (thrown instanceof UsageError) {
    out.note(`error: ${thrown.message}`);
    return exitCodes.usage;
  }
  const failure = failureOf(thrown);
  tellParent({ failure });
  out.note(`${failure.code}: ${failure.message}`);
  if (json) out.answer({ error: failure }, () => undefined);
  return exitCodeOf(thrown);
}
