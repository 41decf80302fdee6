/** Every subject, stream, bucket and key; all of them carry the cell. */
import type { Address, CellName, Incarnation, LogName } from '@troupe/model';

export interface Names {
  readonly cell: CellName;
  /** Whoever leads listens here. */
  readonly leader: string;
  /** Heartbeats, on a connection of their own. */
  readonly beats: string;
  /** Every node listens here. */
  readonly allNodes: string;
  /** `troupe.<cell>.nodes.*` etc.: the inbox of one part. */
  node(incarnation: Incarnation): string;
  gateway(id: string): string;
  /** What speaks for a node while its loop stands still listens here. */
  witness(incarnation: Incarnation): string;
  /** The inbox an `Address` stands for. */
  inbox(address: Address): string;
  /** Prefix of a log's subjects: `.open`, `.rec` and `.seal` follow. */
  logSubject(log: LogName): string;
  /** The stream of a log. */
  logStream(log: LogName): string;
  checkpointStream: string;
  /** Subject of one actor's checkpoints; `hash` is hex of its id. */
  checkpoint(hash: string): string;
  objects: string;
  /** Stream of large outputs, and the subject of a part of one. */
  outputStream: string;
  output(object: number | '*', part: string): string;
  /** Stream and subject of the mark of the cell's data. */
  markStream: string;
  mark: string;
  /** etcd keys. */
  readonly keys: {
    readonly leader: string;
    readonly journalGeneration: string;
    readonly mark: string;
    readonly members: string;
    member(name: string): string;
  };
}

export function names(cell: CellName): Names {
  const root = `troupe.${cell}`;
  const node = (incarnation: Incarnation) => `${root}.node.${token(incarnation)}`;
  const gateway = (id: string) => `${root}.gateway.${token(id)}`;
  return {
    cell,
    leader: `${root}.leader`,
    beats: `${root}.beats`,
    allNodes: `${root}.nodes`,
    node,
    gateway,
    witness: (incarnation) => `${root}.witness.${token(incarnation)}`,
    inbox(address) {
      const colon = address.indexOf(':');
      if (colon < 0) return `${root}.leader`;
      const id = address.slice(colon + 1);
      return address.slice(0, colon) === 'node' ? node(id as Incarnation) : gateway(id);
    },
    logSubject: (log) => `${root}.log.${log}`,
    logStream: (log) => `troupe_${cell}_${log}`,
    checkpointStream: `troupe_${cell}_checkpoints`,
    checkpoint: (hash) => `${root}.checkpoint.${hash}`,
    objects: `troupe_${cell}_objects`,
    // Not like the streams of logs, which are listed by their prefix.
    outputStream: `OUT_troupe_${cell}_objects`,
    output: (object, part) => `${root}.output.${object}.${part}`,
    markStream: `troupe_${cell}_mark`,
    mark: `${root}.mark`,
    keys: {
      leader: `/troupe/${cell}/leader`,
      journalGeneration: `/troupe/${cell}/journal-generation`,
      mark: `/troupe/${cell}/mark`,
      members: `/troupe/${cell}/members/`,
      member: (name) => `/troupe/${cell}/members/${name}`,
    },
  };
}

/** Dots would split a subject token. */
function token(id: string): string {
  return id.replaceAll('.', '_');
}
