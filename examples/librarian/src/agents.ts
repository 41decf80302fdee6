/** An agent that reads pages and remembers them, small enough to show how agents are tested. */
import { actor } from '@troupe/sdk';

/** The world outside. A test puts another one in its place. */
export const web = {
  fetch: async (url: string): Promise<string> => await (await fetch(url)).text(),
};

export const Librarian = actor('Librarian', {
  state: () => ({ pages: [] as string[] }),
  methods: {
    async learn(c, url: string) {
      const page = await c.step('fetch', () => web.fetch(url), { retries: 3, backoffMs: 20_000 });
      c.state.pages.push(page);
      return c.state.pages.length;
    },
    hear(c, page: string) {
      c.state.pages.push(page);
    },
    teach(c, colleague: string) {
      for (const page of c.state.pages) c.send(Librarian, colleague).hear(page);
    },
  },
  reads: {
    pages: (c) => c.state.pages,
  },
});
