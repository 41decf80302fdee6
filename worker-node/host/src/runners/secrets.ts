/**
 * The secrets that this node lets user code have: variables of its environment that its operator named,
 * and files below folders that its operator named. Resolved here, handed to the runner, and to nobody
 * else: no machine, no log and no message ever has one.
 *
 * X1  what the configuration of the node does not name is not read.
 * X2  a line that user code printed is logged without the secrets that its runner was given.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import {
  decodeValue,
  limits,
  type ResolvedSecret,
  secretParts,
  secretsIn,
  type ToRunner,
} from '@troupe/model';

export interface SecretSources {
  /** Names of variables. */
  readonly environment: readonly string[];
  /** Folders in which files may be read. */
  readonly folders: readonly string[];
}

type ConfigFrame = Extract<ToRunner, { kind: 'config' }>;

const secretBytesMax = 64 * 1024;

export class Secrets {
  readonly #sources: SecretSources;
  readonly #environment: NodeJS.ProcessEnv;
  /** References by what they were resolved to. */
  readonly #known = new Map<string, string>();

  constructor(sources: SecretSources, environment: NodeJS.ProcessEnv) {
    this.#sources = sources;
    this.#environment = environment;
  }

  /** The frame with what its references stand for here. */
  resolved(frame: ConfigFrame): ConfigFrame {
    const references = secretsIn(decodeValue(frame.values) as { [name: string]: unknown });
    if (references.length === 0) return frame;
    const secrets = references.map((reference) => [reference, this.#resolve(reference)] as const);
    return { ...frame, secrets: Object.fromEntries(secrets) };
  }

  /** X2 */
  scrub(text: string): string {
    let scrubbed = text;
    for (const [value, reference] of this.#known) scrubbed = scrubbed.replaceAll(value, reference);
    return scrubbed;
  }

  #resolve(reference: string): ResolvedSecret {
    const { source, name } = secretParts(reference);
    const found = source === 'env' ? this.#variable(name) : this.#file(name);
    if (found.ok && found.value.length >= limits.secretLengthMin) {
      this.#known.set(found.value, reference);
    }
    return found;
  }

  #variable(name: string): ResolvedSecret {
    const value = this.#sources.environment.includes(name) ? this.#environment[name] : undefined;
    if (value !== undefined) return { ok: true, value };
    const isNamed = this.#sources.environment.includes(name);
    const why = isNamed
      ? `the node has no variable ${name}`
      : `the node lets nobody have the variable ${name}`;
    return { ok: false, why };
  }

  #file(path: string): ResolvedSecret {
    try {
      const real = realpathSync(path);
      const isBelow = this.#sources.folders.some((folder) => isWithin(folder, real));
      if (!isBelow) return { ok: false, why: `the node lets nobody have the file ${path}` };
      if (statSync(real).size > secretBytesMax) {
        return { ok: false, why: `${path} has more than ${secretBytesMax} bytes` };
      }
      // Editors end files with a line end, which is no part of the secret.
      return { ok: true, value: readFileSync(real, 'utf8').replace(/\r?\n$/, '') };
    } catch (reason) {
      const code = reason instanceof Error && 'code' in reason ? String(reason.code) : 'an error';
      return { ok: false, why: `the node cannot read ${path}: ${code}` };
    }
  }
}

/** Links are followed on both sides. */
function isWithin(folder: string, real: string): boolean {
  try {
    const root = realpathSync(folder);
    return real.startsWith(root.endsWith(sep) ? root : root + sep);
  } catch {
    // A folder that is not there holds nothing.
    return false;
  }
}
