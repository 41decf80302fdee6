/**
 * `npm run bench -- [WORD] [--json] [--quick] [--only TEXT] [--sizes N,N] [--results FILE]`: one line for each figure.
 * Without a word the cluster is measured; a word of `words.ts` measures one part by itself.
 */
import { parseArgs } from 'node:util';
import { makeBed } from './bed.ts';
import { killLeader, killNode } from './failover.ts';
import { machine } from './machine.ts';
import { markdown, text } from './report.ts';
import { writeSection } from './results.ts';
import * as speed from './speed.ts';
import { isWord, wordNames, words } from './words.ts';

const help = `Usage: npm run bench -- [word] [options]

  Without a word: calls and tasks on a cluster of processes. Words: ${wordNames.join(', ')}.

  --json          one JSON line for each result
  --quick         short runs, 3 kills: a look, not a measurement
  --only TEXT     only benches whose name contains TEXT
  --sizes N,N     of "actors": how many actors or timers, or KB of state; with --only
  --results FILE  write the results and the machine as Markdown
  --kills N       kills of each failover bench (default 30)

Examples:
  npm run bench -- --quick
  npm run bench -- placement --json
  npm run bench -- actors --only density --sizes 1000 --json
  npm run bench -- --only actor --json
  npm run bench -- --results bench/RESULTS.md
`;

const { values, word } = optionsGiven();

function optionsGiven() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        sizes: { type: 'string' },
        results: { type: 'string' },
        kills: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    const [word, extra] = positionals;
    if (extra !== undefined) throw new Error(`one word at a time; "${extra}" is one too many`);
    if (word !== undefined && !isWord(word))
      throw new Error(`there is no bench "${word}"; there are ${wordNames.join(', ')}`);
    if (values.sizes !== undefined && word !== 'actors')
      throw new Error('--sizes is for the word "actors"');
    if (values.sizes !== undefined && !/^[1-9]\d*(,[1-9]\d*)*$/.test(values.sizes))
      throw new Error(`--sizes is ${values.sizes}; give whole numbers from 1 on, with commas`);
    if (values.kills === undefined || /^[1-9]\d*$/.test(values.kills)) return { values, word };
    throw new Error(`--kills is ${values.kills}; give a whole number from 1 on`);
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    process.stderr.write(`bench: ${text}\n\n${help}`);
    process.exit(2);
  }
}

type Bench = readonly [name: string, run: () => Promise<speed.Result>];

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (word !== undefined) {
    const run = await words[word]();
    const { json, quick, only } = values;
    await run({ json, quick, only, ...sizes(), ...results() });
    return;
  }
  await measureCluster();
}

function sizes(): { readonly sizes?: readonly number[] } {
  return values.sizes === undefined ? {} : { sizes: values.sizes.split(',').map(Number) };
}

/** Where a word writes its section, if anywhere. */
function results(): { readonly results?: string } {
  return values.results === undefined ? {} : { results: values.results };
}

async function measureCluster(): Promise<void> {
  const kills = Number(values.kills ?? (values.quick ? 3 : 30));
  const effort = values.quick ? { ms: 1_500, runs: 3, kills } : { ms: 6_000, runs: 10, kills };
  const say = (line: string) => process.stderr.write(`  ${line}\n`);
  const results: speed.Result[] = [];
  const report = (result: speed.Result) => {
    results.push(result);
    process.stdout.write(`${values.json ? JSON.stringify(result) : text(result)}\n`);
  };
  await onOneBed(report, effort, say);
  const breaking: Bench[] = [
    ['kill -9 node to next answer', () => killNode(effort, say)],
    ['kill -9 leader to next answer', () => killLeader(effort, say)],
  ];
  for (const [name, run] of breaking) {
    if (!name.includes(values.only)) continue;
    say(name);
    report(await run());
  }
  if (results.length === 0) {
    process.stderr.write(`bench: no benchmark has "${values.only}" in its name\n`);
    process.exit(2);
  }
  if (values.results !== undefined)
    writeSection(values.results, '# Measured', markdown(results, await machine()));
}

async function onOneBed(
  report: (result: speed.Result) => void,
  effort: speed.Effort,
  say: (line: string) => void,
): Promise<void> {
  const benches: readonly (readonly [string, typeof speed.oneTask])[] = [
    ['actor call, 1 in flight', speed.callOneInFlight],
    ['actor read, 1 in flight', speed.readOneInFlight],
    ['100 actors, 100 in flight', speed.hundredActors],
    ['one actor, 100 in flight', speed.hotActor],
    ['no-op task, 1 in flight', speed.oneTask],
    ['no-op tasks, 500 in flight', speed.manyTasks],
    ['fan-out of 1,000 and join', speed.fanOutAndJoin],
    ['chain of 100', speed.chainOfHundred],
  ];
  const wanted = benches.filter(([name]) => name.includes(values.only));
  if (wanted.length === 0) return;
  say('starting etcd, NATS, a scheduler and three nodes');
  const bed = await makeBed({ nodes: 3 });
  try {
    for (const [name, run] of wanted) {
      say(name);
      report(await run(bed, effort));
    }
  } finally {
    await bed.stop();
  }
}

await main();
