/** What is wrong with what a task wishes of its place, as somebody deploys it. Its form was checked before (`manifest-form.ts`). */
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

/** The first fault, with its place. */
export function wishesFault(wishes: PlacementWishes, resources: Resources): string | undefined {
  const { strategy, labels, nodes, spread, gpuModels, gpus, isolation } = wishes;
  if (strategy !== undefined && !strategyNames.includes(strategy)) {
    return `placement.strategy "${strategy}" is none of ${strategyNames.join(', ')}`;
  }
  if (isolation !== undefined && !isText(isolation))
    return `placement.isolation is not 1 to ${textLengthMax} characters`;
  return (
    labelsFault(labels) ??
    selectorFault('placement.nodes', nodes) ??
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
  const entries = Object.entries(labels);
  if (entries.length > termsMax) return `placement.labels has more than ${termsMax} labels`;
  // It would be another one once it has been read from the journal.
  if (Object.hasOwn(labels, '__proto__')) return 'placement.labels.__proto__ is no name of a label';
  const wrong = entries.find(([name, value]) => !isText(name) || !isText(value));
  return wrong === undefined
    ? undefined
    : `placement.labels.${wrong[0]} is not 1 to ${textLengthMax} characters`;
}

function termFault(term: NeighbourTerm, place: string): string | undefined {
  if (!isText(term.across)) return `${place}.across names no label`;
  return selectorFault(`${place}.tasks`, term.tasks);
}

function selectorFault(place: string, selector: Selector | undefined): string | undefined {
  return listFault(place, selector, (requirement, at) => {
    if (!isText(requirement.label)) return `${at}.label names no label`;
    if (requirement.op !== 'in' && requirement.op !== 'not-in') return undefined;
    return requirement.values === undefined
      ? `${at}.values is missing`
      : textsFault(`${at}.values`, requirement.values);
  });
}

function listFault<T>(
  place: string,
  list: readonly T[] | undefined,
  faultOf: (each: T, place: string) => string | undefined,
): string | undefined {
  if (list === undefined) return undefined;
  if (list.length > termsMax) return `${place} has more than ${termsMax} entries`;
  for (const [at, each] of list.entries()) {
    const fault = faultOf(each, `${place}[${at}]`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function textsFault(place: string, texts: readonly string[] | undefined): string | undefined {
  return listFault(place, texts, (text, at) => {
    return isText(text) ? undefined : `${at} is not 1 to ${textLengthMax} characters`;
  });
}

function isText(text: string): boolean {
  return text.length > 0 && text.length <= textLengthMax;
}
