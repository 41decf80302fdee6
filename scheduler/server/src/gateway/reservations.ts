/** `ClusterService.PutReservation` and `DropReservation`: room that is held for a tenant. */
import {
  type PlaceShape,
  type RequestBody,
  type Requirement,
  type ReservationView,
  troupeError,
} from '@troupe/model';
import { checkedNumber, checkedReservation, checkedTenant, shortened } from './checked.ts';
import type { Asked } from './coded.ts';
import type { Gateway } from './gateway.ts';

interface ShapeMessage {
  readonly resources: { readonly [name: string]: number };
  readonly gpus: { readonly count: number; readonly milli: number } | null;
  readonly gpuModels: readonly string[];
  readonly labels: { readonly [name: string]: string };
  readonly isolation: string;
}

export interface PutReservationRequest {
  readonly tenant: string;
  readonly reservation: string;
  readonly count?: number;
  readonly shape: ShapeMessage | null;
  readonly existing: boolean;
}

export interface DropReservationRequest {
  readonly tenant: string;
  readonly reservation: string;
}

/** No name or value in a shape is longer. */
const textLengthMax = 253;

export async function putReservation(
  gateway: Gateway,
  { request, deadlineAt, signal }: Asked<PutReservationRequest>,
): Promise<object> {
  const answer = await gateway.requests.ask(bodyOf(request), { deadlineAt, signal });
  if (answer.kind !== 'reservation') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return responseOf(answer.reservation);
}

export async function dropReservation(
  gateway: Gateway,
  { request, deadlineAt, signal }: Asked<DropReservationRequest>,
) {
  const tenant = checkedTenant(request.tenant);
  const reservation = checkedReservation(request.reservation);
  const body = { kind: 'drop-reservation', tenant, reservation } as const;
  await gateway.requests.ask(body, { deadlineAt, signal });
  return {};
}

/** What resources and wishes may be is judged by the leader, as it judges those of tasks. */
function bodyOf({ count, shape, existing, ...names }: PutReservationRequest): RequestBody {
  return {
    kind: 'put-reservation',
    tenant: checkedTenant(names.tenant),
    reservation: checkedReservation(names.reservation),
    ...(count === undefined ? {} : { count: checkedNumber('count', count) }),
    ...(shape === null ? {} : { shape: shapeOf(shape) }),
    ...(existing ? { existing: true } : {}),
  };
}

/** Canonical: the same wishes are the same shape. */
function shapeOf({ resources, gpus, gpuModels, labels, isolation }: ShapeMessage): PlaceShape {
  for (const name of Object.keys(resources)) checkedText('resources', name);
  const nodes = Object.entries(labels)
    .map(([label, value]): Requirement => {
      const values = [checkedText('labels', value)];
      return { label: checkedText('labels', label), op: 'in', values };
    })
    .sort((left, right) => (left.label < right.label ? -1 : 1));
  const models = [...new Set(gpuModels.map((model) => checkedText('gpu_models', model)))].sort();
  const placement: PlaceShape['placement'] = {
    ...(nodes.length === 0 ? {} : { nodes }),
    ...(models.length === 0 ? {} : { gpuModels: models }),
    ...(gpus === null ? {} : { gpus }),
    ...(isolation === '' ? {} : { isolation: checkedText('isolation', isolation) }),
  };
  return Object.keys(placement).length === 0 ? { resources } : { resources, placement };
}

function responseOf({ shape, why = '', ...view }: ReservationView) {
  return { ...view, why, shape: messageOf(shape) };
}

function messageOf({ resources, placement = {} }: PlaceShape): ShapeMessage {
  const { nodes = [], gpuModels = [], gpus = null, isolation = '' } = placement;
  const labels: Record<string, string> = {};
  for (const requirement of nodes) {
    if (requirement.op === 'in') labels[requirement.label] = requirement.values[0] ?? '';
  }
  return { resources, gpus, gpuModels, labels, isolation };
}

function checkedText(argument: string, text: string): string {
  if (text.length > 0 && text.length <= textLengthMax) return text;
  const what = `in ${argument}: "${shortened(text)}" is not 1 to ${textLengthMax} characters`;
  throw troupeError('INVALID_ARGUMENT', what, { argument });
}
