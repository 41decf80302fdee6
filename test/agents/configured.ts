/** Agents that go by what they are configured with. */
import { actor } from '@troupe/sdk';

export const Writer = actor('Writer', {
  state: () => ({ notes: [] as unknown[] }),
  methods: {
    note(c) {
      c.state.notes.push(c.config['model'] ?? null);
      return c.state.notes.length;
    },
    async draft(c) {
      const before = c.config['model'];
      await c.waitFor('go');
      const both = [before, c.config['model']];
      c.state.notes.push(both);
      return both;
    },
    length: (c) => c.secret('apiKey').length,
    async prints(c) {
      console.log(`stdout has ${c.secret('apiKey')}`);
      console.error(`stderr has ${c.secret('apiKey')}`);
      c.log(`the log has ${c.secret('apiKey')}`);
      c.progress(0.5, `progress has ${c.secret('apiKey')}`);
      await c.step('use', () => c.secret('apiKey').length);
      await c.waitFor('go');
    },
    throws(c) {
      throw new Error(`refused ${c.secret('apiKey')}`);
    },
    keeps(c) {
      c.state.notes.push(c.secret('apiKey'));
    },
    notAllowed: (c) => c.secret('path'),
  },
  reads: { notes: (c) => c.state.notes },
});
