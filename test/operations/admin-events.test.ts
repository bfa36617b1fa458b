/** What listeners to the admin API's events get, over real sockets and, where time matters, by a clock that is told to move. */
import t from 'tap'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer, { type LoadBalancerOptions } from '../../lib/index.js'
import { differences } from '../../lib/operations/admin/differences.js'
import { EventStream } from '../../lib/operations/admin/event-stream.js'
import { Feed, MOST_LISTENERS, type Channel } from '../../lib/operations/admin/feed.js'
import { upstreamRow, type UpstreamRow } from '../../lib/operations/admin/rows.js'
import { FakeClock } from '../helpers/clock.js'
import { startGateway, startTarget, type Ending } from '../helpers/servers.js'
import { deferred, until } from '../helpers/wait.js'

interface Message { event: string, data: Record<string, unknown> }

/** The whole events of a stream's text. */
function messagesOf (text: string): Message[] {
  return text.split('\n\n').slice(0, -1).filter(block => block.includes('data: ')).map(block => {
    const [, event, data] = /^event: (\S+)\ndata: (.*)$/.exec(block)!
    return { event: event!, data: JSON.parse(data!) as Record<string, unknown> }
  })
}

interface Listening {
  /** What has come so far. */
  messages: Message[]
  until: (event: string, times?: number) => Promise<Message>
  /** Begins to read, where it was not to at once. */
  read: () => void
  ended: Promise<void>
  leave: () => void
  headers: Headers
}

async function listen (t: Ending, url: string, { reading = true } = {}): Promise<Listening> {
  const controller = new AbortController()
  t.teardown(() => { controller.abort() })
  const response = await fetch(`${url}/lb/events`, { signal: controller.signal })
  const messages: Message[] = []
  const { promise, resolve: read } = deferred()
  const run = async (): Promise<void> => {
    await promise
    let rest = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const ends = (rest.slice(-1) + chunk).includes('\n\n')
      rest += chunk
      if (!ends) continue
      const end = rest.lastIndexOf('\n\n') + 2
      messages.push(...messagesOf(rest))
      rest = rest.slice(end)
    }
  }
  const ended = run().catch(() => {})
  if (reading) read()
  return {
    messages,
    until: async (event, times = 1) => {
      const such = (): Message[] => messages.filter(message => message.event === event)
      await until(() => such().length >= times, event)
      return such()[times - 1]!
    },
    read,
    ended,
    leave: () => { controller.abort() },
    headers: response.headers
  }
}

async function start (t: Ending, more: LoadBalancerOptions = {}): Promise<{ app: FastifyInstance, url: string }> {
  const { url } = await startTarget(t, 'ash')
  return await startGateway(t, { admin: { authorize: 'loopback' }, upstreams: { shop: { targets: [{ id: 'ash', url }] } }, routes: { '/shop': 'shop' }, ...more })
}

// ---- over real sockets ------------------------------------------------------------------------------------------------------

t.test('a listener gets everything, then what changes, and what happens as it happens', async t => {
  const { app, url } = await start(t)
  const shop = app.upstreams.get('shop')!
  shop.update('ash', { weight: 2 })
  const { until: heard, messages, headers } = await listen(t, url)
  t.match(Object.fromEntries(headers), { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff' })
  const snapshot = await heard('snapshot')
  t.match(snapshot.data, {
    at: Number,
    timeBounds: [1, 2.5],
    upstreams: [{ name: 'shop', targets: [{ id: 'ash', weight: 2, requests: 0 }] }],
    events: [{ type: 'target:changed', at: Number, upstream: 'shop', target: 'ash', state: 'ready', weight: 2 }]
  })
  await (await fetch(`${url}/shop`)).text()
  await (await fetch(`${url}/lb/upstreams/shop/target?id=ash`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"state":"drain"}' })).text()
  t.match((await heard('target:changed')).data, { upstream: 'shop', target: 'ash', state: 'drain', weight: 2 })
  const { data } = await heard('changes')
  t.match(data, { upstreams: [{ name: 'shop', results: { '2xx': 1 }, targets: [{ id: 'ash', requests: 1, state: 'drain' }] }] })
  t.equal(messages.filter(({ event }) => event === 'snapshot').length, 1)
})

t.test('upstreams that come at run time are listened to as well', async t => {
  const { app, url } = await start(t)
  const { until: heard } = await listen(t, url)
  await heard('snapshot')
  app.upstreams.add('new', { targets: [] }).add({ id: 'x', url: 'http://127.0.0.1:1' })
  t.match((await heard('target:added')).data, { upstream: 'new', target: 'x' })
  await app.upstreams.get('new')!.remove('x')
  const { data } = await heard('target:removed')
  t.match(data, { upstream: 'new', target: 'x' })
  t.notOk('state' in data, 'it is gone')
})

t.test('whatever targets are called, an event is one event', async t => {
  const { app, url } = await start(t)
  const { until: heard } = await listen(t, url)
  await heard('snapshot')
  const id = 'a\n\nevent: snapshot\ndata: {}\n\n'
  app.upstreams.get('shop')!.add({ id, url: 'http://127.0.0.1:1' })
  t.equal((await heard('target:added')).data.target, id)
})

t.test('the server closes, and with it all who listen', async t => {
  const { app, url } = await start(t)
  const listeners = await Promise.all([1, 2, 3].map(async () => await listen(t, url)))
  await Promise.all(listeners.map(async listener => await listener.until('snapshot')))
  await app.close()
  await Promise.all(listeners.map(async listener => { await listener.ended }))
})

t.test('so many may listen, and one more when one has left', async t => {
  const { url } = await start(t)
  const listeners = await Promise.all(Array.from({ length: MOST_LISTENERS }, async () => await listen(t, url)))
  await Promise.all(listeners.map(async listener => await listener.until('snapshot')))
  const refused = await fetch(`${url}/lb/events`)
  t.match([refused.status, refused.headers.get('retry-after'), await refused.json()], [503, '5', { code: 'FST_LB_ADMIN_BUSY' }])
  listeners[0]!.leave()
  const statuses: number[] = []
  const tryAgain = async (): Promise<void> => {
    const controller = new AbortController()
    statuses.push((await fetch(`${url}/lb/events`, { signal: controller.signal })).status)
    controller.abort()
  }
  while (statuses.at(-1) !== 200) await tryAgain()
  t.equal((await fetch(`${url}/lb/events`, { method: 'HEAD' })).status, 404, 'who wants no body gets no stream')
})

t.test('a listener that does not read is not written to without end, and gets what it has missed when it reads again', async t => {
  const { app, url } = await start(t)
  const shop = app.upstreams.get('shop')!
  // More than what the sockets of both sides hold.
  shop.replace(Array.from({ length: 600 }, (_, i) => ({ id: `node-${i}`, url: 'http://127.0.0.1:1', tags: { text: 'x'.repeat(10_000) } })))
  const slow = await listen(t, url, { reading: false })
  const other = await listen(t, url)
  await other.until('snapshot')
  for (let i = 0; i < 50; i++) shop.update('node-7', { weight: i })
  const before = other.messages.length
  await until(() => other.messages.length > before + 1, 'two more seconds')
  slow.read()
  await slow.until('changes')
  t.strictSame(slow.messages.slice(0, 2).map(({ event }) => event), ['snapshot', 'changes'])
  const { upstreams, events } = slow.messages[1]!.data
  t.match(upstreams, [{ name: 'shop', targets: [{ id: 'node-7', weight: 49 }] }])
  t.equal((upstreams as Array<{ targets: unknown[] }>)[0]!.targets.length, 1)
  t.strictSame((events as Array<{ weight: number }>).map(({ weight }) => weight), Array.from({ length: 50 }, (_, i) => i))
})

t.test('a listener that is cut off may still be written to, before that is known', async t => {
  const gone = deferred()
  const server = createServer((_request, response) => {
    const stream = new EventStream(response, {}, gone.resolve)
    stream.cut()
    stream.send('event: changes\n\n')
  }).listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening')
  await t.rejects(fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
  await gone.promise
})

/** A gateway that is asked for events by somebody, and does not know yet whether he may. */
async function undecided (t: Ending, server: object): Promise<{ app: FastifyInstance, url: string, asked: Promise<void>, decide: () => void }> {
  const [asked, decided] = [deferred(), deferred()]
  const authorize = async ({ url }: { url: string }): Promise<boolean> => {
    if (url === '/lb/events?who') {
      asked.resolve()
      await decided.promise
    }
    return true
  }
  const { app, url } = await startGateway(t, { admin: { authorize }, upstreams: { shop: {} } }, { server })
  return { app, url, asked: asked.promise, decide: decided.resolve }
}

t.test('who comes while the server closes does not hold it up', async t => {
  const { app, url, asked, decide } = await undecided(t, { forceCloseConnections: false })
  const answer = fetch(`${url}/lb/events?who`)
  await asked
  const closed = app.close()
  await until(() => app.upstreams.closing, 'the server is about to close')
  decide()
  t.notMatch(await (await answer).text(), 'snapshot')
  await closed
})

t.test('over HTTP/2, too', async t => {
  const app = Fastify({ http2: true })
  await app.register(loadBalancer, { admin: { authorize: 'loopback' }, upstreams: { shop: { targets: ['http://127.0.0.1:1'] } } })
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(url)
  t.teardown(() => { session.destroy() })
  const stream = session.request({ ':path': '/lb/events' })
  const [headers] = await once(stream, 'response')
  t.match(headers, { ':status': 200, 'content-type': 'text/event-stream' })
  let text = ''
  stream.setEncoding('utf8').on('data', chunk => { text += String(chunk) })
  await until(() => messagesOf(text).length > 0, 'a snapshot')
  t.match(messagesOf(text)[0], { event: 'snapshot', data: { upstreams: [{ name: 'shop' }] } })
  const ended = once(stream, 'close')
  session.close()
  await app.close()
  await ended
})

// ---- by the clock -----------------------------------------------------------------------------------------------------------

class Recorder implements Channel {
  blocked = false
  readonly sent: Message[] = []
  readonly ends: string[] = []
  send (text: string): void { this.sent.push(...messagesOf(text)) }
  end (): void { this.ends.push('end') }
  cut (): void { this.ends.push('cut') }
  get events (): string { return this.sent.map(({ event }) => event).join(' ') }
}

async function setup (t: Ending): Promise<{ app: FastifyInstance, feed: Feed, clock: FakeClock, reads: () => number }> {
  const { app } = await start(t)
  const clock = new FakeClock()
  let reads = 0
  const feed = new Feed((): UpstreamRow[] => {
    reads++
    return [...app.upstreams].map(upstream => upstreamRow(upstream, undefined))
  }, clock)
  feed.watch(app.upstreams.get('shop')!)
  return { app, feed, clock, reads: () => reads }
}

t.test('nothing is read while nobody listens, and once a second for all who do', async t => {
  const { feed, clock, reads } = await setup(t)
  clock.advance(10_000)
  t.equal(reads(), 0)
  const [a, b] = [new Recorder(), new Recorder()]
  feed.add(a)
  feed.add(b)
  clock.advance(3_000)
  t.equal(reads(), 4)
  t.equal(a.events, 'snapshot changes changes changes')
  t.strictSame(a.sent[1]!.data, { at: 1_700_000_011_000, upstreams: [] }, 'nothing has changed')
  feed.remove(a)
  clock.advance(1_000)
  feed.remove(b)
  clock.advance(10_000)
  t.equal(reads(), 5)
  t.equal(clock.pending, 0)
  t.equal(b.events, 'snapshot changes changes changes changes')
})

t.test('who comes later gets what the others have got so far', async t => {
  const { app, feed, clock } = await setup(t)
  const [a, b] = [new Recorder(), new Recorder()]
  feed.add(a)
  app.upstreams.get('shop')!.update('ash', { weight: 5 })
  feed.add(b)
  t.match(b.sent[0]!.data, { upstreams: [{ targets: [{ weight: 1 }] }] })
  clock.advance(1_000)
  t.match(b.sent[1]!.data, { upstreams: [{ name: 'shop', targets: [{ id: 'ash', weight: 5 }] }] })
})

t.test('of a thousand events at once, the first are told one by one and the last with the changes', async t => {
  const { app, feed, clock } = await setup(t)
  const listener = new Recorder()
  feed.add(listener)
  for (let i = 0; i < 1_000; i++) app.upstreams.get('shop')!.update('ash', { weight: i % 256 })
  t.equal(listener.sent.length, 101)
  clock.advance(1_000)
  const { event, data } = listener.sent.at(-1)!
  t.equal(event, 'changes')
  t.equal((data.events as unknown[]).length, 100, 'as many as are remembered')
  t.match((data.events as unknown[]).at(-1), { weight: 999 % 256 })
  app.upstreams.get('shop')!.update('ash', { weight: 1 })
  t.equal(listener.sent.at(-1)!.event, 'target:changed', 'and then one by one again')
})

t.test('a listener that is behind is left alone, and given up after half a minute', async t => {
  const { app, feed, clock } = await setup(t)
  const [slow, dead, quick] = [new Recorder(), new Recorder(), new Recorder()]
  for (const listener of [slow, dead, quick]) feed.add(listener)
  slow.blocked = dead.blocked = true
  app.upstreams.get('shop')!.update('ash', { weight: 3 })
  clock.advance(20_000)
  t.equal(slow.events, 'snapshot')
  slow.blocked = false
  app.upstreams.get('shop')!.update('ash', { weight: 4 })
  t.equal(slow.events, 'snapshot', 'not before the one it has missed')
  clock.advance(2_000)
  t.equal(slow.events, 'snapshot changes changes')
  t.match(slow.sent[1]!.data, { upstreams: [{ targets: [{ weight: 4 }] }], events: [{ weight: 3 }, { weight: 4 }] })
  t.equal(quick.sent.filter(({ event }) => event === 'target:changed').length, 2)
  t.notOk(quick.sent.some(({ data, event }) => event === 'changes' && 'events' in data), 'who keeps up hears of nothing twice')
  clock.advance(9_000)
  t.strictSame([slow.ends, dead.ends, quick.ends], [[], ['cut'], []])
})

t.test('a listener that had left before it was one is given up, too', async t => {
  const { feed, clock } = await setup(t)
  // Whatever is written to a response that is closed waits for ever, and nothing tells of its end any more.
  for (let i = 0; i < MOST_LISTENERS; i++) feed.add(Object.assign(new Recorder(), { blocked: true }))
  t.ok(feed.full)
  clock.advance(31_000)
  t.notOk(feed.full)
  t.equal(clock.pending, 0, 'nobody listens')
})

t.test('after a quarter of an hour it must be asked for again', async t => {
  const { feed, clock } = await setup(t)
  const listener = new Recorder()
  feed.add(listener)
  clock.advance(899_000)
  t.strictSame(listener.ends, [])
  clock.advance(1_000)
  t.strictSame(listener.ends, ['end'])
  feed.remove(listener)
  feed.add(listener)
  feed.close()
  t.strictSame(listener.ends, ['end', 'end'])
  t.equal(clock.pending, 0)
})

// ---- what is told of a change -------------------------------------------------------------------------------------------------

/** What a listener does with differences. */
function applied (before: UpstreamRow[], { names, upstreams }: ReturnType<typeof differences>): unknown[] {
  const rows = new Map<string, Record<string, unknown>>(before.map(({ targets, ...head }) => [head.name, { ...head, targets: new Map(targets.map(row => [row.id, row])) }]))
  for (const { ids, targets, ...head } of upstreams) {
    const row = { targets: new Map<string, object>(), ...rows.get(head.name), ...head } as { targets: Map<string, object> }
    for (const target of targets) row.targets.set(target.id, { ...row.targets.get(target.id), ...target })
    if (ids !== undefined) row.targets = new Map(ids.map(id => [id, row.targets.get(id)!]))
    rows.set(head.name, row as never)
  }
  return (names ?? [...rows.keys()]).map(name => ({ ...rows.get(name), targets: [...(rows.get(name)!.targets as Map<string, unknown>).values()] }))
}

t.test('differences say all that is needed, and no more', async t => {
  const { app } = await start(t, { upstreams: { shop: { targets: [1, 2, 3].map(i => ({ id: `n${i}`, url: `http://127.0.0.1:${i}` })) }, other: {} }, routes: {} })
  const read = (): UpstreamRow[] => JSON.parse(JSON.stringify([...app.upstreams].map(upstream => upstreamRow(upstream, undefined)))) as UpstreamRow[]
  const shop = app.upstreams.get('shop')!
  let before = read()
  t.strictSame(differences(before, read()), { upstreams: [] })
  const step = (what: string, change: () => unknown): ReturnType<typeof differences> => {
    change()
    const now = read()
    const changes = differences(before, now)
    t.same(applied(before, JSON.parse(JSON.stringify(changes)) as typeof changes), now, what)
    before = now
    return changes
  }
  t.strictSame(step('a weight', () => { shop.update('n2', { weight: 3 }) }), { upstreams: [{ name: 'shop', targets: [{ effectiveWeight: 3, weight: 3, id: 'n2' }] }] })
  t.strictSame(step('tags', () => { shop.update('n2', { tags: { a: 'b' } }) }), { upstreams: [{ name: 'shop', targets: [{ tags: { a: 'b' }, id: 'n2' }] }] })
  step('a tag by a name that every object knows', () => { shop.update('n2', { tags: { a: 'b', toString: 'c' } }) })
  step('and without it', () => { shop.update('n2', { tags: { a: 'b' } }) })
  t.match(step('a target more', () => { shop.add({ id: 'n4', url: 'http://127.0.0.1:4' }) }), { upstreams: [{ ids: ['n1', 'n2', 'n3', 'n4'], targets: [{ id: 'n4', url: 'http://127.0.0.1:4' }] }] })
  t.strictSame(step('a target less', () => { void shop.remove('n1') }), { upstreams: [{ name: 'shop', ids: ['n2', 'n3', 'n4'], targets: [] }] })
  step('another order', () => { shop.replace([4, 3, 2].map(i => ({ id: `n${i}`, url: `http://127.0.0.1:${i}` }))) })
  t.match(step('an upstream more', () => { app.upstreams.add('new', { targets: ['http://127.0.0.1:9'] }) }), { names: ['shop', 'other', 'new'], upstreams: [{ name: 'new' }] })
  t.strictSame(step('an upstream less', () => { void app.upstreams.remove('other') }), { names: ['shop', 'new'], upstreams: [] })
})
