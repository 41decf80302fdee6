/**
 * The Azure LLM inference traces (an hour of arrivals with token counts) as requests with durations.
 * The model of a duration: 50 ms, plus its context read at 5,000 tokens a second, plus 40 ms for each
 * token generated. A worker serves one request at a time.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Trace {
  readonly name: string;
  /** Seconds from the start, rising. */
  readonly arrivals: Float64Array;
  readonly durations: Float64Array;
  readonly endS: number;
}

export function readTrace(room: string, name: string): Trace {
  const text = readFileSync(join(room, `AzureLLMInferenceTrace_${name}.csv`), 'utf8');
  const rows = text.trimEnd().split(/\r?\n/).slice(1);
  const arrivals = new Float64Array(rows.length);
  const durations = new Float64Array(rows.length);
  let first = 0;
  rows.forEach((row, at) => {
    const [stamp = '', context = '', generated = ''] = row.split(',');
    const second = Date.parse(`${stamp.slice(0, 19).replace(' ', 'T')}Z`) / 1_000;
    const arrived = second + Number(`0${stamp.slice(19)}`);
    if (at === 0) first = arrived;
    arrivals[at] = arrived - first;
    durations[at] = 0.05 + Number(context) / 5_000 + Number(generated) * 0.04;
  });
  return { name, arrivals, durations, endS: (arrivals.at(-1) ?? 0) + 1 };
}

/**
 * The same hour, slower: gaps become `times` as long and each request comes `times` over, evenly
 * spread over its gap, so that the load stays the same and only its shape is stretched.
 */
export function stretched(trace: Trace, times: number): Trace {
  const count = trace.arrivals.length;
  const arrivals = new Float64Array(count * times);
  const durations = new Float64Array(count * times);
  for (let at = 0; at < count; at++) {
    const from = (trace.arrivals[at] ?? 0) * times;
    const to = (trace.arrivals[at + 1] ?? trace.endS) * times;
    for (let copy = 0; copy < times; copy++) {
      arrivals[at * times + copy] = from + ((to - from) * copy) / times;
      durations[at * times + copy] = trace.durations[at] ?? 0;
    }
  }
  const name = `${trace.name} x${times}`;
  return { name, arrivals, durations, endS: trace.endS * times };
}
