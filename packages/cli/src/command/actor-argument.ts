/** An actor on the command line. */
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
