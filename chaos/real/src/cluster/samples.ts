/**
 * What must not grow: memory and handles of every process, from /proc, the bytes and messages of
 * the logs, the data of etcd. What does not answer at the moment is not sampled.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isJournal } from '../faults/fault.ts';
import type { HistoryWriter, Sample } from '../history/history.ts';
import type { Operators, StreamSize } from './operators.ts';
import type { Stage } from './stage.ts';

const everyMs = 5_000;

type Measured = Pick<Sample, 'of' | 'measure' | 'value'>;

/** The answer ends it: from then on nothing is written. */
export function startSampling({ warden, operators }: Stage, writer: HistoryWriter): () => void {
  let under = false;
  let over = false;
  const sample = async () => {
    // One that takes longer than its turn leaves the next ones out.
    if (under) return;
    under = true;
    const processes = warden.members.map(async (member) => {
      const pid = await member.pid().catch(() => undefined);
      return pid === undefined ? [] : ofProcess(member.name, pid);
    });
    const all = await Promise.all([...processes, ofLogs(operators), ofEtcd(operators)]);
    const at = writer.now();
    under = false;
    if (over) return;
    for (const one of all.flat()) writer.write({ kind: 'sample', at, ...one });
  };
  const timer = setInterval(() => void sample(), everyMs);
  return () => {
    clearInterval(timer);
    over = true;
  };
}

function ofProcess(of: string, pid: number): Measured[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = /VmRSS:\s+(\d+)/.exec(status)?.[1];
    if (kilobytes === undefined) return [];
    const handles = readdirSync(`/proc/${pid}/fd`).length;
    return [
      { of, measure: 'memory MB', value: Math.round(Number(kilobytes) / 1_024) },
      { of, measure: 'handles', value: handles },
    ];
  } catch {
    // It has just ended, or there is no /proc.
    return [];
  }
}

async function ofLogs(operators: Operators): Promise<Measured[]> {
  const streams = await operators.streams().catch(() => []);
  if (streams.length === 0) return [];
  const journal = streams.filter(({ name }) => isJournal(name));
  const others = streams.filter(({ name }) => !isJournal(name));
  const stores = others.filter(({ name }) => /_checkpoints$|_objects$/.test(name));
  const turnLogs = others.filter((stream) => !stores.includes(stream));
  return [
    ...sums('journal', journal),
    ...sums('turn logs', turnLogs),
    ...sums('checkpoints and objects', stores),
  ];
}

function sums(of: string, streams: readonly StreamSize[]): Measured[] {
  const sum = (value: (stream: StreamSize) => number) =>
    streams.reduce((total, stream) => total + value(stream), 0);
  return [
    { of, measure: 'kilobytes', value: Math.round(sum(({ bytes }) => bytes) / 1_024) },
    { of, measure: 'messages', value: sum(({ messages }) => messages) },
  ];
}

async function ofEtcd(operators: Operators): Promise<Measured[]> {
  const all = await operators.etcds();
  return all.map(({ member, bytes }) => ({
    of: member.name,
    measure: 'kilobytes',
    value: Math.round(bytes / 1_024),
  }));
}
