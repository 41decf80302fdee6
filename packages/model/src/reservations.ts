/** Room that is held for a tenant that must not wait: what an operator declares, and how it stands. */
import type { TenantName } from './ids.ts';
import type { Resources } from './manifest.ts';
import type { PlacementWishes } from './placement.ts';

/** What one place holds, as tasks declare it. */
export interface PlaceShape {
  readonly resources: Resources;
  /** Of its GPUs, and of the nodes that it may be on. */
  readonly placement?: Pick<PlacementWishes, 'nodes' | 'gpuModels' | 'gpus' | 'isolation'>;
}

export interface ReservationSettings {
  readonly tenant: TenantName;
  /** Its name, one of its tenant. */
  readonly reservation: string;
  readonly shape: PlaceShape;
  /** How many places are to be held. */
  readonly count: number;
}

/** And how it stands. */
export interface ReservationView extends ReservationSettings {
  readonly held: number;
  /** Of the places held, those in which tasks run. */
  readonly used: number;
  /** While fewer are held: why, for people: `2 of 3 held: 3 nodes lack gpu`. */
  readonly why?: string;
}
