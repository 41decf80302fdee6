/** What the command line says. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { crewLimits, type Question } from '../contract.ts';
import { UsageError } from './usage-error.ts';

export interface JobOptions {
  /** Absolute. */
  readonly folder: string;
  readonly questions: readonly Question[];
  readonly yes: boolean;
  readonly once: boolean;
  readonly nodes: number;
  readonly kill: boolean;
  readonly json: boolean;
  /** Where the gateway listens; the usual port when that is free, unless given. */
  readonly port: number | undefined;
}

export const usage = `A crew of agents reads a folder and answers questions about it, while one of its nodes is killed.

Usage: npm start -- [folder] [options]

  folder           what to read (default: this repository)
  --ask QUESTION   a question to answer; may be given up to ${crewLimits.questionsMax} times
  --nodes N        how many nodes to start, 1 to 9 (default 3)
  --no-kill        leave all nodes alone
  --port PORT      port of the cluster's gateway, 0 for a free one (default 7411, when it is free)
  --yes            publish without asking
  --once           stop the cluster when the answers are there
  --json           the result as JSON on stdout, progress on stderr; implies --once
  --help           this text

With OPENAI_BASE_URL or OPENAI_API_KEY set (and OPENAI_MODEL), that model writes the answers from
the passages found; else they are made of sentences of the documents.
`;

const nodesMax = 9;

/** Parses the arguments; `help` when they ask for it. Throws `UsageError`. */
export function parseOptions(args: readonly string[], folderDefault: string): JobOptions | 'help' {
  const { values, positionals } = parsed(args);
  if (values.help === true) return 'help';
  if (positionals.length > 1) {
    throw new UsageError(`one folder can be read, not ${positionals.length}; quote questions`);
  }
  const folder = path.resolve(positionals[0] ?? folderDefault);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new UsageError(`${folder} is no folder; name one that exists`);
  }
  const nodes = Number(values.nodes ?? 3);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodesMax) {
    throw new UsageError(`--nodes is ${values.nodes}; give a number from 1 to ${nodesMax}`);
  }
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new UsageError(`--port is ${values.port}; give a number from 0 to 65535`);
  }
  return {
    folder,
    port,
    questions: questionsOf(values.ask ?? defaultQuestions(folder)),
    yes: values.yes === true,
    once: values.once === true || values.json === true,
    nodes,
    kill: values['no-kill'] !== true,
    json: values.json === true,
  };
}

interface Values {
  readonly ask?: string[];
  readonly nodes?: string;
  readonly port?: string;
  readonly 'no-kill'?: boolean;
  readonly yes?: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
  readonly help?: boolean;
}

function parsed(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ask: { type: 'string', multiple: true },
        nodes: { type: 'string' },
        port: { type: 'string' },
        'no-kill': { type: 'boolean' },
        yes: { type: 'boolean' },
        once: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function questionsOf(texts: readonly string[]): Question[] {
  if (texts.length > crewLimits.questionsMax) {
    throw new UsageError(
      `${texts.length} questions are more than the ${crewLimits.questionsMax} of one job`,
    );
  }
  return texts.map((text, i) => {
    if (text.trim() === '' || text.length > crewLimits.questionLengthMax) {
      throw new UsageError(
        `question ${i + 1} has ${text.length} characters; give 1 to ${crewLimits.questionLengthMax}`,
      );
    }
    return { number: i + 1, text: text.trim().toWellFormed() };
  });
}

function defaultQuestions(folder: string): string[] {
  if (isTroupe(folder)) {
    return [
      'What happens to the actors of a node that is killed?',
      'How does the log keep a deposed writer from appending?',
    ];
  }
  return [
    `What is ${path.basename(folder)}, and what is its purpose?`,
    'How is it installed, started and configured?',
  ];
}

function isTroupe(folder: string): boolean {
  try {
    const manifest: unknown = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    return (
      typeof manifest === 'object' &&
      manifest !== null &&
      'name' in manifest &&
      manifest.name === 'troupe'
    );
  } catch {
    // No manifest, or none that parses: some other folder.
    return false;
  }
}
