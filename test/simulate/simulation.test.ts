import t from 'tap'
import { simulate } from '../../bench/simulate/engine/simulation.js'
import { scenarioOf } from '../../bench/simulate/scenario.js'

const time = { mean: 20 }

function play (description: object, policy: unknown = 'least-requests', seed = 1) {
  return simulate(scenarioOf({ warmUp: 1_000, measured: 4_000, ...description }), policy, seed)
}

const four = { gateways: 2, targets: [{ count: 4 }], requests: { load: 0.7, time } }

t.test('The same seed gives the same result to the last digit, another seed another', async t => {
  const [first, again, other] = [1, 1, 2].map(seed => play(four, 'least-requests', seed))
  t.same(again, first)
  t.not(other!.mean, first!.mean)
})

t.test('All policies see the same requests', async t => {
  const came = ['random', 'round-robin', 'least-requests', 'c3', 'oracle delay'].map(policy => play(four, policy).seconds.map(({ came }: { came: number }) => came))
  for (const other of came) t.same(other, came[0])
})

t.test('Knowing more is better', async t => {
  const p99 = (policy: string) => play({ gateways: 4, targets: [{ count: 8 }, { count: 2, speed: 0.3 }], requests: { load: 0.8, time }, measured: 10_000 }, policy).p99
  const values = ['random', 'least-requests', 'oracle delay'].map(p99)
  t.same(values, [...values].sort((a, b) => b - a))
})

t.test('Who has no answer by the deadline has missed it, and counts as having waited so long', async t => {
  // A target that stands still has its half of the requests for ever.
  const { missed, requests, late, errors, p50, p99 } = play({
    targets: [{}, { slowdowns: [{ at: 0, lasts: 1_000_000, speed: 0 }] }],
    requests: { perSecond: 50, time, deadline: 300 }
  }, 'round-robin')
  t.equal(missed, late)
  t.equal(errors, 0)
  t.ok(Math.abs(missed / requests - 0.5) < 0.02)
  t.ok(p50 <= 300)
  t.equal(p99, 300)
})

t.test('So has one that never gets an answer, where nobody leaves', async t => {
  const { missed, requests, p99 } = play({
    targets: [{}, { slowdowns: [{ at: 0, lasts: 1_000_000, speed: 0 }] }],
    requests: { perSecond: 50, time, deadline: 0 },
    upstream: { timeouts: { headers: 0 } }
  }, 'round-robin')
  t.ok(Math.abs(missed / requests - 0.5) < 0.02)
  t.equal(p99, Infinity)
})

t.test('Errors reach clients where nothing is tried again, and do not where it is', async t => {
  const failing = { targets: [{ count: 3 }, { failures: { share: 1 } }], requests: { load: 0.5, time } }
  const exposed = play({ ...failing, upstream: { retry: false, health: { passive: false } } }, 'round-robin')
  t.ok(Math.abs(exposed.errors / exposed.requests - 0.25) < 0.01)
  t.equal(exposed.attempts, 1)
  const shipped = play(failing, 'round-robin')
  t.equal(shipped.errors, 0)
  t.equal(shipped.ejections, 1)
  t.ok(shipped.attempts > 1)
})

t.test('A target that is down refuses, what it had is broken off, and the shipped gateway tries elsewhere', async t => {
  const flapping = { targets: [{ count: 3 }, { outages: { up: 700, down: 300 } }], requests: { load: 0.5, time } }
  const exposed = play({ ...flapping, upstream: { retry: false, health: { passive: false } } })
  t.ok(exposed.errors > 0)
  const shipped = play(flapping)
  t.equal(shipped.errors, 0)
  t.ok(shipped.ejections > 0)
})

t.test('Targets join and leave', async t => {
  const { busiest, missed } = play({ targets: [{ count: 2 }, { joinsAt: 3_000 }, { leavesAt: 2_000 }], requests: { perSecond: 200, time } })
  t.equal(missed, 0)
  t.ok(busiest.lasting > 1.3, 'who came late and who left early had less')
})

t.test('Phases are counted apart, at rates of their own', async t => {
  const { phases, requests } = play({
    targets: [{ count: 4 }],
    requests: { load: 0.3, time },
    phases: [{ name: 'calm', lasts: 2_000 }, { name: 'rush', lasts: 2_000, load: 0.9 }]
  })
  const [calm, rush] = phases
  t.equal(calm.requests + rush.requests, requests)
  t.ok(Math.abs(rush.requests / calm.requests - 3) < 0.5)
  t.ok(rush.p99 > calm.p99)
})

t.test('A fixed number of clients ask again when they have their answers', async t => {
  const { requests, p50, busiest } = play({ network: 0, targets: [{ count: 2, cores: 10 }], requests: { concurrent: 10, time: { mean: 20, spread: 'constant' } } })
  t.equal(p50, 20)
  t.equal(requests, 10 * 4_000 / 20)
  t.equal(busiest.momentary, 1)
})

t.test('Policies that servers report to have their reports', async t => {
  const p99 = (policy: string) => play({ gateways: 10, targets: [{ count: 9 }, { speed: 0.2 }], requests: { load: 0.7, time } }, policy).p99
  t.ok(p99('c3') < p99('round-robin') / 2)
})
