import t, { type Test } from 'tap'
import { Estimates } from '../../../lib/balancing/policies/estimates.js'
import type { Target } from '../../../lib/balancing/target.js'
import { targetsOf } from '../../helpers/core.js'

const rules = { window: 2_000, forget: 5_000, failurePenalty: 1_000 }

function estimatesOf (targets: Target[], now = 0): Estimates {
  const estimates = new Estimates(rules)
  estimates.update(targets, now)
  return estimates
}

function near (t: Test, got: number, expected: number, message: string): void {
  t.ok(Math.abs(got - expected) < 1e-6 * Math.max(1, expected), `${message}: ${got} is ${expected}`)
}

t.test('The first answers weigh the same, later ones by the time since the one before', async t => {
  const estimates = estimatesOf(targetsOf(1, 1))
  estimates.hear(0, 100, 0)
  near(t, estimates.latency(0, 0), 100, 'the first')
  estimates.hear(0, 200, 0)
  near(t, estimates.latency(0, 0), 150, 'half and half')
  estimates.hear(0, 50, 2_000)
  near(t, estimates.latency(0, 2_000), 150 + (50 - 150) * (1 - Math.exp(-1)), 'after 2 s')
  estimates.hear(0, 50, 60_000)
  near(t, estimates.latency(0, 60_000), 50, 'after a minute')
})

t.test('What is known fades towards half of the median while nothing is heard, and reading it changes nothing', async t => {
  const estimates = estimatesOf(targetsOf(1, 1, 1))
  estimates.hear(0, 200, 0)
  estimates.hear(1, 20, 0)
  estimates.hear(2, 20, 0)
  estimates.refresh(0)
  near(t, estimates.latency(0, 0), 200, 'at once')
  near(t, estimates.latency(0, 5_000), 10 + 190 / Math.E, 'after one time')
  near(t, estimates.latency(0, 10_000), 10 + 190 / Math.E ** 2, 'after two')
  near(t, estimates.latency(0, 5_000), 10 + 190 / Math.E, 'read again')
  near(t, estimates.latency(1, 3_600_000), 10, 'after an hour')
})

t.test('A target that nothing is known of is as fast as the median of the others', async t => {
  const estimates = estimatesOf(targetsOf(1, 1, 1, 1))
  t.equal(estimates.latency(0, 0), 1, 'as long as nothing is known at all')
  estimates.hear(1, 10, 0)
  t.equal(estimates.latency(0, 0), 10)
  estimates.hear(2, 30, 0)
  estimates.hear(3, 80, 0)
  estimates.refresh(1_000)
  near(t, estimates.latency(0, 1_000), 15 + 15 * Math.exp(-0.2), 'and that fades from when it came')
})

t.test('Requests in flight multiply what a request costs; streams are none', async t => {
  const [a] = targetsOf(2) as [Target]
  const estimates = estimatesOf([a])
  estimates.hear(0, 100, 0)
  t.equal(estimates.scores[0], 50)
  a.inFlight = 4
  a.streams = 1
  estimates.loaded(a)
  t.equal(estimates.scores[0], 200)
})

t.test('A second request to a target that nothing is known of costs as much as a failure besides', async t => {
  const [a, b] = targetsOf(1, 1) as [Target, Target]
  const estimates = estimatesOf([a, b])
  estimates.hear(1, 100, 0)
  estimates.update([a, b], 0)
  t.equal(estimates.scores[0], 100)
  a.inFlight = 1
  estimates.loaded(a)
  t.equal(estimates.scores[0], 200 + 1_000)
  estimates.hear(0, 100, 0)
  t.equal(estimates.scores[0], 200, 'not any more')
})

t.test('A failure counts by the share of attempts that fail, and fades as all else', async t => {
  const estimates = estimatesOf(targetsOf(1))
  for (let i = 0; i < 100; i++) estimates.hear(0, 20, 0)
  estimates.hear(0, 'failed', 0)
  near(t, estimates.failing(0, 0), 0.05, 'one after many good ones')
  near(t, estimates.scores[0]!, 20 + 0.05 * 1_000, 'and what that costs')
  for (let i = 0; i < 4; i++) estimates.hear(0, 'failed', 0)
  near(t, estimates.failing(0, 0), 1 - 0.95 ** 5, 'five in a row')
  near(t, estimates.failing(0, 5_000), (1 - 0.95 ** 5) / Math.E, 'after a while')
  estimates.hear(0, 20, 0)
  near(t, estimates.failing(0, 0), (1 - 0.95 ** 5) * 0.95, 'a good one')
  near(t, estimates.latency(0, 0), 20, 'how fast it is when it does not fail is not touched')
})

t.test('A target that has only failed is known by that alone', async t => {
  const estimates = estimatesOf(targetsOf(1, 1))
  estimates.hear(1, 40, 0)
  estimates.hear(0, 'failed', 0)
  t.equal(estimates.latency(0, 0), 40, 'the median')
  t.equal(estimates.scores[0], 40 + 1_000)
})

t.test('A failure costs five medians where that is more than its price in milliseconds', async t => {
  const estimates = estimatesOf(targetsOf(1))
  t.equal(estimates.penalty, 1_000)
  estimates.hear(0, 300, 0)
  t.equal(estimates.penalty, 1_500)
})

t.test('An answer that took longer than a failure costs counts for no more than that', async t => {
  const estimates = estimatesOf(targetsOf(1, 1))
  estimates.hear(0, 20, 0)
  estimates.hear(0, 30_000, 0)
  near(t, estimates.latency(0, 0), (20 + 1_000) / 2, 'a long poll')
  estimates.hear(1, 30_000, 0)
  near(t, estimates.latency(1, 0), 1_000, 'also where it is the first')
})

t.test('Costs are for one unit of weight', async t => {
  const estimates = estimatesOf(targetsOf(4, 1))
  estimates.hear(0, 100, 0)
  estimates.hear(1, 100, 0)
  t.same([...estimates.scores], [25, 100])
})

t.test('Costs are brought up to date all round in 10 ms, a part of them at a time', async t => {
  const targets = targetsOf(...new Array(10).fill(1))
  const estimates = estimatesOf(targets)
  estimates.refresh(0)
  targets.forEach((_, i) => { estimates.hear(i, 100, 0) })
  const fresh = (now: number): number => estimates.scores.filter(score => Math.abs(score - 50 - 50 * Math.exp(-now / 5_000)) < 1e-9).length
  estimates.refresh(0.9)
  t.equal(fresh(0.9), 0, 'too early for even one')
  estimates.refresh(3)
  t.equal(fresh(3), 3)
  estimates.refresh(13)
  t.equal(fresh(13), 10)
  estimates.refresh(1_000_000)
  t.same([...estimates.scores], new Array(10).fill(50), 'all of them once, however late')
})

t.test('With thousands of targets, 25 are brought up to date in a millisecond', async t => {
  const targets = targetsOf(...new Array(5_000).fill(1))
  const estimates = estimatesOf(targets)
  estimates.refresh(0)
  targets.forEach((_, i) => { estimates.hear(i, 100, 0) })
  estimates.refresh(2)
  t.equal(estimates.scores.filter(score => score < 100).length, 50)
})

t.test('The median of many targets is found by looking at some of them', async t => {
  const estimates = estimatesOf(targetsOf(...new Array(1000).fill(1)))
  for (let i = 0; i < 1000; i++) estimates.hear(i, 1 + (i * 7) % 1000, 0)
  estimates.refresh(0)
  t.ok(Math.abs(estimates.penalty / 5 - 500) < 60, `${estimates.penalty / 5}`)
})

t.test('Who stays keeps what is known of it, wherever it stands; who leaves and comes back is a stranger', async t => {
  const [a, b, c] = targetsOf(1, 1, 1) as [Target, Target, Target]
  const estimates = estimatesOf([a, b, c])
  estimates.hear(0, 10, 0)
  estimates.hear(2, 30, 0)
  estimates.update([c, b], 0)
  t.equal(estimates.latency(0, 0), 30)
  t.equal(estimates.latency(1, 0), 30, 'the median of those known')
  estimates.update([a, b, c], 0)
  t.equal(estimates.latency(0, 0), 30, 'and so is the one that was away')
  t.equal(estimates.latency(2, 0), 30)
  estimates.update([], 0)
  estimates.refresh(5_000)
  t.same([...estimates.scores], [], 'and nobody is no fault')
})
