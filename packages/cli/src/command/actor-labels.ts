/** Labels of actors on a command line. */
import { UsageError } from './exit-code.ts';

export function labelsOf(texts: readonly string[] = []): { [name: string]: string } {
  const labels: { [name: string]: string } = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) {
      throw new UsageError(`--label ${JSON.stringify(text)} is not name=value`);
    }
    labels[text.slice(0, at)] = text.slice(at + 1);
  }
  return labels;
}

/** For an option that may be repeated. */
export function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
