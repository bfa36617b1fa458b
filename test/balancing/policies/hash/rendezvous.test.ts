import t, { type Test } from 'tap'
import { Rendezvous, scoreOf } from '../../../../lib/balancing/policies/hash/rendezvous.js'
import { tally } from '../../../helpers/core.js'
import { keysOf, owners, servers } from '../../../helpers/hashing.js'

/** The draw whose score is that of `u`, 0 to 1. */
const drawOf = (u: number): number => u * 0x1_0000_0000 - 0.5

function near (t: Test, got: number, expected: number): void {
  t.ok(Math.abs(got - expected) < 1e-9, `${got} is ${expected}`)
}

t.test('The score is −w / ln u', async t => {
  near(t, scoreOf(drawOf(0.5), 1), 1.4426950408889634)
  near(t, scoreOf(drawOf(0.25), 2), 1.4426950408889634)
  near(t, scoreOf(drawOf(0.9), 1), 9.491221581029905)
  near(t, scoreOf(drawOf(0.3), 3), 2.491750635247612)
})

t.test('The lowest and the highest draw have scores, too', async t => {
  t.ok(scoreOf(0, 1) > 0)
  t.ok(scoreOf(0xffffffff, 256) < Infinity)
})

t.test('Shares follow the weights, and a weight that is raised moves keys to its target only', async t => {
  const keys = keysOf(100_000)
  const before = owners(new Rendezvous(), servers({ a: 1, b: 2, c: 3, d: 4 }), keys).map(target => target!.id)
  const shares = tally(before)
  // Five standard deviations of the widest, sqrt(100,000 × 0.4 × 0.6) = 155.
  for (const [id, expected] of [['a', 10_000], ['b', 20_000], ['c', 30_000], ['d', 40_000]] as const) t.ok(Math.abs(shares[id]! - expected) < 775, `${id}: ${shares[id]}`)
  const after = owners(new Rendezvous(), servers({ a: 1, b: 2, c: 3, d: 5 }), keys).map(target => target!.id)
  const moved = before.flatMap((id, i) => id === after[i] ? [] : [after[i]])
  t.ok(moved.every(id => id === 'd'))
  // 5/11 − 4/10 of all.
  t.ok(Math.abs(moved.length - 5_455) < 5 * Math.sqrt(5_455), String(moved.length))
})

t.test('Weights that are all the same need no logarithm, and change nothing', async t => {
  const keys = keysOf(2_000)
  const of = (weights: Record<string, number>) => owners(new Rendezvous(), servers(weights), keys).map(target => target!.id)
  t.same(of({ a: 3, b: 3, c: 3 }), of({ a: 1, b: 1, c: 1 }))
  // With another weight among them, the others are compared by their scores.
  const mixed = of({ a: 1, b: 1, c: 1, d: 2 })
  const equal = of({ a: 1, b: 1, c: 1 })
  t.ok(mixed.every((id, i) => id === 'd' || id === equal[i]))
})
