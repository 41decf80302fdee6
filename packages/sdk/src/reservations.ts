/** Reservations as operators put them: options to the message, and what the cluster says back. */
import { type PlaceShape, type Requirement, type ReservationView, tenantName } from '@troupe/model';
import type { PlaceOptions, ReservationOptions } from './troupe.ts';
import type {
  PlaceShapeMessage,
  PutReservationMessage,
  ReservationMessage,
} from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

export async function putReservation(
  unary: Unary,
  tenant: string,
  reservation: string,
  options: ReservationOptions,
): Promise<ReservationView> {
  const { count, place, existing = false } = options;
  const message: PutReservationMessage = {
    tenant,
    reservation,
    existing,
    ...(count === undefined ? {} : { count }),
    ...(place === undefined ? {} : { shape: messageOf(place) }),
  };
  return viewOf(await unary.ask('ClusterService/PutReservation', message));
}

export async function dropReservation(
  unary: Unary,
  tenant: string,
  reservation: string,
): Promise<void> {
  await unary.ask('ClusterService/DropReservation', { tenant, reservation });
}

function messageOf(place: PlaceOptions): PlaceShapeMessage {
  const { resources = {}, gpus, gpuModels = [], labels = {}, isolation = '' } = place;
  const shape = { resources, gpuModels, labels, isolation };
  return gpus === undefined ? shape : { ...shape, gpus };
}

function viewOf({ tenant, shape, why, ...counts }: ReservationMessage): ReservationView {
  const view = { ...counts, tenant: tenantName(tenant), shape: shapeOf(shape) };
  return why === '' ? view : { ...view, why };
}

function shapeOf(message: PlaceShapeMessage | null): PlaceShape {
  if (message === null) return { resources: {} };
  const { resources, gpus, gpuModels, labels, isolation } = message;
  const nodes = Object.entries(labels).map(([label, value]): Requirement => {
    return { label, op: 'in', values: [value] };
  });
  const placement: PlaceShape['placement'] = {
    ...(nodes.length === 0 ? {} : { nodes }),
    ...(gpuModels.length === 0 ? {} : { gpuModels }),
    ...(gpus ? { gpus } : {}),
    ...(isolation === '' ? {} : { isolation }),
  };
  return Object.keys(placement).length === 0 ? { resources } : { resources, placement };
}
