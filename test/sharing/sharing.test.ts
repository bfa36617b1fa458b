/** What one gateway makes of what others say, and says itself: by a store of the test's own. */
import t from 'tap'
import fc from 'fast-check'
import type { SharedOptions, SharedStore, TargetUpdateOptions } from '../../lib/index.js'
import { entry, written } from '../../lib/sharing/records.js'
import { Sharing } from '../../lib/sharing/sharing.js'
import { VersionClock } from '../../lib/sharing/version.js'
import { FakeClock } from '../helpers/clock.js'
import { MeetingPlace } from '../helpers/meeting-place.js'
import { selfSigned } from '../helpers/certificates.js'
import { startGateway, type Ending } from '../helpers/servers.js'
import { allHave, allUp, sharingGateway, stateOf, type SharingGateway } from '../helpers/sharing.js'
import { startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import type { Upstream } from '../../lib/engine/upstream.js'

const A = { id: 'a', url: 'http://10.0.0.1' }
const B = { id: 'b', url: 'http://10.0.0.2' }
const C = { id: 'c', url: 'http://10.0.0.3' }

const gatewayAt = (t: Ending, place: MeetingPlace, more = {}): Promise<SharingGateway> => sharingGateway(t, { store: place.store() }, { targets: [A, B], ...more })

/** An upstream that shares, with time of the test's own. */
async function sharing (t: Ending, place: MeetingPlace): Promise<{ upstream: Upstream, clock: FakeClock, sharing: Sharing, lines: string[] }> {
  const { upstream, clock } = await startUpstream(t, { targets: [A, B] })
  const lines: string[] = []
  const sharing = new Sharing({ store: place.store(), probes: 'each' }, {
    clock,
    random: () => 0.5,
    log: { info: (_what, message) => { lines.push(message) }, warn: (_what, message) => { lines.push(message) } }
  })
  t.teardown(() => { sharing.close() })
  sharing.open()
  sharing.watch(upstream)
  await sharing.begun
  return { upstream, clock, sharing, lines }
}

const ofOther = (clock: { now: () => number }) => {
  const versions = new VersionClock(clock.now, 7)
  return (what: 'target' | 'state' | 'weight' | 'tier' | 'tags' | 'order', id: string, value: unknown, upstream = 'shop') => entry({ upstream, what, id }, versions.next(), value)
}

const message = (...entries: Array<ReturnType<typeof entry>>): string =>
  JSON.stringify({ from: 'other', topic: 'changes', said: Object.fromEntries(entries.map(entry => [entry.key, written(entry)])) })

t.test('changes that knew nothing of each other come to the same everywhere', async t => {
  const changes = fc.array(fc.record({
    gateway: fc.nat(2),
    id: fc.constantFrom('a', 'b', 'c'),
    act: fc.constantFrom('drain', 'ready', 'maintenance', 'heavy', 'light', 'remove', 'add', 'replace') as fc.Arbitrary<string>,
    tell: fc.boolean()
  }), { minLength: 1, maxLength: 12 })
  await fc.assert(fc.asyncProperty(changes, async list => {
    const place = new MeetingPlace()
    const ends: Array<() => unknown> = []
    const ending = { teardown: (run: () => unknown) => { ends.push(run) } }
    const gateways = [await gatewayAt(ending, place), await gatewayAt(ending, place), await gatewayAt(ending, place)]
    await allUp(gateways)
    place.up = false
    for (const { gateway, id, act } of list) {
      const { shop } = gateways[gateway]!
      const known = shop.targets.has(id)
      const url = [A, B, C].find(target => target.id === id)!.url
      const updates: Record<string, TargetUpdateOptions> = { drain: { state: 'drain' }, ready: { state: 'ready' }, maintenance: { state: 'maintenance' }, heavy: { weight: 9 }, light: { weight: 0, tags: { a: id } } }
      if (act === 'replace') shop.replace([{ id, url, weight: 4 }])
      else if (act === 'add' && !known) shop.add({ id, url, weight: 7 })
      else if (act === 'remove' && known) void shop.remove(id)
      else if (known && updates[act] !== undefined) shop.update(id, updates[act])
    }
    place.comeBack()
    // Whoever comes now has all that is held, and that is what the others come to.
    const sorted = (gateway: SharingGateway): string => gateway.shop.snapshot().targets.map(({ id, state, weight, tags }) => `${id} ${state} ${weight} ${JSON.stringify(tags)}`).sort().join()
    await until(() => new Set(gateways.map(sorted)).size === 1 && gateways.every(({ app }) => app.upstreams.shared!.up === true), `the same: ${gateways.map(sorted).join(' | ')}`)
    const later = await gatewayAt(ending, place)
    await until(() => sorted(later) === sorted(gateways[0]!), `the same later: ${sorted(gateways[0]!)} | ${sorted(later)}`)
    for (const end of ends) await end()
  }), { numRuns: 15 })
})

t.test('a target that was removed and comes again is ready, whatever was said of it before', async t => {
  const place = new MeetingPlace()
  const both = [await gatewayAt(t, place), await gatewayAt(t, place)]
  const [one, two] = both as [SharingGateway, SharingGateway]
  await allUp(both)
  one.shop.update('a', { state: 'drain', weight: 4 })
  await allHave(both, 'a drain 4, b ready 1')
  await one.shop.remove('a')
  one.shop.add(A)
  await allHave(both, 'b ready 1, a ready 1')
  two.shop.update('a', { state: 'maintenance' })
  await allHave(both, 'b ready 1, a maintenance 1')
  one.shop.replace([{ ...A, limits: { maxRequests: 2 } }, { ...B, url: 'http://10.0.0.9', limits: { maxRequests: Infinity } }])
  await allHave(both, 'a maintenance 1, b ready 1')
  await until(() => two.shop.targets.get('a')!.config.maxRequests === 2, 'the limit')
  t.equal(two.shop.targets.get('b')!.url, 'http://10.0.0.9')
  one.shop.replace([{ ...A, limits: { maxRequests: 2 }, tier: 1, tags: { x: 'y' } }])
  await allHave(both, 'a maintenance 1')
  t.match(two.shop.targets.get('a'), { tier: 1, tags: { x: 'y' } })
})

t.test('what is said of a target is done when discovery finds it', async t => {
  const place = new MeetingPlace()
  const found: Array<(set: string[]) => void> = []
  const discovery = async function * (): AsyncGenerator<string[]> {
    yield []
    while (true) yield await new Promise<string[]>(resolve => { found.push(resolve) })
  }
  const [one, two] = [await gatewayAt(t, place, { targets: [], discovery }), await gatewayAt(t, place, { targets: [], discovery })]
  await allUp([one, two])
  found.shift()!([A.url])
  await until(() => one.shop.targets.size + two.shop.targets.size === 1, 'the target')
  const [first, second] = one.shop.targets.size === 1 ? [one, two] : [two, one]
  first.shop.update(A.url, { state: 'drain', weight: 3 })
  t.equal(second.state(), '')
  await until(() => place.said.length > 0, 'the message')
  found.shift()!([A.url])
  await allHave([first, second], `${A.url} drain 3`)
  t.notOk([...place.kept.keys()].some(key => key.includes('/target/')), 'that it is there is not shared')
})

t.test('a target with a certificate of its own stays here, and that is said', async t => {
  const place = new MeetingPlace()
  const { key, cert } = selfSigned(t.testdir({}))
  const [one, two] = [await gatewayAt(t, place), await gatewayAt(t, place)]
  await allUp([one, two])
  one.shop.add({ id: 'c', url: 'https://10.0.0.3', tls: { key, cert } })
  one.shop.add({ id: 'd', url: 'https://10.0.0.4', tls: { ca: Buffer.from(cert) } })
  await allHave([two], 'a ready 1, b ready 1, d ready 1')
  t.strictSame((two.shop.targets.get('d')!.config as unknown as { tls: object }).tls, { ca: [String(cert)] })
  t.strictSame(one.warnings, ['targets with a certificate of their own are not shared'])
  t.notMatch([...place.kept.values()].join(), String(key))
})

t.test('what cannot be used here is told once, and held for others', async t => {
  const place = new MeetingPlace()
  const gateway = await gatewayAt(t, place)
  await allUp([gateway])
  const say = ofOther({ now: Date.now })
  const wrong = [
    say('target', 'c', { url: 'nonsense' }), say('target', 'd', null), say('target', 'a', { drainMs: 'soon' }),
    say('weight', 'a', 1_000), say('state', 'a', 'asleep'), say('order', '', ['a', 3]), say('tags', 'b', { a: 1 })
  ]
  for (let i = 0; i < 2; i++) place.say(message(...wrong))
  t.equal(gateway.state(), 'a ready 1, b ready 1')
  t.strictSame(gateway.warnings.sort(), ['order', 'state', 'tags', 'target', 'target', 'target', 'weight'].map(what => `the ${what} that another gateway has set cannot be used here`).sort())
  place.say(message(say('weight', 'a', 2), say('order', '', ['b', 'a']), say('weight', 'x', 2, 'unknown')))
  await allHave([gateway], 'b ready 1, a ready 2')
  gateway.app.upstreams.add('unknown', { targets: [{ id: 'x', url: 'http://10.0.0.7' }] })
  t.equal(stateOf(gateway.app.upstreams.get('unknown')!), 'x ready 2', 'what was said of an upstream before it was there')
  await gateway.app.upstreams.remove('unknown')
  place.say(message(say('weight', 'x', 3, 'unknown')))
  gateway.app.upstreams.add('unknown', { targets: [{ id: 'x', url: 'http://10.0.0.7' }] })
  t.equal(stateOf(gateway.app.upstreams.get('unknown')!), 'x ready 3')
})

t.test('nonsense is nothing', async t => {
  const place = new MeetingPlace()
  const gateway = await gatewayAt(t, place)
  await allUp([gateway])
  for (const text of ['', 'x', '[]', '3', '{}', '{"from":3}', '{"from":"x","topic":"y"}', '{"from":"x","topic":"changes","said":3}', '{"from":"x","topic":"changes","said":{"a":1}}']) place.say(text)
  // What JSON may hold and no text can be made of.
  const odd = '{"toString":1,"valueOf":1}'
  for (const text of [`{"from":${odd}}`, `{"from":"x","topic":${odd}}`, `{"from":"x","topic":"changes","said":{"shop/target/a":${odd}}}`, `{"from":"x","topic":"changes","said":[${odd}]}`]) place.say(text)
  t.equal(gateway.state(), 'a ready 1, b ready 1')
  t.strictSame(gateway.warnings, [])
})

t.test('values that are too long or nest too deep are ignored with one warning each, and stop nothing', async t => {
  const place = new MeetingPlace()
  const { upstream, clock, lines } = await sharing(t, place)
  const say = ofOther(clock)
  const bomb = '{"value":'.repeat(10_000)
  const exceeds = 'a value in the shared store exceeds a bound, ignoring it'
  place.kept.set('shop/tags/a', bomb)
  place.kept.set('shop/tags/b', ' '.repeat(5_000_000))
  const change = say('weight', 'a', 2)
  place.kept.set(change.key, written(change))
  clock.advance(10_000)
  await until(() => upstream.targets.get('a')!.weight === 2, 'the weight')
  t.strictSame(lines, [exceeds, exceeds])
  place.say(bomb)
  place.say(JSON.stringify({ from: 'x', topic: 'changes', said: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`shop/weight/${i}`, '['.repeat(70)])) }))
  const warnings = (): number => lines.filter(line => line === exceeds).length
  t.equal(warnings(), 1_000, 'and there is an end to warnings')
  upstream.update('b', { weight: 3 })
  await until(() => place.kept.get('shop/weight/b')?.includes('3') === true, 'what is changed here is still told')
  clock.advance(10_000)
  await until(() => place.calls.filter(call => call === 'held').length === 3, 'another look')
  t.equal(warnings(), 1_000)
})

t.test('a later change that was overwritten in the store by an earlier one is put there again by who made it', async t => {
  const place = new MeetingPlace()
  const { upstream, clock } = await sharing(t, place)
  const other = await sharing(t, place)
  const say = ofOther(clock)
  const earlier = say('weight', 'a', 2)
  clock.advance(10)
  upstream.update('a', { weight: 5 })
  await until(() => place.said.length === 1, 'it is told')
  place.kept.set(earlier.key, written(earlier))
  place.say(message(earlier))
  await until(() => place.kept.get(earlier.key)!.includes('"value":5'), 'the later one')
  await until(() => place.said.length === 3, 'it is told again, once')
  t.equal(other.upstream.targets.get('a')!.weight, 5)
})

t.test('what was missed is found when all is read again', async t => {
  const place = new MeetingPlace()
  const { upstream, clock } = await sharing(t, place)
  const say = ofOther(clock)
  const missed = say('weight', 'a', 2)
  place.kept.set(missed.key, written(missed))
  clock.advance(9_999)
  t.equal(upstream.targets.get('a')!.weight, 1)
  clock.advance(1)
  await until(() => upstream.targets.get('a')!.weight === 2, 'the weight')
})

t.test('removals are held for a day', async t => {
  const place = new MeetingPlace()
  const { upstream, clock } = await sharing(t, place)
  const later = ofOther(clock)('weight', 'gone', 2)
  place.kept.set('of/another/release', 'x')
  place.kept.set('of/a/later/release', written(later))
  await upstream.remove('a')
  await until(() => place.kept.has('shop/target/a'), 'the removal')
  place.kept.set('shop/weight/a', written(entry({ upstream: 'shop', what: 'weight', id: 'a' }, new VersionClock(() => 1, 7).next(), 2)))
  const removal = place.kept.get('shop/target/a')!
  for (let passed = 0; passed < 86_400_000 - 20_000; passed += 5_000_000) {
    clock.advance(5_000_000)
    const { length } = place.calls
    await until(() => place.calls.length > length, 'a look')
  }
  clock.advance(10_000)
  await until(() => !place.kept.has('shop/target/a'), 'it is forgotten')
  t.strictSame([...place.kept.keys()].sort(), ['of/a/later/release', 'of/another/release'], 'with what was said of the target before; what is not understood stays')
  place.say(JSON.stringify({ from: 'other', topic: 'changes', said: { 'shop/target/b': removal } }))
  t.equal(upstream.targets.has('b'), true, 'and one that comes as late as that is not heard')
})

t.test('a store that fails is told once, asked again every second, and given what it lacks', async t => {
  const place = new MeetingPlace()
  const { upstream, clock, sharing: own, lines } = await sharing(t, place)
  place.up = false
  upstream.update('a', { weight: 2 })
  await until(() => !own.link.up, 'it is lost')
  const { length } = place.calls
  upstream.update('a', { weight: 3 })
  t.equal(place.calls.length, length, 'it is not asked')
  for (let i = 1; i <= 3; i++) {
    clock.advance(10_000)
    await until(() => own.snapshot().errors > i, 'another error')
  }
  t.equal(lines.length, 1)
  place.up = true
  clock.advance(1_000)
  await until(() => place.kept.get('shop/weight/a')?.includes('"value":3') === true, 'the change')
  t.strictSame(lines.slice(1), ['the shared store is back'])
  t.match(own.snapshot(), { up: true, lastError: 'gone', told: 2, heard: 0 })
})

t.test('a store that does not answer is given up after a second, and asked one thing only', async t => {
  const place = new MeetingPlace()
  const asked: string[] = []
  const store = new Proxy(place.store(), {
    get: (own, name: keyof SharedStore) => name === 'held' ? () => { asked.push(name); return new Promise(() => {}) } : own[name]
  })
  const clock = new FakeClock()
  const own = new Sharing({ store, probes: 'each' }, { clock, random: () => 0.5, log: { info () {}, warn () {} } })
  own.open()
  const times = async (errors: number): Promise<void> => until(() => {
    clock.advance(1_000)
    return own.snapshot().errors === errors
  }, 'an error')
  await times(3)
  await own.begun
  t.match(own.snapshot(), { up: false, lastError: 'no answer within 1000 ms' })
  t.strictSame(asked, ['held'])
  own.close()
  own.close()
  t.equal(await own.secret(), undefined)
})

t.test('what a store throws that is no error', async t => {
  const place = new MeetingPlace()
  // eslint-disable-next-line prefer-promise-reject-errors -- a user's store may do as it likes
  const store = { ...place.store(), held: () => Promise.reject('no') }
  const gateway = await sharingGateway(t, { store }, { targets: [A] })
  await allUp([gateway], false)
  t.match(gateway.app.upstreams.shared, { lastError: 'no' })
})

t.test('wrong options are told, all of them', async t => {
  for (const [shared, faults] of [
    [3, ['shared: expected redis(client), cluster() or { store }, got 3']],
    [{ store: 3, probes: 'two' }, ['shared.store: expected what redis() or cluster() returns has, or a store of your own, got 3', "shared.probes: expected 'each' or 'one', got \"two\" (string)"]],
    [{ store: { ...new MeetingPlace().store(), put: 3, held: undefined, secret: 'x' }, more: 1 }, [
      'shared.more: unknown option; known are store, probes',
      'shared.store.put: expected a function, got 3',
      'shared.store.held: expected a function, got nothing',
      'shared.store.secret: expected a function, got "x" (string)'
    ]]
  ] as Array<[unknown, string[]]>) {
    await t.rejects(startGateway(t, { shared: shared as SharedOptions }), { code: 'FST_LB_INVALID_OPTIONS', message: faults.join('\n') })
  }
  const shared = { store: new MeetingPlace().store() }
  await t.rejects(startGateway(t, { shared }, { after: app => app.register(async scope => { await scope.register((await import('../../lib/index.js')).default, { shared }) }) }), {
    message: 'shared: expected nothing, since the upstreams of this scope are there already, with what they share'
  })
})
