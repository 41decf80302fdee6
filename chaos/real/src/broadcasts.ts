/** Actors that publish to topics, and actors that follow them. */
import { actor, type TopicMessage } from '@troupe/sdk';

const turnLimitMs = 20_000;

/** Publishes by its turns. */
export const Crier = actor('Crier', {
  state: () => ({ cried: 0 }),
  methods: {
    cry(c, topic: string, id: string) {
      c.state.cried += 1;
      c.publish(topic, id);
      return c.state.cried;
    },
  },
  turnLimitMs,
});

/** Keeps every message that comes, with its number. */
export const Hearer = actor('Hearer', {
  state: () => ({ heard: [] as [number, string][] }),
  methods: {
    async follow(c, topic: string) {
      return await c.subscribe(topic, 'hear');
    },
    hear(c, id: string, about: TopicMessage) {
      c.state.heard.push([about.number, id]);
    },
  },
  reads: {
    heard: (c) => [...c.state.heard],
    last: (c) => c.state.heard.at(-1)?.[0] ?? 0,
  },
  turnLimitMs,
});
