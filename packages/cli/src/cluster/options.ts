/** What a caller of `startCluster` says and gets; the words of the launcher. */

/** Amounts, names and rhythms of one node: its section of the configuration file. */
export interface NodeConfig {
  readonly name?: string;
  readonly resources?: { readonly [name: string]: number };
  readonly labels?: { readonly [name: string]: string };
  readonly runners?: number;
  readonly data?: string;
  /** Any other key of the section `node`; the process refuses what it does not know. */
  readonly [key: string]: unknown;
}

/** One scheduler's section of the configuration file. */
export interface SchedulerConfig {
  readonly name?: string;
  /** `host:port`; port 0 takes a free one. */
  readonly listen?: string;
  /** Any other key of the section `scheduler`; the process refuses what it does not know. */
  readonly [key: string]: unknown;
}

export interface EtcdAddress {
  readonly url: string;
  /** Of a cluster: every member's, `url` among them. */
  readonly urls?: readonly string[] | undefined;
}

export interface NatsAddress {
  readonly url: string;
  /** Of a cluster: every member's, `url` among them. */
  readonly urls?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly systemUser?: string | undefined;
  readonly systemPassword?: string | undefined;
}

/** Servers that run already; `servers` of another cluster fits. */
export interface ServerAddresses {
  readonly etcd: EtcdAddress;
  readonly nats: NatsAddress;
}

export interface ClusterOptions {
  /** Belongs to this cluster alone. A fresh folder, removed on stop, when absent. */
  readonly dataDir?: string;
  /** Where the processes' logs go; `logs` in `dataDir` when absent. */
  readonly logDir?: string;
  readonly nodes?: number;
  readonly schedulers?: number;
  readonly cell?: string;
  /** Address on which etcd and NATS listen, for nodes on other machines; loopback when absent. */
  readonly host?: string;
  /** Existing servers, for several cells on one pair; they are not stopped by `stop`. */
  readonly servers?: ServerAddresses;
  readonly nodeConfig?: NodeConfig | ((name: string) => NodeConfig);
  readonly schedulerConfig?: SchedulerConfig | ((name: string) => SchedulerConfig);
  /** Where the first scheduler listens; a free port of 127.0.0.1 when absent. */
  readonly address?: string;
  /** More keys of the shared part of the configuration file, e.g. `logLevel`. */
  readonly shared?: { readonly [key: string]: unknown };
  /** Replicas of every stream; 3 needs three NATS servers new enough to keep them alike. */
  readonly replicas?: 1 | 3 | 5;
  /** Environment of the process of that name, beside what it inherits. */
  readonly env?: { readonly [process: string]: Environment };
  /** What goes before the program of the process of that name, such as `ip netns exec NAME`. */
  readonly prefix?: { readonly [process: string]: readonly string[] };
  /** Bound on the time in which each process must be ready. */
  readonly startMsMax?: number;
  /** One line of text for each thing that begins or is ready. */
  readonly onProgress?: (line: string) => void;
}

export type Environment = { readonly [name: string]: string };

/** How one process is started, beside its configuration. */
export interface ProcessStart {
  readonly env?: Environment;
  /** Goes before the program and becomes it, so that the pid stays. */
  readonly prefix?: readonly string[];
  /** Main module of the process, of another build than the installed one. */
  readonly main?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export type ProcessKind = 'etcd' | 'nats' | 'scheduler' | 'node';

export interface Process {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly pid: number;
  /** False once it has exited. */
  readonly running: boolean;
  readonly exited: Promise<Exit>;
  /** File that its log goes to. */
  readonly log: string;
  /** Of a scheduler: where its gateway serves. */
  readonly address?: string;
  /** Of a node. */
  readonly incarnation?: string;
  /** Sends the signal; nothing happens when the process has exited. */
  kill(signal?: NodeJS.Signals): void;
}

export interface Cluster {
  /** Of the first scheduler. */
  readonly address: string;
  readonly addresses: readonly string[];
  readonly cell: string;
  readonly dataDir: string;
  /** Where the servers are now; with the processes when this cluster started them. */
  readonly servers: ServerAddresses & { readonly processes: readonly Process[] };
  /** In order of start. A process started again under its name takes its old place. */
  readonly schedulers: readonly Process[];
  readonly nodes: readonly Process[];
  /** Shared part of the configuration of all its processes: cell, etcd, nats. */
  readonly shared: { readonly [key: string]: unknown };
  startNode(config?: NodeConfig, options?: ProcessStart): Promise<Process>;
  startScheduler(config?: SchedulerConfig, options?: ProcessStart): Promise<Process>;
  /** Ends the server by the signal unless it has ended, then starts it on its port and data. */
  restart(server: 'etcd' | 'nats', options?: { readonly signal?: NodeJS.Signals }): Promise<void>;
  /** SIGTERM to nodes, schedulers, nats, etcd, in this order; again, then SIGKILL, after a bound. */
  stop(): Promise<void>;
}
