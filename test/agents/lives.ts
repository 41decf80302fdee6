/** What the tests of topics of lives deploy. */
import { type ActorEvent, actor, lives, type TopicMessage } from '@troupe/sdk';
import { Fragile } from './agents.ts';

export { Fragile };

export interface Told {
  readonly number: number;
  readonly event: ActorEvent;
}

/** Keeps all that it hears of fragile ones, in order. */
export const Guardian = actor('Guardian', {
  state: () => ({ told: [] as Told[] }),
  methods: {
    async guards(c, key?: string) {
      return await c.subscribe(lives(Fragile, key), 'onLife');
    },
    onLife(c, event: ActorEvent, about: TopicMessage) {
      c.state.told.push({ number: about.number, event });
    },
  },
  reads: { told: (c) => c.state.told },
});
