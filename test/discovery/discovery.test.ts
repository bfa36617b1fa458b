/** How found targets get into an upstream, and what becomes of them when the source fails: with sources that are told what to say. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { discovering, END, Feed } from '../helpers/discovering.js'
import { matchLines } from '../helpers/lines.js'
import { deferred, until } from '../helpers/wait.js'

const [a, b, c] = ['http://10.0.0.1', 'http://10.0.0.2', 'http://10.0.0.3'].map((url, i) => ({ id: 'abc'[i]!, url })) as [Named, Named, Named]
interface Named { id: string, url: string }

// ---- sets -----------------------------------------------------------------------------------------------------------------

t.test('each set takes the place of the one before', async t => {
  const feed = new Feed()
  const found = discovering(t, feed)
  for (const [set, ids] of [[[a, b], 'a b'], [[b, a, c], 'b a c'], [['http://10.0.0.9', c], 'http://10.0.0.9 c'], [[], '']] as const) {
    feed.put(set)
    await found.has(ids)
  }
  t.strictSame(found.lines, [])
})

t.test('what stays in the set keeps its counters and its requests; another address under the same id is another server', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a, b]))
  await found.resolved(1)
  const target = found.upstream.targets.get('a')
  feed.put([{ ...a, weight: 5 }, { ...b, url: c.url }])
  await found.resolved(2)
  t.equal(found.upstream.targets.get('a'), target)
  t.equal(target!.weight, 5)
  t.equal(found.upstream.targets.get('b')!.url, c.url)
})

t.test('other TLS is a change that the target outlives; the same TLS in other words is none', async t => {
  const feed = new Feed()
  const tls = (servername: string): object[] => [{ id: 'a', url: 'https://10.0.0.1', tls: { servername } }]
  const found = discovering(t, feed.put(tls('shop'), tls('shop')))
  await found.resolved(2)
  const target = found.upstream.targets.get('a')
  const pool = found.upstream.poolOf(target!)
  feed.put(tls('shop'))
  await found.resolved(3)
  t.equal(found.upstream.poolOf(target!), pool)
  feed.put(tls('cart'))
  await found.resolved(4)
  t.equal(found.upstream.targets.get('a'), target)
  t.not(found.upstream.poolOf(target!), pool, 'connections are new')
})

t.test('targets of the options stay beside those that are found, and come first; their ids are theirs', async t => {
  const feed = new Feed()
  const found = discovering(t, feed, { targets: [a] })
  t.equal(found.ids(), 'a')
  feed.put([b, { ...a, url: c.url }, c])
  await found.has('a b c')
  t.equal(found.upstream.targets.get('a')!.url, a.url)
  matchLines(t, found.lines, ['warn: targets were found that have ids of others, and are left out: a'])
  feed.put([{ ...a, url: c.url }], [])
  await found.has('a')
  t.equal(found.lines.length, 1, 'which is told once')
  feed.put([a])
  await found.resolved(4)
  t.equal(found.lines.length, 2, 'and when it is so again')
})

t.test('targets that were added by hand stay, and those that were removed stay away', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([b]), { targets: [a] })
  await found.has('a b')
  found.upstream.add(c)
  await found.upstream.remove('a')
  feed.put([b, { id: 'd', url: 'http://10.0.0.4' }])
  await found.has('c b d')
  feed.put([])
  await found.has('c')
})

t.test('a found target that is taken out by hand is back with the next set that has it', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a, b]))
  await found.resolved(1)
  await found.upstream.remove('b')
  t.equal(found.ids(), 'a')
  feed.put([a, b])
  await found.has('a b')
  await found.upstream.remove('b')
  found.upstream.add({ ...b, url: c.url })
  feed.put([a])
  await found.resolved(3)
  t.equal(found.ids(), 'b a', 'now it is not the source\'s any more')
})

t.test('what an operator changes of a found target stays until the source says something else of it', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a, b]))
  await found.resolved(1)
  found.upstream.update('a', { weight: 7, state: 'drain', tags: { by: 'hand' } })
  feed.put([{ ...a }, b, c])
  await found.resolved(2)
  t.match(found.upstream.targets.get('a'), { weight: 7, state: 'drain', tags: { by: 'hand' } })
  feed.put([{ ...a, weight: 2 }])
  await found.resolved(3)
  t.match(found.upstream.targets.get('a'), { weight: 2, state: 'drain', tags: {} }, 'the state is the operator\'s alone')
})

t.test('a set that is wrong is refused as a whole, every fault is told, and the iteration goes on', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a]), { targets: ['http://10.0.0.8'], pool: { connections: 5 } })
  await found.resolved(1)
  for (const [set, ...faults] of [
    [[b, 'ftp://a', { ...c, weight: 'much' }, b], /^warn: discovery has failed, the last good set of targets stays: targets\[1\]: expected a url.*\ntargets\[2\]\.weight: expected 0 to 256, got "much" \(string\)\ntargets\[3\]\.id: expected an id of its own/s],
    ['a', /: targets: expected an array of urls or targets, got "a" \(string\)$/],
    [undefined, /: targets: expected an array of urls or targets, got nothing$/],
    [[{ ...b, limits: { maxRequests: 6 } }], /: shop\.targets\[0\]\.limits\.maxRequests: expected at most pool\.connections \(5\), got 6/]
  ] as const) {
    found.lines.length = 0
    feed.put(set)
    await found.failed(found.discovery.snapshot().failures + 1)
    matchLines(t, found.lines, [...faults])
    t.equal(found.ids(), 'http://10.0.0.8 a')
  }
  feed.put([b])
  await found.has('http://10.0.0.8 b')
  t.equal(found.lines.at(-1), 'info: discovery works again')
  t.match(found.discovery.snapshot(), { resolves: 2, failures: 4 })
  t.equal(feed.begun, 1)
})

t.test('whoever hears of a change may change things in turn', async t => {
  const feed = new Feed()
  const found = discovering(t, feed)
  found.upstream.once('target:added', () => { void found.upstream.remove('b') })
  feed.put([a, b])
  await found.resolved(1)
  t.equal(found.ids(), 'a')
  feed.put([a, b, c])
  await found.has('a b c')
})

// ---- those that take the place of others ----------------------------------------------------------------------------------

t.test('with probes, those who go stay until one of those who come has passed its first', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a, b]), { pending: true })
  const { balancer } = found.upstream
  await found.resolved(1)
  for (const target of balancer.all) balancer.setHealth(target, 'healthy')
  feed.put([c, { id: 'd', url: 'http://10.0.0.4' }])
  await found.resolved(2)
  t.equal(found.ids(), 'c d a b', 'nobody else could take a request')
  balancer.setHealth(balancer.byId.get('d')!, 'unhealthy')
  t.equal(found.ids(), 'c d a b')
  feed.put([c])
  await found.resolved(3)
  t.equal(found.ids(), 'c a b', 'another set in the meantime changes nothing about that')
  balancer.setHealth(balancer.byId.get('c')!, 'healthy')
  t.equal(found.ids(), 'c')
  await turn()
  t.equal(found.clock.pending, 0)
  t.equal(found.upstream.listenerCount('target:healthy'), 0)
})

t.test('they do not stay when they are not fit for it themselves, nor for longer than 5 s', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a]), { pending: true })
  const { balancer } = found.upstream
  await found.resolved(1)
  balancer.setHealth(balancer.byId.get('a')!, 'healthy')
  feed.put([b])
  await found.has('b a')
  balancer.setHealth(balancer.byId.get('b')!, 'unhealthy')
  t.equal(found.ids(), 'b a')
  balancer.setHealth(balancer.byId.get('a')!, 'unhealthy')
  t.equal(found.ids(), 'b')
  balancer.setHealth(balancer.byId.get('b')!, 'healthy')
  feed.put([c])
  await found.has('c b')
  found.clock.advance(4_000)
  feed.put([c])
  await found.resolved(4)
  found.clock.advance(999)
  t.equal(found.ids(), 'c b')
  found.clock.advance(1)
  t.equal(found.ids(), 'c')
})

t.test('they go at once when somebody stays who may take requests, when there are no probes, and when there is nobody to wait for', async t => {
  const feed = new Feed()
  const probed = discovering(t, feed.put([a, b]), { pending: true })
  await probed.resolved(1)
  for (const target of probed.upstream.balancer.all) probed.upstream.balancer.setHealth(target, 'healthy')
  feed.put([b, c])
  await probed.resolved(2)
  t.equal(probed.ids(), 'b c')
  feed.put([])
  await probed.has('')

  const unprobed = discovering(t, new Feed().put([a], [b]))
  const events: string[] = []
  for (const event of ['added', 'removed'] as const) unprobed.upstream.on(`target:${event}`, ({ target }) => events.push(`${event} ${target}`))
  await unprobed.resolved(2)
  t.equal(unprobed.ids(), 'b')
  t.strictSame(events, ['added a', 'added b', 'removed a'], 'though nobody is away before somebody is there')
})

// ---- failures -------------------------------------------------------------------------------------------------------------

t.test('a source that throws is begun anew after a pause that doubles up to 30 s, with full jitter', async t => {
  const feed = new Feed()
  const draws = [0.5, 1, 0.25, 1, 1, 1, 1, 0]
  const found = discovering(t, feed.put([a], new Error('out of order')), { random: () => draws.shift() ?? 1 })
  await found.failed(1)
  for (const [i, pause] of [500, 2_000, 1_000, 8_000, 16_000, 30_000, 30_000].entries()) {
    await until(() => found.clock.pending === 1, 'the pause')
    feed.put(new Error('out of order'))
    found.clock.advance(pause - 1)
    await turn()
    t.equal(feed.begun, i + 1, `not before ${pause} ms`)
    found.clock.advance(1)
    await found.failed(i + 2)
  }
  t.equal(found.ids(), 'a')
  matchLines(t, found.lines, ['warn: discovery has failed, the last good set of targets stays: out of order'], 'told once')
  feed.put([b])
  found.clock.advance(30_000)
  await found.has('b')
  t.equal(found.lines.at(-1), 'info: discovery works again')
  feed.put(new Error('again'))
  await found.failed(9)
  await until(() => found.clock.pending === 1, 'the pause')
  feed.put([c])
  found.clock.advance(1_000)
  await found.has('c')
  t.pass('after a good set, the pauses are short again')
})

t.test('a function is called for each beginning, and its signal says when that is over', async t => {
  const signals: AbortSignal[] = []
  const found = discovering(t, async function * (signal) {
    signals.push(signal)
    yield signals.length === 1 ? [a] : [b]
    if (signals.length === 1) throw new Error('gone')
    await new Promise(() => {})
  })
  await found.failed(1)
  t.ok(signals[0]!.aborted)
  t.equal(found.ids(), 'a')
  await until(() => found.clock.pending === 1, 'the pause')
  found.clock.advance(500)
  await found.has('b')
  t.notOk(signals[1]!.aborted)
  found.discovery.close()
  t.ok(signals[1]!.aborted)
})

t.test('a function that throws or returns something else has failed, and is called again', async t => {
  const answers: Array<() => any> = [() => { throw new TypeError('not today') }, () => [a], () => undefined, () => Promise.reject(new Error('later')), async () => new Feed().put([a])]
  const found = discovering(t, () => answers.shift()!())
  await until(() => {
    found.clock.advance(100)
    return found.ids() === 'a'
  }, 'the set')
  const wrong = 'warn: discovery has failed, the last good set of targets stays: the function must return an AsyncIterable'
  t.strictSame(found.lines, ['warn: discovery has failed, the last good set of targets stays: not today', wrong, 'warn: discovery has failed, the last good set of targets stays: later', 'info: discovery works again'])
  t.equal(found.discovery.snapshot().failures, 4)
})

t.test('what is thrown need not be an error', async t => {
  const found = discovering(t, async function * () { throw 'a tantrum' }) // eslint-disable-line no-throw-literal
  await found.failed(1)
  t.equal(found.discovery.snapshot().lastError, 'a tantrum')
})

t.test('a source that ends leaves its last set for good', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a], END))
  await until(() => found.lines.length === 1, 'a line')
  t.strictSame(found.lines, ['info: discovery has ended, the targets stay as they are'])
  t.equal(found.ids(), 'a')
  t.equal(found.clock.pending, 0)
})

t.test('a generator that has thrown has no more to say, and that is its end', async t => {
  const found = discovering(t, (async function * () {
    yield [a]
    throw new Error('broken')
  })())
  await found.failed(1)
  await until(() => found.clock.pending === 1, 'the pause')
  found.clock.advance(500)
  await until(() => found.lines.length === 2, 'a line')
  t.equal(found.lines[1], 'info: discovery has ended, the targets stay as they are')
  t.equal(found.ids(), 'a')
})

// ---- beginning and end ----------------------------------------------------------------------------------------------------

t.test('the first good set is waited for, 5 s at most', async t => {
  const feed = new Feed()
  const found = discovering(t, feed)
  await turn()
  t.notOk(found.begun())
  feed.put('nonsense')
  await found.failed(1)
  t.notOk(found.begun(), 'a set that is refused is none')
  feed.put([a])
  await until(found.begun, 'the beginning')
  t.equal(found.clock.pending, 0)

  const late = discovering(t, new Feed())
  late.clock.advance(4_999)
  await turn()
  t.notOk(late.begun())
  late.clock.advance(1)
  await until(late.begun, 'the beginning')
})

t.test('nothing is waited for that cannot come: the source has ended, or discovery', async t => {
  const ended = discovering(t, new Feed().put(END))
  await until(ended.begun, 'the beginning')
  const closed = discovering(t, new Feed())
  closed.discovery.close()
  await until(closed.begun, 'the beginning')
  t.equal(ended.clock.pending + closed.clock.pending, 0)
})

t.test('an end asks the iteration to end, and takes nothing more from it', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a]))
  await found.has('a')
  found.discovery.close()
  t.equal(feed.returned, 1)
  feed.put([b])
  await turn()
  t.equal(found.ids(), 'a')
  t.equal(found.clock.pending, 0)
  t.strictSame(found.lines, [])
})

t.test('an end in a pause begins nothing anew; a failure after it is nobody\'s business', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put(new Error('gone')))
  await until(() => found.clock.pending === 2, 'the pause')
  found.discovery.close()
  await turn()
  t.equal(found.clock.pending, 0)
  t.equal(feed.begun, 1)

  const later = new Feed()
  const closed = discovering(t, later.put([a]))
  await closed.has('a')
  closed.discovery.close()
  later.put(new Error('too late'))
  await turn()
  t.match(closed.discovery.snapshot(), { failures: 0 })
  t.strictSame(closed.lines, [])
})

t.test('an end in the middle of a handover leaves things as they are', async t => {
  const feed = new Feed()
  const found = discovering(t, feed.put([a]), { pending: true })
  await found.resolved(1)
  found.upstream.balancer.setHealth(found.upstream.targets.get('a')!, 'healthy')
  feed.put([b])
  await found.has('b a')
  found.discovery.close()
  t.equal(found.clock.pending, 0)
  t.equal(found.upstream.listenerCount('target:healthy'), 0)
})

t.test('an end before there is an iteration asks for none', async t => {
  const feed = new Feed()
  const { promise, resolve } = deferred<Feed>()
  const found = discovering(t, () => promise)
  found.discovery.close()
  resolve(feed)
  await turn()
  t.equal(feed.begun, 0)
  t.strictSame(found.lines, [])
})

t.test('an iteration that does not know how to end, or throws at it, hinders nobody', async t => {
  const iterator = (end?: () => Promise<never>) => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), ...(end !== undefined && { return: end }) }) })
  const simple = discovering(t, iterator())
  await turn()
  simple.discovery.close()
  const stubborn = discovering(t, iterator(async () => { throw new Error('no') }))
  await turn()
  stubborn.discovery.close()
  await until(() => stubborn.lines.length === 1, 'a line')
  t.strictSame([simple.lines, stubborn.lines], [[], ['warn: discovery has thrown at its end: no']])
})

// ---- what is shown --------------------------------------------------------------------------------------------------------

t.test('the snapshot tells how it goes', async t => {
  const feed = new Feed()
  const found = discovering(t, feed)
  const nothing = { kind: 'iterable', place: '', resolves: 0, held: 0, failures: 0, lastSuccessAt: null, lastErrorAt: null, lastError: null }
  t.strictSame(found.discovery.snapshot(), nothing)
  found.clock.advance(10)
  feed.put([a])
  await found.resolved(1)
  const lastSuccessAt = found.clock.now()
  t.strictSame(found.discovery.snapshot(), { ...nothing, resolves: 1, lastSuccessAt })
  found.clock.advance(10)
  feed.put(['nonsense'])
  await found.failed(1)
  t.match(found.discovery.snapshot(), { resolves: 1, failures: 1, lastSuccessAt, lastErrorAt: found.clock.now(), lastError: /^targets\[0\]: expected a url/ })
})
