/**
 * Whom a machine must prove to be. Keys are kept in a file for each machine, apart from the user's
 * own, so that trust is given here and nowhere else.
 *
 * K1  a first contact needs a fingerprint, or the express wish to trust whoever answers.
 * K2  a key that changed is refused, also under that wish; only a fingerprint replaces it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ErrorCode, troupeError } from '@troupe/model';
import { runProgram } from '../machine/program.ts';
import type { SshMachine } from './target.ts';

/** A fingerprint as `ssh-keygen -l` prints it, or the wish to trust on first use. */
export type HostTrust = { readonly fingerprint: string } | 'first-use' | 'known';

type Address = Pick<SshMachine, 'host' | 'port'>;

interface HostKey {
  /** As in a `known_hosts` file. */
  readonly line: string;
  readonly kind: string;
  readonly fingerprint: string;
}

const scanSeconds = 10;
/** It asks for one kind of key after the other, and a server that says hello and no more takes all. */
const scanMsMax = 15_000;
const fingerprintRule = /^(?:SHA256:)?[A-Za-z0-9+/]{43}=?$/;

/** The file of keys that ssh must hold the machine against. */
export async function trustedKeys(
  stateDir: string,
  address: Address,
  trust: HostTrust,
): Promise<string> {
  const file = join(stateDir, 'hosts', `${address.host.replaceAll(/[:%]/g, '-')}_${address.port}`);
  const known = readKeys(file);
  if (typeof trust === 'object') {
    const wanted = readFingerprint(trust.fingerprint);
    if (known.some((key) => key.fingerprint === wanted)) return file;
    const shown = await presentedKeys(address);
    const match = shown.find((key) => key.fingerprint === wanted);
    if (match === undefined) {
      throw refusal('HOST_KEY_CHANGED', address, shown, `does not have the key ${wanted}`);
    }
    writeKeys(file, [match]);
  } else if (known.length === 0) {
    const shown = await presentedKeys(address);
    // K1.
    if (trust === 'known') {
      throw refusal('HOST_KEY_UNKNOWN', address, shown, 'was never seen before');
    }
    writeKeys(file, shown);
  }
  return file;
}

function readFingerprint(text: string): string {
  if (fingerprintRule.test(text)) return `SHA256:${text.replace(/^SHA256:|=$/g, '')}`;
  const what = `${JSON.stringify(text)} is no fingerprint as \`ssh-keygen -l\` prints it, SHA256:…`;
  throw troupeError('INVALID_ARGUMENT', what);
}

/** The keys that whoever answers there says it has; nothing is believed yet. */
async function presentedKeys({ host, port }: Address): Promise<HostKey[]> {
  const words = ['ssh-keyscan', '-T', `${scanSeconds}`, '-p', `${port}`, host];
  const { stdout, givenUp } = await runProgram(words, { msMax: scanMsMax });
  const keys = stdout.split('\n').flatMap(readKey);
  if (keys.length > 0) return keys;
  const late = givenUp ? ` within ${scanMsMax / 1_000} s` : '';
  const what = `nothing answers as an ssh server at ${host}, port ${port}${late}`;
  throw troupeError('HOST_UNREACHABLE', what, { host, port });
}

function refusal(code: ErrorCode, address: Address, shown: readonly HostKey[], what: string) {
  const { host, port } = address;
  const keys = shown.map(({ kind, fingerprint }) => `${fingerprint} (${kind})`).join(', ');
  return troupeError(code, `${host}, port ${port}, ${what}; it shows ${keys}`, { host, port });
}

function readKeys(file: string): HostKey[] {
  try {
    return readFileSync(file, 'utf8').split('\n').flatMap(readKey);
  } catch {
    // The machine was never trusted.
    return [];
  }
}

function readKey(line: string): HostKey[] {
  const [, kind, key] = line.split(' ');
  if (line.startsWith('#') || kind === undefined || key === undefined) return [];
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return [{ line, kind, fingerprint: `SHA256:${digest.replace(/=+$/, '')}` }];
}

function writeKeys(file: string, keys: readonly HostKey[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, keys.map(({ line }) => `${line}\n`).join(''));
  renameSync(aside, file);
}
