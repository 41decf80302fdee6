/** Results for people. */
import type { Spread } from './figures.ts';
import type { Machine } from './machine.ts';
import type { Result } from './speed.ts';

export function text(result: Result): string {
  return `${result.bench.padEnd(32)} ${figures(result).join('  ')}`;
}

export function markdown(results: readonly Result[], machine: Machine): string {
  const rows = results.map((result) => `| ${result.bench} | ${figures(result).join(' · ')} |`);
  return `# Measured

Client, schedulers, nodes, runners, etcd and NATS are processes of their own on one machine and
share its cores; NATS runs with \`sync_interval: always\`, so every acknowledged call is on disk.
Absolute times drift between machines; run \`npm run bench\` for yours.

${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; Node ${machine.node};
${machine.nats}; ${machine.etcd}; measured ${machine.date}.

| work | figures |
| --- | --- |
${rows.join('\n')}

The commands: \`npm run bench -- --results bench/RESULTS.md\`; one JSON line a result with \`--json\`.
`;
}

function figures(result: Result): string[] {
  const parts: string[] = [];
  if (typeof result['perSecond'] === 'number') {
    parts.push(`${result['perSecond'].toLocaleString('en')}/s`);
  }
  for (const name of ['latencyMs', 'recoveryMs']) {
    const value = result[name];
    if (isSpread(value)) {
      parts.push(
        `p50 ${value.p50} ms`,
        `p99 ${value.p99} ms`,
        `max ${value.max} ms`,
        `n ${value.n}`,
      );
    }
  }
  return parts;
}

function isSpread(value: unknown): value is Spread {
  return typeof value === 'object' && value !== null && 'p99' in value;
}
