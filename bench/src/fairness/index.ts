/**
 * `npm run bench -- fairness`: how far shares come from what is due, of ours and of the classic ways to
 * share a server, on the same costs in the same order of chance; and how many decisions a second.
 */
import { measuredHere } from '../measured.ts';
import { random } from '../placement/protocol.ts';
import { writeSection } from '../results.ts';
import { table } from '../table.ts';
import type { BenchOptions } from '../words.ts';
import { fluidLag } from './fluid.ts';
import { games } from './games.ts';
import { pairLag } from './pairs.ts';
import { type ServerName, serverTitles } from './servers.ts';
import { conserved, slotLag } from './slots.ts';
import { contestSpeed, queueSpeed, shapesSpeed } from './speed.ts';

const seed = 11;
const names: readonly ServerName[] = ['eevdf', 'sfq', 'drr', 'stride', 'rr'];

export async function fairnessBench(options: BenchOptions): Promise<void> {
  const wanted = (part: string) => part.includes(options.only);
  const say = (line: object) => {
    if (options.json) process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const parts = [
    ...(wanted('pairs') ? [pairs(options.quick, say)] : []),
    ...(wanted('slots') ? [slots(options.quick, say)] : []),
    ...(wanted('fluid') ? [fluid(options.quick, say)] : []),
    ...(wanted('games') ? [gaming(say)] : []),
    ...(wanted('speed') ? [speed(options.quick, say)] : []),
  ];
  const text = [heading, measuredHere(), ...parts].join('\n\n');
  if (!options.json) process.stdout.write(`${text}\n`);
  if (options.results !== undefined) writeSection(options.results, heading, text);
}

type Say = (line: object) => void;

const heading = '## fairness';
const part = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(3));

function pairs(quick: boolean, say: Say): string {
  const decisions = quick ? 20_000 : 200_000;
  const rows = names.map((name) => {
    const always = pairLag(name, { decisions, churn: false, chance: random(seed) });
    const churning = pairLag(name, { decisions, churn: true, chance: random(seed) });
    say({ bench: 'fairness pairs', server: serverTitles[name], always, churning });
    const lags = [always.ofBound, churning.ofBound, always.ofTightest, churning.ofTightest];
    return [
      serverTitles[name],
      ...lags.map(part),
      Number.isNaN(always.jain) ? '–' : always.jain.toFixed(4),
    ];
  });
  const heads = ['server', 'bound', 'bound, churn', 'tightest', 'tightest, churn', 'Jain'];
  return `Pairs: 60 tenants, weights 1 to 12, costs with a heavy tail (Pareto 1.5 from 1 on, cut at 20 to 100),
${decisions.toLocaleString('en')} decisions, seed ${seed}; with churn tenants leave after 1 to 40 tasks and come back.
The worst lag over all pairs and all intervals in which both wait, as a part of the bound
(c_i + c_max)/w_i + (c_j + c_max)/w_j and of c_i/w_i + c_j/w_j. Jain's index of service by weight is the worst
window in which the lightest tenant has about 100 tasks.

${table(heads, rows)}`;
}

function slots(quick: boolean, say: Say): string {
  const decisions = quick ? 20_000 : 200_000;
  const rows = [1, 8, 64].flatMap((count) =>
    [0, 0.5, 0.9].map((error) => {
      const lag = slotLag({ slots: count, error, decisions, chance: random(seed) });
      say({ bench: 'fairness slots', slots: count, error, decisions, ...lag });
      return [`${count}`, `${100 * error} %`, part(lag.ofBound), `${lag.idle}`];
    }),
  );
  const full = conserved(quick ? 5_000 : 50_000, random(seed));
  say({ bench: 'fairness work conservation', ...full });
  return `The whole queue before M slots, by guesses that are wrong by up to so much of each cost and corrected as tasks
land; the same 60 tenants, which leave and come back; ${decisions.toLocaleString('en')} decisions. The worst lag as a part of
(c_i + M c_max)/w_i + (c_j + M c_max)/w_j, with nothing added for wrong guesses, and how often a slot
stayed empty though a task waited.

${table(['slots', 'guesses wrong by', 'bound', 'idle'], rows)}

Work conservation: 20 tenants whose tasks need 1 to 16 of 64 cpus, 200 of them waiting. Of ${full.moments.toLocaleString('en')} moments in
which nothing more was taken, in ${full.idle} a task that waited would have fitted; ${(100 * full.used).toFixed(1)} % of the cpus were in use.`;
}

function fluid(quick: boolean, say: Say): string {
  const largest = quick ? 100_000 : 1_000_000;
  const rows: string[][] = [];
  const measure = (name: ServerName, tenants: number) => {
    const decisions = Math.max(20_000, Math.min(30 * tenants, 5_000_000));
    const lag = fluidLag(name, { tenants, decisions, chance: random(seed) });
    say({ bench: 'fairness fluid', server: serverTitles[name], tenants, decisions, ...lag });
    const lags = [lag.heavyAhead, lag.heavyBehind, lag.lightAhead, lag.lightBehind];
    rows.push([serverTitles[name], tenants.toLocaleString('en'), ...lags.map(part)]);
  };
  for (let tenants = 10; tenants <= largest; tenants *= 10) measure('eevdf', tenants);
  for (const name of names.slice(1)) for (const tenants of [100, 1_000]) measure(name, tenants);
  const heads = ['server', 'tenants', 'heavy ahead', 'behind', 'light ahead', 'behind'];
  return `Against an ideal fluid server: one tenant has half of the weight, the others share the rest; all wait
all the time. Lag in largest tasks, at every start and end of a task; thirty decisions a tenant, in all at least
20,000 and at most 5,000,000.

${table(heads, rows)}`;
}

function gaming(say: Say): string {
  const rows = names.map((name) => {
    const found = games(name);
    say({ bench: 'fairness games', server: serverTitles[name], ...found });
    const { afterIdling, byDeclaringTwice, bySplitting } = found;
    return [serverTitles[name], ...[afterIdling, byDeclaringTwice, bySplitting].map(part)];
  });
  const heads = ['server', 'after idling', 'declaring twice', 'split in ten'];
  return `Games of one tenant among ten of equal weight, as a part of its share (1 is due): what it gets right after
it idled, and what it gets done when it declares twice what it needs, or cuts its tasks into ten.

${table(heads, rows)}`;
}

function speed(quick: boolean, say: Say): string {
  const sizes = quick ? [10_000, 100_000] : [10_000, 100_000, 1_000_000];
  const decisions = quick ? 200_000 : 2_000_000;
  const whole = (found: number) => found.toLocaleString('en');
  const rows = sizes.flatMap((tenants) => {
    const contest = contestSpeed(tenants, decisions, random(seed));
    say({ bench: 'fairness speed', what: 'contest', ...contest });
    const row = (what: string, { perSecond, p50Ns, p999Ns }: typeof contest) => {
      return [what, whole(tenants), whole(perSecond), `${p50Ns} ns`, `${p999Ns} ns`];
    };
    const queues = [4, 1].map((tasksEach) => {
      const queue = queueSpeed({ tenants, tasksEach, decisions }, random(seed));
      say({ bench: 'fairness speed', what: 'whole queue', tasksEach, ...queue });
      const { landsPerSecond, pushesPerSecond, roundsPerSecond } = queue;
      const others = [landsPerSecond, pushesPerSecond, roundsPerSecond].map(whole);
      const what = `whole queue, ${tasksEach} ${tasksEach === 1 ? 'task' : 'tasks'} each`;
      return [...row(what, queue), ...others, `${queue.memoryMiB} MiB`];
    });
    return [[...row('contest', contest), '–', '–', '–', '–'], ...queues];
  });
  const shapes = [1, 10, 100, 1_000].map((count) => {
    const roundsPerSecond = shapesSpeed(count, quick ? 20_000 : 200_000);
    say({ bench: 'fairness speed', what: 'shapes of a tenant', shapes: count, roundsPerSecond });
    return [whole(count), whole(roundsPerSecond)];
  });
  const heads = ['what', 'tenants', 'decisions/s', 'p50', 'p99.9', 'lands/s', 'pushes/s'];
  return `Decisions a second by processor time, all tenants waiting. The contest decides whose turn it is, and nothing
else; the whole queue, which has the tasks, decides fewer. In that, in which each tenant has four tasks or one, a decision is a take, charges and the choice of the next task included; a round is a task's take, landing
with a correction, and push. Batches of 1,000 are in flight. Latencies of every 64th decision, the clock's own
cost included.

${table([...heads, 'rounds/s', 'memory'], rows)}

Ten tenants, a task of each of so many shapes waiting for each: rounds a second.

${table(['shapes of a tenant', 'rounds/s'], shapes)}`;
}
