/** Weighted round robin among many targets: the sequence is nginx's, though not all of them are looked at. */
import t from 'tap'
import fc from 'fast-check'
import { Rotation } from '../../../lib/balancing/policies/rotation.js'
import { roundRobin } from '../../../lib/balancing/policies/round-robin.js'
import type { Target } from '../../../lib/balancing/target.js'
import { seededRandom } from '../../helpers/clock.js'
import { targetsOf, toolsOf } from '../../helpers/core.js'

const manyWeights = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 33, maxLength: 70 })

/** nginx's algorithm, as it is written down: each gets its weight, the one with most is taken and pays for all. */
function nginx (weights: readonly number[], picks: number): number[] {
  const current = weights.map(() => 0)
  const sum = weights.reduce((a, b) => a + b)
  return Array.from({ length: picks }, () => {
    weights.forEach((weight, i) => { current[i]! += weight })
    const best = current.indexOf(Math.max(...current))
    current[best]! -= sum
    return best
  })
}

function policyOf (targets: Target[], random = () => 0): ReturnType<typeof roundRobin> {
  const policy = roundRobin(toolsOf(random))
  policy.update!(targets)
  return policy
}

/** How often each was taken, less how often it should have been. */
function errors (counts: readonly number[], weights: readonly number[]): number[] {
  const [picks, sum] = [counts.reduce((a, b) => a + b), weights.reduce((a, b) => a + b)]
  return counts.map((count, i) => count - picks * weights[i]! / sum)
}

t.test('many targets of different weights come in the order of nginx', async t => {
  fc.assert(fc.property(manyWeights, weights => {
    const targets = targetsOf(...weights)
    const policy = policyOf(targets)
    const picked = Array.from({ length: 700 }, () => policy.pick(targets, {}).index)
    t.strictSame(picked, nginx(weights, 700))
  }), { seed: 1, numRuns: 30 })
})

t.test('from wherever it begins', async t => {
  const weights = Array.from({ length: 40 }, (_, i) => 1 + i % 3)
  const targets = targetsOf(...weights)
  const sequence = nginx(weights, 1_000)
  const before = sequence.slice(0, 17)
  const sum = weights.reduce((a, b) => a + b)
  const current = Float64Array.from(weights, (weight, i) => 17 * weight - sum * before.filter(index => index === i).length)
  const rotation = new Rotation(targets, current)
  t.strictSame(Array.from({ length: 983 }, () => rotation.next().index), sequence.slice(17))
})

t.test('requests that may not have all targets take their turns among the others, and shares stay what they are', async t => {
  fc.assert(fc.property(manyWeights, fc.integer(), (weights, seed) => {
    const random = seededRandom(seed)
    const targets = targetsOf(...weights)
    const policy = policyOf(targets, random)
    const counts = weights.map(() => 0)
    for (let i = 0; i < 4_000; i++) {
      // One in ten has tried one of them already.
      const tried = Math.floor(random() * weights.length)
      const able = i > 100 && i % 10 === 0 ? targets.filter(target => target.index !== tried) : targets
      const picked = policy.pick(able, {})
      if (!able.includes(picked)) return false
      counts[picked.index]!++
    }
    return errors(counts, weights).every(error => Math.abs(error) < 4)
  }), { seed: 2, numRuns: 20 })
})

t.test('clients of their own count, so that new ones fill up what is missing', async t => {
  const weights = Array.from({ length: 50 }, (_, i) => 1 + i % 4)
  const targets = targetsOf(...weights)
  const policy = policyOf(targets)
  const counts = weights.map(() => 0)
  for (let i = 0; i < 6_000; i++) {
    if (i > 100 && i % 100 === 0) {
      policy.charge!(targets[7]!)
      counts[7]!++
    }
    counts[policy.pick(targets, {}).index]!++
  }
  t.ok(errors(counts, weights).every(error => Math.abs(error) < 2), errors(counts, weights).map(Math.round).join(' '))
  policy.charge!(targetsOf(...weights, 1)[50]!)
  t.ok(targets.includes(policy.pick(targets, {})), 'who is not among them owes nothing')
})

t.test('when many cannot be picked for a while, the others keep their ratio, and afterwards all do', async t => {
  const weights = Array.from({ length: 60 }, (_, i) => 1 + i % 5)
  const targets = targetsOf(...weights)
  const policy = policyOf(targets)
  const half = targets.slice(20)
  const phase = (able: Target[], picks: number): void => {
    const counts = weights.map(() => 0)
    for (let i = 0; i < picks; i++) counts[policy.pick(able, {}).index]!++
    const wanted = weights.map((weight, i) => able.includes(targets[i]!) ? weight : 0)
    t.ok(errors(counts, wanted).every(error => Math.abs(error) < 3), errors(counts, wanted).map(error => error.toFixed(1)).join(' '))
  }
  phase(targets, 1_777)
  policy.charge!(targets[30]!)
  phase(half, 1_333)
  phase(targets, 1_555)
})

t.test('where all of some owe a turn, or one is a stranger, there is nobody', async t => {
  const [a, b, c] = targetsOf(1, 2, 1) as [Target, Target, Target]
  const rotation = new Rotation([a, b], new Float64Array(3))
  t.equal(rotation.nextAmong([b, c]), undefined)
  rotation.charge(b)
  t.equal(rotation.nextAmong([b]), undefined)
  t.equal(rotation.nextAmong([a, b]), a)
})
