/** What checkpoints cost the calls beside them, by when they are written. */
import { makeBed } from '../bed.ts';
import { type Spread, sustain } from '../figures.ts';
import { table } from '../table.ts';
import { Ballast } from './ballast.ts';
import { ballast } from './bundle.ts';
import { ms, type Part, whole } from './part.ts';

interface PolicyLine {
  readonly bench: 'checkpoint policies';
  readonly stateKb: number;
  readonly policies: readonly Policy[];
}

interface Policy {
  readonly policy: string;
  readonly perSecond: number;
  readonly latencyMs: Spread;
}

const never = 1_000_000_000;
const policies = [
  ['none', { checkpointTurns: never, checkpointMs: never, logBytesBeyondCheckpointsMax: never }],
  ['as it comes', {}],
  ['every 100 turns', { checkpointTurns: 100 }],
  ['every 10 turns', { checkpointTurns: 10 }],
  ['every turn', { checkpointTurns: 1 }],
  ['every second', { checkpointMs: 1_000 }],
] as const;
const actors = 100;
/** Notes of one turn: its change must fit into a record. */
const notesMax = 500;

async function measure(stateKb: number, quick: boolean): Promise<PolicyLine> {
  const measured: Policy[] = [];
  for (const [policy, nodeConfig] of policies) {
    const bed = await makeBed({ nodes: 1, nodeConfig }, ballast);
    try {
      const of = (n: number) => bed.troupe.actor(Ballast, `p${n}`, { deadlineMs: 60_000 });
      for (let n = 0; n < actors; n++) {
        for (let at = 0; at < stateKb; at += notesMax) {
          await of(n).load(Math.min(notesMax, stateKb - at));
        }
      }
      await sustain(actors, quick ? 300 : 2_000, (lane) => of(lane).add());
      const figures = await sustain(actors, quick ? 500 : 6_000, (lane) => of(lane).add());
      measured.push({ policy, ...figures });
    } finally {
      await bed.stop();
    }
  }
  return { bench: 'checkpoint policies', stateKb, policies: measured };
}

function text(lines: readonly PolicyLine[]): readonly string[] {
  const rows = lines.flatMap(({ stateKb, policies: measured }) => {
    const [most] = measured;
    return measured.map(({ policy, perSecond, latencyMs }) => [
      `${whole(stateKb)} KB`,
      policy,
      `${whole(perSecond)}/s`,
      `${Math.round(100 - (100 * perSecond) / (most?.perSecond ?? perSecond))} %`,
      ms(latencyMs.p50),
      ms(latencyMs.p99),
    ]);
  });
  return [explained, table(['state', 'checkpoint', 'calls', 'fewer', 'p50', 'p99'], rows)];
}

const explained = `100 actors on one node, 100 calls in flight, each a turn that changes a number in the state. "As it comes":
every 1,000 turns, every 60 s, and when the log holds more than 32 MB beyond the checkpoints.`;

export const checkpointPolicies: Part<PolicyLine> = {
  name: (stateKb) => `checkpoint policies at ${stateKb} KB`,
  sizes: [1, 100],
  quickSizes: [1],
  measure,
  text,
};
