/**
 * Names of things. An id is a branded string: two ids of different kinds never mix by accident.
 * Every id is made by its caller, never by a machine.
 */
declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

/** Opaque bytes that pass through the cluster untouched (arguments, replies, states, deltas). */
export type Bytes = Uint8Array;

/** `[a-z0-9-]{1,32}`: one scheduler group with its journal and nodes. */
export type CellName = Brand<string, 'CellName'>;
/** `[a-z0-9-]{1,63}`. */
export type TenantName = Brand<string, 'TenantName'>;
/** `[a-z0-9-]{1,63}`: stays the same over restarts of a node. */
export type NodeName = Brand<string, 'NodeName'>;
/** One start of a node: `<node name>.<8 lower-case letters or digits>`. */
export type Incarnation = Brand<string, 'Incarnation'>;
/** `tenant/Type/key`; the key may hold slashes itself, tenant and type may not. */
export type ActorId = Brand<string, 'ActorId'>;
/** A client, task or actor that numbers its calls. */
export type SessionId = Brand<string, 'SessionId'>;
export type TaskId = Brand<string, 'TaskId'>;
export type RunId = Brand<string, 'RunId'>;
/** sha-256 of a bundle's bytes, 64 hex digits. */
export type BundleHash = Brand<string, 'BundleHash'>;
/** Name of a log: `journal-<generation>` or `turns-<incarnation, dot replaced by underscore>`. */
export type LogName = Brand<string, 'LogName'>;
/** Where an answer goes: `gateway:<id>`, `node:<incarnation>` or `leader`. */
export type Address = Brand<string, 'Address'>;

const shortName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const typeName = /^[A-Za-z_$][A-Za-z0-9_$.-]{0,127}$/;

/** True for a name that may stand in a subject, a stream name and a path. */
export function isShortName(name: string): boolean {
  return shortName.test(name);
}

/** True for a name of an actor type, task, workflow or method. */
export function isTypeName(name: string): boolean {
  return typeName.test(name);
}

/** Longest key of an actor, in UTF-16 units. */
export const actorKeyLengthMax = 512;

/** True for a key that an actor may have: not empty, bounded, no control characters. */
export function isActorKey(key: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return key.length > 0 && key.length <= actorKeyLengthMax && !/[\u0000-\u001f\u007f]/.test(key);
}

export function cellName(name: string): CellName {
  return name as CellName;
}
export function tenantName(name: string): TenantName {
  return name as TenantName;
}
export function nodeName(name: string): NodeName {
  return name as NodeName;
}
export function incarnation(id: string): Incarnation {
  return id as Incarnation;
}
export function sessionId(id: string): SessionId {
  return id as SessionId;
}
export function taskId(id: string): TaskId {
  return id as TaskId;
}
export function runId(id: string): RunId {
  return id as RunId;
}
export function bundleHash(hash: string): BundleHash {
  return hash as BundleHash;
}
export function logName(name: string): LogName {
  return name as LogName;
}

export function actorId(tenant: string, type: string, key: string): ActorId {
  return `${tenant}/${type}/${key}` as ActorId;
}

/** The three parts of an actor's id. */
export function actorParts(id: ActorId): { tenant: TenantName; type: string; key: string } {
  const first = id.indexOf('/');
  const second = id.indexOf('/', first + 1);
  return {
    tenant: id.slice(0, first) as TenantName,
    type: id.slice(first + 1, second),
    key: id.slice(second + 1),
  };
}

/** An actor as it was after a turn: under this name a runner holds it beside the present one. */
export function formerActor(actor: ActorId, seq: number): ActorId {
  return `${actor}\u0000${seq}` as ActorId;
}

/** The actor that is meant, now or formerly: no key holds a control character. */
export function sameActor(actor: ActorId): ActorId {
  const end = actor.indexOf('\u0000');
  return end < 0 ? actor : (actor.slice(0, end) as ActorId);
}

export const leaderAddress: Address = 'leader' as Address;

export function gatewayAddress(id: string): Address {
  return `gateway:${id}` as Address;
}

export function nodeAddress(node: Incarnation): Address {
  return `node:${node}` as Address;
}

/** The log in which an incarnation writes its turns. */
export function turnLogName(node: Incarnation): LogName {
  return `turns-${node.replaceAll('.', '_')}` as LogName;
}

export function nodeNameOf(node: Incarnation): NodeName {
  return node.slice(0, node.lastIndexOf('.')) as NodeName;
}
