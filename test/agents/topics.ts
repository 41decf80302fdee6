/** What the tests of topics deploy. */
import { actor, type TopicMessage } from '@troupe/sdk';

export interface Heard {
  readonly number: number;
  readonly id: string;
  readonly from: string | undefined;
}

/** Keeps every message of the topics that it follows, in order. */
export const Listener = actor('Listener', {
  state: () => ({ heard: [] as Heard[] }),
  methods: {
    async follow(c, topic: string) {
      return await c.subscribe(topic, 'hear');
    },
    async leave(c, topic: string) {
      return await c.unsubscribe(topic);
    },
    hear(c, id: string, about: TopicMessage) {
      c.state.heard.push({ number: about.number, id, from: about.from });
    },
  },
  reads: {
    heard: (c) => c.state.heard,
    count: (c) => c.state.heard.length,
  },
});

export const Speaker = actor('Speaker', {
  state: () => ({ said: 0 }),
  methods: {
    say(c, topic: string) {
      c.state.said += 1;
      c.publish(topic, `${c.key}:${c.state.said}`);
      return c.state.said;
    },
  },
  reads: { said: (c) => c.state.said },
});
