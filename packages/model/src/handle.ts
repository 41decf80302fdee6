/**
 * Large values. An output too large for a record lies in the object store, and a **handle** stands
 * for it in whatever refers to it: a value of its own in the codec, anywhere in another value, whole
 * or with a path into it. Scheduler and gateways pass it on untouched; whoever needs the value reads
 * the object, checks its hash and resolves the handle.
 *
 * H1  beside bytes that hold handles travels the list of the objects they refer to: nobody searches
 *     bytes for them, and a handle that the list does not name is refused.
 * H2  an object holds no handles.
 */

/** What lies in the object store for one attempt of a task: its output. */
export interface StoredObject {
  /** Number of the attempt's start in the journal: no other attempt ever has it. */
  readonly object: number;
  /** sha-256 of its bytes, in hexadecimal. */
  readonly hash: string;
  readonly bytes: number;
}

export type ValuePath = readonly (string | number)[];

/** Stands for an object, or for what lies at a path in it. */
export class Handle {
  readonly stored: StoredObject;
  readonly path: ValuePath;
  /** A path that leads nowhere comes to null instead of a failure. */
  readonly optional: boolean;
  /** By what reference it is found, for messages: `blocks.read`. */
  readonly name: string;

  constructor(stored: StoredObject, path: ValuePath = [], optional = false, name = '') {
    this.stored = stored;
    this.path = path;
    this.optional = optional;
    this.name = name;
  }

  /** What lies deeper in it. */
  at(path: ValuePath, optional: boolean, name: string): Handle {
    const known = this.name === '' ? name : this.name;
    return new Handle(this.stored, [...this.path, ...path], this.optional || optional, known);
  }
}
