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

/** Requests as they come, `atOnce` in flight, each answered in its turn. Returns how many each target got of the last `picks`. */
function shares (weights: number[], atOnce: number, picks = 8_000): number[] {
  const { pick, load } = given(weights, weights.map(() => 0), seededRandom(11))
  const open: Target[] = []
  const counts = weights.map(() => 0)
  for (let i = 0; i < picks + atOnce; i++) {
    if (open.length === atOnce) {
      const done = open.shift()!
      load(done, done.inFlight - 1)
    }
    const target = pick()
    load(target, target.inFlight + 1)
    open.push(target)
    if (i >= atOnce) counts[target.index]!++
  }
  return counts
}

t.test('Shares follow the weights, whether one request is in flight or a hundred', async t => {
  for (const weights of [[1, 2], [1, 2, 3], [5, 95], [1, 1, 1], [100, 1, 1]]) {
    const sum = weights.reduce((a, b) => a + b)
    for (const atOnce of [1, 2, 10, 100]) {
      shares(weights, atOnce).forEach((count, i) => {
        const wanted = 8_000 * weights[i]! / sum
        // With a few in flight, a light target that has one of them is full for the moment: its share is somewhat smaller.
        const give = atOnce === 1 ? 0 : 0.35 * wanted
        t.ok(Math.abs(count - wanted) < give + 5 * Math.sqrt(wanted), `weights ${weights.join()}, ${atOnce} at once: ${count} of ${wanted.toFixed(0)} for ${weights[i]}`)
      })
    }
  }
})

t.test('A target in slow start gets what the weight it has reached says', async t => {
  const policy = leastRequests(toolsOf(seededRandom(1)))
  const targets = targetsOf(1, 1)
  for (const reached of [0.1, 0.5, 0.9]) {
    targets[1]!.effectiveWeight = reached
    policy.update!(targets)
    const counts = tally(Array.from({ length: 4_000 }, () => policy.pick(targets, {}).id))
    const wanted = 4_000 * reached / (1 + reached)
    t.ok(Math.abs(counts.b! - wanted) < 5 * Math.sqrt(wanted), `${counts.b} of ${wanted.toFixed(0)}`)
  }
})

t.test('Above 128 targets, shares follow the weights as well', async t => {
  const weights = Array.from({ length: 200 }, (_, i) => i < 10 ? 49 : 1)
  for (const atOnce of [1, 100]) {
    const heavy = shares(weights, atOnce).slice(0, 10).reduce((a, b) => a + b)
    t.ok(Math.abs(heavy / 8_000 - 490 / 680) < (atOnce === 1 ? 0.03 : 0.12), `${heavy} of 8000 for the ten heavy ones, ${atOnce} at once`)
  }
})

t.test('Above 128 targets, one of overwhelming weight is left when it is busy', async t => {
  const { targets, pick, load } = given([1e6, ...new Array(200).fill(1)], new Array(201).fill(0))
  load(targets[0]!, 10_000_000)
  t.not(Array.from({ length: 50 }, () => pick().id).every(id => id === 'a'), true)
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

t.test('The draws come to an end even where chance always names the same target', async t => {
  const { targets, pick } = given(new Array(200).fill(1), new Array(200).fill(1), () => 0)
  t.equal(pick(), targets[0])
})
