/** Hedging: a second attempt elsewhere when the first is slow; the first good answer is taken. */
import t from 'tap'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { RecentTimes } from '../../lib/engine/quantile.js'
import { FakeClock } from '../helpers/clock.js'
import { startRawTarget, startTarget } from '../helpers/servers.js'
import { failures, inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

const retry = { hedge: { after: 100 } }
const timeouts = { headers: 0, body: 0, connect: 0 }

t.test('the second answers first: the first is given up, and not to blame', async t => {
  const slow = await startRawTarget(t, socket => socket.on('data', () => { slowSaw++ }))
  let slowSaw = 0
  const fast = await startTarget(t, 'fast')
  const { upstream, clock } = await startUpstream(t, { targets: [slow.url, fast.url], policy: 'first', retry, timeouts })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => slowSaw === 1, 'the first is there')
  clock.advance(99)
  t.equal(inFlight(upstream), 1)
  clock.advance(1)
  t.equal(inFlight(upstream), 2)
  t.equal(await (await answer).body.text(), 'fast')
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
  await until(() => slow.sockets.size === 0, 'the first is dropped')
})

t.test('the first answers first: the second is given up', async t => {
  let answerNow!: () => void
  const first = await startTarget(t, 'first', (_seen, _request, response) => { answerNow = () => response.end('first') })
  let secondSaw = 0
  const second = await startRawTarget(t, socket => socket.on('data', () => { secondSaw++ }))
  const { upstream, clock } = await startUpstream(t, { targets: [first.url, second.url], policy: 'first', retry, timeouts })
  const answer = request('http://shop/', { method: 'PUT', body: 'x', dispatcher: upstream.dispatcher })
  await until(() => first.seen.length === 1, 'the first is there')
  clock.advance(100)
  await until(() => secondSaw === 1, 'the second is there')
  answerNow()
  t.equal(await (await answer).body.text(), 'first')
  t.equal(inFlight(upstream), 0)
  await until(() => second.sockets.size === 0, 'the second is dropped')
})

t.test('one of the two fails, or has no good answer: the other serves', async t => {
  for (const how of ['dies', 'is busy']) {
    let fail!: () => void
    const failing = await startTarget(t, 'failing', (_seen, request, response) => {
      fail = () => { if (how === 'dies') request.socket.destroy(); else response.writeHead(503).end() }
    })
    let serve!: () => void
    const good = await startTarget(t, 'good', (_seen, _request, response) => { serve = () => response.end('good') })
    const { upstream, clock } = await startUpstream(t, { targets: [failing.url, good.url], policy: 'first', retry, timeouts })
    const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
    await until(() => failing.seen.length === 1, 'the first is there')
    clock.advance(100)
    await until(() => good.seen.length === 1, 'the second is there')
    fail()
    await until(() => failures(upstream) === 1 && inFlight(upstream) === 1, 'it has failed')
    serve()
    t.equal(await (await answer).body.text(), 'good', how)
    t.equal(good.seen.length, 1, how)
  }
})

t.test('both fail: what they say is the answer', async t => {
  const ends: Array<() => void> = []
  const targets = await Promise.all(['a', 'b'].map(name => startTarget(t, name, (_seen, request) => { ends.push(() => request.socket.destroy()) })))
  const { upstream, clock } = await startUpstream(t, { targets: targets.map(({ url }) => url), retry: { ...retry, attempts: 2 }, timeouts, random: () => 0 })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => ends.length === 1, 'the first is there')
  clock.advance(100)
  await until(() => ends.length === 2, 'the second is there')
  for (const end of ends.splice(0)) end()
  await until(() => inFlight(upstream) === 0 && clock.pending === 1, 'it waits before its last attempt')
  clock.advance(0)
  await until(() => ends.length === 1, 'the last is there')
  ends[0]!()
  await t.rejects(answer, { code: 'FST_LB_BAD_GATEWAY' })
})

t.test('not for a POST, nor a body that streams, nor in panic, nor without budget, nor where there is no other', async t => {
  const hanging = await startTarget(t, 'hanging', () => {})
  const other = await startTarget(t, 'other')
  const cases: Array<[string, object, object, number]> = [
    ['a POST', {}, { method: 'POST', body: 'x' }, 2],
    ['a stream', {}, { method: 'PUT', body: Readable.from([Buffer.from('x')], { objectMode: false }) }, 2],
    ['panic', { panicThreshold: 1, panic: 'fail-open' }, {}, 2],
    ['no budget', { retry: { ...retry, budget: { ratio: 0, minPerSecond: 0 } } }, {}, 2],
    ['nobody else', {}, {}, 1]
  ]
  for (const [what, options, how, count] of cases) {
    const targets = [{ id: 'hanging', url: hanging.url }, { id: 'other', url: other.url }].slice(0, count)
    const { upstream, clock } = await startUpstream(t, { targets, policy: 'first', retry, timeouts, ...options })
    if (what === 'panic') upstream.balancer.setHealth(upstream.balancer.byId.get('other')!, 'unhealthy')
    hanging.seen.length = 0
    const abort = new AbortController()
    const answer = request('http://shop/', { dispatcher: upstream.dispatcher, signal: abort.signal, ...how })
    await until(() => hanging.seen.length === 1, 'the first is there')
    clock.advance(100)
    t.equal(inFlight(upstream), 1, what)
    abort.abort()
    await t.rejects(answer)
    t.equal(inFlight(upstream), 0)
  }
  t.equal(other.seen.length, 0)
})

t.test('a client that leaves takes both with it', async t => {
  let seen = 0
  const targets = await Promise.all([1, 2].map(() => startRawTarget(t, socket => socket.on('data', () => { seen++ }))))
  const { upstream, clock } = await startUpstream(t, { targets: targets.map(({ url }) => url), retry, timeouts })
  const abort = new AbortController()
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher, signal: abort.signal })
  await until(() => seen === 1, 'the first is there')
  clock.advance(100)
  await until(() => seen === 2, 'the second is there')
  abort.abort()
  await t.rejects(answer, { name: 'AbortError' })
  t.equal(inFlight(upstream), 0)
  t.equal(clock.pending, 0)
  await until(() => targets.every(({ sockets }) => sockets.size === 0), 'both are dropped')
})

t.test("after 'p95': once enough is known", async t => {
  const clock = new FakeClock()
  const times = new RecentTimes(clock.now)
  t.equal(times.quantile(0.95), undefined)
  for (let i = 1; i <= 100; i++) times.add(i)
  const p95 = times.quantile(0.95)!
  t.ok(p95 >= 95 && p95 < 105, String(p95))
  clock.advance(60_000)
  t.ok(times.quantile(0.95)! >= 95, 'the minute before still counts')
  for (let i = 0; i < 100; i++) times.add(1_000)
  t.ok(times.quantile(0.95)! >= 1_000)
  clock.advance(60_000)
  clock.advance(60_000)
  t.ok(times.quantile(0.95) === undefined, 'what is older does not')
  for (const extreme of [0, 1e9]) for (let i = 0; i < 60; i++) times.add(extreme)
  t.ok(times.quantile(1)! > 100_000)

  const fast = await startTarget(t, 'fast')
  const { upstream, clock: own } = await startUpstream(t, { targets: [fast.url], retry: { hedge: { after: 'p95' } }, timeouts })
  for (let i = 0; i < 60; i++) await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text()
  t.ok(upstream.times!.quantile(0.95)! > 0)
  t.equal((await request('http://shop/', { dispatcher: upstream.dispatcher })).statusCode, 200)
  t.equal(own.pending, 0, 'a hedge that is not needed is taken back')
})

t.test('a policy that throws when it is asked for a second: the first serves', async t => {
  const slow = await startTarget(t, 'slow', (_seen, _request, response) => { answerNow = () => response.end('slow') })
  let answerNow!: () => void
  const others = await Promise.all(['b', 'c'].map(name => startTarget(t, name)))
  const { upstream, clock } = await startUpstream(t, {
    targets: [slow, ...others].map(({ url }) => url),
    retry,
    timeouts,
    policy: () => ({ pick: (targets, { tried }) => { if (tried === undefined) return targets[0]!; throw new Error('no second') } })
  })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => slow.seen.length === 1, 'the first is there')
  clock.advance(100)
  answerNow()
  t.equal(await (await answer).body.text(), 'slow')
  t.equal(inFlight(upstream), 0)
})

t.test('where there is no other, a connection that ends as it is used again costs the request no more than without hedging', async t => {
  let asked = 0
  let cut!: () => void
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    if (++asked === 2) cut = () => socket.destroy()
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], retry, timeouts })
  const ask = async (): Promise<string> => await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text()
  t.equal(await ask(), 'ok')
  await new Promise(resolve => setImmediate(resolve))
  const answer = ask()
  await until(() => asked === 2, 'the second request is there')
  clock.advance(100)
  cut()
  t.equal(await answer, 'ok')
  t.equal(failures(upstream), 0)
})
