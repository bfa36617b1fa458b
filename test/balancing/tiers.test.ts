import t from 'tap'
import type { Target } from '../../lib/balancing/target.js'
import { availability, type TierOptions } from '../../lib/balancing/tiers.js'
import { seededRandom } from '../helpers/clock.js'
import { Core, idOf, targetsOf } from '../helpers/core.js'

const gradual: TierOptions = { spill: 'gradual', panic: 'fail-open', panicThreshold: 0 }

/** A tier for each pair: that many targets of which so many are healthy, those first. */
function tiersOf (...tiers: Array<[targets: number, healthy: number]>): Target[] {
  return tiers.flatMap(([size, healthy], tier) => targetsOf(...new Array(size).fill(1)).map((target, i) => {
    target.config = { ...target.config, tier, id: `${tier}${target.id}` }
    target.health = i < healthy ? 'healthy' : 'unhealthy'
    return target
  }))
}

/** Each tier in use: its share of the load, and who takes it. */
function shares (all: readonly Target[], options: Partial<TierOptions> = {}): string {
  const { levels, panic } = availability(all, { ...gradual, ...options })
  let before = 0
  const parts = levels.map(({ targets, upTo }) => {
    const share = Math.round((upTo - before) * 100)
    before = upTo
    return `${share} % to ${targets.length} of tier ${targets[0]!.tier}`
  })
  return `${parts.join(', ') || 'nobody'}${panic ? ', panic' : ''}`
}

// ---- how load spills ------------------------------------------------------------------------------------------------

t.test('A tier with all of its targets keeps all of its load', async t => {
  t.equal(shares(tiersOf([4, 4], [2, 2])), '100 % to 4 of tier 0, 0 % to 2 of tier 1')
})

t.test('The shares are never more than all and never less, however many tiers there are', async t => {
  t.equal(shares(tiersOf([4, 4], [2, 2], [1, 1])), '100 % to 4 of tier 0, 0 % to 2 of tier 1, 0 % to 1 of tier 2')
  for (let size = 3; size < 100; size++) {
    const { levels } = availability(tiersOf([size, 1], [size + 3, 2], [2 * size, 1]), gradual)
    if (levels.at(-1)!.upTo !== 1 || levels.some(({ upTo }, i) => upTo > 1 || upTo < (levels[i - 1]?.upTo ?? 0))) t.fail(JSON.stringify(levels.map(({ upTo }) => upTo)))
  }
})

t.test('A tier with 72 % of its targets keeps all of its load', async t => {
  t.equal(shares(tiersOf([25, 18], [2, 2])), '100 % to 18 of tier 0, 0 % to 2 of tier 1')
})

t.test('A tier with 50 % of its targets keeps 70 % of its load', async t => {
  t.equal(shares(tiersOf([4, 2], [2, 2])), '70 % to 2 of tier 0, 30 % to 2 of tier 1')
})

t.test('What the second tier cannot take either goes to the third', async t => {
  t.equal(shares(tiersOf([4, 1], [4, 1], [1, 1])), '35 % to 1 of tier 0, 35 % to 1 of tier 1, 30 % to 1 of tier 2')
})

t.test('When all tiers together cannot take the whole load, each takes more by the same factor', async t => {
  // 1.4 × 25 % and 1.4 × 12.5 %, so 2 : 1
  t.equal(shares(tiersOf([4, 1], [8, 1])), '67 % to 1 of tier 0, 33 % to 1 of tier 1')
})

t.test('A tier with nobody left hands on its whole load', async t => {
  t.equal(shares(tiersOf([4, 0], [2, 2])), '100 % to 2 of tier 1')
})

t.test('Spilling hard, a tier keeps all of its load while anybody in it is left', async t => {
  t.equal(shares(tiersOf([10, 1], [2, 2]), { spill: 'hard' }), '100 % to 1 of tier 0, 0 % to 2 of tier 1')
  t.equal(shares(tiersOf([10, 0], [2, 2]), { spill: 'hard' }), '100 % to 2 of tier 1')
})

t.test('Tiers are used in the order of their numbers, whatever these are and however they are written', async t => {
  const all = tiersOf([2, 1], [2, 2])
  for (const target of all) target.config = { ...target.config, tier: target.tier === 0 ? 7 : 3 }
  t.equal(shares(all), '100 % to 2 of tier 3, 0 % to 1 of tier 7')
})

t.test('Targets keep their configured order in their tier', async t => {
  const all = tiersOf([3, 3])
  const { levels } = availability([all[2]!, all[0]!, all[1]!], gradual)
  t.same(levels[0]!.targets.map(({ id }) => id), ['0c', '0a', '0b'])
})

t.test('Draining, maintenance and weight 0 are decisions, not failures: they make no tier spill', async t => {
  const all = tiersOf([4, 2], [1, 1])
  t.equal(shares(all), '70 % to 2 of tier 0, 30 % to 1 of tier 1')
  all[2]!.state = 'drain'
  all[3]!.state = 'maintenance'
  t.equal(shares(all), '100 % to 2 of tier 0, 0 % to 1 of tier 1')
  all[1]!.config = { ...all[1]!.config, weight: 0 }
  t.equal(shares(all), '100 % to 1 of tier 0, 0 % to 1 of tier 1')
})

t.test('A pick goes to each tier for its share of the load', async t => {
  const core = new Core({ a: {}, b: {}, c: { tier: 1 } }, { random: seededRandom(12), initialHealth: 'healthy' })
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  let spilt = 0
  for (let i = 0; i < 10_000; i++) if (idOf(core.balancer.pick()) === 'c') spilt++
  // 30 %; five standard deviations of sqrt(10000 × 0.3 × 0.7) = 46
  t.ok(Math.abs(spilt - 3000) < 230, String(spilt))
})

// ---- when too few are left ------------------------------------------------------------------------------------------

t.test('When nobody is left, all of the lowest tier are used regardless of their health', async t => {
  t.equal(shares(tiersOf([3, 0], [2, 0])), '100 % to 3 of tier 0, panic')
})

t.test('When nobody is left, failing closed uses nobody', async t => {
  t.equal(shares(tiersOf([3, 0], [2, 0]), { panic: 'fail-closed' }), 'nobody, panic')
})

t.test('Failing open never uses targets in maintenance, draining or of weight 0', async t => {
  const all = tiersOf([4, 0], [1, 0])
  all[0]!.state = 'maintenance'
  all[1]!.state = 'drain'
  all[2]!.config = { ...all[2]!.config, weight: 0 }
  t.equal(shares(all), '100 % to 1 of tier 0, panic')
  all[3]!.state = 'drain'
  t.equal(shares(all), '100 % to 1 of tier 1, panic')
  all[4]!.state = 'drain'
  t.equal(shares(all), 'nobody')
})

t.test('Without targets there is nobody, and no panic', async t => {
  t.equal(shares([]), 'nobody')
})

t.test('Below the panic threshold, all of the tier are used; at the threshold, its health still counts', async t => {
  t.equal(shares(tiersOf([5, 2]), { panicThreshold: 0.5 }), '100 % to 5 of tier 0, panic')
  t.equal(shares(tiersOf([4, 2]), { panicThreshold: 0.5 }), '100 % to 2 of tier 0')
  t.equal(shares(tiersOf([10, 9]), { panicThreshold: 1 }), '100 % to 10 of tier 0, panic')
})

t.test('Below the panic threshold, failing closed uses nobody of the tier', async t => {
  t.equal(shares(tiersOf([5, 2]), { panicThreshold: 0.5, panic: 'fail-closed' }), 'nobody, panic')
})

t.test('A tier below the panic threshold does not panic while other tiers can take its load', async t => {
  t.equal(shares(tiersOf([5, 2], [1, 1]), { panicThreshold: 0.5 }), '56 % to 2 of tier 0, 44 % to 1 of tier 1')
  t.equal(shares(tiersOf([5, 0], [1, 1]), { panicThreshold: 0.5 }), '100 % to 1 of tier 1')
  t.equal(shares(tiersOf([5, 2], [1, 1]), { panicThreshold: 0.5, panic: 'fail-closed' }), '56 % to 2 of tier 0, 44 % to 1 of tier 1')
})

t.test('When the tiers together cannot take the load, each below the panic threshold panics', async t => {
  // 1.4 × 20 % and 1.4 × 50 % are 98 %.
  t.equal(shares(tiersOf([5, 1], [2, 1]), { panicThreshold: 0.5 }), '100 % to 5 of tier 0, 0 % to 1 of tier 1, panic')
  t.equal(shares(tiersOf([5, 1], [2, 1]), { panicThreshold: 0.5, panic: 'fail-closed' }), '100 % to 1 of tier 1, panic')
})

t.test('Spilling hard, a tier below the panic threshold panics: the next would not help it', async t => {
  t.equal(shares(tiersOf([5, 2], [1, 1]), { panicThreshold: 0.5, spill: 'hard' }), '100 % to 5 of tier 0, 0 % to 1 of tier 1, panic')
})

t.test('A target that was never probed is used only where there is no other', async t => {
  const all = tiersOf([3, 0])
  all[1]!.health = 'pending'
  t.equal(shares(all), '100 % to 2 of tier 0, panic')
  for (const target of all) target.health = 'pending'
  t.equal(shares(all), '100 % to 3 of tier 0, panic')
})
