/** Leaders of etcd and of NATS are asked to let another one lead. */
import { type Fault, isJournal, needsMachines } from './fault.ts';

export const moveEtcdLeader: Fault = {
  lastsMs: [0, 0],
  lacks: needsMachines,
  async inject({ operators }, random) {
    const all = await operators.etcds();
    const from = all.find(({ leads }) => leads);
    const to = random.pick(all.filter(({ leads }) => !leads));
    if (from === undefined || to === undefined) return undefined;
    const moved = await operators.moveEtcdLeader(from, to).then(
      () => true,
      () => false,
    );
    if (!moved) return undefined;
    const target = `${from.member.name} to ${to.member.name}`;
    return { target, undo: async () => undefined };
  },
};

/** Of the journal's stream, and of one log or store beside it. */
export const moveNatsLeader: Fault = {
  lastsMs: [0, 0],
  lacks: ({ natsServers }) => (natsServers > 1 ? undefined : 'there is one NATS server'),
  async inject({ operators }, random) {
    const streams = await operators.streams().catch(() => []);
    const journal = streams.find(({ name }) => isJournal(name));
    const other = random.pick(streams.filter((stream) => stream !== journal));
    const names = [journal, other].flatMap((stream) => (stream === undefined ? [] : [stream.name]));
    const asked = names.map((name) =>
      operators.moveStream(name).then(
        () => [name],
        () => [],
      ),
    );
    const moved = (await Promise.all(asked)).flat();
    if (moved.length === 0) return undefined;
    return { target: moved.join(', '), undo: async () => undefined };
  },
};
