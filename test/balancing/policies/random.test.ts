import t from 'tap'
import { weightedRandom } from '../../../lib/balancing/policies/random.js'
import { seededRandom } from '../../helpers/clock.js'
import { tally, targetsOf, toolsOf } from '../../helpers/core.js'

/** Chance that says these numbers, one after the other, from the first on again. */
function script (...numbers: number[]): () => number {
  let i = 0
  return () => numbers[i++ % numbers.length]!
}

t.test('An array that is seen once is drawn from along its weights, without a table', async t => {
  const targets = targetsOf(1, 2, 1)
  const at = (point: number) => weightedRandom(toolsOf(() => point)).pick(targets, {}).id
  t.equal(at(0), 'a')
  t.equal(at(0.24), 'a')
  t.equal(at(0.25), 'b')
  t.equal(at(0.74), 'b')
  t.equal(at(0.75), 'c')
  t.equal(at(0.999), 'c')
})

t.test('Where rounding leaves nobody at the end of the weights, the last is drawn', async t => {
  // Chance never says 1; with it, nothing of the sum is left over for anybody.
  t.equal(weightedRandom(toolsOf(() => 1)).pick(targetsOf(1, 2), {}).id, 'b')
})

t.test('An array that comes again is drawn from by its table, until something changes', async t => {
  const targets = targetsOf(1, 2, 3, 4)
  // One number for the walk, two for each draw from the table.
  const policy = weightedRandom(toolsOf(script(0, 0.24, 0.41, 0.5, 0.5, 0, 0.99, 0)))
  policy.update!(targets)
  t.equal(policy.pick(targets, {}).id, 'a', 'the walk')
  t.equal(policy.pick(targets, {}).id, 'd', 'the table')
  t.equal(policy.pick(targets, {}).id, 'c', 'the table')
  targets[3]!.effectiveWeight = 0
  policy.update!(targets)
  t.equal(policy.pick(targets, {}).id, 'a', 'the walk again')
  t.equal(policy.pick(targets, {}).id, 'c', 'a table in which nothing leads to d')
})

t.test('Shares follow the weights, by the walk and by the table', async t => {
  const targets = targetsOf(1, 2, 3, 4)
  const policy = weightedRandom(toolsOf(seededRandom(21)))
  for (const [how, array] of [['table', () => targets], ['walk', () => [...targets]]] as const) {
    const counts = tally(Array.from({ length: 10_000 }, () => policy.pick(array(), {}).id))
    // Five standard deviations of the widest, sqrt(10000 × 0.4 × 0.6) = 49
    targets.forEach(target => {
      t.ok(Math.abs(counts[target.id]! - target.weight * 1000) < 245, `${how}: ${target.id} ${counts[target.id]}`)
    })
  }
})

t.test('A target in slow start is drawn by the weight it has reached', async t => {
  const targets = targetsOf(1, 1)
  targets[0]!.effectiveWeight = 0.25
  const policy = weightedRandom(toolsOf(seededRandom(4)))
  const counts = tally(Array.from({ length: 10_000 }, () => policy.pick(targets, {}).id))
  t.ok(Math.abs(counts['a']! - 2000) < 200, String(counts['a']))
})
