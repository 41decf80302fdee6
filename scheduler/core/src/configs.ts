/**
 * The leader's work on configurations: changes them, tells the nodes that there is another version, and
 * gives the values to whoever asks. Where they stand durably: `config-table.ts`.
 *
 * C2  what is answered is journaled: whoever is placed or started from then on is told of it, and who is
 *     placed already is told again and again until its node has heard it.
 */
import {
  type AskConfig,
  type ConfigRequest,
  type ConfigSeen,
  configFault,
  decodeValue,
  encodeValue,
  type Failure,
  failure,
  failureOf,
  type Incarnation,
  limits,
  sameBytes,
  type TenantName,
} from '@troupe/model';
import { Deliveries } from './deliveries.ts';
import type { Desk } from './desk.ts';
import type { Size } from './sizes.ts';
import type { Asker } from './waiting.ts';

type Body<K extends ConfigRequest['kind']> = Extract<ConfigRequest, { kind: K }>;
type Values = { readonly [name: string]: unknown };

export class Configs {
  readonly #desk: Desk;
  readonly #news: Deliveries<TenantName>;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#news = new Deliveries(desk, 'configs', (_node, tenant) => {
      const { version } = desk.state.configs.latest(tenant);
      return { kind: 'config-news', term: desk.term, tenant, version };
    });
  }

  get(asker: Asker, { tenant }: Body<'get-config'>): void {
    if (this.#isUnknown(asker, tenant)) return;
    this.#answer(asker, tenant);
  }

  put(asker: Asker, body: Body<'put-config'>): void {
    const { tenant } = body;
    if (this.#isUnknown(asker, tenant)) return;
    const latest = this.#desk.state.configs.latest(tenant);
    const values = changed(body, latest.values);
    if ('code' in values) return this.#desk.answer(asker, { kind: 'failed', failure: values });
    if (!sameBytes(values, latest.values)) {
      if (body.version !== undefined && body.version !== latest.version) {
        const what = `the configuration of "${tenant}" is at version ${latest.version}, not ${body.version}`;
        return this.#desk.refuse(asker, 'WRONG_STATE', what, { tenant, version: latest.version });
      }
      const at = this.#desk.wall;
      const version = latest.version + 1;
      this.#desk.decide({ kind: 'config-put', tenant, version, values, at });
      for (const { incarnation } of this.#desk.state.nodes.present()) {
        this.#news.add(incarnation, tenant);
      }
    }
    this.#answer(asker, tenant);
  }

  /** A node asks for a version. Of one that is not known here a later leader knows. */
  asked({ incarnation: node, tenant, version: asked }: AskConfig): void {
    const { configs } = this.#desk.state;
    if (asked > configs.latest(tenant).version) return;
    const { term } = this.#desk;
    this.#desk.toNode(node, {
      kind: 'config-told',
      term,
      tenant,
      asked,
      ...configs.at(tenant, asked),
    });
  }

  seen({ incarnation: node, tenant, version }: ConfigSeen): void {
    if (version < this.#desk.state.configs.latest(tenant).version) return;
    this.#news.confirm(node, tenant);
  }

  nodeLost(node: Incarnation): void {
    this.#news.drop(node);
  }

  resend(node: Incarnation): void {
    this.#news.resend(node);
  }

  /** Z1 */
  sizes(): readonly Size[] {
    const { presentCount } = this.#desk.state.nodes;
    return [
      { of: 'news of configurations', size: this.#news.size, most: 0 },
      { of: 'lanes of news of configurations', size: this.#news.lanes, most: presentCount },
    ];
  }

  #answer(asker: Asker, tenant: TenantName): void {
    this.#desk.answer(asker, { kind: 'config', ...this.#desk.state.configs.latest(tenant) });
  }

  #isUnknown(asker: Asker, tenant: TenantName): boolean {
    if (this.#desk.state.deployments.tenant(tenant) !== undefined) return false;
    this.#desk.refuse(asker, 'UNKNOWN_TENANT', `there is no tenant "${tenant}"`, { tenant });
    return true;
  }
}

/** The values as they are to be, or why they cannot be so. */
function changed(body: Body<'put-config'>, before: Uint8Array): Uint8Array | Failure {
  try {
    const set = decodeValue(body.set);
    const fault = configFault(set);
    if (fault !== undefined) return fault;
    const named = new Map(Object.entries(decodeValue(before) as Values));
    for (const [name, value] of Object.entries(set as Values)) named.set(name, value);
    for (const name of body.unset) named.delete(name);
    const names = [...named.keys()].sort();
    const values = Object.fromEntries(names.map((name) => [name, named.get(name)]));
    const whole = configFault(values);
    if (whole !== undefined) return whole;
    const bytes = encodeValue(values, 'config');
    if (bytes.length <= limits.configBytesMax) return bytes;
    const what = `the configuration has ${bytes.length} bytes, ${limits.configBytesMax} are allowed`;
    return failure('TOO_LARGE', what);
  } catch (thrown) {
    return failureOf(thrown, 'INVALID_ARGUMENT');
  }
}
