/** Requests that find every target at its limit wait, first come, first served. */
import t from 'tap'
import { once } from 'node:events'
import { request } from 'undici'
import { Queue } from '../../lib/engine/queue.js'
import { FakeClock } from '../helpers/clock.js'
import { startTarget, type TestTarget } from '../helpers/servers.js'
import { inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

type TestOf = Parameters<typeof startTarget>[0]

/** A target that answers, with the path, when it is told to. */
async function holding (t: TestOf, name: string): Promise<TestTarget & { release: () => void }> {
  const held: Array<() => void> = []
  const target = await startTarget(t, name, ({ url }, _request, response) => { held.push(() => response.end(`${name} ${url}`)) })
  return { ...target, release: () => { held.shift()!() } }
}

t.test('a slot that is given back goes to who has waited longest', async t => {
  const a = await holding(t, 'a')
  const { upstream, clock } = await startUpstream(t, { targets: [a.url], limits: { maxRequests: 1, queue: { size: 2, timeout: 1_000 } } })
  const order: string[] = []
  const get = async (path: string): Promise<void> => {
    const { body } = await request(`http://shop${path}`, { dispatcher: upstream.dispatcher })
    order.push(await body.text())
  }
  const answers = [get('/1')]
  await until(() => a.seen.length === 1, 'the first is there')
  answers.push(get('/2'), get('/3'))
  t.equal(upstream.snapshot().queued, 2)
  await t.rejects(get('/4'), { code: 'FST_LB_OVERLOADED', statusCode: 503 }, 'there is no room for a third')
  for (const n of [2, 3]) {
    a.release()
    await until(() => a.seen.length === n, 'the next is there')
    t.equal(inFlight(upstream), 1, 'never more than one')
  }
  a.release()
  await Promise.all(answers)
  t.strictSame(order, ['a /1', 'a /2', 'a /3'])
  t.equal(upstream.snapshot().queued, 0)
  t.notOk([...Array(clock.pending)].length > 1, 'no timer of the queue is left')
})

t.test('who waits for too long gets 503', async t => {
  const a = await holding(t, 'a')
  const { upstream, clock } = await startUpstream(t, { targets: [a.url], limits: { maxRequests: 1, queue: { size: 10, timeout: 500 } } })
  const first = request('http://shop/1', { dispatcher: upstream.dispatcher })
  await until(() => a.seen.length === 1, 'the first is there')
  const second = request('http://shop/2', { dispatcher: upstream.dispatcher })
  clock.advance(499)
  t.equal(upstream.snapshot().queued, 1)
  clock.advance(1)
  await t.rejects(second, { code: 'FST_LB_OVERLOADED' })
  t.equal(upstream.snapshot().queued, 0)
  a.release()
  await (await first).body.text()
  t.equal(a.seen.length, 1)
})

t.test('who leaves while it waits is gone at once, and never reaches a target', async t => {
  const a = await holding(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [a.url], limits: { maxRequests: 1, queue: { size: 10 } } })
  const first = request('http://shop/1', { dispatcher: upstream.dispatcher })
  await until(() => a.seen.length === 1, 'the first is there')
  const abort = new AbortController()
  const second = request('http://shop/2', { dispatcher: upstream.dispatcher, signal: abort.signal })
  const third = request('http://shop/3', { dispatcher: upstream.dispatcher })
  t.equal(upstream.snapshot().queued, 2)
  abort.abort()
  await t.rejects(second, { name: 'AbortError' })
  t.equal(upstream.snapshot().queued, 1)
  a.release()
  await (await first).body.text()
  await until(() => a.seen.length === 2, 'the third is there')
  a.release()
  t.equal(await (await third).body.text(), 'a /3')
  t.strictSame(a.seen.map(({ url }) => url), ['/1', '/3'])
})

t.test('the total deadline covers the wait', async t => {
  const a = await holding(t, 'a')
  const { upstream, clock } = await startUpstream(t, { targets: [a.url], limits: { maxRequests: 1, queue: { size: 10, timeout: 5_000 } }, timeouts: { total: 1_000 } })
  const first = request('http://shop/1', { dispatcher: upstream.dispatcher })
  await until(() => a.seen.length === 1, 'the first is there')
  const second = request('http://shop/2', { dispatcher: upstream.dispatcher })
  clock.advance(1_000)
  await t.rejects(second, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  await t.rejects(first, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  t.equal(upstream.snapshot().queued, 0)
})

t.test('who is bound by tags does not hold up who is not', async t => {
  const [a, b] = [await holding(t, 'a'), await holding(t, 'b')]
  const { upstream } = await startUpstream(t, {
    targets: [{ id: 'a', url: a.url }, { id: 'b', url: b.url }], policy: 'first', limits: { maxRequests: 1, queue: { size: 10 } }
  })
  const { balancer } = upstream
  const [first, second] = ['a', 'b'].map(id => balancer.begin(balancer.byId.get(id)!))
  const served: string[] = []
  const wait = (affinity: string): void => {
    const waiting = {
      proceed: () => {
        const picked = balancer.pick({ affinity, affinityRequired: true })
        if (typeof picked === 'string') return false
        upstream.queue.leave(waiting)
        served.push(picked.id)
        balancer.begin(picked)
        return true
      },
      expired: () => {}
    }
    upstream.queue.join(waiting)
  }
  for (const id of ['a', 'a']) wait(id)
  upstream.queue.oneSlot()
  t.strictSame(served, [], 'nobody could use it')
  wait('b')
  const end = { outcome: 'success', status: 200, durationMs: 1 } as const
  second!.end(end)
  upstream.attemptEnded(balancer.byId.get('b')!, end)
  t.strictSame(served, ['b'])
  first!.end(end)
  upstream.attemptEnded(balancer.byId.get('a')!, end)
  t.strictSame(served, ['b', 'a'])
  t.equal(upstream.queue.length, 1)
})

t.test('a target that is added serves all who wait for it, and when all are gone nobody waits in vain', async t => {
  const [a, b] = [await holding(t, 'a'), await holding(t, 'b')]
  const { upstream } = await startUpstream(t, { targets: [{ id: 'a', url: a.url, limits: { maxRequests: 1 } }], limits: { maxRequests: 2, queue: { size: 10 } } })
  const get = async (path: string): Promise<string> => await (await request(`http://shop${path}`, { dispatcher: upstream.dispatcher })).body.text()
  const first = get('/1')
  await until(() => a.seen.length === 1, 'the first is there')
  const others = [get('/2'), get('/3'), get('/4')]
  t.equal(upstream.snapshot().queued, 3)
  upstream.add({ id: 'b', url: b.url })
  t.equal(upstream.snapshot().queued, 1)
  await until(() => b.seen.length === 2, 'two are there')
  upstream.replace([])
  await t.rejects(others[2]!, { code: 'FST_LB_NO_TARGET' })
  a.release()
  b.release()
  b.release()
  t.strictSame(await Promise.all([first, others[0], others[1]]), ['a /1', 'b /2', 'b /3'])
})

t.test('a retry waits for a slot, whether the first target has reset the connection or answered 503', async t => {
  const b = await holding(t, 'b')
  let mode = 'die'
  const a = await startTarget(t, 'a', (_seen, request, response) => {
    if (mode === 'die') request.socket.destroy()
    else response.writeHead(503).end('busy')
  })
  const { upstream } = await startUpstream(t, { targets: [{ url: a.url, limits: { maxRequests: 10 } }, b.url], policy: 'first', limits: { maxRequests: 1, queue: { size: 10 } } })
  const occupied = upstream.balancer.begin(upstream.balancer.byId.get(new URL(b.url).origin)!)
  const answer = request('http://shop/1', { dispatcher: upstream.dispatcher })
  await until(() => upstream.snapshot().queued === 1, 'it waits')
  const end = { outcome: 'success', status: 200, durationMs: 1 } as const
  occupied.end(end)
  upstream.attemptEnded(occupied.target, end)
  await once(b.server, 'request')
  mode = 'busy'
  await until(() => b.seen.length === 1, 'it is there')
  const busy = request('http://shop/2', { dispatcher: upstream.dispatcher })
  await until(() => upstream.snapshot().queued === 1, 'it waits as well')
  b.release()
  t.equal(await (await answer).body.text(), 'b /1')
  await until(() => b.seen.length === 2, 'its turn has come')
  b.release()
  t.equal(await (await busy).body.text(), 'b /2')
})

t.test('one that cannot be sent makes way for the next, when its turn comes', async t => {
  const a = await holding(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [a.url], limits: { maxRequests: 1, queue: { size: 10 } } })
  const first = request('http://shop/1', { dispatcher: upstream.dispatcher })
  await until(() => a.seen.length === 1, 'the first is there')
  const second = t.rejects(request('http://shop/2', { dispatcher: upstream.dispatcher, headers: { 'not a name': '1' } }), { code: 'FST_LB_BAD_REQUEST' })
  const third = request('http://shop/3', { dispatcher: upstream.dispatcher })
  a.release()
  await (await first).body.text()
  await second
  await until(() => a.seen.length === 2, 'the third is there')
  a.release()
  t.equal(await (await third).body.text(), 'a /3')
  await until(() => inFlight(upstream) === 0, 'all slots are given back')
})

t.test('an ejected target that may be tried again takes the first who waits', async t => {
  let well = false
  const a = await startTarget(t, 'a', (_seen, _request, response) => { response.writeHead(well ? 200 : 503).end('a') })
  const b = await holding(t, 'b')
  const { upstream, clock } = await startUpstream(t, {
    targets: [a.url, b.url],
    policy: 'first',
    limits: { maxRequests: 1, queue: { size: 10, timeout: 60_000 } },
    retry: { statuses: [] },
    health: { passive: { consecutiveFailures: 1, ejectionTime: 10_000 } }
  })
  t.equal((await request('http://shop/1', { dispatcher: upstream.dispatcher })).statusCode, 503)
  well = true
  const second = request('http://shop/2', { dispatcher: upstream.dispatcher })
  await until(() => b.seen.length === 1, 'the second is at the other target')
  const third = request('http://shop/3', { dispatcher: upstream.dispatcher })
  t.equal(upstream.snapshot().queued, 1)
  clock.advance(10_000)
  t.equal(upstream.snapshot().queued, 0)
  t.equal(await (await third).body.text(), 'a')
  b.release()
  await (await second).body.text()
})

t.test('a request that leaves while others are offered a slot is not offered one any more', async t => {
  const queue = new Queue({ size: 10, timeout: 1_000 }, new FakeClock())
  const offered: string[] = []
  const second = { proceed () { offered.push('second'); return true }, expired () {} }
  const first = {
    proceed () {
      offered.push('first')
      // It is served, and what it does with that ends the other: sent now, that would be a request that nobody waits for.
      queue.leave(first)
      queue.leave(second)
      return true
    },
    expired () {}
  }
  queue.join(first)
  queue.join(second)
  queue.manySlots()
  t.strictSame(offered, ['first'])
  t.equal(queue.length, 0)
})
