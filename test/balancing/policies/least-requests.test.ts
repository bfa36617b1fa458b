import t from 'tap'
import { leastRequests } from '../../../lib/balancing/policies/least-requests.js'
import type { Target } from '../../../lib/balancing/target.js'
import { seededRandom } from '../../helpers/clock.js'
import { tally, targetsOf, toolsOf } from '../../helpers/core.js'

function withLoad (weights: number[], inFlight: number[]): Target[] {
  const targets = targetsOf(...weights)
  targets.forEach((target, i) => { target.inFlight = inFlight[i]! })
  return targets
}

t.test('The target with the fewest requests in flight is picked', async t => {
  const policy = leastRequests(toolsOf(seededRandom(1)))
  for (let i = 0; i < 20; i++) t.equal(policy.pick(withLoad([1, 1, 1], [3, 1, 2]), {}).id, 'b')
})

t.test('Requests in flight are measured by weight', async t => {
  const policy = leastRequests(toolsOf(seededRandom(1)))
  // (3 + 1) / 4 = 1, against (1 + 1) / 1 = 2
  t.equal(policy.pick(withLoad([1, 4], [1, 3]), {}).id, 'b')
  // (8 + 1) / 4 = 2.25, against 2
  t.equal(policy.pick(withLoad([1, 4], [1, 8]), {}).id, 'a')
})

t.test('Among idle targets the heaviest is picked', async t => {
  const policy = leastRequests(toolsOf(seededRandom(1)))
  for (let i = 0; i < 20; i++) t.equal(policy.pick(withLoad([1, 4, 3], [0, 0, 0]), {}).id, 'b')
})

t.test('A target in slow start is measured by the weight it has reached', async t => {
  const targets = withLoad([1, 1], [1, 0])
  targets[1]!.effectiveWeight = 0.1
  // (0 + 1) / 0.1 = 10, against 2
  t.equal(leastRequests(toolsOf(seededRandom(1))).pick(targets, {}).id, 'a')
})

t.test('Requests that stay open fill targets in proportion to their weights, exactly', async t => {
  const targets = targetsOf(1, 2, 3)
  const policy = leastRequests(toolsOf(seededRandom(7)))
  for (let i = 0; i < 600; i++) policy.pick(targets, {}).inFlight++
  t.same(targets.map(target => target.inFlight), [100, 200, 300])
})

t.test('A tie is broken at random, each of those tied being as likely', async t => {
  const targets = withLoad([1, 1, 1, 1], [2, 2, 5, 2])
  const policy = leastRequests(toolsOf(seededRandom(5)))
  const counts = tally(Array.from({ length: 3000 }, () => policy.pick(targets, {}).id))
  // 1000 each; five standard deviations of sqrt(3000 × 1/3 × 2/3) = 26
  for (const id of ['a', 'b', 'd']) t.ok(Math.abs(counts[id]! - 1000) < 130, `${id}: ${counts[id]}`)
  t.equal(counts['c'], undefined)
})

t.test('A tie with a lower load that came before it is not a tie', async t => {
  // With 0, every tie goes to the later one.
  t.equal(leastRequests(toolsOf(() => 0)).pick(withLoad([1, 1, 1], [1, 0, 1]), {}).id, 'b')
})

t.test('Up to 128 targets all are looked at', async t => {
  const targets = targetsOf(...new Array(128).fill(1))
  for (const target of targets) target.inFlight = 1
  const policy = leastRequests(toolsOf(seededRandom(9)))
  for (const at of [0, 17, 64, 127]) {
    targets[at]!.inFlight = 0
    t.equal(policy.pick(targets, {}), targets[at])
    targets[at]!.inFlight = 1
  }
})

t.test('Above 128 targets, five distinct ones are drawn and the best of them is picked', async t => {
  const targets = targetsOf(...new Array(129).fill(1))
  const drawnOf = new Array<number>(129).fill(0)
  let looks: number[] = []
  for (const target of targets) {
    Object.defineProperty(target, 'inFlight', { get: () => { looks.push(target.index); return target.index % 7 } })
  }
  const policy = leastRequests(toolsOf(seededRandom(3)))
  for (let i = 0; i < 40_000; i++) {
    looks = []
    const picked = policy.pick(targets, {})
    const drawn = [...looks]
    const least = Math.min(...drawn.map(index => index % 7))
    if (drawn.length !== 5 || new Set(drawn).size !== 5 || picked.inFlight !== least) t.fail(`${picked.index} of ${drawn.join(', ')}`)
    for (const index of drawn) drawnOf[index]!++
  }
  // Each as often as any other: 40,000 × 5 / 129 = 1550, give or take five standard deviations.
  drawnOf.forEach((times, index) => { if (Math.abs(times - 1550) > 195) t.fail(`${index} was drawn ${times} times`) })
})

t.test('The draws are distinct even where chance always names the same position', async t => {
  const targets = targetsOf(...new Array(200).fill(1))
  targets[196]!.inFlight = -1
  // Always position 0: then the five are 0 and, in place of its repetitions, 196, 197, 198 and 199.
  t.equal(leastRequests(toolsOf(() => 0)).pick(targets, {}), targets[196])
})
