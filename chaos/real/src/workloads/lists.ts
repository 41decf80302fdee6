/** Append lists: writers by call and by letter, each numbering what it appends, and readers. */
import { List, Poster } from '../agents.ts';
import { cameOf, insist, readAll, seats, type Workload } from './workload.ts';

const operationsPerList = 400;
const settleMsMax = 30_000;

export const lists: Workload = {
  name: 'lists',
  clients: 8,
  thinkMs: 60,
  client({ client, troupe, random, operations }) {
    const numbers = new Map<string, number>();
    return async () => {
      const key = `list${operations.generation(operationsPerList)}`;
      const id = operations.nextId(client);
      const list = troupe.actor(List, key);
      const choice = random.next();
      if (choice < 0.4) {
        const number = numbers.get(key) ?? 0;
        numbers.set(key, number + 1);
        const asked = { id, key, action: 'append', input: { writer: client, number } };
        await operations.record(client, asked, () => list.append(client, number), cameOf);
      } else if (choice < 0.6) {
        const writer = posterOf(key, client);
        const asked = { id, key, action: 'post', input: { writer } };
        await operations.record(client, asked, () => troupe.actor(Poster, writer).post(key));
      } else {
        await operations.record(client, { id, key, action: 'read' }, () => list.tail());
      }
    };
  },
  async finals({ troupe }, keys) {
    const posted = await readAll('lists', keys.flatMap(postersOf), (writer) =>
      troupe.actor(Poster, writer).posted(),
    );
    const end = performance.now() + settleMsMax;
    for (const key of keys) {
      const due = posted
        .filter((one) => one.key.startsWith(`${key}/`))
        .reduce((total, { value }) => total + Number(value), 0);
      while (performance.now() < end) {
        const items = await insist(() => troupe.actor(List, key).items());
        if (items.filter(([writer]) => writer.startsWith(`${key}/`)).length >= due) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    const items = await readAll('lists', keys, (key) => troupe.actor(List, key).items());
    return [...items, ...posted];
  },
  actorsOf: (key) => [
    { actor: List, key },
    ...postersOf(key).map((writer) => ({ actor: Poster, key: writer })),
  ],
};

const posterOf = (list: string, client: string) => `${list}/${client}`;
const postersOf = (list: string) => seats(lists).map((client) => posterOf(list, client));
