/** What is wrong with what a task wishes of its place, as somebody deploys it. */
import {
  type NeighbourTerm,
  type PlacementWishes,
  type Resources,
  type Selector,
  strategyNames,
} from '@troupe/model';
import { demandFault } from './demand.ts';

/** Terms of one kind, and values of one requirement. */
const termsMax = 32;
const textLengthMax = 253;

/** The first fault, with its place; what is checked may be of any type. */
export function wishesFault(wishes: PlacementWishes, resources: Resources): string | undefined {
  if (typeof wishes !== 'object' || wishes === null) return 'placement is no object';
  const { strategy, labels, nodes, spread, gpuModels, gpus, isolation, preempts } = wishes;
  if (strategy !== undefined && !strategyNames.includes(strategy)) {
    return `placement.strategy "${strategy}" is none of ${strategyNames.join(', ')}`;
  }
  if (preempts !== undefined && typeof preempts !== 'boolean')
    return 'placement.preempts is no boolean';
  if (isolation !== undefined && !isText(isolation)) return 'placement.isolation is no name';
  return (
    labelsFault(labels) ??
    (nodes === undefined ? undefined : selectorFault('placement.nodes', nodes)) ??
    textsFault('placement.gpuModels', gpuModels) ??
    listFault('placement.nodesPreferred', wishes.nodesPreferred, ({ term }, place) =>
      selectorFault(`${place}.term`, term),
    ) ??
    listFault('placement.near', wishes.near, termFault) ??
    listFault('placement.apart', wishes.apart, termFault) ??
    listFault('placement.spread', spread, termFault) ??
    listFault('placement.nearPreferred', wishes.nearPreferred, ({ term }, place) =>
      termFault(term, `${place}.term`),
    ) ??
    listFault('placement.apartPreferred', wishes.apartPreferred, ({ term }, place) =>
      termFault(term, `${place}.term`),
    ) ??
    (gpus !== undefined && (resources['gpu'] ?? 0) > 0
      ? 'both placement.gpus and the resource "gpu": say one of them'
      : undefined) ??
    demandFault({ ...wishes, resources })
  );
}

function labelsFault(labels: PlacementWishes['labels']): string | undefined {
  if (labels === undefined) return undefined;
  const entries =
    typeof labels === 'object' && labels !== null ? Object.entries(labels) : undefined;
  if (entries === undefined) return 'placement.labels is no object';
  if (entries.length > termsMax) return `placement.labels has more than ${termsMax} labels`;
  const wrong = entries.find(([name, value]) => !isText(name) || !isText(value));
  return wrong === undefined ? undefined : `placement.labels.${wrong[0]} is no text`;
}

function termFault(term: NeighbourTerm, place: string): string | undefined {
  if (typeof term !== 'object' || term === null) return `${place} is no object`;
  if (!isText(term.across)) return `${place}.across names no label`;
  return selectorFault(`${place}.tasks`, term.tasks);
}

function selectorFault(place: string, selector: Selector): string | undefined {
  return listFault(place, selector, (requirement, at) => {
    if (typeof requirement !== 'object' || requirement === null) return `${at} is no object`;
    if (!isText(requirement.label)) return `${at}.label names no label`;
    switch (requirement.op) {
      case 'in':
      case 'not-in':
        return textsFault(`${at}.values`, requirement.values ?? null);
      case 'exists':
      case 'absent':
        return undefined;
      default:
        return `${at}.op is none of in, not-in, exists, absent`;
    }
  });
}

function listFault<T>(
  place: string,
  list: readonly T[] | undefined,
  faultOf: (each: T, place: string) => string | undefined,
): string | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) return `${place} is no list`;
  if (list.length > termsMax) return `${place} has more than ${termsMax} entries`;
  for (const [at, each] of list.entries()) {
    const fault = faultOf(each, `${place}[${at}]`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function textsFault(
  place: string,
  texts: readonly string[] | null | undefined,
): string | undefined {
  if (texts === undefined) return undefined;
  if (texts === null) return `${place} is missing`;
  return listFault(place, texts, (text, at) => (isText(text) ? undefined : `${at} is no text`));
}

function isText(text: unknown): boolean {
  return typeof text === 'string' && text.length > 0 && text.length <= textLengthMax;
}
