/** The name of an actor, and labels, as arguments. */
import { isActorKey, isTypeName } from '@troupe/model';
import { UsageError } from './exit-code.ts';

export function actorOf(text: string): { type: string; key: string } {
  const slash = text.indexOf('/');
  const type = text.slice(0, Math.max(slash, 0));
  const key = text.slice(slash + 1);
  if (slash < 0 || !isTypeName(type) || !isActorKey(key)) {
    throw new UsageError(
      `${JSON.stringify(text)} is no actor: write Type/key, for example Counter/visits`,
    );
  }
  return { type, key };
}

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
