/** Values typed on the command line. */
import { UsageError } from './exit-code.ts';

/** The JSON value that the text says; `what` names the argument when it says none. */
export function jsonArgument(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const quoted = `'${JSON.stringify(text).replaceAll("'", "'\\''")}'`;
    throw new UsageError(
      `${what} is not JSON: ${text}\n` +
        `text needs its quotes, kept from the shell: ${quoted}; or take every argument as text by --text`,
    );
  }
}

/** Arguments of a call: each JSON, or all of them text. */
export function argumentsOf(texts: readonly string[], asText: boolean): unknown[] {
  return texts.map((text, index) => (asText ? text : jsonArgument(text, `argument ${index + 1}`)));
}
