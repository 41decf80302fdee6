/** The messages of the proto as this client reads and writes them. */

import type {
  ActorUse,
  DeadLettersView,
  Labels,
  PendingTimerView,
  RunProgress,
  StoredObject,
  TurnUse,
} from '@troupe/model';

/** `kind` of a message with a oneof says which field is there. */
export type ClientMessage =
  | { readonly hello: { session: string; tenant: string; version: string } }
  | { readonly call: CallMessage }
  | { readonly cancel: { readonly number: number } }
  | { readonly submit: SubmitMessage };

export interface CallMessage {
  readonly number: number;
  readonly low: number;
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly args: Uint8Array;
  readonly deadlineMs: number;
  readonly scope: string;
  readonly atTurn?: number;
  /** 0: whichever has the name. */
  readonly birth: number;
  /** Empty: normal. */
  readonly priority: string;
}

export interface SubmitMessage {
  readonly number: number;
  readonly task: string;
  readonly name: string;
  readonly input: Uint8Array;
  readonly priority: string;
  readonly retries: number;
  readonly limitMs: number;
  readonly queue: string;
  readonly dueInMs: number;
}

export interface OpenRequest {
  readonly messages: readonly ClientMessage[];
}

export interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly detailsJson: string;
}

export interface ResultMessage {
  readonly number: number;
  readonly value: Uint8Array;
  readonly objects: readonly StoredObject[];
  readonly error: ErrorMessage | null;
}

export interface ServerMessage {
  readonly welcome?: { readonly cell: string; readonly version: string; readonly gateway: string };
  readonly result?: ResultMessage;
  readonly refused?: ErrorMessage;
}

export interface OpenResponse {
  readonly messages: readonly ServerMessage[];
}

export interface RunMessage {
  readonly run: string;
  readonly tenant: string;
  readonly workflow: string;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly blocks: readonly {
    readonly block: string;
    readonly state: string;
    readonly attempts: number;
    readonly node: string;
    readonly child: string;
    readonly prompt: Uint8Array;
    readonly branchesDone: number;
    readonly branchesAll: number;
    readonly rounds: { readonly done: number; readonly all: number } | null;
    readonly progress?: ProgressMessage | null;
  }[];
  readonly value: Uint8Array;
  readonly error: ErrorMessage | null;
  readonly progress: RunProgress | null;
  readonly parent: { readonly run: string; readonly block: string } | null;
  readonly bundle: string;
  readonly objects: readonly StoredObject[];
  /** Schedulers of earlier versions say nothing of it. */
  readonly undo?: RunUndoMessage | null;
}

export interface RunUndoMessage {
  readonly error: ErrorMessage | null;
  readonly done: number;
  readonly failed: number;
  readonly all: number;
  readonly blocks: readonly {
    readonly block: string;
    readonly state: string;
    readonly error: ErrorMessage | null;
  }[];
}

export interface StartRequest {
  readonly tenant: string;
  readonly run: string;
  readonly workflow: string;
  readonly limitMs?: number;
  readonly value: Uint8Array;
  readonly from?: { readonly run: string; readonly block: string; readonly failedOnly: boolean };
}

export interface ActorMessage {
  readonly actor: string;
  readonly node: string;
  readonly birth: number;
  readonly epoch: number;
  readonly scope: string;
  readonly chain: number;
  readonly state: string;
  readonly labels: Labels;
  readonly failure: ErrorMessage | null;
  readonly activity?: ActorActivityMessage | null;
  readonly wishAt?: number;
}

export interface ActorActivityMessage {
  readonly inMemory: boolean;
  readonly queued: number;
  readonly turn?: {
    readonly method: string;
    readonly forMs?: number | null;
    readonly progress?: ProgressMessage | null;
  } | null;
  readonly use?: ActorUseMessage | null;
  readonly restoring?: { readonly forMs: number; readonly at: string } | null;
}

export interface CheckpointMessage {
  readonly id: number;
  readonly bytes: number;
  readonly pinned: boolean;
  readonly abandoned: boolean;
  readonly turn: number;
  readonly epoch: number;
  readonly birth: number;
  readonly at: number;
  readonly clock: { readonly [actor: string]: number };
  readonly cause: string;
  readonly tookMs?: number | null;
  readonly code?: { readonly bundle: string; readonly version: number } | null;
  readonly failure?: ErrorMessage | null;
}

interface VersionNamed {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
  readonly checkpoint: number;
}

export interface ActorUseMessage extends Omit<ActorUse, 'stateBytes' | 'last'> {
  readonly stateBytes?: number | null;
  readonly last?: (Omit<TurnUse, 'cpuMs'> & { readonly cpuMs?: number | null }) | null;
}

export interface ConfigMessage {
  readonly version: number;
  readonly value: Uint8Array;
}

export interface ProgressMessage {
  readonly share: number;
  readonly text: string;
  readonly agoMs: number;
}

export interface ActorEventMessage {
  readonly position: number;
  readonly actor: string;
  readonly birth: number;
  readonly kind: string;
  readonly failure?: ErrorMessage | null;
}

export interface OwnerMessage {
  readonly run: string;
  readonly type: string;
  readonly key: string;
  readonly birth: number;
  readonly session: string;
}

interface NamedActor {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
}

interface BornActor extends NamedActor {
  readonly birth: number;
}

interface WishedActor extends BornActor {
  readonly wishAt?: number;
}

export interface TaskMessage {
  readonly task: string;
  readonly tenant: string;
  readonly name: string;
  readonly state: string;
  readonly attempts: number;
  readonly node: string;
  readonly gpus: readonly number[];
  readonly why: string;
  readonly progress?: ProgressMessage | null;
}

export interface TakeRequest {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
  readonly method: string;
  readonly value: Uint8Array;
  /** The id of the stream. */
  readonly idempotencyKey: string;
  readonly from: number;
  readonly deadlineMs: number;
  readonly birth: number;
  readonly scope: string;
  /** Of the call that it begins; normal when empty. */
  readonly priority: string;
}

export interface TakeResponse {
  readonly position: number;
  readonly values: readonly Uint8Array[];
  readonly ended: boolean;
  /** What the method returned, unless it failed. */
  readonly value: Uint8Array;
  readonly error: ErrorMessage | null;
}

interface LimitsMessage {
  readonly inFlightMax?: number;
  readonly cpuMax?: number;
  readonly memoryMax?: number;
  readonly startsPerSecondMax?: number;
  readonly queuedMax?: number;
}

export interface PutTenantMessage extends LimitsMessage {
  readonly tenant: string;
  readonly weight?: number;
  readonly priority: string;
  readonly lifted: readonly string[];
  readonly queues: readonly { readonly queue: string; readonly weight: number }[];
  readonly closed: readonly string[];
  readonly existing: boolean;
  readonly strategy: string;
}

export interface TenantMessage extends LimitsMessage {
  readonly tenant: string;
  readonly weight: number;
  readonly priority: string;
  readonly queues: readonly { readonly queue: string; readonly weight: number }[];
  readonly strategy: string;
}

export interface PlaceShapeMessage {
  readonly resources: { readonly [name: string]: number };
  readonly gpus?: { readonly count: number; readonly milli: number } | null;
  readonly gpuModels: readonly string[];
  readonly labels: { readonly [name: string]: string };
  readonly isolation: string;
}

export interface SavepointMessage {
  readonly scope: string;
  readonly savepoint: string;
  readonly line: { readonly [actor: string]: number };
  readonly at: number;
}

export interface LineMessage {
  readonly line: { readonly [actor: string]: number };
  readonly last: { readonly [actor: string]: number };
  readonly earliest: { readonly [actor: string]: number };
  readonly effects: readonly {
    readonly actor: string;
    readonly turn: number;
    readonly kind: string;
    readonly what: string;
  }[];
  readonly effectCount: number;
  readonly blocks: readonly BlockBeyondMessage[];
  readonly blockCount: number;
}

interface BlockBeyondMessage {
  readonly run: string;
  readonly block: string;
  readonly state: string;
  readonly runState: string;
  readonly actor: string;
  readonly turn: number;
  readonly call: string;
  readonly calls: number;
}

export interface PutReservationMessage {
  readonly tenant: string;
  readonly reservation: string;
  readonly count?: number;
  readonly shape?: PlaceShapeMessage;
  readonly existing: boolean;
}

export interface ReservationMessage {
  readonly tenant: string;
  readonly reservation: string;
  readonly count: number;
  readonly shape: PlaceShapeMessage | null;
  readonly held: number;
  readonly used: number;
  readonly why: string;
}

export interface DemandMessage {
  readonly bundle: string;
  readonly task: string;
  readonly attempts: number;
  readonly expectedMs: number;
  readonly judged: number;
  readonly errorShare: number;
  readonly biasShare: number;
  readonly resources: readonly {
    readonly resource: string;
    readonly declared: number;
    readonly samples: number;
    readonly p50: number;
    readonly p95: number;
    readonly proposed?: number;
    readonly fault: string;
  }[];
}

export interface TimerMessage {
  readonly actor: string;
  readonly number: number;
  readonly name: string;
  readonly kind: PendingTimerView['kind'];
  readonly firing: number;
  readonly dueInMs: number;
  readonly everyMs: number;
  readonly cron: string;
  readonly zone: string;
}

/** Requests and responses of the unary methods, by service and method. */
export interface UnaryMethods {
  'ActorsService/Take': { request: TakeRequest; response: TakeResponse };
  'ActorsService/List': {
    request: {
      tenant: string;
      type: string;
      prefix: string;
      limit: number;
      labels: Labels;
      state: string;
      after: string;
    };
    response: { actors: readonly ActorMessage[]; total: number; next: string; cut?: boolean };
  };
  'ActorsService/Create': {
    request: NamedActor & {
      by: string;
      scope: string;
      labels: Labels;
      orExisting: boolean;
      owner?: OwnerMessage;
    };
    response: { actor: ActorMessage; created: boolean };
  };
  'ActorsService/Get': {
    request: NamedActor & { activity?: boolean };
    response: { actor: ActorMessage };
  };
  'ActorsService/Destroy': { request: BornActor; response: object };
  'ActorsService/Pause': { request: WishedActor; response: object };
  'ActorsService/Resume': { request: WishedActor; response: object };
  'ActorsService/Stop': { request: BornActor; response: object };
  'ActorsService/ListTimers': {
    request: { tenant: string; type: string; key: string; after: string; limit: number };
    response: { timers: readonly TimerMessage[]; total: number; next: string };
  };
  'ActorsService/ListDeadLetters': {
    request: { tenant: string; type: string; after: string; limit: number };
    response: {
      actors: readonly DeadLettersView[];
      total: number;
      letters: number;
      unread: number;
      silent: readonly string[];
      next: string;
    };
  };
  'TasksService/SubmitGang': {
    request: {
      tenant: string;
      gang: string;
      policy: string;
      priority: string;
      members: readonly { task: string; name: string; value: Uint8Array }[];
    };
    response: object;
  };
  'TasksService/List': {
    request: { tenant: string; limit: number; activity?: boolean };
    response: { tasks: readonly TaskMessage[]; total: number };
  };
  'RunsService/Start': {
    request: StartRequest;
    response: { run: RunMessage | null };
  };
  'RunsService/Move': {
    request: { run: string; bundle: string };
    response: { run: RunMessage | null };
  };
  'RunsService/Wait': {
    request: { run: string; waitMs: number; byReference: boolean; activity?: boolean };
    response: { run: RunMessage | null };
  };
  'RunsService/Resume': {
    request: { run: string; block: string; value: Uint8Array };
    response: { run: RunMessage | null };
  };
  'RunsService/Cancel': { request: { run: string }; response: { run: RunMessage | null } };
  'RunsService/List': {
    request: { tenant: string; limit: number };
    response: { runs: readonly RunMessage[] };
  };
  'ActorsService/Migrate': {
    request: { tenant: string; type: string; key: string; to: string; waitMs: number };
    response: { node: string; epoch: number; state: string };
  };
  'ClusterService/Status': { request: object; response: { json: string } };
  'ClusterService/PutTenant': { request: PutTenantMessage; response: TenantMessage };
  'ClusterService/PutReservation': {
    request: PutReservationMessage;
    response: ReservationMessage;
  };
  'ClusterService/DropReservation': {
    request: { tenant: string; reservation: string };
    response: object;
  };
  'CheckpointsService/ListVersions': {
    request: { tenant: string; type: string; key: string; abandoned: boolean };
    response: { checkpoints: readonly CheckpointMessage[] };
  };
  'CheckpointsService/GetVersion': {
    request: VersionNamed & { asJson: boolean };
    response: { checkpoint: CheckpointMessage; value: Uint8Array };
  };
  'CheckpointsService/PinVersion': {
    request: VersionNamed & { pinned: boolean };
    response: object;
  };
  'CheckpointsService/RestoreVersion': {
    request: VersionNamed & { by: string };
    response: { line: { readonly [actor: string]: number }; incarnation: number };
  };
  'CheckpointsService/ExportVersion': {
    request: VersionNamed;
    response: { exported: Uint8Array };
  };
  'CheckpointsService/PlantActor': {
    request: VersionNamed & {
      by: string;
      scope: string;
      fromKey: string;
      exported: Uint8Array;
    };
    response: { actor: ActorMessage };
  };
  'ScopesService/MakeSavepoint': {
    request: { tenant: string; scope: string; savepoint: string };
    response: { savepoint: SavepointMessage };
  };
  'ScopesService/ListSavepoints': {
    request: { tenant: string; scope: string; after: string };
    response: {
      savepoints: readonly SavepointMessage[];
      actors: readonly string[];
      more: boolean;
    };
  };
  'ScopesService/ShowLine': {
    request: { tenant: string; scope: string; savepoint: string; actor: string; turn: number };
    response: LineMessage;
  };
  'ScopesService/Rewind': {
    request: {
      tenant: string;
      scope: string;
      savepoint: string;
      actor: string;
      turn: number;
      by: string;
    };
    response: { line: { readonly [actor: string]: number }; incarnation: number };
  };
  'ScopesService/DropSavepoint': {
    request: { tenant: string; scope: string; savepoint: string };
    response: object;
  };
  'ClusterService/ListDemands': {
    request: { tenant: string; limit: number };
    response: { demands: readonly DemandMessage[]; total: number };
  };
  'ClusterService/GetConfig': { request: { tenant: string }; response: ConfigMessage };
  'ClusterService/PutConfig': {
    request: {
      tenant: string;
      value: Uint8Array;
      json: string;
      unset: readonly string[];
      version?: number;
    };
    response: ConfigMessage;
  };
  'ActorsService/ListEvents': {
    request: { tenant: string; after: number; limit: number };
    response: { events: readonly ActorEventMessage[]; next: number; missed: number };
  };
  'ActorsService/KeepSession': {
    request: { tenant: string; session: string };
    response: object;
  };
  'ActorsService/EndSession': {
    request: { tenant: string; session: string };
    response: object;
  };
  'DeploymentsService/StartRollout': {
    request: {
      tenant: string;
      type: string;
      by: string;
      bundle: string;
      atOnce: number;
      pauseMs: number;
      failuresMax: number;
      discard: boolean;
    };
    response: { rollout: RolloutMessage };
  };
  'DeploymentsService/ChangeRollout': {
    request: { tenant: string; type: string; state: string };
    response: { rollout: RolloutMessage };
  };
  'DeploymentsService/ListRollouts': {
    request: { tenant: string };
    response: { rollouts: readonly RolloutMessage[] };
  };
  'ClusterService/DrainNode': { request: { node: string }; response: object };
  'ClusterService/CordonNode': {
    request: { node: string; cordoned: boolean };
    response: object;
  };
}

export interface CodeMessage {
  readonly bundle: string;
  readonly version: number;
}

export interface RolloutMessage {
  readonly tenant: string;
  readonly type: string;
  readonly to: CodeMessage | null;
  readonly before?: CodeMessage | null;
  readonly atOnce: number;
  readonly pauseMs: number;
  readonly failuresMax: number;
  readonly state: string;
  readonly actors: readonly (CodeMessage & { readonly count: number })[];
  readonly underWay: number;
  readonly failed: number;
  readonly failures: readonly { readonly actor: string; readonly error: ErrorMessage | null }[];
  readonly at: number;
}

export interface DeployResponse {
  readonly bundle: string;
  readonly actors: readonly string[];
  readonly tasks: readonly string[];
  readonly workflows: readonly string[];
}
