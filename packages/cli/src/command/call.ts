/** `troupe call`: one call of an actor. */
import type { PriorityName } from '@troupe/model';
import { type Command, Option } from 'commander';
import { shown } from '../terminal/terminal.ts';
import { actorOf } from './actor-argument.ts';
import { printStream } from './call-stream.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { argumentsOf } from './json-argument.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface CallOptions {
  readonly text?: boolean;
  readonly deadline?: string;
  readonly scope?: string;
  readonly waits?: string;
  readonly atTurn?: string;
  readonly priority?: PriorityName;
  readonly key?: string;
  readonly stream?: boolean;
  readonly streamId?: string;
  readonly from?: string;
}

export function addCall(program: Command): void {
  program
    .command('call')
    .description('call a method of an actor and print its reply')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .argument('<method>')
    .argument('[args...]', 'each a JSON value')
    .option('--text', 'take every argument as text instead of JSON')
    .option('--deadline <ms>', 'time in which the call must be accepted')
    .option('--waits <ms>', 'time that the method may wait for signals')
    .option('--scope <name>', 'scope of an actor that the call creates')
    .addOption(
      new Option('--priority <name>', 'among all that waits for the actor').choices([
        'low',
        'normal',
        'high',
      ]),
    )
    .option('--key <text>', 'names the call: who makes it again has the first reply')
    .option('--at-turn <n>', 'read the actor as it was after this turn')
    .option('--stream', 'print what the method yields as it comes, then its reply')
    .option('--stream-id <id>', 'id of the stream: one of its own unless given')
    .option('--from <n>', 'go on with that stream at this position')
    .addHelpText(
      'after',
      examples(
        'troupe call Counter/visits add 1',
        `troupe call Librarian/team-7/eu learn '"https://example.org"' '{"deep": true}'`,
        'troupe call Librarian/team-7 learn --text https://example.org',
        'troupe call Counter/visits get --json',
        `troupe call Librarian/team-7 answer '"why?"' --stream`,
      ),
    )
    .action(
      async (
        actor: string,
        method: string,
        texts: string[],
        options: CallOptions,
        command: Command,
      ) => {
        const { type, key } = actorOf(actor);
        const args = argumentsOf(texts, options.text === true);
        const settings = settingsOf(command);
        const callOptions = {
          ...(options.deadline === undefined
            ? {}
            : { deadlineMs: countOf('--deadline', options.deadline, 1) }),
          ...(options.waits === undefined ? {} : { waitsMs: countOf('--waits', options.waits, 0) }),
          ...(options.priority === undefined ? {} : { priority: options.priority }),
          ...(options.scope === undefined ? {} : { scope: options.scope }),
          ...(options.atTurn === undefined
            ? {}
            : { atTurn: countOf('--at-turn', options.atTurn, 0) }),
          ...(options.key === undefined ? {} : { idempotencyKey: options.key }),
          ...(options.streamId === undefined ? {} : { stream: options.streamId }),
          ...(options.from === undefined ? {} : { from: countOf('--from', options.from, 0) }),
        };
        if (streams(options)) {
          return withTroupe(settings, async (troupe) => {
            const open = troupe.actor(type, key, callOptions).stream[method];
            if (open === undefined) throw new UsageError(`${JSON.stringify(method)} is no method`);
            await printStream(settings.terminal, open(...args));
          });
        }
        const reply = await withTroupe(settings, async (troupe) => {
          const call = troupe.actor(type, key, callOptions)[method];
          if (call === undefined) throw new UsageError(`${JSON.stringify(method)} is no method`);
          return call(...args);
        });
        settings.terminal.answer(reply, () => settings.terminal.line(shown(reply ?? null)));
      },
    );
}

/** Any of its options asks for it. */
function streams({ stream, streamId, from }: CallOptions): boolean {
  return stream === true || streamId !== undefined || from !== undefined;
}
