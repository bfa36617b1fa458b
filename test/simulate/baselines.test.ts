import t from 'tap'
import { c3 } from '../../bench/simulate/baselines/c3.js'
import { leastTime } from '../../bench/simulate/baselines/least-time.js'
import { peakEwma } from '../../bench/simulate/baselines/peak-ewma.js'
import type { Policy, PolicyFactory } from '../../lib/index.js'
import { targetsOf, toolsOf } from '../helpers/core.js'

/** A policy over targets a, b, … whose time and chance stand still. */
function stage (create: unknown, count = 2) {
  const clock = { now: 0 }
  const policy = (create as PolicyFactory)(toolsOf(() => 0, { now: () => clock.now })) as Required<Policy>
  const targets = targetsOf(...Array.from({ length: count }, () => 1))
  policy.update(targets)
  return { clock, policy, targets, pick: () => policy.pick(targets, {}).id }
}

t.test('least_time: averages in whole milliseconds, in steps of 20, times what is in flight', async t => {
  const { policy, targets: [a, b], pick } = stage(leastTime())
  const answer = (target: typeof a, ms: number) => { policy.settle(target!, { outcome: 'success', ttfbMs: ms, durationMs: ms }) }
  // nginx's own arithmetic: 100, 100, 105, 110, 115, 110, and so 120 for each further request.
  for (const ms of [100, 100, 200, 200, 200, 20]) answer(a, ms)
  for (const ms of [60]) answer(b, ms)
  t.equal(pick(), 'b')
  b!.inFlight = 1
  t.equal(pick(), 'a', '80 × 2 is more than 120')
  a!.inFlight = 1
  t.equal(pick(), 'b')
  policy.settle(b!, { outcome: 'reset', durationMs: 1 })
  t.equal(pick(), 'b', 'failures are not averaged')
})

t.test('least_time: near equals take turns, and a slow one is asked again when it was left alone for long', async t => {
  const { clock, policy, targets: [a, b, c], pick } = stage(leastTime(), 3)
  for (const [target, ms] of [[a, 21], [b, 39], [c, 130]] as const) policy.settle(target!, { outcome: 'success', ttfbMs: ms, durationMs: ms })
  t.equal([1, 2, 3, 4].map(pick).join(' '), 'a b a b')
  // An average counts half after eleven seconds, and a whole one again with the first pick after that: 65 beside 10 and 19, …
  clock.now = 12_000
  t.equal([1, 2].map(pick).join(' '), 'a b')
  // … then a quarter of c's, beside 21 and 39.
  clock.now = 22_000
  t.equal([1, 2, 3].map(pick).includes('c'), true)
})

t.test('peak-ewma: up at once, down with a time constant of 10 s', async t => {
  const { clock, policy, targets: [a, b], pick } = stage(peakEwma())
  const answer = (ms: number) => { policy.settle(a!, { outcome: 'success', status: 200, durationMs: ms }) }
  t.equal(pick(), 'a', 'neither is known: the first that was drawn')
  answer(300)
  b!.inFlight = 8
  t.equal(pick(), 'b', '30 × 9 beside 300')
  b!.inFlight = 10
  t.equal(pick(), 'a', '30 × 11 beside 300')
  // 300 has come down to 110 in ten seconds, and to 53 with an answer of 20 ten seconds after that; the 30 of b to 4.06 by looking alone.
  clock.now = 10_000
  pick()
  clock.now = 20_000
  answer(20)
  t.equal(pick(), 'b', '4.06 × 11 is 44.7, beside 53.2')
  b!.inFlight = 13
  t.equal(pick(), 'a', '4.06 × 14 is 56.8')
})

t.test('c3: the cube of the queue decides', async t => {
  const { policy, targets: [a, b], pick } = stage(c3({ gateways: 3 }))
  const answer = (target: typeof a, ttfbMs: number, queue: number, service: number) => {
    policy.answered(target!, { status: 200, ttfbMs, header: name => String(name === 'server-queue' ? queue : service) })
  }
  // R = 10, s = 4, queue 2, one of ours in flight, three gateways: 10 - 4 + 6³ × 4 = 870.
  answer(a, 10, 2, 4)
  a!.inFlight = 1
  t.equal(pick(), 'b', 'who is not known is asked, once')
  answer(b, 869, 0, 0)
  t.equal(pick(), 'b')
  answer(b, 1_000, 0, 0)
  t.equal(pick(), 'a', '869 + 0.3 × 131 is above 870')
})
