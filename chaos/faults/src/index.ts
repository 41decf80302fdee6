/** Machines as network namespaces, and what can befall them. Linux, as root. */

export { lastWill } from './last-will.ts';
export type { Fault, Link, LinkFault } from './links.ts';
export type { Machine } from './machine.ts';
export { makeNetwork, type Network, noNetwork } from './network.ts';
export { noSshd, type Sshd, sshdOn } from './sshd.ts';
