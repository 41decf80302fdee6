/** Names of nodes and of their starts. */
import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { type Incarnation, incarnation, type NodeName, nodeName } from '@troupe/model';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const suffixLength = 8;
const nameLengthMax = 63;

/** A fresh incarnation of `name`; never the same twice. */
export function newIncarnation(name: NodeName): Incarnation {
  let suffix = '';
  for (let i = 0; i < suffixLength; i++) suffix += letters.charAt(randomInt(letters.length));
  return incarnation(`${name}.${suffix}`);
}

/** The host's name as far as a node's name may hold it. */
export function nameOfHost(host: string = hostname()): NodeName {
  const plain = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, nameLengthMax)
    .replaceAll(/^-+|-+$/g, '');
  return nodeName(plain === '' ? 'node' : plain);
}
