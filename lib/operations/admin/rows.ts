/** What the admin API shows of upstreams and targets: the snapshot, and what has been counted. Plain JSON. */
import type { Outcome } from '../../balancing/outcome.js'
import type { Times } from '../../balancing/counters.js'
import type { Standing } from '../../balancing/ejection.js'
import type { Target } from '../../balancing/target.js'
import type { Upstream } from '../../engine/upstream.js'
import type { TargetSnapshot, UpstreamSnapshot } from '../../engine/upstream-snapshot.js'
import type { Result } from '../../engine/upstream-counters.js'
import type { LastProbe, Prober } from '../../health/prober.js'

/** Milliseconds. All is since the start; what is in `classes` tells of any time in between. */
export interface TimesRow {
  count: number
  p50: number | null
  p99: number | null
  /** How many took at most so long as `timeBounds` has it, and longer than the bound before; the last: longer than all. */
  classes: number[]
}

export interface TargetRow extends TargetSnapshot {
  /** The weight with slow start applied. */
  effectiveWeight: number
  /** Requests in flight at most; null for no limit. */
  maxRequests: number | null
  /** Of those in flight, event streams and upgraded connections. */
  streams: number
  /** Open connections, upgraded ones included. */
  connections: number
  /** Passive health: `out` is ejected, `trial` gets one request to show that it is back. */
  standing: Standing
  /** Why it is not `in`, in words. */
  ejectionReason: string | null
  /** Times it was ejected. */
  ejections: number
  /** Attempts that have ended, by how; what never happened is left out. */
  outcomes: Partial<Record<Outcome, number>>
  /** Why the last attempt that counted against it did, in words. */
  lastFailure: string | null
  /** From the start of an attempt to the headers of its response. */
  firstByte: TimesRow
  lastProbe: LastProbe | null
}

/** An upstream without its targets. */
export interface UpstreamHead extends Omit<UpstreamSnapshot, 'targets'> {
  /** Requests that have ended, by the class of the status that the client got; what never happened is left out. */
  results: Partial<Record<Result, number>>
  retries: number
  /** Retries that the budget has refused. */
  retriesRefused: number
  hedges: number
  /** Requests that had to wait for a slot. */
  queuedTotal: number
  affinity: { hit: number, miss: number, moved: number }
  /** From a request's coming to the end of its response. */
  duration: TimesRow
}

export interface UpstreamRow extends UpstreamHead {
  targets: TargetRow[]
}

export function upstreamRow (upstream: Upstream, prober: Prober | undefined): UpstreamRow {
  const { counters, budget, balancer } = upstream
  const { targets, ...head } = upstream.snapshot()
  return {
    ...head,
    results: happened(counters.results),
    retries: counters.retries,
    retriesRefused: budget?.refused ?? 0,
    hedges: counters.hedges,
    queuedTotal: counters.queued,
    affinity: { ...counters.affinity },
    duration: timesRow(counters.duration),
    targets: targets.map((snapshot, i) => targetRow(snapshot, balancer.all[i]!, upstream, prober))
  }
}

function targetRow (snapshot: TargetSnapshot, target: Target, upstream: Upstream, prober: Prober | undefined): TargetRow {
  const { counters, config, ejection } = target
  const lastProbe = prober?.lastOf(target.id)
  // Field by field: with a spread, a thousand rows take ten times as long.
  return {
    id: snapshot.id,
    url: snapshot.url,
    weight: snapshot.weight,
    tier: snapshot.tier,
    tags: snapshot.tags,
    state: snapshot.state,
    health: snapshot.health,
    available: snapshot.available,
    inFlight: snapshot.inFlight,
    requests: snapshot.requests,
    failures: snapshot.failures,
    ejectedUntil: snapshot.ejectedUntil === null ? null : Math.round(snapshot.ejectedUntil),
    effectiveWeight: hundredths(target.effectiveWeight),
    maxRequests: config.maxRequests === Infinity ? null : config.maxRequests,
    streams: target.streams,
    connections: upstream.connectionsOf(target),
    standing: ejection.standing,
    ejectionReason: ejection.reason ?? null,
    ejections: counters.ejections,
    outcomes: happened(counters.outcomes),
    lastFailure: counters.lastFailure ?? null,
    firstByte: timesRow(counters.firstByte),
    lastProbe: lastProbe === undefined ? null : { ...lastProbe, at: Math.round(lastProbe.at), durationMs: hundredths(lastProbe.durationMs) }
  }
}

function timesRow (times: Times): TimesRow {
  return { count: times.count, p50: quantile(times, 0.5), p99: quantile(times, 0.99), classes: Array.from(times.counts) }
}

function quantile (times: Times, q: number): number | null {
  const ms = times.quantile(q)
  return ms === undefined ? null : hundredths(ms)
}

function hundredths (value: number): number {
  return Math.round(value * 100) / 100
}

function happened<K extends string> (counts: Readonly<Record<K, number>>): Partial<Record<K, number>> {
  const result: Partial<Record<K, number>> = {}
  for (const key in counts) if (counts[key] > 0) result[key] = counts[key]
  return result
}
