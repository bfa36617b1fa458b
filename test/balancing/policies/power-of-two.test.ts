import t from 'tap'
import { powerOfTwo } from '../../../lib/balancing/policies/power-of-two.js'
import type { Target } from '../../../lib/balancing/target.js'
import { seededRandom } from '../../helpers/clock.js'
import { tally, targetsOf, toolsOf } from '../../helpers/core.js'

function withLoad (weights: number[], inFlight: number[]): Target[] {
  const targets = targetsOf(...weights)
  targets.forEach((target, i) => { target.inFlight = inFlight[i]! })
  return targets
}

t.test('Of two targets the one with fewer requests in flight for its weight is picked', async t => {
  const policy = powerOfTwo(toolsOf(seededRandom(1)))
  for (let i = 0; i < 20; i++) {
    t.equal(policy.pick(withLoad([1, 1], [1, 0]), {}).id, 'b')
    // (3 + 1) / 4 = 1, against (1 + 1) / 1 = 2
    t.equal(policy.pick(withLoad([1, 4], [1, 3]), {}).id, 'b')
  }
})

t.test('The most loaded of all is never picked, whichever two are drawn', async t => {
  const targets = withLoad([1, 1, 1, 1], [0, 7, 0, 3])
  const policy = powerOfTwo(toolsOf(seededRandom(2)))
  const counts = tally(Array.from({ length: 6000 }, () => policy.pick(targets, {}).id))
  t.equal(counts['b'], undefined)
  // Of the six pairs, d wins only that with b: a sixth of the picks, give or take five standard deviations.
  t.ok(Math.abs(counts['d']! - 1000) < 145, JSON.stringify(counts))
})

t.test('Of equals the first that was drawn is picked, so that weights count among idle targets', async t => {
  const policy = powerOfTwo(toolsOf(seededRandom(3)))
  const equal = tally(Array.from({ length: 4000 }, () => policy.pick(targetsOf(1, 1, 1, 1), {}).id))
  for (const id of 'abcd') t.ok(Math.abs(equal[id]! - 1000) < 140, `${id}: ${equal[id]}`)
})

t.test('The two are distinct even where chance always names the same one', async t => {
  for (const [at, other] of [[0, 'b'], [0.4, 'a'], [0.7, 'b'], [0.99, 'c']] as const) {
    const targets = withLoad([1, 1, 1, 1], [1, 1, 1, 1])
    targets[Math.floor(4 * at)]!.inFlight = 9
    const policy = powerOfTwo(toolsOf(() => at))
    t.equal(policy.pick(targets, {}).id, other, 'in place of the one with more in flight')
    t.equal(policy.pick(targets, {}).id, other)
  }
})

t.test('A draw that is given up may name another one at last', async t => {
  const targets = withLoad([1, 1, 1], [5, 5, 0])
  let draws = 0
  // The first one and eight more name a; what is taken instead is the third.
  const policy = powerOfTwo(toolsOf(() => draws++ < 9 ? 0 : 0.9))
  t.equal(policy.pick(targets, {}).id, 'c')
})

t.test('Weights that change count from the next pick on', async t => {
  const targets = targetsOf(1, 1, 1)
  const policy = powerOfTwo(toolsOf(seededRandom(4)))
  policy.update!(targets)
  for (let i = 0; i < 3; i++) policy.pick(targets, {})
  targets[0]!.effectiveWeight = 0.001
  targets[1]!.effectiveWeight = 0.001
  policy.update!(targets)
  const counts = tally(Array.from({ length: 1000 }, () => policy.pick(targets, {}).id))
  t.ok(counts['c']! > 990, JSON.stringify(counts))
})
