import t from 'tap'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { backoffDelay, maySendAgain } from '../../lib/engine/retry.js'
import { refusedUrl, startRawTarget, startTarget } from '../helpers/servers.js'
import { inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

t.test('only what cannot do harm is sent again', async t => {
  const idempotent = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PUT', 'DELETE']
  const others = ['POST', 'PATCH', 'LOCK', 'MKCOL', 'WHATEVER', 'get']
  for (const method of [...idempotent, ...others]) {
    const safe = idempotent.includes(method)
    const may = (started: boolean, written: boolean, replayable: boolean, nonIdempotent = false, refused = false): boolean =>
      maySendAgain(method, { started, written, replayable, refused }, nonIdempotent)
    t.equal(may(false, false, false), true, `${method} never on a connection`)
    t.equal(may(true, false, true), true, `${method} on a connection, nothing written`)
    t.equal(may(true, true, true), safe, `${method} written`)
    t.equal(may(true, true, false), false, `${method} written, not to be had again`)
    t.equal(may(true, true, true, true), true, `${method} written, and allowed`)
    t.equal(may(true, true, true, false, true), true, `${method} written, and refused by the target`)
    t.equal(may(true, true, false, false, true), false, `${method} written, refused, not to be had again`)
    t.equal(may(true, true, false, true), false, `${method} written, allowed, not to be had again`)
  }
})

t.test('backoff: full jitter, doubling, bounded', async t => {
  const half = (n: number): number => backoffDelay(n, { base: 25, max: 250 }, () => 0.5)
  t.strictSame([0, 1, 2, 3, 4, 50].map(half), [12.5, 25, 50, 100, 125, 125])
  t.equal(backoffDelay(3, { base: 25, max: 250 }, () => 0), 0)
})

t.test('every target that cannot be connected to is passed over at once; waits come only when all have been tried', async t => {
  const dead = await Promise.all(Array.from({ length: 5 }, refusedUrl))
  const good = await startTarget(t, 'good')
  const { upstream, clock } = await startUpstream(t, { targets: [...dead, good.url], policy: 'first', retry: { attempts: 1 } })
  const answer = await request('http://shop/', { method: 'POST', body: 'x', dispatcher: upstream.dispatcher })
  t.equal(await answer.body.text(), 'good')
  t.equal(good.seen.length, 1)

  const alone = await startUpstream(t, { targets: [dead[0]!], retry: { attempts: 3, backoff: { base: 100, max: 400 } }, random: () => 0.5, timeouts: { connect: 0 } })
  const failed = request('http://shop/', { method: 'POST', body: 'x', dispatcher: alone.upstream.dispatcher })
  const requests = (): number => alone.upstream.snapshot().targets[0]!.requests
  for (const [tries, wait] of [[1, 50], [2, 100]] as const) {
    await until(() => requests() === tries && alone.clock.pending === 1, 'it waits')
    alone.clock.advance(wait - 1)
    t.equal(requests(), tries)
    alone.clock.advance(1)
  }
  await t.rejects(failed, { code: 'FST_LB_BAD_GATEWAY' })
  t.equal(requests(), 3)
  t.equal(clock.pending, 0)
})

t.test('a client that leaves while its request waits is gone at once', async t => {
  const { upstream, clock } = await startUpstream(t, { targets: [await refusedUrl()], timeouts: { connect: 0 } })
  const abort = new AbortController()
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher, signal: abort.signal })
  await until(() => clock.pending === 1, 'it waits')
  abort.abort()
  await t.rejects(answer, { name: 'AbortError' })
  t.equal(clock.pending, 0)
  t.equal(upstream.snapshot().targets[0]!.requests, 1)
})

t.test('a body that breaks off while its request waits ends it, too', async t => {
  const { upstream, clock } = await startUpstream(t, { targets: [await refusedUrl()], timeouts: { connect: 0 } })
  const source = new Readable({ read () {} })
  const answer = request('http://shop/', { method: 'POST', body: source, dispatcher: upstream.dispatcher })
  await until(() => clock.pending === 1, 'it waits')
  source.destroy()
  await t.rejects(answer, { code: 'FST_LB_CLIENT_CLOSED' })
  t.equal(clock.pending, 0)
})

t.test('a response that is not wanted is read away when it is short, and dropped when it is long', async t => {
  for (const size of [1_000, 4_000_000]) {
    let busy = 0
    const target = await startTarget(t, 'a', (_seen, _request, response) => {
      busy++
      response.statusCode = busy === 1 ? 503 : 200
      response.end(busy === 1 ? Buffer.alloc(size) : 'ok')
    })
    const { upstream, clock } = await startUpstream(t, { targets: [target.url], pool: { connections: 1 }, random: () => 0, timeouts: { connect: 0, headers: 0, body: 0 } })
    let connections = 0
    target.server.on('connection', () => { connections++ })
    const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
    await until(() => busy === 1 && clock.pending === 1 && upstream.snapshot().targets[0]!.inFlight === 0, 'it waits')
    clock.advance(0)
    t.equal(await (await answer).body.text(), 'ok')
    t.equal(connections, size === 1_000 ? 1 : 2, `${size} bytes`)
  }
})

t.test('an event stream that is not wanted is not waited for as one that is', async t => {
  const stream = (status: string): string => `HTTP/1.1 ${status}\r\nContent-Type: text/event-stream\r\n\r\n:\n`
  const busy = await startRawTarget(t, socket => socket.once('data', () => socket.write(stream('503 Busy'))))
  const good = await startRawTarget(t, socket => socket.once('data', () => socket.write(stream('200 OK'))))
  const { upstream, clock } = await startUpstream(t, { targets: [busy.url, good.url], policy: 'first', timeouts: { body: 1_000 } })
  const { statusCode, body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  t.equal(statusCode, 200)
  t.equal(inFlight(upstream), 2)
  await until(() => { clock.advance(1_000); return inFlight(upstream) === 1 }, 'the other is dropped')
  await until(() => busy.sockets.size === 0, 'its connection is closed')
  t.equal(good.sockets.size, 1)
  body.on('error', () => {}).destroy()
})

t.test('nonIdempotent: true sends a POST again, for those who can tell', async t => {
  const dying = await startRawTarget(t, socket => { socket.on('data', () => { socket.destroy() }) })
  const good = await startTarget(t, 'good')
  const { upstream } = await startUpstream(t, { targets: [dying.url, good.url], policy: 'first', retry: { nonIdempotent: true } })
  const { body } = await request('http://shop/', { method: 'POST', body: 'x', dispatcher: upstream.dispatcher })
  t.equal(await body.text(), 'good')
})

t.test('a target that is removed with a request on it lets go of it to another, when it may be sent again', async t => {
  const hanging = await startTarget(t, 'hanging', () => {})
  const good = await startTarget(t, 'good')
  const { upstream, clock } = await startUpstream(t, { targets: [{ id: 'h', url: hanging.url }, good.url], policy: 'first' })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => hanging.seen.length === 1, 'it hangs')
  const removed = upstream.remove('h', { drainMs: 10 })
  clock.advance(10)
  t.equal(await (await answer).body.text(), 'good')
  await removed
})

t.test('when nobody is left after a wait, the client hears of what went wrong before', async t => {
  const { upstream, clock } = await startUpstream(t, { targets: [await refusedUrl()], timeouts: { connect: 0 } })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => clock.pending === 1, 'it waits')
  upstream.replace([])
  clock.advance(1_000)
  await t.rejects(answer, { code: 'FST_LB_BAD_GATEWAY' })
})
