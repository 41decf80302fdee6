/** An actor named on a command line. */
import { isActorKey, isTypeName } from '@troupe/model';
import { UsageError } from './exit-code.ts';

/** Its key may hold slashes. */
export function actorOf(text: string): { readonly type: string; readonly key: string } {
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
