/** What clients send, parsed once into the model's types; every refusal names the argument. */
import {
  type ActorId,
  type ActorState,
  actorId,
  actorStates,
  type BundleHash,
  type Bytes,
  bundleHash,
  decodeValue,
  encodeValue,
  type GangPolicy,
  gangPolicies,
  isActorKey,
  isShortName,
  isTypeName,
  type Labels,
  limits,
  type NodeName,
  nodeName,
  type RunId,
  runId,
  type SessionId,
  type StrategyName,
  sessionId,
  strategyNames,
  type TaskId,
  type TenantName,
  taskId,
  tenantName,
  troupeError,
} from '@troupe/model';

/** No colon: sessions made by gateways and keys carry one, so nobody can pose as them. */
/** The id of an actor in full. */
const scopeLengthMax = 1_024;
const clientId = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** No id of a block is longer: it is a name, and a number for each container around it. */
const blockLengthMax = 1_024;

function refused(name: string, value: string, wanted: string): Error {
  const text = `${name} "${shortened(value)}" is not ${wanted}`;
  return troupeError('INVALID_ARGUMENT', text, { argument: name });
}

/** What a client sent, as an error says it: the whole of it may be more than an answer carries. */
export function shortened(value: string): string {
  return value.length > 80 ? `${value.slice(0, 80)}…` : value;
}

export function checkedTenant(name: string): TenantName {
  if (!isShortName(name)) throw refused('tenant', name, 'a name of a-z, 0-9 and dashes');
  return tenantName(name);
}

/** The tenant of a unary request; the default one when the field is empty. */
export function tenantOf(name: string): TenantName {
  return checkedTenant(name === '' ? 'default' : name);
}

export function checkedSession(id: string): SessionId {
  if (!clientId.test(id)) throw refused('session', id, 'an id of letters, digits, ".", "_", "-"');
  return sessionId(id);
}

/** An id that a client makes for something else. */
export function checkedId(field: string, id: string): string {
  if (!clientId.test(id)) throw refused(field, id, 'an id of letters, digits, ".", "_", "-"');
  return id;
}

export function checkedPolicy(text: string): GangPolicy {
  const policy = gangPolicies.find((one) => one === text);
  if (policy === undefined) throw refused('policy', text, `one of ${gangPolicies.join(', ')}`);
  return policy;
}

export function checkedTask(id: string): TaskId {
  if (!clientId.test(id)) throw refused('task', id, 'an id of letters, digits, ".", "_", "-"');
  return taskId(id);
}

export function checkedRun(id: string): RunId {
  if (!clientId.test(id)) throw refused('run', id, 'an id of letters, digits, ".", "_", "-"');
  return runId(id);
}

/** A run that is there may be one that the cluster has named: a block of another run. */
export function checkedKnownRun(id: string): RunId {
  if (!isActorKey(id)) throw refused('run', id, 'an id of 1 to 512 printable characters');
  return runId(id);
}

/** Of a run. Which blocks there are is known to the leader. */
export function checkedBlock(id: string): string {
  if (id === '') throw troupeError('INVALID_ARGUMENT', 'block is empty', { argument: 'block' });
  if (id.length <= blockLengthMax) return id;
  throw refused('block', id, `an id of at most ${blockLengthMax} characters`);
}

export function checkedNode(name: string): NodeName {
  if (!isShortName(name)) throw refused('node', name, 'a name of a-z, 0-9 and dashes');
  return nodeName(name);
}

export function checkedQueue(name: string): string {
  if (!isShortName(name)) throw refused('queue', name, 'a name of a-z, 0-9 and dashes');
  return name;
}

export function checkedSavepoint(name: string): string {
  if (!isShortName(name)) throw refused('savepoint', name, 'a name of a-z, 0-9 and dashes');
  return name;
}

/** An actor's id may be one: its scope is itself unless it was named. */
export function checkedScope(name: string): string {
  if (name === '' || name.length > scopeLengthMax) {
    throw refused('scope', shortened(name), `a name of 1 to ${scopeLengthMax} characters`);
  }
  return name;
}

/** Of a read of the past; nothing for a call of the present. */
export function atTurnOf({ atTurn }: { readonly atTurn?: number }): { readonly atTurn?: number } {
  return typeof atTurn === 'number' ? { atTurn: checkedNumber('at_turn', atTurn, 0) } : {};
}

export function checkedReservation(name: string): string {
  if (!isShortName(name)) throw refused('reservation', name, 'a name of a-z, 0-9 and dashes');
  return name;
}

export function checkedBundle(hash: string): BundleHash {
  if (!/^[0-9a-f]{64}$/.test(hash))
    throw refused('bundle', hash, 'a hash of 64 hexadecimal digits');
  return bundleHash(hash);
}

export function checkedName(field: string, name: string): string {
  if (!isTypeName(name)) throw refused(field, name, 'a name of letters, digits and ".", "_", "-"');
  return name;
}

export function checkedActor(tenant: TenantName, type: string, key: string): ActorId {
  if (!isTypeName(type)) throw refused('type', type, 'a name of an actor type');
  if (!isActorKey(key)) throw refused('key', key, 'a key of 1 to 512 printable characters');
  return actorId(tenant, type, key);
}

/** Numbers beyond 2^53 were rounded while they were decoded. */
export function checkedNumber(field: string, value: number, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw refused(field, String(value), `a whole number from ${least} to 2^53 - 1`);
}

/** Of an actor; none where it is 0, the default of the wire. */
export function checkedBirth(birth: number): number | undefined {
  return birth === 0 ? undefined : checkedNumber('birth', birth);
}

export function checkedLabels(labels: { readonly [name: string]: string }): Labels {
  const all = Object.entries(labels);
  if (all.length > limits.actorLabelsMax) {
    const text = `${all.length} labels are more than the ${limits.actorLabelsMax} of an actor`;
    throw troupeError('INVALID_ARGUMENT', text, { argument: 'labels' });
  }
  for (const text of all.flat()) {
    if (isActorKey(text) && text.length <= limits.labelLengthMax) continue;
    throw refused('labels', text, `names and values of 1 to ${limits.labelLengthMax} characters`);
  }
  return labels;
}

export function checkedState(text: string): ActorState {
  const state = actorStates.find((name) => name === text);
  if (state !== undefined) return state;
  throw refused('state', text, `one of ${actorStates.join(', ')}`);
}

export function checkedPayload(field: string, bytes: Bytes): Bytes {
  if (bytes.length <= limits.payloadBytesMax) return bytes;
  const text = `${field} has ${bytes.length} bytes, at most ${limits.payloadBytesMax} are carried`;
  throw troupeError('TOO_LARGE', text, { argument: field, bytes: bytes.length });
}

/**
 * As monotonic ms; 0 stands for the default. Clients round up what is left, and never say 0: a
 * millisecond less, one who has nothing left and asks only for the answer is late at once.
 */
export function checkedDeadline(deadlineMs: number, now: number): number {
  const ms = deadlineMs === 0 ? limits.deadlineMsDefault : deadlineMs;
  if (ms <= limits.deadlineMsMax) return now + ms - 1;
  throw refused('deadline_ms', String(ms), `at most ${limits.deadlineMsMax}`);
}

export function checkedPriority(text: string): 'low' | 'normal' | 'high' {
  if (text === '') return 'normal';
  if (text === 'low' || text === 'normal' || text === 'high') return text;
  throw refused('priority', text, 'low, normal or high');
}

export function checkedStrategy(text: string): StrategyName {
  const strategy = strategyNames.find((name) => name === text);
  if (strategy !== undefined) return strategy;
  throw refused('strategy', text, `one of ${strategyNames.join(', ')}`);
}

export function checkedAmount(field: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value;
  throw refused(field, String(value), 'a number above 0');
}

/** The place of a task in its tenant, of what a client said; empty and 0 say nothing. */
export function placeInTenant({ queue, dueInMs }: { queue: string; dueInMs: number }): {
  readonly queue?: string;
  readonly dueInMs?: number;
} {
  return {
    ...(queue === '' ? {} : { queue: checkedQueue(queue) }),
    ...(dueInMs === 0 ? {} : { dueInMs }),
  };
}

export function checkedLimit(limit: number, most: number): number {
  if (limit === 0) return Math.min(100, most);
  if (limit <= most) return limit;
  throw refused('limit', String(limit), `at most ${most}`);
}

/** A value given as msgpack, or as JSON by a foreign client. */
export function valueGiven(value: Bytes, json: string): { bytes: Bytes; asJson: boolean } {
  if (json === '') return { bytes: checkedPayload('value', value), asJson: false };
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (cause) {
    const text = 'json is not valid JSON';
    throw troupeError('INVALID_ARGUMENT', text, { argument: 'json' }, cause);
  }
  return { bytes: checkedPayload('json', encodeValue(parsed, 'json')), asJson: true };
}

/** Arguments of a call are an array, however they were given. */
export function argumentsGiven(value: Bytes, json: string): { bytes: Bytes; asJson: boolean } {
  const given = valueGiven(value, json);
  if (given.bytes.length === 0) return { bytes: encodeValue([]), asJson: given.asJson };
  if (isArrayHeader(given.bytes[0] ?? 0)) return given;
  const field = given.asJson ? 'json' : 'value';
  const text = `${field} is not an array of arguments`;
  throw troupeError('INVALID_ARGUMENT', text, { argument: field });
}

/** First byte of a msgpack array. */
function isArrayHeader(byte: number): boolean {
  return (byte >= 0x90 && byte <= 0x9f) || byte === 0xdc || byte === 0xdd;
}

/** A value as JSON: bytes as base64, big integers as decimal text. */
export function jsonOf(value: Bytes): string {
  const text: string | undefined = JSON.stringify(decodeValue(value), jsonReplacer);
  return text ?? 'null';
}

function jsonReplacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value;
}
