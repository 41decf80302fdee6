/**
 * `npm start`: the crew reads a folder on a cluster of its own, and loses a node on the way.
 *
 * Exit code: 0 done, 1 failed, 2 wrong arguments, 130 interrupted before the answers were there.
 */
import { once } from 'node:events';
import path from 'node:path';
import { TroupeError } from '@troupe/sdk';
import type { Answer, Approval } from './contract.ts';
import { askPerson } from './job/approve.ts';
import { type Job, type JobReport, runJob } from './job/job.ts';
import { type JobOptions, parseOptions, usage } from './job/options.ts';
import { answersText, nextText, outcomeText } from './job/report.ts';
import { addressDefault, openSession, type Session } from './job/session.ts';
import { Standing } from './job/standing.ts';
import { UsageError } from './job/usage-error.ts';
import type { Display } from './screen/display.ts';
import { PlainDisplay } from './screen/plain-display.ts';
import { TerminalDisplay, wantsColor } from './screen/terminal-display.ts';
import { modelFrom } from './writing/model.ts';

const redrawMs = 100;
const widthDefault = 100;

class Interrupted extends Error {}

const interruption = new AbortController();
/** What stands on the screen already and is not told again. */
const shown = { answers: false };

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), repository());
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  // `npm start | head` closes our output early: the job ends, in order.
  process.stdout.on('error', () => interruption.abort(new Interrupted('nobody reads on')));
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const display = displayFor(options);
  const standing = new Standing(options.folder);
  const redraw = setInterval(() => display.show(standing.progress()), redrawMs);
  let session: Session | undefined;
  let done = false;
  try {
    session = await openSession({
      folder: options.folder,
      nodes: options.nodes,
      port: options.port,
      home: process.cwd(),
      onProgress: (line) => {
        if (!line.endsWith(' starts')) display.event(line);
      },
    });
    standing.clusterStarted(session.cluster);
    const report = await runJob(jobOf(session, options, standing, display));
    clearInterval(redraw);
    display.hold();
    done = true;
    await show(report, options, session);
    return 0;
  } catch (thrown) {
    display.hold();
    if (session !== undefined && !(thrown instanceof Interrupted)) {
      process.stderr.write(`the logs are in ${session.logs}\n`);
    }
    throw thrown;
  } finally {
    clearInterval(redraw);
    display.hold();
    await session?.close(done || interruption.signal.aborted);
  }
}

/** This repository: the folder that holds `examples/crew`. */
function repository(): string {
  return path.resolve(import.meta.dirname, '..', '..', '..');
}

/** The first signal ends the job in order, the second at once. */
function onSignal(): void {
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort(new Interrupted('interrupted'));
}

function displayFor(options: JobOptions): Display {
  if (options.json) return new PlainDisplay((text) => process.stderr.write(text));
  return process.stdout.isTTY && process.env['TERM'] !== 'dumb'
    ? new TerminalDisplay(process.stdout, wantsColor(process.env))
    : new PlainDisplay((text) => process.stdout.write(text));
}

function jobOf(session: Session, options: JobOptions, standing: Standing, display: Display): Job {
  const file = path.join(process.cwd(), '.troupe', 'crew', 'answer.md');
  const model = modelFrom(process.env);
  const event = (line: string) => display.event(line);
  if (options.kill && options.nodes === 1)
    event('one node alone is not killed: none would be left');
  event(
    model === null ? 'answers are made of sentences of the documents' : `${model.model} writes`,
  );
  return {
    session,
    options,
    standing,
    file,
    model,
    signal: interruption.signal,
    event,
    approve: (answers, elsewhere) => approve(answers, elsewhere, { options, display, file }),
  };
}

async function approve(
  answers: readonly Answer[],
  elsewhere: AbortSignal,
  { options, display, file }: { options: JobOptions; display: Display; file: string },
): Promise<Approval> {
  if (options.yes) return { approved: true, by: '--yes' };
  if (!process.stdin.isTTY || !process.stdout.isTTY || options.json) {
    display.event('approved automatically: there is no terminal to ask at');
    return { approved: true, by: 'nobody: no terminal' };
  }
  display.hold();
  shown.answers = true;
  process.stdout.write(`\n${answersText(answers, width())}\n`);
  const name = path.relative(process.cwd(), file);
  const person = {
    input: process.stdin,
    output: process.stdout,
    signal: AbortSignal.any([interruption.signal, elsewhere]),
  };
  const approval = await askPerson(`Publish these answers to ${name}?`, person);
  display.release();
  return approval;
}

async function show(report: JobReport, options: JobOptions, session: Session): Promise<void> {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const answers = shown.answers ? '' : `${answersText(report.answers, width())}\n`;
  process.stdout.write(`\n${answers}${outcomeText(report, width())}`);
  if (options.once || !process.stdout.isTTY) return;
  const { address } = session.cluster;
  const addressOption = address === addressDefault ? '' : `TROUPE_ADDRESS=${address} `;
  process.stdout.write(`\n${nextText(report, addressOption)}`);
  if (!interruption.signal.aborted) await once(interruption.signal, 'abort');
  process.stdout.write('\nstopping the cluster\n');
}

function width(): number {
  return process.stdout.columns ?? widthDefault;
}

/** One line that says what failed; the code first, for those who search. */
function failureText(thrown: unknown): string {
  if (thrown instanceof TroupeError || thrown instanceof UsageError) {
    return `crew: ${thrown.code}: ${thrown.message}`;
  }
  return `crew: INTERNAL: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown}`;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const interrupted = interruption.signal.aborted;
  process.stderr.write(interrupted ? 'interrupted\n' : `${failureText(thrown)}\n`);
  if (thrown instanceof UsageError) process.stderr.write('`npm start -- --help` shows the usage\n');
  process.exitCode = interrupted ? 130 : thrown instanceof UsageError ? 2 : 1;
}
