/**
 * Metrics in the data model of Prometheus, through a client library that the user hands in. Nothing is counted for them: what the upstreams count
 * anyway is read when somebody scrapes, and so a target that was removed leaves no series behind. Label values come from the configuration alone.
 */
import type { Times } from '../balancing/counters.js'
import { TIME_BOUNDS } from '../balancing/counters.js'
import type { Target } from '../balancing/target.js'
import type { Upstream } from '../engine/upstream.js'
import type { SharedSnapshot } from '../sharing/link.js'
import { fault, type Check } from '../options.js'

/** As much of `prom-client`, or of `@prometheus-io/client`, as is needed: the library itself, or a registry of it. */
export interface MetricsClient {
  /** Its default registry. */
  register?: MetricsRegistry
}

/** A registry of such a client. */
export interface MetricsRegistry {
  /** Has a metric shown, with what it says of itself. */
  registerMetric (metric: never): void
}

/** Through which client metrics are shown. */
export interface MetricsOptions {
  /** `import client from 'prom-client'`, or a `Registry` of it. */
  client: MetricsClient | MetricsRegistry
}

export interface MetricsSettings { registry: { registerMetric (metric: Metric): void, removeSingleMetric? (name: string): void } }

export const metricsOption: Check<MetricsSettings> = (value, path, faults) => {
  const client = (value as Partial<MetricsOptions> | undefined)?.client as (MetricsClient & Partial<MetricsRegistry>) | undefined
  const registry = typeof client?.registerMetric === 'function' ? client : client?.register
  if (typeof registry?.registerMetric !== 'function') fault(faults, `${path}.client`, 'prom-client, @prometheus-io/client or a registry of one of them', client)
  return { registry: registry as MetricsSettings['registry'] }
}

type Labels = Record<string, string | number>

interface Value { labels: Labels, value: number, metricName?: string }

/** What a registry asks of a metric. `aggregator`: what becomes of it when the workers of a cluster are put together. */
interface Metric {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  aggregator: 'sum' | 'first' | 'max' | 'min'
  get (): Promise<{ name: string, help: string, type: string, aggregator: string, values: Value[] }>
  reset (): void
}

type Upstreams = () => Iterable<Upstream>

/** Has the registry show the upstreams and, where there is one, the state of sharing. Returns what takes that back. */
export function registerMetrics ({ registry }: MetricsSettings, upstreams: Upstreams, shared?: () => SharedSnapshot): () => void {
  const metrics = METRICS.map(reading => metricOf(reading, read => [...upstreams()].flatMap(read)))
  if (shared !== undefined) metrics.push(...SHARED_METRICS.map(reading => metricOf(reading, read => read(shared()))))
  for (const metric of metrics) registry.registerMetric(metric)
  return () => { for (const { name } of metrics) registry.removeSingleMetric?.(name) }
}

interface Reading<T> {
  name: string
  help: string
  type: Metric['type']
  aggregator?: Metric['aggregator']
  read (subject: T): Value[]
}

function metricOf<T> ({ name, help, type, aggregator = 'sum', read }: Reading<T>, all: (read: (subject: T) => Value[]) => Value[]): Metric {
  return {
    name,
    help,
    type,
    aggregator,
    async get () { return { name, help, type, aggregator, values: all(read) } },
    reset () {}
  }
}

/** One value for each upstream. */
function perUpstream (name: string, type: 'counter' | 'gauge', help: string, read: (upstream: Upstream) => number, aggregator: Metric['aggregator'] = 'sum'): Reading<Upstream> {
  return { name, help, type, aggregator, read: upstream => [{ labels: { upstream: upstream.name }, value: read(upstream) }] }
}

/** One value for each target. */
function perTarget (name: string, type: 'counter' | 'gauge', help: string, read: (target: Target, upstream: Upstream) => number, aggregator: Metric['aggregator'] = 'sum'): Reading<Upstream> {
  return {
    name,
    help,
    type,
    aggregator,
    read: upstream => [...upstream.targets.values()].map(target => ({ labels: { upstream: upstream.name, target: target.id }, value: read(target, upstream) }))
  }
}

/** One value for each entry of a record. */
function labelled (name: string, label: string, labels: Labels, record: Readonly<Record<string, number>>): Value[] {
  return Object.entries(record).map(([key, value]) => ({ labels: { ...labels, [label]: key }, value }))
}

/** Prometheus wants seconds, and the classes added up. */
function histogram (name: string, labels: Labels, times: Times): Value[] {
  let below = 0
  const buckets = [...TIME_BOUNDS, Infinity].map((bound, i): Value => {
    below += times.counts[i]!
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound === Infinity ? '+Inf' : bound / 1000 }, value: below }
  })
  return [...buckets, { metricName: `${name}_sum`, labels, value: times.sum / 1000 }, { metricName: `${name}_count`, labels, value: times.count }]
}

const REQUESTS = 'fastify_lb_requests_total'
const DURATION = 'fastify_lb_request_duration_seconds'
const ATTEMPTS = 'fastify_lb_attempts_total'
const FIRST_BYTE = 'fastify_lb_time_to_first_byte_seconds'
const AFFINITY = 'fastify_lb_affinity_total'

const METRICS: ReadonlyArray<Reading<Upstream>> = [
  {
    name: REQUESTS,
    help: 'Requests that have ended, by the class of the status that the client got; aborted: the client left.',
    type: 'counter',
    read: ({ name, counters }) => labelled(REQUESTS, 'result', { upstream: name }, counters.results)
  },
  {
    name: DURATION,
    help: 'Seconds from the coming of a request to the end of its response.',
    type: 'histogram',
    read: ({ name, counters }) => histogram(DURATION, { upstream: name }, counters.duration)
  },
  {
    name: ATTEMPTS,
    help: 'Attempts that have ended, by outcome.',
    type: 'counter',
    read: upstream => [...upstream.targets.values()].flatMap(target => labelled(ATTEMPTS, 'outcome', { upstream: upstream.name, target: target.id }, target.counters.outcomes))
  },
  {
    name: FIRST_BYTE,
    help: 'Seconds from the start of an attempt to the headers of its response.',
    type: 'histogram',
    read: upstream => [...upstream.targets.values()].flatMap(target => histogram(FIRST_BYTE, { upstream: upstream.name, target: target.id }, target.counters.firstByte))
  },
  {
    name: AFFINITY,
    help: 'Requests by what affinity made of them: hit, the client was served by its own target; miss, it had none; moved, it had to go to another.',
    type: 'counter',
    read: ({ name, counters }) => labelled(AFFINITY, 'result', { upstream: name }, counters.affinity)
  },
  perUpstream('fastify_lb_retries_total', 'counter', 'Attempts after the first one of a request, without hedges.', ({ counters }) => counters.retries),
  perUpstream('fastify_lb_retries_refused_total', 'counter', 'Retries that the budget has refused.', ({ budget }) => budget?.refused ?? 0),
  perUpstream('fastify_lb_hedges_total', 'counter', 'Second attempts beside one that was slow.', ({ counters }) => counters.hedges),
  perUpstream('fastify_lb_queued', 'gauge', 'Requests that wait for a slot.', ({ queue }) => queue.length),
  perUpstream('fastify_lb_queued_total', 'counter', 'Requests that had to wait for a slot.', ({ counters }) => counters.queued),
  perUpstream('fastify_lb_panic', 'gauge', '1 while health is ignored because too few targets are eligible.', ({ balancer }) => Number(balancer.panic), 'max'),
  perTarget('fastify_lb_in_flight', 'gauge', 'Attempts in flight.', target => target.inFlight),
  perTarget('fastify_lb_connections', 'gauge', 'Open connections, upgraded ones included.', (target, upstream) => upstream.connectionsOf(target)),
  perTarget('fastify_lb_ejections_total', 'counter', 'Times a target was ejected.', target => target.counters.ejections),
  perTarget('fastify_lb_target_failures_total', 'counter', 'Attempts that counted against a target.', target => target.failures),
  perTarget('fastify_lb_target_healthy', 'gauge', '1 unless probes say otherwise.', target => Number(target.health === 'healthy' || target.health === 'unchecked'), 'max'),
  perTarget('fastify_lb_target_ejected', 'gauge', '1 while a target is ejected, or on trial.', target => Number(target.ejection.standing !== 'in'), 'max'),
  perTarget('fastify_lb_target_available', 'gauge', '1 while a target may be picked for new clients.', target => Number(target.eligible && !target.full), 'max'),
  perTarget('fastify_lb_target_weight', 'gauge', 'Weight of a target.', target => target.weight, 'first')
]

const CHANGES = 'fastify_lb_shared_changes_total'
const LOOKUPS = 'fastify_lb_shared_session_lookups_total'

const SHARED_METRICS: ReadonlyArray<Reading<SharedSnapshot>> = [
  {
    name: 'fastify_lb_shared_up',
    help: '1 while the shared store answers.',
    type: 'gauge',
    aggregator: 'min',
    read: ({ up }) => [{ labels: {}, value: Number(up === true) }]
  },
  {
    name: 'fastify_lb_shared_errors_total',
    help: 'Calls to the shared store that have failed, or took too long.',
    type: 'counter',
    read: ({ errors }) => [{ labels: {}, value: errors }]
  },
  {
    name: CHANGES,
    help: 'Changes at run time: told, they were made here; heard, by others.',
    type: 'counter',
    read: ({ told, heard }) => labelled(CHANGES, 'direction', {}, { told, heard })
  },
  {
    name: LOOKUPS,
    help: 'Look-ups of sessions that were not known here; late: it took over 50 ms, or could not be made.',
    type: 'counter',
    read: ({ sessions }) => labelled(LOOKUPS, 'result', {}, { ...sessions })
  }
]
