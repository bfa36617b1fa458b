import type { Clock, Random } from '../balancing/clock.js'
import { policyOption, type PolicyOption } from '../balancing/policies/index.js'
import type { NamedPolicy } from '../balancing/policies/named-policy.js'
import { slowStartOptions, type SlowStart, type SlowStartOptions } from '../balancing/slow-start.js'
import { defaultsOf, fault, func, number, object, oneOf, optional, shorthand, type Check, type Fields } from '../options.js'
import { bodyRateOption, type BodyRate, type BodyRateOptions } from './body-rate.js'
import { timeoutOptions, type TimeoutOptions, type Timeouts } from './timeouts.js'
import { poolOptions, type PoolOptions, type PoolSettings } from './pool.js'
import { queueOptions, type QueueOptions, type QueueSettings } from './queue.js'
import { retryOptions, type Retry, type RetryOptions } from './retry.js'
import { maxRequestsOption, targetsOption, type EngineTargetConfig, type TargetOptions } from './target-options.js'

/** The timers of a clock. */
export type Timers = Pick<Clock, 'after' | 'cancel'>

/** What balancing, attempts and connections need to know of an upstream. Times are milliseconds. */
export interface EngineOptions {
  /** The targets: urls, or objects with one. May be empty, and filled at run time. @default [] */
  targets?: Array<string | TargetOptions>
  /** How a target is picked. @default 'least-requests' */
  policy?: PolicyOption
  /**
   * When and where a request is tried again; `false` switches every kind off, also moving on from a target that refuses the connection. @default {}
   */
  retry?: RetryOptions | boolean
  /** Deadlines. @default {} */
  timeouts?: TimeoutOptions
  /** Limits of what is in flight. @default {} */
  limits?: LimitOptions
  /** A returning or new target gets its share gradually; `true` takes the defaults. @default false */
  slowStart?: SlowStartOptions | boolean
  /** How load moves on to the next tier: `gradual` as Envoy's priority levels, `hard` when a tier has nobody left. @default 'gradual' */
  spill?: 'gradual' | 'hard'
  /** When nobody is eligible: `fail-open` uses every `ready` target of the lowest tier, `fail-closed` answers 503. @default 'fail-open' */
  panic?: 'fail-open' | 'fail-closed'
  /**
   * Share of a tier's targets, 0 to 1, below which its health is ignored (or, with `fail-closed`, the tier is). As Envoy, not while other tiers
   * can take the load. 0: only when nobody is left. @default 0
   */
  panicThreshold?: number
  /** Connections to the targets. @default {} */
  pool?: PoolOptions
  /** Source of chance, for tests and simulations: returns n with 0 <= n < 1. @default Math.random */
  random?: Random
  /**
   * Source of time, for tests and simulations: milliseconds that never run backwards. @default the monotonic clock, as milliseconds since the epoch
   */
  now?: () => number
  /** Timers that go with `now`. @default Node's */
  timers?: Timers
}

/** How many requests may be in flight, and what happens to requests beyond that. */
export interface LimitOptions {
  /** Requests in flight to one target at most. @default `pool.connections`, which is Infinity by default */
  maxRequests?: number
  /**
   * While every target is at its limit, requests wait here for a slot, first come, first served. `false`: they get 503 at once. @default {}
   */
  queue?: QueueOptions | boolean
  /**
   * How fast clients have to send the body of a request, until its response begins. A slower one gets 408. It is checked when data arrives: silence is
   * limited by `timeouts.body`. `false`: clients may be as slow as they like. Bodies that go through the `dispatcher` are not limited. @default {}
   */
  minBodyRate?: BodyRateOptions | false
}

/** The same with defaults filled in. */
export interface EngineSettings {
  targets: EngineTargetConfig[]
  policy: NamedPolicy
  retry: Retry | false
  timeouts: Timeouts
  limits: { maxRequests?: number, queue: QueueSettings, minBodyRate: BodyRate | false }
  slowStart: SlowStart | false
  spill: 'gradual' | 'hard'
  panic: 'fail-open' | 'fail-closed'
  panicThreshold: number
  pool: PoolSettings
  random: Random
  now: (() => number) | undefined
  timers: Timers | undefined
}

const limitOptions = object<EngineSettings['limits']>({
  maxRequests: optional(maxRequestsOption) as Check<number>,
  queue: queueOptions,
  minBodyRate: bodyRateOption
})

/** Whatever has the two methods: a clock of the user's own may well have more. */
const timersOption: Check<Timers> = (value, path, faults) => {
  const timers = value as Timers
  if (typeof timers?.after !== 'function' || typeof timers.cancel !== 'function') fault(faults, path, 'an object with the methods after and cancel', value)
  return timers
}

export const engineFields: Fields<EngineSettings> = {
  targets: optional(targetsOption, []),
  policy: optional(policyOption, policyOption('least-requests', '', [])),
  retry: shorthand(retryOptions, defaultsOf(retryOptions)),
  timeouts: optional(timeoutOptions, defaultsOf(timeoutOptions)),
  limits: optional(limitOptions, defaultsOf(limitOptions)),
  slowStart: shorthand(slowStartOptions, false),
  spill: optional(oneOf('gradual', 'hard'), 'gradual'),
  panic: optional(oneOf('fail-open', 'fail-closed'), 'fail-open'),
  panicThreshold: optional(number(0, 1), 0),
  pool: optional(poolOptions, defaultsOf(poolOptions)),
  random: optional(func<Random>(), Math.random),
  now: optional(func<() => number>()),
  timers: optional(timersOption)
}

/** Faults that show only when options are looked at together. Each alone may have faults, too, and then there is nothing to compare. */
export function checkEngine (settings: Partial<Pick<EngineSettings, 'pool' | 'targets'>> & { limits?: Pick<EngineSettings['limits'], 'maxRequests'> }, path: string, faults: string[]): void {
  const { pool, limits, targets = [] } = settings
  const tooMany = (limit: number | undefined, where: string): void => {
    if (limit! > pool?.connections!) {
      faults.push(`${where}: expected at most pool.connections (${pool!.connections}), got ${limit}; requests would wait inside the pool, where nothing watches over them`)
    }
  }
  tooMany(limits?.maxRequests, `${path}.limits.maxRequests`)
  targets.forEach((target, i) => { tooMany(target?.ownLimit, `${path}.targets[${i}].limits.maxRequests`) })
}
