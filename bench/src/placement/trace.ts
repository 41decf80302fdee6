/**
 * The openb trace of the shared data: the GPU nodes of a production cluster and lists of the pods
 * that ran there. It is read where it lies, beside the checkout or under TROUPE_SHARED.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface TraceNode {
  readonly name: string;
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
  readonly model: string;
}

export interface TracePod {
  readonly name: string;
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
  /** Of each GPU. */
  readonly gpuMilli: number;
  /** Empty: any. */
  readonly models: readonly string[];
}

export type Trace =
  | { readonly kind: 'absent'; readonly why: string }
  | {
      readonly kind: 'open';
      readonly nodes: readonly TraceNode[];
      readonly pods: (list: string) => readonly TracePod[];
    };

export function openTrace(): Trace {
  const shared = process.env['TROUPE_SHARED'] ?? besideCheckout();
  const room = join(shared, 'traces', 'openb');
  const nodeList = join(room, 'openb_node_list_gpu_node.csv');
  if (!existsSync(nodeList)) {
    const why = `no openb trace at ${room}; name the folder of the shared data by TROUPE_SHARED`;
    return { kind: 'absent', why };
  }
  return {
    kind: 'open',
    nodes: rows(nodeList).map(nodeOf),
    pods: (list) => rows(join(room, `openb_pod_list_${list}.csv`)).map(podOf),
  };
}

function besideCheckout(): string {
  return fileURLToPath(new URL('../../../../shared', import.meta.url));
}

function rows(path: string): (readonly string[])[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/);
  return lines.slice(1).map((line) => line.split(','));
}

function nodeOf(row: readonly string[]): TraceNode {
  const [name = '', cpu, memory, gpus, model = ''] = row;
  return { name, cpu: Number(cpu), memory: Number(memory), gpus: Number(gpus), model };
}

function podOf(row: readonly string[]): TracePod {
  const [name = '', cpu, memory, gpus, gpuMilli, models = ''] = row;
  return {
    name,
    cpu: Number(cpu),
    memory: Number(memory),
    gpus: Number(gpus),
    gpuMilli: Number(gpuMilli || 0),
    models: models === '' ? [] : models.split('|'),
  };
}
