import t from 'tap'
import { leastRequests } from '../../../lib/balancing/policies/least-requests.js'
import type { Target } from '../../../lib/balancing/target.js'
import { seededRandom } from '../../helpers/clock.js'
import { load as tell, tally, targetsOf, toolsOf } from '../../helpers/core.js'

/** The policy, which knows targets with these weights and loads. */
function given (weights: number[], inFlight: number[], random = seededRandom(1)): { targets: Target[], pick: () => Target, load: (target: Target, inFlight: number) => void } {
  const policy = leastRequests(toolsOf(random))
  const targets = targetsOf(...weights)
  policy.update!(targets)
  const load = (target: Target, inFlight: number): void => { tell(target, inFlight, policy) }
  targets.forEach((target, i) => { load(target, inFlight[i]!) })
  return { targets, load, pick: () => policy.pick(targets, {}) }
}

t.test('The target with the fewest requests in flight is picked', async t => {
  const { pick } = given([1, 1, 1], [3, 1, 2])
  for (let i = 0; i < 20; i++) t.equal(pick().id, 'b')
})

t.test('Requests in flight are measured by weight', async t => {
  // (3 + 1) / 4 = 1, against (1 + 1) / 1 = 2
  t.equal(given([1, 4], [1, 3]).pick().id, 'b')
  // (8 + 1) / 4 = 2.25, against 2
  t.equal(given([1, 4], [1, 8]).pick().id, 'a')
})

t.test('Among idle targets the heaviest is picked', async t => {
  const { pick } = given([1, 4, 3], [0, 0, 0])
  for (let i = 0; i < 20; i++) t.equal(pick().id, 'b')
})

t.test('A target in slow start is measured by the weight it has reached', async t => {
  const policy = leastRequests(toolsOf(seededRandom(1)))
  const targets = targetsOf(1, 1)
  targets[0]!.inFlight = 1
  targets[1]!.effectiveWeight = 0.1
  policy.update!(targets)
  // (0 + 1) / 0.1 = 10, against 2
  t.equal(policy.pick(targets, {}).id, 'a')
})

t.test('Only those that may be picked are looked at', async t => {
  const { targets } = given([1, 1, 1, 1], [0, 0, 0, 0])
  const policy = leastRequests(toolsOf(seededRandom(1)))
  targets.forEach((target, i) => { target.inFlight = i })
  policy.update!(targets)
  t.equal(policy.pick([targets[1]!, targets[3]!], {}).id, 'b')
})

t.test('Requests that stay open fill targets in proportion to their weights, exactly', async t => {
  const { targets, pick, load } = given([1, 2, 3], [0, 0, 0], seededRandom(7))
  for (let i = 0; i < 600; i++) {
    const target = pick()
    load(target, target.inFlight + 1)
  }
  t.same(targets.map(target => target.inFlight), [100, 200, 300])
})

t.test('A tie is broken at random, each of those tied being as likely', async t => {
  const { targets, pick } = given([1, 1, 1, 1], [2, 2, 5, 2], seededRandom(5))
  const counts = tally(Array.from({ length: 3000 }, () => pick().id))
  // 1000 each; five standard deviations of sqrt(3000 × 1/3 × 2/3) = 26
  for (const id of ['a', 'b', 'd']) t.ok(Math.abs(counts[id]! - 1000) < 130, `${id}: ${counts[id]}`)
  t.equal(counts[targets[2]!.id], undefined)
})

t.test('A tie with a lower load that came before it is not a tie', async t => {
  t.equal(given([1, 1, 1], [1, 0, 1], () => 0).pick().id, 'b')
})

t.test('Up to 128 targets all are looked at', async t => {
  const { targets, pick, load } = given(new Array(128).fill(1), new Array(128).fill(1), seededRandom(9))
  for (const at of [0, 17, 64, 127]) {
    load(targets[at]!, 0)
    t.equal(pick(), targets[at])
    load(targets[at]!, 1)
  }
})

t.test('Above 128 targets, five are drawn and the best of them is picked', async t => {
  const { targets, pick } = given(new Array(129).fill(1), [...new Array(128).fill(1), 0], seededRandom(3))
  const times = new Array<number>(129).fill(0)
  for (let i = 0; i < 40_000; i++) times[pick().index]!++
  // The idle one as often as it is drawn: 40,000 × 5 / 129 = 1550; the others share the rest, 300 each. Give or take five standard deviations.
  t.ok(Math.abs(times[128]! - 1550) < 195, `${times[128]}`)
  targets.slice(0, 128).forEach(({ index }) => { if (Math.abs(times[index]! - 300) > 87) t.fail(`${index} was picked ${times[index]} times`) })
})

t.test('The draws are distinct even where chance always names the same position', async t => {
  const { targets, pick, load } = given(new Array(200).fill(1), new Array(200).fill(1), () => 0)
  // Always position 0: then the five are 0 and, in place of its repetitions, 196, 197, 198 and 199.
  load(targets[196]!, 0)
  t.equal(pick(), targets[196])
  load(targets[196]!, 1)
  load(targets[195]!, 0)
  t.not(pick(), targets[195])
})
