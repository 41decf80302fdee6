/** `troupe call --stream`: a call whose values are printed as they come, each once, and its reply. */
import { errorTable, failureOf } from '@troupe/model';
import type { ActorStream } from '@troupe/sdk';
import { jsonable, shown, type Terminal } from '../terminal/terminal.ts';

/** With `--json` a line for each: `{"position", "value"}`, and `{"reply"}` at the end. */
export async function printStream(
  terminal: Terminal,
  stream: ActorStream<unknown, unknown>,
): Promise<void> {
  const { json } = terminal;
  try {
    for await (const value of stream) {
      const position = stream.position - 1;
      if (json) terminal.line(JSON.stringify({ position, value: jsonable(value) }));
      else terminal.line(shown(value ?? null));
    }
    const reply = await stream.reply();
    if (json) terminal.line(JSON.stringify({ reply: jsonable(reply) }));
    else if (reply !== undefined) terminal.line(shown(reply));
  } catch (cause) {
    const { code } = failureOf(cause);
    // Of what has ended, or is not known, nothing is left to go on with.
    if (!errorTable[code].retryable && code !== 'OUTCOME_UNKNOWN') throw cause;
    terminal.note(`go on with \`--stream-id ${stream.id} --from ${stream.position}\``);
    throw cause;
  }
}
