import t from 'tap'
import type { Settlement } from '../../lib/balancing/outcome.js'
import type { Target } from '../../lib/balancing/target.js'
import { configOf, Core, idOf } from '../helpers/core.js'

// ---- who is asked -----------------------------------------------------------------------------------------------------

t.test('Without targets there is none', async t => {
  t.equal(new Core({}).balancer.pick(), 'none')
})

t.test('The policy is asked only when there is a choice, and about those who may be picked', async t => {
  const asked: string[] = []
  const core = new Core({ a: {}, b: {}, c: {} }, {
    policy: () => ({ pick: targets => { asked.push(targets.map(({ id }) => id).join('')); return targets[0]! } })
  })
  core.picks(1)
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  core.picks(1)
  core.balancer.update(core.target('a'), { state: 'drain' })
  t.equal(core.picks(1), 'c')
  t.same(asked, ['abc', 'ac'])
})

t.test('The policy sees the same array until something changes', async t => {
  const asked: Array<readonly Target[]> = []
  const core = new Core({ a: { maxRequests: 1 }, b: {}, c: {} }, { policy: () => ({ pick: targets => { asked.push(targets); return targets[0]! } }) })
  core.picks(2)
  const lease = core.begin('a')
  core.picks(1, { tried: ['b'] })
  core.picks(1)
  lease.end({ outcome: 'success', durationMs: 1 })
  core.picks(2)
  t.same(asked.map(targets => targets === asked[0]), [true, true, false, true, true])
  t.same(asked[2]!.map(({ id }) => id), ['b', 'c'])
})

t.test('The policy sees the same array of a tier, too, until something changes', async t => {
  const asked: Array<readonly Target[]> = []
  const core = new Core({ a: {}, b: {}, c: { tier: 1 } }, { policy: () => ({ pick: targets => { asked.push(targets); return targets[0]! } }) })
  core.picks(2)
  core.picks(1, { tags: {} })
  t.same(asked.map(targets => targets === asked[0]), [true, true, true])
})

t.test('The policy gets the context of the pick, and the clock and chance of the balancer', async t => {
  const seen: unknown[] = []
  const core = new Core({ a: {}, b: {} }, {
    random: () => 0.25,
    policy: ({ random, now }) => ({ pick: (targets, context) => { seen.push(random(), now(), context); return targets[0]! } })
  })
  core.picks(1, { hashKey: 'k', address: '::1' })
  t.same(seen, [0.25, core.clock.now(), { hashKey: 'k', address: '::1' }])
})

t.test('The policy is told of all targets before the first pick, and whenever members or weights change, but not of health', async t => {
  const told: string[] = []
  const core = new Core({ a: {}, b: { weight: 0 } }, {
    policy: () => ({ pick: targets => targets[0]!, update: all => { told.push(all.map(target => `${target.index}${target.id}${target.effectiveWeight}`).join(' ')) } })
  })
  core.balancer.setHealth(core.target('a'), 'unhealthy')
  core.balancer.add(configOf('c', { weight: 2 }))
  core.balancer.update(core.target('c'), { weight: 3 })
  core.balancer.remove(core.target('a'))
  core.balancer.replace(core.balancer.all.map(({ config }) => config))
  core.balancer.replace(core.balancer.all.map(({ config }) => config).reverse())
  t.same(told, ['0a1 1b0', '0a1 1b0 2c2', '0a1 1b0 2c3', '0b0 1c3', '0c3 1b0'])
})

t.test('The policy is told how each attempt ended, whoever is to blame', async t => {
  const told: Array<[string, Settlement]> = []
  const core = new Core({ a: {}, b: {} }, { policy: () => ({ pick: targets => targets[0]!, settle: (target, settlement) => { told.push([target.id, settlement]) } }) })
  core.attempt('b', 'success', { status: 200, ttfbMs: 3, durationMs: 9 })
  core.attempt('a', 'client-aborted')
  t.same(told, [
    ['b', { outcome: 'success', status: 200, ttfbMs: 3, durationMs: 9 }],
    ['a', { outcome: 'client-aborted', durationMs: 1 }]
  ])
})

t.test('The policy hears of an answer when its headers come, once, and otherwise with the end of the attempt', async t => {
  const told: string[] = []
  const core = new Core({ a: {} }, {
    policy: () => ({
      pick: targets => targets[0]!,
      answered: ({ id }, answer) => { told.push(`${id} answered ${answer.status} after ${answer.ttfbMs}: ${answer.header('x-load')}`) },
      settle: ({ id }, { outcome }) => { told.push(`${id} ${outcome}`) }
    })
  })
  const lease = core.begin('a')
  t.equal(lease.listening, true)
  lease.heard({ status: 200, ttfbMs: 3, header: name => `${name} 7` })
  t.same(told.splice(0), ['a answered 200 after 3: x-load 7'])
  lease.end({ outcome: 'success', status: 200, ttfbMs: 3, durationMs: 900 })
  t.same(told.splice(0), ['a success'])
  core.attempt('a', 'success', { ttfbMs: 4 })
  core.attempt('a', 'bad-status', { status: 503, ttfbMs: 5 })
  t.same(told.splice(0), ['a answered 200 after 4: undefined', 'a success', 'a answered 503 after 5: undefined', 'a bad-status'])
  core.attempt('a', 'timeout')
  core.attempt('a', 'malformed', { status: 777, ttfbMs: 1 })
  t.same(told, ['a timeout', 'a malformed'], 'there was no answer')
})

t.test('The policy hears of all that its targets have in flight, whoever sent it there', async t => {
  const told: string[] = []
  const core = new Core({ a: {}, b: {} }, {
    policy: () => ({
      pick: targets => targets[0]!,
      loaded: ({ id, inFlight, streams }) => { told.push(`${id} ${inFlight} ${streams}`) }
    })
  })
  const [first, second] = [core.begin('a'), core.begin('b')]
  second.lasts()
  first.end({ outcome: 'success', durationMs: 3 })
  second.end({ outcome: 'client-aborted', durationMs: 30 })
  t.same(told.splice(0), ['a 1 0', 'b 1 0', 'b 1 1', 'a 0 0', 'b 0 0'])
  const last = core.begin('a')
  core.balancer.remove(core.target('a'))
  told.splice(0)
  last.end({ outcome: 'success', durationMs: 3 })
  t.same(told, [], 'but not of who has left')
})

t.test('A policy that does not ask for answers is told of none', async t => {
  const core = new Core({ a: {} })
  t.equal(core.begin('a').listening, false)
  core.attempt('a', 'success', { status: 200, ttfbMs: 3 })
})

t.test('Streams are counted apart from other requests in flight, until they end', async t => {
  const core = new Core({ a: {} })
  const [stream, other] = [core.begin('a'), core.begin('a')]
  stream.lasts()
  t.same([core.target('a').inFlight, core.target('a').streams], [2, 1])
  other.end({ outcome: 'success', durationMs: 1 })
  stream.end({ outcome: 'success', durationMs: 1 })
  stream.end({ outcome: 'success', durationMs: 1 })
  t.same([core.target('a').inFlight, core.target('a').streams], [0, 0])
})

// ---- what a request asks for --------------------------------------------------------------------------------------------

t.test('What was tried is not picked again while there is another', async t => {
  const core = new Core({ a: {}, b: {}, c: { tier: 1 } })
  t.equal(core.picks(2, { tried: ['a'] }), 'b b')
  t.equal(core.picks(2, { tried: ['a', 'b'] }), 'c c')
  t.equal(core.picks(1, { tried: ['a', 'b', 'c'] }), 'none')
  t.equal(core.picks(2, { tried: [] }), 'a b')
})

t.test('Only targets that carry all of the tags are picked', async t => {
  const core = new Core({
    a: { tags: { zone: 'x', size: 'big' } },
    b: { tags: { zone: 'x' } },
    c: { tags: { zone: 'y', size: 'big' } }
  })
  t.equal(core.picks(4, { tags: { zone: 'x' } }), 'a b a b')
  t.equal(core.picks(1, { tags: { zone: 'x', size: 'big' } }), 'a')
  t.equal(core.picks(1, { tags: { zone: 'y', size: 'small' } }), 'none')
  t.equal(core.picks(1, { tags: {}, tried: ['a', 'b'] }), 'c')
})

t.test('Where none of those with the tags can take it, any other may, if that is allowed', async t => {
  const core = new Core({
    a: { tags: { version: 'v1' } },
    b: { tags: { version: 'v1' } },
    c: { tags: { version: 'v2' }, maxRequests: 1 },
    d: { tags: { version: 'v1' }, tier: 1 }
  })
  const tags = { version: 'v2' }
  t.equal(core.picks(3, { tags, fallback: 'any' }), 'c c c', 'as long as one can, nobody else')
  t.equal(core.picks(2, { tags, fallback: 'any', tried: ['c'] }), 'a b')
  t.equal(core.picks(1, { tags, fallback: 'none', tried: ['c'] }), 'none')
  const lease = core.begin('c')
  t.equal(core.picks(2, { tags, fallback: 'any' }), 'a b', 'nor one that has no slot left')
  t.equal(core.picks(1, { tags, fallback: 'none' }), 'full')
  lease.end({ outcome: 'success', durationMs: 1 })
  core.balancer.setHealth(core.target('c'), 'unhealthy')
  t.equal(core.picks(2, { tags, fallback: 'any' }), 'a b', 'one who is well is better than one with the tags who is not')
  t.equal(core.picks(1, { tags, fallback: 'none' }), 'c', 'who is the last resort where nobody else will do')
  t.equal(core.picks(1, { tags: { version: 'v3' }, fallback: 'any' }), 'a')
  for (const id of ['a', 'b', 'd']) core.balancer.setHealth(core.target(id), 'unhealthy')
  t.equal(core.picks(1, { tags: { version: 'v3' }, fallback: 'any', tried: ['a', 'b', 'c'] }), 'd', 'and the last resort is anybody, too')
})

t.test('A client keeps its target before tags fall back to another', async t => {
  const core = new Core({ a: { tags: { version: 'v1' } }, b: { tags: { version: 'v1' } }, c: { tags: { version: 'v2' } } })
  const context = { affinity: 'b', tags: { version: 'v2' }, fallback: 'any' as const }
  t.equal(core.picks(1, context), 'c')
  t.equal(core.picks(3, { ...context, tried: ['c'] }), 'b b b')
  t.equal(core.picks(1, { ...context, affinityRequired: true }), 'b', 'or at once, where no other will do')
  t.equal(core.picks(1, { ...context, affinity: 'x', affinityRequired: true }), 'affinity-lost')
})

t.test('A tag that every object has by birth is carried by no target', async t => {
  t.equal(new Core({ a: {} }).picks(1, { tags: { constructor: 'x' } }), 'none')
})

t.test('When all who may be picked were tried, one that health keeps out is, before the request fails', async t => {
  const core = new Core({ a: {}, b: {}, c: {}, d: { tier: 1 } }, { initialHealth: 'healthy' })
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  core.eject('c')
  t.equal(core.picks(2, { tried: ['a', 'd'] }), 'b c')
  t.equal(core.picks(1, { tried: ['a', 'b', 'd'] }), 'c')
  t.equal(core.picks(1, { tried: ['a', 'b', 'c', 'd'] }), 'none')
  t.equal(core.balancer.panic, false)
})

t.test('Of those that health keeps out, the lowest tier is tried first', async t => {
  const core = new Core({ a: {}, b: { tier: 2 }, c: { tier: 1 } }, { initialHealth: 'healthy' })
  for (const id of ['b', 'c']) core.balancer.setHealth(core.target(id), 'unhealthy')
  t.equal(core.picks(1, { tried: ['a'] }), 'c')
  t.equal(core.picks(1, { tried: ['a', 'c'] }), 'b')
})

t.test('In need, too, nobody is tried who was never probed, drains, is in maintenance, has weight 0 or other tags', async t => {
  const core = new Core({ a: {}, b: {}, c: {}, d: {}, e: {}, f: { tags: { zone: 'y' } } }, { initialHealth: 'pending' })
  for (const id of ['a', 'c', 'd', 'e', 'f']) core.balancer.setHealth(core.target(id), id === 'a' ? 'healthy' : 'unhealthy')
  core.balancer.update(core.target('c'), { state: 'drain' })
  core.balancer.update(core.target('d'), { state: 'maintenance' })
  core.balancer.update(core.target('e'), { weight: 0 })
  t.equal(core.picks(1, { tried: ['a'] }), 'f')
  t.equal(core.picks(1, { tried: ['a'], tags: { zone: 'x' } }), 'none')
  t.equal(core.picks(1, { tried: ['a', 'f'] }), 'none')
})

t.test('Failing closed, nobody that health keeps out is ever tried', async t => {
  const core = new Core({ a: {}, b: {} }, { initialHealth: 'healthy', panic: 'fail-closed' })
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  t.equal(core.picks(1, { tried: ['a'] }), 'none')
  core.balancer.setHealth(core.target('a'), 'unhealthy')
  t.equal(core.picks(1), 'none')
  t.equal(core.balancer.panic, true)
})

t.test('When nobody is well, all who are ready take requests, and that is a panic', async t => {
  const core = new Core({ a: {}, b: {}, c: {} }, { initialHealth: 'healthy' })
  core.balancer.update(core.target('c'), { state: 'drain' })
  t.equal(core.balancer.panic, false)
  for (const id of ['a', 'b']) core.balancer.setHealth(core.target(id), 'unhealthy')
  t.equal(core.balancer.panic, true)
  t.equal(core.picks(4), 'a b a b')
  core.balancer.setHealth(core.target('b'), 'healthy')
  t.equal(core.balancer.panic, false)
  t.equal(core.picks(2), 'b b')
})

// ---- capacity -------------------------------------------------------------------------------------------------------

t.test('A target that is full is passed over until a request ends', async t => {
  const core = new Core({ a: { maxRequests: 2 }, b: {} })
  const leases = [core.begin('a'), core.begin('a')]
  t.equal(core.picks(3), 'b b b')
  leases[0]!.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.picks(2), 'a b')
})

t.test('When all are full, that is what is said, and it is no panic', async t => {
  const core = new Core({ a: { maxRequests: 1 }, b: { maxRequests: 1 }, c: {} }, { initialHealth: 'healthy' })
  core.balancer.setHealth(core.target('c'), 'unhealthy')
  const lease = core.begin('a')
  core.begin('b')
  t.equal(core.balancer.pick(), 'full')
  t.equal(core.balancer.panic, false)
  lease.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.picks(1), 'a')
})

t.test('When a tier is full, the next takes over, then the ones after it', async t => {
  const core = new Core({ a: { maxRequests: 1 }, b: { tier: 1, maxRequests: 1 }, c: { tier: 2 } })
  t.equal(core.picks(1), 'a')
  core.begin('a')
  t.equal(core.picks(1), 'b')
  core.begin('b')
  t.equal(core.picks(1), 'c')
})

t.test('A tier that load was spilt to and that is full hands back to the best', async t => {
  const core = new Core({ a: {}, b: {}, c: { tier: 1, maxRequests: 1 }, d: { tier: 2 } }, { initialHealth: 'healthy', random: () => 0.9 })
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  t.equal(core.picks(1), 'c')
  core.begin('c')
  t.equal(core.picks(1), 'a')
  t.equal(core.picks(1, { tried: ['a'] }), 'd')
})

t.test('In need, too, a full target takes nothing', async t => {
  const core = new Core({ a: {}, b: { maxRequests: 1 } }, { initialHealth: 'healthy' })
  core.balancer.setHealth(core.target('b'), 'unhealthy')
  core.begin('b')
  t.equal(core.picks(1, { tried: ['a'] }), 'full')
})

t.test('The limit of a target may change while requests are in flight', async t => {
  const core = new Core({ a: { maxRequests: 3 }, b: { maxRequests: 1 } })
  const limit = (maxRequests: number) => { core.balancer.replace(core.balancer.all.map(({ config }) => config.id === 'a' ? { ...config, maxRequests } : config)) }
  const leases = [core.begin('a'), core.begin('a'), core.begin('a'), core.begin('b')]
  t.equal(core.picks(1), 'full')
  limit(4)
  t.equal(core.picks(1), 'a')
  limit(1)
  t.equal(core.picks(1), 'full')
  leases[0]!.end({ outcome: 'success', durationMs: 1 })
  leases[1]!.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.picks(1), 'full', 'one of three is left, which is all it may have')
  leases[2]!.end({ outcome: 'success', durationMs: 1 })
  t.equal(core.picks(2), 'a a')
  core.begin('a')
  t.equal(core.picks(2), 'full full', 'neither has a slot left')
})

t.test('A full target that is removed is not waited for', async t => {
  const core = new Core({ a: { maxRequests: 1 }, b: {} })
  const lease = core.begin('a')
  const a = core.target('a')
  core.balancer.remove(a)
  core.balancer.replace([...core.balancer.all.map(({ config }) => config), configOf('a', { maxRequests: 1 })])
  const again = core.begin('a')
  t.equal(core.picks(2), 'b b')
  lease.end({ outcome: 'success', durationMs: 1 })
  t.equal(a.inFlight, 0)
  t.equal(core.picks(2), 'b b', 'the one of the same name is another')
  again.end({ outcome: 'success', durationMs: 1 })
  t.match(core.picks(2), /a/)
})

// ---- clients that belong to a target ----------------------------------------------------------------------------------

t.test('A client gets its own target, past the policy', async t => {
  const core = new Core({ a: {}, b: {}, c: {} })
  t.equal(core.picks(3, { affinity: 'c' }), 'c c c')
})

t.test('The policy hears of clients that get their own target', async t => {
  const charged: string[] = []
  const core = new Core({ a: {}, b: {} }, { policy: () => ({ pick: targets => targets[0]!, charge: target => { charged.push(target.id) } }) })
  core.picks(1, { affinity: 'b' })
  core.picks(1, { affinity: 'gone' })
  t.same(charged, ['b'])
})

t.test('A client keeps a target that drains, or has weight 0, or is of another tier', async t => {
  const core = new Core({ a: {}, b: {}, c: { weight: 0 }, d: { tier: 1 } })
  core.balancer.update(core.target('b'), { state: 'drain' })
  for (const affinity of ['b', 'c', 'd']) t.equal(core.picks(2, { affinity }), `${affinity} ${affinity}`)
  t.equal(core.picks(2), 'a a', 'others do not get there')
})

t.test('A client may belong to the one that is being let back, which is a trial', async t => {
  const core = new Core({ a: {}, b: {} })
  core.eject('a')
  core.clock.advance(10_000)
  t.equal(core.picks(1, { affinity: 'a' }), 'a')
  core.begin('a')
  t.equal(core.picks(1, { affinity: 'a' }), 'b')
})

const absent: Array<[what: string, (core: Core) => void]> = [
  ['is in maintenance', core => { core.balancer.update(core.target('b'), { state: 'maintenance' }) }],
  ['is unhealthy', core => { core.balancer.setHealth(core.target('b'), 'unhealthy') }],
  ['is ejected', core => { core.eject('b') }],
  ['drains and is unhealthy', core => {
    core.balancer.update(core.target('b'), { state: 'drain' })
    core.balancer.setHealth(core.target('b'), 'unhealthy')
  }],
  ['was removed', core => { core.balancer.remove(core.target('b')) }]
]
for (const [what, change] of absent) {
  t.test(`A client whose target ${what} gets another, unless no other will do`, async t => {
    const core = new Core({ a: {}, b: {} }, { initialHealth: 'healthy' })
    change(core)
    t.equal(core.picks(2, { affinity: 'b' }), 'a a')
    t.equal(core.picks(1, { affinity: 'b', affinityRequired: true }), 'affinity-lost')
  })
}

t.test('A client whose target is full gets another, or waits where no other will do', async t => {
  const core = new Core({ a: {}, b: { maxRequests: 1 } })
  core.begin('b')
  t.equal(core.picks(1, { affinity: 'b' }), 'a')
  t.equal(core.picks(1, { affinity: 'b', affinityRequired: true }), 'full')
})

t.test('A client whose target was tried in vain gets another, unless no other will do', async t => {
  const core = new Core({ a: {}, b: {} })
  t.equal(core.picks(1, { affinity: 'b', tried: ['b'] }), 'a')
  t.equal(core.picks(1, { affinity: 'b', tried: ['b'], affinityRequired: true }), 'affinity-lost')
})

t.test('A client whose target lacks the tags of the request gets another, unless no other will do', async t => {
  const core = new Core({ a: { tags: { zone: 'x' } }, b: {} })
  t.equal(core.picks(1, { affinity: 'b', tags: { zone: 'x' } }), 'a')
  t.equal(core.picks(1, { affinity: 'a', tags: { zone: 'x' } }), 'a')
  t.equal(core.picks(1, { affinity: 'b', tags: { zone: 'x' }, affinityRequired: true }), 'affinity-lost')
})

t.test('In panic a client keeps its target, if that is one of those in use', async t => {
  const core = new Core({ a: {}, b: {}, c: { tier: 1 }, d: { weight: 0 }, e: {} }, { initialHealth: 'healthy' })
  for (const { id } of core.balancer.all) core.balancer.setHealth(core.target(id), 'unhealthy')
  core.balancer.update(core.target('e'), { state: 'drain' })
  t.equal(core.picks(3, { affinity: 'b' }), 'b b b')
  for (const affinity of ['c', 'd', 'e']) t.match(core.picks(2, { affinity }), /^[ab] [ab]$/, affinity)
})

t.test('What comes in place of an id and is none is nobody\'s', async t => {
  const core = new Core({ a: {}, b: {} })
  for (const affinity of ['', '__proto__', 'constructor', 'x'.repeat(10_000)]) t.match(core.picks(1, { affinity }), /^[ab]$/)
})

// ---- attempts ---------------------------------------------------------------------------------------------------------

t.test('An attempt is in flight from its beginning to its end, which comes once', async t => {
  const core = new Core({ a: {}, b: {} })
  const a = core.target('a')
  const lease = core.begin('a')
  const other = core.begin('a')
  t.equal(lease.target, a)
  t.match(a, { inFlight: 2, requests: 2, failures: 0 })
  lease.end({ outcome: 'timeout', durationMs: 1 })
  lease.end({ outcome: 'timeout', durationMs: 1 })
  t.match(a, { inFlight: 1, requests: 2, failures: 1 })
  t.equal(a.ejection.consecutive, 1)
  other.end({ outcome: 'success', durationMs: 1 })
  t.match(a, { inFlight: 0, requests: 2, failures: 1 })
})

t.test('An attempt at a target that has left ends there and tells nobody', async t => {
  const told = (): void => { t.fail('the policy is told') }
  const core = new Core({ a: {}, b: {}, c: {} }, { policy: () => ({ pick: targets => targets[0]!, answered: told, settle: told }) })
  const a = core.target('a')
  const leases = Array.from({ length: 5 }, () => core.begin('a'))
  core.balancer.remove(a)
  for (const lease of leases) {
    lease.heard({ status: 200, ttfbMs: 1, header: () => undefined })
    lease.end({ outcome: 'connect-failure', durationMs: 1 })
  }
  t.match(a, { inFlight: 0, failures: 5, ejection: { standing: 'in' } })
  t.same(core.events, ['removed a'])
  t.equal(core.clock.pending, 0)
})

// ---- health -----------------------------------------------------------------------------------------------------------

t.test('A target that waits for its first probe gets nothing before it passed', async t => {
  const core = new Core({ a: {} }, { initialHealth: 'pending' })
  core.balancer.setHealth(core.target('a'), 'healthy')
  const b = core.balancer.add(configOf('b'))
  t.equal(core.picks(2), 'a a')
  core.balancer.setHealth(b, 'healthy')
  t.match(core.picks(2), /b/)
})

t.test('Only a change of health is told, with its reason', async t => {
  const core = new Core({ a: {}, b: {} }, { initialHealth: 'pending' })
  const a = core.target('a')
  core.balancer.setHealth(a, 'healthy')
  core.balancer.setHealth(a, 'healthy')
  core.balancer.setHealth(a, 'unhealthy', 'HTTP 500')
  core.balancer.setHealth(a, 'unhealthy', 'HTTP 500')
  t.same(core.events, ['healthy a', 'unhealthy a: HTTP 500'])
})

t.test('A probe of a target that has left changes nothing', async t => {
  const core = new Core({ a: {}, b: {} })
  const a = core.target('a')
  core.balancer.replace([configOf('a', { url: 'http://elsewhere' }), configOf('b')])
  core.events.length = 0
  core.balancer.setHealth(a, 'unhealthy')
  t.equal(a.health, 'unchecked')
  t.equal(core.target('a').health, 'unchecked')
  t.same(core.events, [])
})

// ---- membership -------------------------------------------------------------------------------------------------------

t.test('Adding, changing and removing act on the next pick', async t => {
  const core = new Core({ a: {} })
  const b = core.balancer.add(configOf('b', { weight: 2 }))
  t.equal(core.balancer.byId.get('b'), b)
  t.match(core.picks(3), /b.*b/)
  core.balancer.update(b, { state: 'maintenance' })
  t.equal(core.picks(2), 'a a')
  core.balancer.update(b, { state: 'ready', tier: 1 })
  t.equal(core.picks(2), 'a a')
  core.balancer.remove(core.target('a'))
  t.equal(core.picks(2), 'b b')
  core.balancer.remove(b)
  t.equal(core.picks(1), 'none')
  t.same(core.events, ['added b', 'changed b', 'changed b', 'removed a', 'removed b'])
})

t.test('A change leaves alone what it does not name', async t => {
  const core = new Core({ a: { weight: 3, tier: 1, tags: { zone: 'x' }, maxRequests: 9 } })
  const a = core.target('a')
  core.begin('a')
  core.balancer.update(a, {})
  t.match(a, { state: 'ready', inFlight: 1, config: configOf('a', { weight: 3, tier: 1, tags: { zone: 'x' }, maxRequests: 9 }) })
  core.balancer.update(a, { weight: 4, state: 'drain' })
  core.balancer.update(a, { tier: 2, tags: {} })
  t.match(a, { state: 'drain', effectiveWeight: 4, inFlight: 1 })
  t.same(a.config, configOf('a', { weight: 4, tier: 2, maxRequests: 9 }))
})

t.test('A replacement of the whole set keeps what stays: state, health, counters, requests in flight', async t => {
  const core = new Core({ a: {}, b: {}, c: {} }, { initialHealth: 'healthy' })
  const b = core.target('b')
  core.balancer.setHealth(b, 'unhealthy')
  core.balancer.update(b, { state: 'drain' })
  core.attempt('b', 'success')
  core.begin('b')
  core.events.length = 0

  const { added, removed } = core.balancer.replace([configOf('d'), configOf('b', { weight: 7 }), configOf('a')])
  t.same(added.map(idOf), ['d'])
  t.same(removed.map(idOf), ['c'])
  t.same(core.balancer.all.map(({ id, index }) => `${index}${id}`), ['0d', '1b', '2a'])
  t.same([...core.balancer.byId.keys()].sort(), ['a', 'b', 'd'])
  t.equal(core.target('b'), b)
  t.match(b, { state: 'drain', health: 'unhealthy', requests: 2, inFlight: 1, weight: 7, effectiveWeight: 7 })
  t.same(core.events, ['removed c', 'added d', 'changed b'])
})

t.test('Another url under the same id is another server, and starts afresh', async t => {
  const core = new Core({ a: {}, b: {} }, { initialHealth: 'pending' })
  const before = core.target('a')
  core.balancer.setHealth(before, 'healthy')
  const { added, removed } = core.balancer.replace([configOf('a', { url: 'http://elsewhere' }), configOf('b')])
  t.same(removed, [before])
  t.same(added, [core.target('a')])
  t.not(core.target('a'), before)
  t.equal(core.target('a').health, 'pending')
  t.same(core.events.slice(1), ['removed a', 'added a'])
})

t.test('Only what differs is told as changed', async t => {
  const core = new Core({ a: { tags: { zone: 'x', size: 'big' } } })
  const same = core.target('a').config
  for (const [what, config, changed] of [
    ['nothing', { ...same, tags: { size: 'big', zone: 'x' } }, false],
    ['weight', { ...same, weight: 2 }, true],
    ['tier', { ...same, tier: 1 }, true],
    ['limit', { ...same, maxRequests: 3 }, true],
    ['a tag', { ...same, tags: { zone: 'y', size: 'big' } }, true],
    ['one tag less', { ...same, tags: { zone: 'x' } }, true],
    ['one tag more', { ...same, tags: { zone: 'x', size: 'big', more: '1' } }, true]
  ] as const) {
    core.balancer.replace([same])
    core.events.length = 0
    core.balancer.replace([config])
    t.same(core.events, changed ? ['changed a'] : [], what)
  }
})

t.test('Everything is done when it is told', async t => {
  const seen: string[] = []
  const core = new Core({ a: {}, b: {} })
  core.events.push = event => seen.push(`${event.split(':')[0]} -> ${core.balancer.all.map(({ id }) => id).join('')}, ${core.picks(1)}`)
  core.balancer.add(configOf('c'))
  core.balancer.remove(core.target('a'))
  core.eject('b')
  t.same(seen, ['added c -> abc, a', 'removed a -> bc, b', 'ejected b -> bc, c'])
})

t.test('A policy that throws when it is told of its targets does not keep those who were taken out', async t => {
  const faults: string[] = []
  let members = 0
  const core = new Core({ a: {}, b: {}, c: {} }, {
    slowStart: {},
    policy: () => ({ pick: targets => targets[0]!, update: all => { if (all.length !== members) throw new Error('not these') } }),
    fault: (error, where) => { faults.push(`${where}: ${(error as Error).message}`) }
  })
  core.balancer.remove(core.target('a'))
  t.same(core.events, ['removed a'])
  t.equal(core.picks(1), 'b')
  core.balancer.add(configOf('d'))
  t.equal(core.picks(1), 'b', 'nor when weights change')
  t.same(new Set(faults), new Set(['policy.update: not these']))
  members = 3
  faults.length = 0
  core.balancer.update(core.target('b'), { weight: 2 })
  t.same(faults, [])
})

t.test('A policy that picks somebody who was taken out, or nobody, is told so', async t => {
  const chosen: Target[] = []
  const core = new Core({ a: {}, b: {}, c: {} }, { policy: () => ({ pick: () => chosen[0]! }) })
  t.throws(() => core.balancer.pick(), { message: 'the policy has picked none of the targets' })
  chosen.push(core.target('a'))
  t.equal(core.balancer.pick(), chosen[0])
  core.balancer.remove(chosen[0]!)
  t.throws(() => core.balancer.pick(), { message: 'the policy has picked none of the targets' })
})
