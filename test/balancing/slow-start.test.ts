import t from 'tap'
import { slowStartFactor, slowStartOptions } from '../../lib/balancing/slow-start.js'
import type { Target } from '../../lib/balancing/target.js'
import { checked, defaultsOf } from '../../lib/options.js'
import { Core, tally, type CoreOptions } from '../helpers/core.js'
import { seededRandom } from '../helpers/clock.js'

const minute = { window: 60_000, aggression: 1, floor: 0.1 }

// ---- the factor -------------------------------------------------------------------------------------------------------

for (const [seconds, straight, steep] of [[6, 0.1, 0.32], [15, 0.25, 0.5], [30, 0.5, 0.71], [60, 1, 1], [90, 1, 1]] as const) {
  t.test(`A window of 60 s at ${seconds} s: ${straight}, with aggression 2: ${steep}`, async t => {
    t.equal(slowStartFactor(seconds * 1000, minute).toFixed(2), straight.toFixed(2))
    t.equal(slowStartFactor(seconds * 1000, { ...minute, aggression: 2 }).toFixed(2), steep.toFixed(2))
  })
}

t.test('The factor is never under the floor, not even when time is behind', async t => {
  for (const age of [-1000, 0, 1, 5_999]) t.equal(slowStartFactor(age, minute), 0.1)
  t.equal(slowStartFactor(-1000, { ...minute, aggression: 2 }), 0.1)
  t.equal(slowStartFactor(0, { ...minute, floor: 0.3 }), 0.3)
})

t.test('The options have defaults, and limits', async t => {
  t.same(defaultsOf(slowStartOptions), { window: 30_000, aggression: 1, floor: 0.1 })
  t.throws(() => checked(slowStartOptions, { window: 0, aggression: 0, floor: 0 }, 'slowStart'), {
    message: [
      'slowStart.window: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'slowStart.aggression: expected a number from 0.01, got 0',
      'slowStart.floor: expected 0.001 to 1, got 0'
    ].join('\n')
  })
})

// ---- who warms up -------------------------------------------------------------------------------------------------------

function warming (core: Core): string {
  core.balancer.pick()
  return core.balancer.all.filter(({ warmingSince }) => warmingSince !== undefined).map(({ id, effectiveWeight }) => `${id} ${effectiveWeight.toFixed(2)}`).join(', ')
}

function setup (targets: string[], options: CoreOptions = {}): Core {
  return new Core(Object.fromEntries(targets.map(id => [id, {}])), { slowStart: minute, ...options })
}

t.test('Nobody warms up when the process starts', async t => {
  t.equal(warming(setup(['a', 'b'])), '')
})

t.test('Nobody warms up when the process starts with probes, in whichever order they pass', async t => {
  const core = setup(['a', 'b', 'c'], { initialHealth: 'pending' })
  for (const id of ['b', 'a', 'c']) {
    core.balancer.setHealth(core.target(id), 'healthy')
    t.equal(warming(core), '')
    core.clock.advance(10)
  }
})

t.test('Nobody warms up in a pool that is filled while nobody in it has been probed', async t => {
  const core = setup(['a'], { initialHealth: 'pending' })
  const b = core.balancer.add({ ...core.target('a').config, id: 'b' })
  core.balancer.setHealth(core.target('a'), 'healthy')
  core.balancer.setHealth(b, 'healthy')
  t.equal(warming(core), '')
})

t.test('Nobody warms up in a pool that is replaced as a whole', async t => {
  const core = setup(['a', 'b'])
  const { config } = core.target('a')
  core.balancer.replace(['c', 'd'].map(id => ({ ...config, id })))
  t.equal(warming(core), '')
})

t.test('A target that is added to others warms up, up to its whole weight', async t => {
  const core = setup(['a', 'b'])
  core.balancer.add({ ...core.target('a').config, id: 'c', weight: 4 })
  t.equal(warming(core), 'c 0.40')
  core.clock.advance(15_000)
  t.equal(warming(core), 'c 1.00')
  core.clock.advance(44_999)
  t.equal(warming(core), 'c 4.00')
  core.clock.advance(600)
  t.equal(warming(core), '')
  t.equal(core.target('c').effectiveWeight, 4)
})

t.test('With probes, an added target warms up from the moment it passes', async t => {
  const core = setup(['a'], { initialHealth: 'pending' })
  core.balancer.setHealth(core.target('a'), 'healthy')
  const b = core.balancer.add({ ...core.target('a').config, id: 'b' })
  core.clock.advance(30_000)
  t.equal(warming(core), '')
  core.balancer.setHealth(b, 'healthy')
  t.equal(warming(core), 'b 0.10')
})

t.test('An added target takes the whole load at once when there is nobody else to take it', async t => {
  const core = setup(['a'], { initialHealth: 'pending' })
  core.balancer.setHealth(core.target('a'), 'unhealthy')
  const b = core.balancer.add({ ...core.target('a').config, id: 'b' })
  core.balancer.setHealth(b, 'healthy')
  t.equal(warming(core), '')
})

t.test('A target warms up when probes say that it is well again', async t => {
  const core = setup(['a', 'b'], { initialHealth: 'healthy' })
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  t.equal(warming(core), '')
  core.balancer.setHealth(core.target('b'), 'healthy')
  t.equal(warming(core), 'b 0.10')
})

t.test('A target warms up when it comes back from an ejection', async t => {
  const core = setup(['a', 'b'])
  core.eject('b')
  core.clock.advance(10_000)
  t.equal(warming(core), '')
  core.attempt('b', 'success')
  t.equal(warming(core), 'b 0.10')
})

t.test('A target warms up when an operator makes it ready again', async t => {
  const core = setup(['a', 'b'])
  core.balancer.update(core.target('b'), { state: 'maintenance' })
  t.equal(warming(core), '')
  core.balancer.update(core.target('b'), { state: 'ready' })
  t.equal(warming(core), 'b 0.10')
  core.clock.advance(30_000)
  core.balancer.update(core.target('b'), { state: 'ready' })
  t.equal(warming(core), 'b 0.50', 'it was ready already')
})

t.test('A target that goes and comes back while it warms up begins again', async t => {
  const core = setup(['a', 'b'], { initialHealth: 'healthy' })
  for (let i = 0; i < 2; i++) {
    core.balancer.setHealth(core.target('b'), 'unhealthy')
    core.balancer.setHealth(core.target('b'), 'healthy')
    t.equal(warming(core), 'b 0.10')
    core.clock.advance(30_000)
    t.equal(warming(core), 'b 0.50')
  }
})

t.test('A target that is removed while it warms up is forgotten', async t => {
  const core = setup(['a', 'b'])
  const c = core.balancer.add({ ...core.target('a').config, id: 'c' })
  t.equal(warming(core), 'c 0.10')
  core.balancer.remove(c)
  t.equal(warming(core), '')
  core.clock.advance(30_000)
  core.balancer.pick()
  t.equal(c.effectiveWeight.toFixed(2), '0.10')
})

t.test('Without slow start nobody ever warms up', async t => {
  const core = setup(['a', 'b'], { slowStart: false })
  core.balancer.add({ ...core.target('a').config, id: 'c' })
  core.eject('b')
  core.clock.advance(10_000)
  core.attempt('b', 'success')
  t.equal(warming(core), '')
})

// ---- what it changes ------------------------------------------------------------------------------------------------------

t.test('A change of a target that warms up gives it no more than its share, not even for one pick', async t => {
  let seen = ''
  const update = (all: readonly Target[]) => { seen = all.map(target => target.effectiveWeight.toFixed(2)).join(' ') }
  const core = setup(['a', 'b'], { policy: () => ({ pick: targets => targets[0]!, update }) })
  core.balancer.add({ ...core.target('a').config, id: 'c' })
  core.balancer.pick()
  t.equal(seen, '1.00 1.00 0.10')

  core.balancer.update(core.target('c'), { tags: { zone: 'b' } })
  t.equal(seen, '1.00 1.00 0.10')
  core.balancer.update(core.target('c'), { weight: 10 })
  core.balancer.pick()
  t.equal(seen, '1.00 1.00 1.00')
  core.balancer.replace(core.balancer.all.map(target => ({ ...target.config, weight: 5 })))
  core.balancer.pick()
  t.equal(seen, '5.00 5.00 0.50')
})

t.test('The weight rises in steps of a hundredth of the window, so that tables are not made for each request', async t => {
  let updates = 0
  const core = setup(['a'], { policy: () => ({ pick: targets => targets[0]!, update: () => { updates++ } }) })
  core.balancer.add({ ...core.target('a').config, id: 'b' })
  updates = 0
  for (let i = 0; i < 60_000; i += 10) {
    core.balancer.pick()
    core.clock.advance(10)
  }
  t.equal(updates, 100)
})

for (const policy of ['round-robin', 'least-requests', 'random'] as const) {
  t.test(`A target that warms up gets the share of the weight it has reached: ${policy}`, async t => {
    const core = setup(['a', 'b'], { policy, random: seededRandom(3) })
    core.balancer.add({ ...core.target('a').config, id: 'c' })
    core.clock.advance(15_000)
    // Nothing ends, so that policies which go by load see it.
    const counts = tally(Array.from({ length: 9000 }, () => {
      const picked = core.balancer.pick()
      if (typeof picked !== 'string') core.balancer.begin(picked)
      return typeof picked === 'string' ? picked : picked.id
    }))
    // 0.25 of 2.25; five standard deviations of sqrt(9000 × 1/9 × 8/9) = 30
    t.ok(Math.abs(counts['c']! - 1000) < 150, JSON.stringify(counts))
  })
}
