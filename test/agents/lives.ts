/** What the tests of topics of lives deploy. */
import { type ActorEvent, actor, lives, type TopicMessage } from '@troupe/sdk';

/** Lives, and is killed; cannot be made under a key that says so. */
export const Mortal = actor('Mortal', {
  state: (key) => {
    if (key.startsWith('broken')) throw new Error(`no state for ${key}`);
    return { calls: 0 };
  },
  methods: {
    call(c) {
      c.state.calls += 1;
      return c.state.calls;
    },
  },
});

export interface Told {
  readonly number: number;
  readonly event: ActorEvent;
}

/** Keeps all that it hears of mortals, in order. */
export const Guardian = actor('Guardian', {
  state: () => ({ told: [] as Told[] }),
  methods: {
    async guards(c, key?: string) {
      return await c.subscribe(lives(Mortal, key), 'onLife');
    },
    onLife(c, event: ActorEvent, about: TopicMessage) {
      c.state.told.push({ number: about.number, event });
    },
  },
  reads: { told: (c) => c.state.told },
});
