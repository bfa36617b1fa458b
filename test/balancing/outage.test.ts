/** Outages that all targets have together, and how the load comes back to them. */
import t from 'tap'
import { defaultsOf } from '../../lib/options.js'
import { ejectionOptions } from '../../lib/balancing/ejection.js'
import type { TargetConfig } from '../../lib/balancing/target.js'
import { seededRandom } from '../helpers/clock.js'
import { Core, tally, type CoreOptions } from '../helpers/core.js'

const STEP = 100

/** A pool, and requests that are sent to up to three targets each, ten a second. */
class Pool extends Core {
  down = new Set<string>()

  constructor (targets: Record<string, Partial<TargetConfig>>, options: CoreOptions = {}) {
    super(targets, { random: seededRandom(1), ...options })
  }

  /** Sends requests for so long; returns how many each target has answered. */
  serve (ms: number): Record<string, number> {
    const answered: string[] = []
    for (const end = this.clock.now() + ms; this.clock.now() < end; this.clock.advance(STEP)) {
      const tried: string[] = []
      while (tried.length < 3) {
        const picked = this.balancer.pick({ tried })
        if (typeof picked === 'string') break
        const lease = this.balancer.begin(picked)
        if (!this.down.has(picked.id)) {
          answered.push(picked.id)
          lease.end({ outcome: 'success', durationMs: 1 })
          break
        }
        lease.end({ outcome: 'connect-failure', durationMs: 1 })
        tried.push(picked.id)
      }
    }
    return tally(answered)
  }

  outage (ms: number, ...ids: string[]): void {
    this.down = new Set(ids)
    this.serve(ms)
    this.down.clear()
  }

  until (id: string): number {
    return this.target(id).ejection.until - this.clock.now()
  }
}

const FIVE = { a: {}, b: {}, c: {}, d: {}, e: {} }

for (const outage of [3, 12, 65, 600]) {
  t.test(`after an outage of all five targets for ${outage} s, all of them serve again within 2 s`, async t => {
    const pool = new Pool(FIVE)
    pool.serve(1_000)
    pool.outage(outage * 1_000, 'a', 'b', 'c', 'd', 'e')
    pool.serve(2_000)
    t.equal(pool.standings(), 'a in, b in, c in, d in, e in')
    t.same(pool.serve(5_000), { a: 10, b: 10, c: 10, d: 10, e: 10 })
  })
}

t.test('after an outage that probes have seen as well, the probes bring each target back', async t => {
  const pool = new Pool(FIVE)
  pool.down = new Set(Object.keys(FIVE))
  pool.serve(15_000)
  for (const target of pool.balancer.all) pool.balancer.setHealth(target, 'unhealthy')
  pool.serve(50_000)
  const out = pool.balancer.all.filter(({ ejection }) => ejection.standing !== 'in').map(({ id }) => id)
  t.ok(out.length >= 4)
  pool.events.length = 0
  for (const target of pool.balancer.all) pool.balancer.setHealth(target, 'healthy', 'status 200')
  t.equal(pool.standings(), 'a in, b in, c in, d in, e in')
  t.same(pool.events.filter(event => event.startsWith('restored')), out.map(id => `restored ${id}: a probe passed`))
})

t.test('a health page that works while everything else fails ends no ejection', async t => {
  const pool = new Pool(FIVE)
  for (const target of pool.balancer.all) pool.balancer.setHealth(target, 'healthy')
  pool.down = new Set(Object.keys(FIVE))
  pool.serve(9_000)
  const before = pool.standings()
  for (const target of pool.balancer.all) pool.balancer.setHealth(target, 'healthy')
  t.equal(pool.standings(), before)
})

t.test('the last target that probes find unhealthy makes it an outage of all', async t => {
  const core = new Core({ a: {}, b: {} })
  core.eject('a')
  t.notOk(core.target('a').ejection.shared)
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  t.ok(core.target('a').ejection.shared)
})

t.test('when all of a tier were down and the backup served, the tier takes its load back within 12 s', async t => {
  const pool = new Pool({ a: {}, b: {}, c: {}, backup: { tier: 1 } })
  pool.outage(300_000, 'a', 'b', 'c')
  t.same(pool.serve(1_000).backup! > 0, true)
  pool.serve(11_000)
  t.equal(pool.standings(), 'a in, b in, c in, backup in')
  t.same(Object.keys(pool.serve(3_000)), ['a', 'b', 'c'])
})

t.test('when the backup was down as well, the tier takes its load back within 2 s', async t => {
  const pool = new Pool({ a: {}, b: {}, c: {}, backup: { tier: 1 } })
  pool.outage(300_000, 'a', 'b', 'c', 'backup')
  pool.serve(2_000)
  t.same(Object.keys(pool.serve(3_000)), ['a', 'b', 'c'])
})

t.test('ejections do not grow while all targets fail, and grow for one that fails alone', async t => {
  const pool = new Pool(FIVE)
  pool.outage(300_000, 'a', 'b', 'c', 'd', 'e')
  const { ejectionTime } = defaultsOf(ejectionOptions)
  for (const { id, ejection } of pool.balancer.all) t.ok(ejection.standing !== 'out' || pool.until(id) <= ejectionTime, id)
  pool.serve(2_000)
  pool.down.add('a')
  let longest = 0
  for (let s = 0; s < 100; s++) {
    pool.serve(1_000)
    longest = Math.max(longest, pool.until('a'))
  }
  t.ok(longest > 2 * ejectionTime, `${longest} ms`)
})

t.test('a single target of its tier that fails alone is out for longer each time', async t => {
  const core = new Core({ a: {}, backup: { tier: 1 } })
  core.eject('a')
  core.clock.advance(10_000)
  core.attempt('a', 'timeout')
  t.equal(core.target('a').ejection.until - core.clock.now(), 20_000)
})

t.test('a target that still fails after an outage of the others is tried no more than once a second', async t => {
  const core = new Core({ a: {}, b: {}, c: {} })
  core.eject('a', 'b', 'c')
  t.equal(core.standings(), 'a out, b out, c in')
  core.attempt('c', 'success')
  core.clock.advance(999)
  t.equal(core.standings(), 'a out, b out, c in')
  core.clock.advance(1)
  t.equal(core.standings(), 'a trial, b trial, c in')
  core.attempt('a', 'connect-failure')
  core.attempt('c', 'success')
  t.equal(core.target('a').ejection.until - core.clock.now(), 20_000, 'the others are well now: a fails alone')
})

t.test('an ejection that ends sooner than that is not prolonged', async t => {
  const core = new Core({ a: {}, b: {} }, { ejection: { ejectionTime: 300 } })
  core.eject('a', 'b')
  core.attempt('b', 'success')
  t.equal(core.target('a').ejection.until - core.clock.now(), 300)
})

t.test('statuses and timeouts of all are an outage as well', async t => {
  const core = new Core({ a: {}, b: {}, c: {}, d: {} })
  for (const id of 'abcd') core.attempt(id, 'bad-status', { status: 503, times: 5 })
  t.equal(core.standings(), 'a out, b out, c in, d in')
  core.attempt('d', 'success')
  core.clock.advance(1_000)
  t.equal(core.standings(), 'a trial, b trial, c in, d in')
})

t.test('after an outage of all nobody warms up, since nobody has served meanwhile', async t => {
  const core = new Core({ a: {}, b: {} }, { slowStart: {} })
  core.eject('a', 'b')
  core.attempt('b', 'success')
  core.clock.advance(1_000)
  core.attempt('a', 'success')
  core.picks(1)
  t.equal(core.target('a').effectiveWeight, 1)
})

// ---- as a last resort -------------------------------------------------------------------------------------------------

t.test('an ejected target that serves a request as a last resort is back', async t => {
  const core = new Core({ a: {}, b: {}, c: {} })
  core.eject('a', 'b')
  core.events.length = 0
  const picked = core.balancer.pick({ tried: ['c', 'b'] })
  t.equal(picked, core.target('a'))
  core.attempt('a', 'success')
  t.same(core.events, ['restored a: a request succeeded that it got as a last resort'])
  t.equal(core.clock.pending, 1, 'only b waits')
})

t.test('one that fails as a last resort stays out for as long as before', async t => {
  for (const outcome of ['timeout', 'client-aborted'] as const) {
    const core = new Core({ a: {}, b: {} })
    core.eject('a')
    core.attempt('a', outcome, { times: 20 })
    t.equal(core.standings(), 'a out, b in')
    t.equal(core.target('a').ejection.until - core.clock.now(), 10_000)
  }
})

t.test('a last resort that succeeds during the trial ends it; one that fails leaves it to the trial', async t => {
  const core = new Core({ a: {}, b: {} })
  core.eject('a')
  const [first, second] = [core.begin('a'), core.begin('a')]
  core.clock.advance(10_000)
  const trial = core.begin('a')
  first.end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.standings(), 'a trial, b in')
  second.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
  trial.end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
})

t.test('a last resort of an earlier ejection does not end a later one', async t => {
  const core = new Core({ a: {}, b: {} })
  core.eject('a')
  const early = core.begin('a')
  core.clock.advance(10_000)
  core.attempt('a', 'timeout')
  early.answered()
  t.equal(core.standings(), 'a out, b in')
})

// ---- a trial that takes long ------------------------------------------------------------------------------------------

t.test('a trial that takes long is joined by another after 1 s, then after 2 s and 4 s', async t => {
  let opened = 0
  const core = new Core({ a: {}, b: {} }, { opened: () => { opened++ } })
  core.eject('a')
  core.clock.advance(10_000)
  const trials = [core.begin('a')]
  for (const pause of [1_000, 2_000, 4_000, 8_000]) {
    core.clock.advance(pause - 1)
    t.equal(core.picks(3), 'b b b')
    const before = opened
    core.clock.advance(1)
    t.equal(opened, before + 1, 'requests that wait hear of it')
    t.match(core.picks(2), /a/)
    trials.push(core.begin('a'))
  }
  trials.at(-1)!.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
  t.equal(core.clock.pending, 0)
  for (const trial of trials) trial.end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.standings(), 'a in, b in')
  t.equal(core.target('a').ejection.consecutive, 0, 'the others decide nothing any more')
})

t.test('the first of several trials that fails ejects, and the others do not count again', async t => {
  const core = new Core({ a: {}, b: {} })
  core.eject('a')
  core.clock.advance(10_000)
  const first = core.begin('a')
  core.clock.advance(1_000)
  core.begin('a').end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.target('a').ejection.until - core.clock.now(), 20_000)
  first.end({ outcome: 'timeout', durationMs: 1 })
  t.equal(core.target('a').ejection.until - core.clock.now(), 20_000)
  core.clock.advance(20_000)
  core.begin('a')
  core.clock.advance(999)
  t.equal(core.picks(2), 'b b', 'patience begins anew with each trial')
})
