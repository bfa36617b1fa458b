import t from 'tap'
import { TargetCounters, TIME_BOUNDS, Times } from '../../lib/balancing/counters.js'
import { UpstreamCounters } from '../../lib/engine/upstream-counters.js'

t.test('times are counted by class, bounds included', async t => {
  const times = new Times()
  t.equal(times.quantile(0.5), undefined)
  for (const ms of [0, 1, 1.1, 2.5, 60_000, 60_001]) times.add(ms)
  t.strictSame([times.counts[0], times.counts[1], times.counts[TIME_BOUNDS.length - 1], times.counts[TIME_BOUNDS.length]], [2, 2, 1, 1])
  t.equal(times.count, 6)
  t.equal(times.sum, 120_005.6)
})

t.test('quantiles lie within the class they fall into', async t => {
  const times = new Times()
  for (let i = 0; i < 100; i++) times.add(i < 50 ? 3 : 80)
  t.equal(times.quantile(0.25), 2.5 + 2.5 * 25 / 50)
  t.equal(times.quantile(0.99), 50 + 50 * 49 / 50)
  t.equal(times.quantile(0), 2.5)
  const quick = new Times()
  quick.add(0.3)
  t.equal(quick.quantile(0.5), 0.5)
  const late = new Times()
  late.add(100_000)
  t.equal(late.quantile(0.5), 60_000, 'there is no telling beyond the last bound')
})

t.test('outcomes and results', async t => {
  const target = new TargetCounters()
  target.add({ outcome: 'success', status: 200, ttfbMs: 3, durationMs: 5 })
  target.add({ outcome: 'reset', durationMs: 5 })
  t.match(target.outcomes, { success: 1, reset: 1, timeout: 0 })
  t.equal(target.firstByte.count, 1)
  const upstream = new UpstreamCounters()
  for (const status of [101, 200, 304, 404, 499, 500, 600, 0]) upstream.ended(status, 1)
  t.strictSame(upstream.results, { '1xx': 1, '2xx': 1, '3xx': 1, '4xx': 1, '5xx': 3, aborted: 1 })
})
