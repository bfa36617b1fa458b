import type { TargetHealth, TargetState } from '../balancing/target.js'
import type { Upstream } from './upstream.js'

/** Plain JSON: what an upstream looks like now. */
export interface UpstreamSnapshot {
  /** Its name. */
  name: string
  /** Name of its policy; `custom` for a function without one. */
  policy: string
  /** Health is being ignored, because too few targets are eligible. */
  panic: boolean
  /** Requests that wait for a slot. */
  queued: number
  /** In the configured order. */
  targets: TargetSnapshot[]
  /** How the search for targets goes; null where all are in the options. */
  discovery: DiscoverySnapshot | null
}

/** How the search for targets goes. */
export interface DiscoverySnapshot {
  /** What they are found by: `dns`, `file`, `url`, `redis` or `iterable`. */
  kind: string
  /** Where, as the name or the file; empty for what is the user's own. */
  place: string
  /** Sets of targets that came and were good, be it the same again. */
  resolves: number
  /** Failures to get one, and sets that were refused. */
  failures: number
  /** Targets that are not found any more: they keep the clients that belong to them until `hold.obsolete` is over. */
  held: number
  /** When the last good one came, in milliseconds since the epoch; null before the first. */
  lastSuccessAt: number | null
  /** When the last failure was, in milliseconds since the epoch; null before the first. */
  lastErrorAt: number | null
  /** What it was, in words. */
  lastError: string | null
}

/** Whatever finds the targets of an upstream, as far as its snapshot shows it. */
export interface TargetFinder { snapshot (): DiscoverySnapshot }

/** What a target looks like now. */
export interface TargetSnapshot {
  /** Its name. */
  id: string
  /** Where it is. */
  url: string
  /** Share of new clients relative to the other targets. */
  weight: number
  /** Priority level; 0 is used first. */
  tier: number
  /** Names and values to choose targets by. */
  tags: Record<string, string>
  /** What an operator wants of it. */
  state: TargetState
  /** What probes say. */
  health: TargetHealth
  /** End of its ejection, in milliseconds since the epoch; null when it is not ejected. */
  ejectedUntil: number | null
  /** It is eligible for new clients and has a slot left. */
  available: boolean
  /** Attempts begun and not ended. */
  inFlight: number
  /** Attempts since it was added. */
  requests: number
  /** Of these, the ones that counted against it. */
  failures: number
}

export function snapshotOf (upstream: Upstream): UpstreamSnapshot {
  return {
    name: upstream.name,
    policy: upstream.settings.policy.name,
    panic: upstream.balancer.panic,
    queued: upstream.queue.length,
    targets: upstream.balancer.all.map(target => ({
      id: target.id,
      url: target.url,
      weight: target.weight,
      tier: target.tier,
      tags: { ...target.tags },
      state: target.state,
      health: target.health,
      ejectedUntil: target.ejection.standing === 'out' ? target.ejection.until : null,
      available: target.eligible && !target.full,
      inFlight: target.inFlight,
      requests: target.requests,
      failures: target.failures
    })),
    discovery: upstream.finder?.snapshot() ?? null
  }
}
