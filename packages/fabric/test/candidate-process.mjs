// A candidate in a process of its own, so that a test can kill and freeze it. Prints what happens.
import { Election, names, openCoordination, realClock, silentLogger } from '@troupe/fabric';

const [etcd, cell, id, leaseMs] = process.argv.slice(2);
const coordination = await openCoordination({ etcd: [etcd], clock: realClock });
const election = new Election({
  coordination,
  names: names(cell),
  id,
  address: '127.0.0.1:1',
  leaseMs: Number(leaseMs),
  clock: realClock,
  logger: silentLogger,
});
const leadership = await election.campaign();
console.log(`leads ${leadership.token}`);
const reason = await leadership.lost;
console.log(`lost ${leadership.stillLeading()} ${reason.code}`);
