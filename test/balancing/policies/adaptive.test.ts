import t from 'tap'
import { adaptive, adaptiveOptions, type AdaptiveOptions } from '../../../lib/balancing/policies/adaptive.js'
import type { Outcome, Settlement } from '../../../lib/balancing/outcome.js'
import type { Policy } from '../../../lib/balancing/policy.js'
import type { Target } from '../../../lib/balancing/target.js'
import { checked } from '../../../lib/options.js'
import { seededRandom } from '../../helpers/clock.js'
import { Core, load, tally, targetsOf, toolsOf } from '../../helpers/core.js'
import { run } from '../../helpers/traffic.js'

/** A policy that knows how fast these targets are; those with `undefined` it knows nothing of. */
class Known {
  now = 0
  readonly targets: Target[]
  readonly policy: Policy

  constructor (latencies: Array<number | undefined>, weights = latencies.map(() => 1), random = seededRandom(1)) {
    this.targets = targetsOf(...weights)
    this.policy = adaptive(toolsOf(random, { now: () => this.now }))
    this.policy.update!(this.targets)
    latencies.forEach((ms, i) => { if (ms !== undefined) this.answer(i, ms) })
  }

  answer (i: number, ttfbMs: number, status = 200): void {
    this.policy.answered!(this.targets[i]!, { status, ttfbMs, header: () => undefined })
  }

  settle (i: number, outcome: Outcome, more: Partial<Settlement> = {}): void {
    this.policy.settle!(this.targets[i]!, { outcome, durationMs: 1, ...more })
  }

  load (...inFlight: number[]): this {
    inFlight.forEach((requests, i) => { load(this.targets[i]!, requests, this.policy) })
    return this
  }

  pick (): string {
    return this.policy.pick(this.targets, {}).id
  }

  picks (times = 60): string[] {
    return Object.keys(tally(Array.from({ length: times }, () => this.pick())))
  }
}

/** A core of so many targets, named by letters, that adapts. */
function pool (size: number, options: AdaptiveOptions = {}, seed = 1): Core {
  const targets = Object.fromEntries(Array.from({ length: size }, (_, i) => [String.fromCharCode(97 + i), {}]))
  const settings = checked(adaptiveOptions, options, 'policy')
  return new Core(targets, { policy: tools => adaptive(tools, settings), random: seededRandom(seed), ejection: false })
}

const share = (picked: string[], id: string): number => picked.filter(other => other === id).length / picked.length

// ---- the rule -----------------------------------------------------------------------------------------------------------

t.test('Latency times requests in flight, one more than there are, decides', async t => {
  const known = new Known([20, 50])
  t.same(known.load(0, 0).picks(), ['a'])
  t.same(known.load(1, 0).picks(), ['a'], '40 against 50')
  t.same(known.load(2, 0).picks(), ['b'], '60 against 50')
  t.same(known.load(4, 1).picks(), ['a', 'b'], '100 against 100')
})

t.test('Weights divide it', async t => {
  t.same(new Known([20, 50], [1, 4]).picks(), ['b'], '20 against 12.5')
})

t.test('Where nothing is known, requests in flight and weights decide', async t => {
  const strangers = new Known([undefined, undefined, undefined], [1, 1, 2])
  t.same(strangers.load(0, 0, 0).picks(), ['c'])
  t.same(strangers.load(1, 1, 2).picks(), ['c'], '(2 + 1) / 2 against (1 + 1) / 1')
  t.same(strangers.load(1, 1, 3).picks(), ['a', 'b', 'c'])
})

t.test('A target that nothing is known of counts as the median of the others, and gets one request at a time', async t => {
  const known = new Known([10, 20, 30, undefined])
  t.same(known.load(2, 1, 0, 0).picks(), ['d'], '20, less than 30, 40 and 30')
  t.same(known.load(9, 9, 9, 1).picks(), ['a'], 'a second only where all others are worse than a failure')
  known.answer(3, 15)
  t.same(known.load(9, 9, 9, 1).picks(), ['d'])
})

t.test('What is known fades: a slow target is asked again, later the slower it is', async t => {
  for (const slower of [3, 10]) {
    const known = new Known([20, 20 * slower, 20])
    let asked = 0
    while (asked === 0 && known.now < 60_000) {
      known.now += 500
      // The two others are asked by turns.
      known.answer(known.now % 1_000 === 0 ? 0 : 2, 20)
      if (known.pick() === 'b') asked = known.now
    }
    // From then on 10 + 20 × (slower - 0.5) × e ** -(t / 5000) is less than what a second of fading leaves of 20.
    const expected = 5_000 * Math.log((20 * slower - 10) / (10 * Math.exp(-0.1)))
    t.ok(Math.abs(asked - expected) < 1_000, `${slower} times as slow: after ${asked} ms, about ${Math.round(expected)} expected`)
  }
})

t.test('After a night without requests all are equal, and those in flight count', async t => {
  const known = new Known([20, 200])
  known.now = 12 * 3_600_000
  t.same(known.load(0, 0).picks(), ['a', 'b'])
  t.same(known.load(1, 0).picks(), ['b'])
})

t.test('Event streams and upgraded connections that are open are not in flight', async t => {
  const known = new Known([20, 30]).load(100, 0)
  t.same(known.picks(), ['b'])
  known.targets[0]!.streams = 100
  known.load(100, 0)
  t.same(known.picks(), ['a'])
})

// ---- failures -----------------------------------------------------------------------------------------------------------

t.test('Whatever ends badly counts as a failure, and a quick error is no quick answer', async t => {
  const bad: Array<[Outcome, Partial<Settlement>]> = [
    ['bad-status', { status: 503, ttfbMs: 1 }], ['connect-failure', {}], ['timeout', {}], ['reset', {}], ['malformed', {}],
    ['success', { status: 500, ttfbMs: 1 }], ['success', { status: 429, ttfbMs: 1 }]
  ]
  for (const [outcome, more] of bad) {
    const known = new Known([20, 30])
    if (more.status !== undefined) known.answer(0, 1, more.status)
    known.settle(0, outcome, more)
    t.same(known.picks(), ['b'], `${outcome} ${more.status ?? ''}`)
  }
})

t.test('What is nobody’s fault, or the client’s, does not', async t => {
  const good: Array<[Outcome, Partial<Settlement>]> = [
    ['success', { status: 200, ttfbMs: 20 }], ['success', { status: 404, ttfbMs: 20 }], ['success', { ttfbMs: 20 }],
    ['reset', { blameless: true }], ['client-fault', {}], ['client-aborted', {}], ['client-aborted', { ttfbMs: 20, durationMs: 60_000 }], ['abandoned', {}]
  ]
  for (const [outcome, more] of good) {
    const known = new Known([20, 30])
    known.settle(0, outcome, more)
    t.same(known.picks(), ['a'], outcome)
  }
})

t.test('A client that waited longer than usual and left has shown that the answer takes at least so long', async t => {
  for (const outcome of ['client-aborted', 'abandoned'] as const) {
    const known = new Known([20, 30])
    known.settle(0, outcome, { durationMs: 19 })
    t.same(known.picks(), ['a'], 'not longer than usual')
    known.settle(0, outcome, { durationMs: 500 })
    t.same(known.picks(), ['b'])
  }
})

t.test('One of ten fails everything within a millisecond: fewer than one request in a thousand goes there', async t => {
  for (const status of [503, 500]) {
    const picked = run(pool(10), { every: 2, during: 20_000, answer: ({ id }) => id === 'a' ? { ms: 1, status } : { ms: 20 } })
    t.ok(share(picked, 'a') < 0.001, `${status}: ${share(picked, 'a')}`)
  }
})

t.test('One of ten fails now and then: it gets less, not nothing', async t => {
  const random = seededRandom(5)
  const picked = run(pool(10), { every: 2, during: 60_000, answer: ({ id }) => id === 'a' && random() < 0.02 ? { ms: 20, status: 503 } : { ms: 15 + 10 * random() } })
  t.ok(share(picked, 'a') > 0.005 && share(picked, 'a') < 0.08, String(share(picked, 'a')))
})

t.test('All of them fail now and then: the load stays even', async t => {
  const random = seededRandom(6)
  const picked = run(pool(5), { every: 2, during: 60_000, answer: () => random() < 0.1 ? { ms: 20, status: 503 } : { ms: 15 + 10 * random() } })
  for (const id of 'abcde') t.ok(Math.abs(share(picked, id) - 0.2) < 0.05, `${id}: ${share(picked, id)}`)
})

t.test('A target that answers nothing at all gets no more than a few', async t => {
  const picked = run(pool(4), { every: 5, during: 20_000, answer: ({ id }) => id === 'a' ? null : { ms: 20 } })
  t.ok(share(picked, 'a') < 0.01, String(share(picked, 'a')))
})

// ---- slow ones ------------------------------------------------------------------------------------------------------------

t.test('One of four is ten times as slow: it gets less than one request in a hundred', async t => {
  const picked = run(pool(4), { every: 5, during: 60_000, answer: ({ id }) => ({ ms: id === 'a' ? 200 : 20 }) })
  t.ok(share(picked, 'a') < 0.01, String(share(picked, 'a')))
})

t.test('A target that has recovered has its share again, be the load ever so light', async t => {
  for (const every of [5, 100]) {
    const core = pool(4)
    const random = seededRandom(7)
    const answer = (slow: boolean) => ({ id }: Target) => ({ ms: (id === 'a' && slow ? 10 : 1) * (15 + 10 * random()) })
    run(core, { every, during: 30_000, answer: answer(true) })
    run(core, { every, during: 20_000, answer: answer(false) })
    // With few requests, whoever looked best last has them for a while: many whiles.
    const picked = run(core, { every, during: Math.max(60_000, 3_000 * every), answer: answer(false) })
    t.ok(share(picked, 'a') > 0.15, `a request every ${every} ms: ${share(picked, 'a')}`)
  }
})

t.test('Targets that are equally fast share evenly', async t => {
  const random = seededRandom(8)
  const picked = run(pool(5), { every: 4, during: 60_000, answer: () => ({ ms: 10 + 20 * random() }) })
  for (const id of 'abcde') t.ok(Math.abs(share(picked, id) - 0.2) < 0.04, `${id}: ${share(picked, id)}`)
})

t.test('A newcomer is not run to by everybody at once', async t => {
  const core = pool(3)
  const answer = () => ({ ms: 40 })
  run(core, { every: 2, during: 10_000, answer })
  core.balancer.add({ ...core.target('a').config, id: 'new', url: 'http://new' })
  const picked = run(core, { every: 2, during: 38, answer })
  t.equal(picked.filter(id => id === 'new').length, 1, 'one until its first answer')
  const later = run(core, { every: 2, during: 5_000, answer })
  t.ok(Math.abs(share(later, 'new') - 0.25) < 0.05, String(share(later, 'new')))
})

t.test('A newcomer is asked soon, be the load ever so light', async t => {
  const core = pool(3)
  run(core, { every: 100, during: 10_000, answer: () => ({ ms: 20 }) })
  core.balancer.add({ ...core.target('a').config, id: 'new', url: 'http://new' })
  const picked = run(core, { every: 100, during: 1_000, answer: () => ({ ms: 20 }) })
  t.ok(picked.includes('new'))
})

t.test('Long polls among short requests starve nobody and flood nobody', async t => {
  const random = seededRandom(9)
  const picked = run(pool(4), { every: 5, during: 120_000, answer: () => ({ ms: random() < 0.02 ? 10_000 : 20 }) })
  for (const id of 'abcd') t.ok(share(picked, id) > 0.1 && share(picked, id) < 0.4, `${id}: ${share(picked, id)}`)
})

// ---- many -----------------------------------------------------------------------------------------------------------------

t.test('Of more than 128 targets, 64 different ones are looked at, spread over all, and the best of them is picked', async t => {
  for (const given of ['all', 'some'] as const) {
    const targets = targetsOf(...new Array(given === 'all' ? 1000 : 1001).fill(1))
    const policy = adaptive(toolsOf(seededRandom(3)))
    policy.update!(targets)
    for (const target of targets) load(target, 1, policy)
    load(targets[500]!, 0, policy)
    const able = given === 'all' ? targets : targets.slice(1)
    const picks = Array.from({ length: 4_000 }, () => policy.pick(able, {}))
    const best = picks.filter(target => target === targets[500]).length
    // 4,000 × 64 / 1,000 = 256, give or take five standard deviations of 15.
    t.ok(Math.abs(best - 256) < 77, `the one without requests was seen ${best} times`)
    t.ok(new Set(picks).size > 800, 'and others wherever they stand')
  }
})
