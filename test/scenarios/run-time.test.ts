/** Targets and upstreams change while requests run. */
import t from 'tap'
import { once } from 'node:events'
import { startGateway, startTarget, type TestTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

t.test('a parallel burst while targets come, go and change: no error', async t => {
  const targets = await Promise.all(['a', 'b', 'c', 'd'].map(name => startTarget(t, name)))
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: targets.slice(0, 2).map(toOptions), policy: 'round-robin' } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const statuses = new Map<number, number>()
  let changes = 0
  const changing = (): boolean => changes < 40
  const removed: Array<Promise<void>> = []
  const change = [
    () => { upstream.add(toOptions(targets[2]!)) },
    () => { upstream.update('a', { weight: 7 }) },
    () => { removed.push(upstream.remove('b')) },
    () => { upstream.add(toOptions(targets[3]!)) },
    () => { upstream.update('c', { state: 'drain' }) },
    () => { upstream.replace(targets.map(toOptions)) },
    () => { upstream.update('d', { state: 'maintenance', tags: { a: 'b' } }) },
    () => { upstream.replace([toOptions(targets[0]!), toOptions(targets[1]!)]) }
  ]
  const client = async (): Promise<void> => {
    while (changing()) {
      const method = Math.random() < 0.5 ? 'GET' : 'POST'
      const answer = await fetch(url, { method, ...(method === 'POST' && { body: 'x'.repeat(1_000) }) })
      await answer.arrayBuffer()
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    }
  }
  const changeAll = async (): Promise<void> => {
    for (; changing(); changes++) {
      const before = [...statuses.values()].reduce((a, b) => a + b, 0)
      change[changes % change.length]!()
      await until(() => [...statuses.values()].reduce((a, b) => a + b, 0) >= before + 10, 'ten more answers')
    }
  }
  await Promise.all([changeAll(), ...Array.from({ length: 16 }, client)])
  t.strictSame([...statuses.keys()], [200])
  await Promise.all(removed)
  t.strictSame([...upstream.targets.keys()], ['a', 'b'])
  t.equal(upstream.snapshot().targets.reduce((sum, { inFlight }) => sum + inFlight, 0), 0)
})

t.test('a removed target gets nothing new, ends what it has, and is gone then', async t => {
  const held: Array<() => void> = []
  const a = await startTarget(t, 'a', (_seen, _request, response) => { held.push(() => response.end('a')) })
  const b = await startTarget(t, 'b')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [toOptions(a), toOptions(b)], policy: 'first' } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const answer = fetch(url)
  await until(() => held.length === 1, 'a has a request')
  let gone = false
  const removal = upstream.remove('a').then(() => { gone = true })
  t.strictSame([...upstream.targets.keys()], ['b'])
  t.equal(await (await fetch(url)).text(), 'b')
  t.notOk(gone, 'it is not gone while it works')
  held[0]!()
  t.equal(await (await answer).text(), 'a')
  await removal
  await until(() => a.sockets.size === 0, 'its connections are closed')
})

t.test('a removed target that does not finish in time is cut off', async t => {
  const a = await startTarget(t, 'a', () => {})
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [toOptions(a)] } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const answer = fetch(url, { method: 'POST', body: 'x' })
  await until(() => a.seen.length === 1, 'a has a request')
  const target = upstream.targets.get('a')!
  await upstream.remove('a', { drainMs: 0 })
  t.equal((await answer).status, 502)
  t.equal(target.inFlight, 0)
  t.equal(target.failures, 0, 'which is not its fault')
})

t.test('replace keeps what is unchanged, and another url under the same id starts afresh', async t => {
  const [a, b, c] = [await startTarget(t, 'a'), await startTarget(t, 'b'), await startTarget(t, 'c')]
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [toOptions(a), toOptions(b)], policy: 'first' } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const events: string[] = []
  for (const name of ['target:added', 'target:removed', 'target:changed'] as const) {
    upstream.on(name, ({ upstream, target }) => events.push(`${name} ${upstream} ${target}`))
  }
  await fetch(url)
  const before = upstream.targets.get('a')
  upstream.replace([{ ...toOptions(a), weight: 3, tags: { x: 'y' } }, { id: 'b', url: c.url }])
  t.equal(upstream.targets.get('a'), before)
  t.equal(before!.requests, 1)
  t.equal(before!.weight, 3)
  t.equal(upstream.targets.get('b')!.requests, 0)
  t.strictSame(events, ['target:removed shop b', 'target:added shop b', 'target:changed shop a'])
  const there = upstream.targets.get('b')
  upstream.replace([{ ...toOptions(a), weight: 3, tags: { x: 'y' } }, { id: 'b', url: c.url, address: '127.0.0.1' }])
  t.not(upstream.targets.get('b'), there, 'and so does another address')

  const now = JSON.stringify(upstream.snapshot())
  t.throws(() => { upstream.replace([toOptions(a), 'ftp://nowhere', { ...toOptions(a), weight: 1000 }]) }, {
    code: 'FST_LB_INVALID_OPTIONS',
    message: /targets\[1\]: expected a url.*\n.*targets\[2\]\.weight: expected 0 to 256, got 1000.*\n.*targets\[2\]\.id: expected an id of its own/s
  })
  t.throws(() => upstream.add(toOptions(a)), /id that is not in use/)
  t.throws(() => { upstream.update('a', { weight: -1, state: 'gone' as never }) }, /weight.*\nstate/s)
  t.throws(() => { upstream.update('nobody', {}) }, /no target "nobody"; there are a, b/)
  await t.rejects(upstream.remove('nobody'), /no target "nobody"/)
  t.equal(JSON.stringify(upstream.snapshot()), now, 'nothing was changed')
})

t.test('an upstream that is added at run time works, and one that is removed does not', async t => {
  const a = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, {}, {
    after: app => { app.get('/:upstream', (request, reply) => reply.balance((request.params as { upstream: string }).upstream)) }
  })
  const unknown = await fetch(`${url}/late`)
  t.equal(unknown.status, 500)
  t.equal((await unknown.json() as { code: string }).code, 'FST_LB_UNKNOWN_UPSTREAM')
  const late = app.upstreams.add('late', { targets: [a.url] })
  t.equal(app.upstreams.get('late'), late)
  t.strictSame([...app.upstreams].map(({ name }) => name), ['late'])
  t.equal(await (await fetch(`${url}/late`)).text(), 'a')
  await app.upstreams.remove('late')
  t.notOk(app.upstreams.has('late'))
  t.equal((await fetch(`${url}/late`)).status, 500)
})

t.test('a server that closes lets requests in flight end', async t => {
  const held: Array<() => void> = []
  const a = await startTarget(t, 'a', (_seen, _request, response) => { held.push(() => response.end('a')) })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [a.url] } }, routes: { '/': 'shop' } }, { server: { forceCloseConnections: 'idle' } })
  const answer = fetch(url)
  await until(() => held.length === 1, 'a has a request')
  const closed = app.close()
  held[0]!()
  const { headers, text } = await answer.then(async answer => ({ headers: answer.headers, text: await answer.text() }))
  t.equal(text, 'a')
  t.equal(headers.get('connection'), 'close', 'the client is told not to use this connection again')
  await closed
  await until(() => a.sockets.size === 0, 'no connection is left')
})

t.test('a server that closes waits for what does not end no longer than drainMs', async t => {
  const endless = await startTarget(t, 'endless', (_seen, _request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('x')
  })
  const { url, app } = await startGateway(t, { drainMs: 50, upstreams: { shop: { targets: [endless.url] } }, routes: { '/': 'shop' } }, { server: { forceCloseConnections: 'idle' } })
  const answer = await fetch(url)
  const closed = app.close()
  await t.rejects(answer.text(), 'it is cut, not ended')
  await closed
})

t.test('a connection whose response had begun before the server closed is not waited for once it is idle', async t => {
  let finish!: () => void
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('begun, ')
    finish = () => response.end('ended')
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { forceCloseConnections: 'idle', keepAliveTimeout: 600_000 } })
  const answer = await fetch(url)
  t.equal(answer.headers.get('connection'), 'keep-alive')
  const closed = app.close()
  finish()
  t.equal(await answer.text(), 'begun, ended')
  await closed
})

t.test('pick() and snapshot() tell without sending anything', async t => {
  const a = await startTarget(t, 'a')
  const { app } = await startGateway(t, {
    upstreams: { shop: { targets: [{ id: 'a', url: a.url }, { id: 'b', url: 'https://b.example/base/', weight: 2, tier: 1, tags: { zone: 'eu' } }], policy: 'round-robin', random: () => 0 } }
  })
  const upstream = app.upstreams.get('shop')!
  t.equal(upstream.pick().id, 'a')
  t.equal(upstream.pick({ affinity: 'b' }).id, 'b')
  t.equal(upstream.pick({ tried: ['a'] }).id, 'b')
  t.equal(upstream.pick({ tags: { zone: 'eu' } }).id, 'b')
  t.throws(() => upstream.pick({ tried: ['a', 'b'] }), { code: 'FST_LB_NO_TARGET' })
  t.throws(() => upstream.pick({ tried: 'a' as never }), { code: 'FST_LB_INVALID_OPTIONS' })
  t.strictSame(JSON.parse(JSON.stringify(upstream.snapshot())), {
    name: 'shop',
    policy: 'round-robin',
    panic: false,
    queued: 0,
    targets: [
      { id: 'a', url: a.url, weight: 1, tier: 0, tags: {}, state: 'ready', health: 'unchecked', ejectedUntil: null, available: true, inFlight: 0, requests: 0, failures: 0 },
      { id: 'b', url: 'https://b.example/base/', weight: 2, tier: 1, tags: { zone: 'eu' }, state: 'ready', health: 'unchecked', ejectedUntil: null, available: true, inFlight: 0, requests: 0, failures: 0 }
    ],
    discovery: null
  })
  t.equal(a.seen.length, 0)
})

t.test('events tell of every change once it is complete', async t => {
  const a = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { shop: {} } })
  const upstream = app.upstreams.get('shop')!
  const added = once(upstream, 'target:added')
  upstream.add(toOptions(a))
  t.strictSame(await added, [{ upstream: 'shop', target: 'a' }])
  upstream.once('target:changed', ({ target }) => { t.equal(upstream.targets.get(target)!.state, 'drain') })
  upstream.update('a', { state: 'drain' })
})

function toOptions ({ name, url }: TestTarget): { id: string, url: string } {
  return { id: name, url }
}
