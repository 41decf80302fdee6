/** Names: as Sim compares them, and as ids here. */
import { isTypeName } from '@troupe/model';
import type { SimBlock } from './document.ts';

/** Sim takes `My Source.Block` and `mysourceblock` for one name. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[\s.]/g, '');
}

/** A name that may stand in an id here, made from any text. */
export function slugOf(text: string): string {
  const slug = text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_$.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 100);
  if (isTypeName(slug)) return slug;
  return isTypeName(`_${slug}`) ? `_${slug}` : 'block';
}

/** By Sim's id, ours: made from the block's name, unique. */
export function idsOf(blocks: readonly SimBlock[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set<string>();
  for (const { id, metadata } of blocks) {
    const slug = slugOf(metadata.name ?? id);
    let unique = slug;
    for (let number = 2; taken.has(unique); number++) unique = `${slug}-${number}`;
    taken.add(unique);
    ids.set(id, unique);
  }
  return ids;
}
