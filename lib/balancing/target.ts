import { TargetCounters } from './counters.js'
import type { Ejection } from './ejection.js'

/**
 * What an operator wants of a target: `ready` takes everybody, `drain` takes only clients that already belong to it,
 * `maintenance` takes nobody.
 */
export type TargetState = 'ready' | 'drain' | 'maintenance'

/** What probes say: `unchecked` without probes, `pending` before the first result. */
export type TargetHealth = 'unchecked' | 'pending' | 'healthy' | 'unhealthy'

/** What can happen to a target. */
export type TargetEvent = 'added' | 'removed' | 'changed' | 'healthy' | 'unhealthy' | 'ejected' | 'restored'

/** What may be changed of a target without starting it afresh. */
export interface TargetUpdate {
  weight?: number | undefined
  state?: TargetState | undefined
  tier?: number | undefined
  tags?: Readonly<Record<string, string>> | undefined
}

/** A target as it was written down. */
export interface TargetConfig {
  /** Its name, unique in the upstream. */
  readonly id: string
  /** Where it is. The core only compares it: another url under the same id is another server. */
  readonly url: string
  /** Where it really is, when the url's host is not what to connect to. The core only compares it, too. */
  readonly address?: string | undefined
  /** Share of new clients relative to the other targets, 0 to 256; 0 means only clients that belong to it already. */
  readonly weight: number
  /** Priority level; 0 is used first. */
  readonly tier: number
  /** Names and values to choose targets by. */
  readonly tags: Readonly<Record<string, string>>
  /** Requests in flight at most; `Infinity` for no limit. */
  readonly maxRequests: number
}

/**
 * One backend server with its live state. Identity is the `id`: everything else may change while it lives.
 * The fields are written by the Balancer alone; whoever else holds a target only reads them.
 */
export class Target {
  /** As it is written down now; another object after each change. */
  config: TargetConfig
  /** What an operator wants of it. */
  state: TargetState = 'ready'
  /** What probes say of it. */
  health: TargetHealth
  /** @internal */
  readonly ejection: Ejection
  /** Attempts begun and not ended. */
  inFlight = 0
  /** Of these, event streams and upgraded connections: they stay for as long as the client likes. */
  streams = 0
  /** Attempts begun since it was added. */
  requests = 0
  /** Attempts that counted against it since it was added. */
  failures = 0
  /** @internal */
  readonly counters = new TargetCounters()
  /** Position in the configured order. */
  index = 0
  /** The weight with slow start applied; what policies go by. */
  effectiveWeight: number
  /** When its slow start began; `undefined` when it is not warming up. */
  warmingSince: number | undefined
  /** @internal Its source does not find it any more: it keeps the clients that belong to it for a while, and gets no new ones. */
  obsolete = false
  /** It was added while others were running, so it warms up; the targets of a new pool do not. */
  joined = false

  /** @internal */
  constructor (config: TargetConfig, health: TargetHealth, ejection: Ejection) {
    this.config = config
    this.health = health
    this.ejection = ejection
    this.effectiveWeight = config.weight
  }

  /** Its name, unique in the upstream. */
  get id (): string { return this.config.id }
  /** Where it is. */
  get url (): string { return this.config.url }
  /** Share of new clients relative to the other targets, 0 to 256. */
  get weight (): number { return this.config.weight }
  /** Priority level; 0 is used first. */
  get tier (): number { return this.config.tier }
  /** Names and values to choose targets by. */
  get tags (): Readonly<Record<string, string>> { return this.config.tags }

  /** No slot left: capacity, not health. */
  get full (): boolean { return this.inFlight >= this.config.maxRequests }

  /** Neither probes nor traffic say anything against it. */
  get sound (): boolean {
    return this.health !== 'unhealthy' && this.health !== 'pending' && this.ejection.admits
  }

  /** May take new clients. */
  get eligible (): boolean { return this.lastResort && this.sound }

  /** May take a client that belongs to it. */
  get holds (): boolean { return this.state !== 'maintenance' && this.sound }

  /** May be used when nobody is eligible: an operator's word still counts, health no longer does. */
  get lastResort (): boolean { return this.state === 'ready' && this.weight > 0 && !this.obsolete }
}
