/** `node:diagnostics_channel`: attempts and targets, as tracing sees them. */
import t from 'tap'
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { startGateway, startTarget, refusedUrl } from '../helpers/servers.js'
import type { AttemptMessage, TargetMessage } from '../../lib/index.js'

t.test('an attempt is told from its start to its end, whatever the end is; stores bound to its start hold for what it sends', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, {
    upstreams: { shop: { policy: 'first', targets: [{ id: 'dead', url: await refusedUrl() }, { id: 'a', url: `${target.url}/base` }] } },
    routes: { '/': 'shop' }
  })
  const seen: string[] = []
  const attempts = tracingChannel<unknown, AttemptMessage>('fastify-load-balancer:attempt')
  const spans = new AsyncLocalStorage<string>()
  attempts.start.bindStore(spans, ({ target, attempt }) => `${target} ${attempt}`)
  const within: Array<string | undefined> = []
  const onRequest = (): void => { within.push(spans.getStore()) }
  subscribe('undici:request:create', onRequest)
  const handlers = {
    start: ({ target, method, path, attempt }: AttemptMessage) => { seen.push(`start ${attempt} ${target} ${method} ${path}`) },
    end: ({ target }: AttemptMessage) => { seen.push(`end ${target}`) },
    asyncStart () {},
    asyncEnd: ({ target, outcome, status, durationMs }: AttemptMessage) => { seen.push(`done ${target} ${outcome} ${status} ${typeof durationMs}`) },
    error: ({ target, error }: AttemptMessage) => { seen.push(`error ${target} ${(error as NodeJS.ErrnoException).code}`) }
  }
  attempts.subscribe(handlers as never)
  await (await fetch(`${url}/x?y`)).text()
  attempts.unsubscribe(handlers as never)
  attempts.start.unbindStore(spans)
  unsubscribe('undici:request:create', onRequest)
  t.strictSame(seen, [
    'start 1 dead GET /x?y', 'end dead', 'error dead ECONNREFUSED', 'done dead connect-failure undefined number',
    'start 2 a GET /base/x?y', 'end a', 'done a success 200 number'
  ].sort((a, b) => seen.indexOf(a) - seen.indexOf(b)))
  t.ok(within.includes('a 2'), 'what undici does for it is part of it')
  await (await fetch(url)).text()
  t.equal(seen.length, 7, 'nobody listens any more')
})

t.test('an attempt is told in the context of its own request, wherever it begins', async t => {
  const busy = await startTarget(t, 'busy', (_seen, _request, response) => { response.writeHead(503).end() })
  const good = await startTarget(t, 'good')
  const client = new AsyncLocalStorage<unknown>()
  const attempts = tracingChannel<unknown, AttemptMessage>('fastify-load-balancer:attempt')
  const seen: string[] = []
  const handlers = { start: ({ attempt }: AttemptMessage) => { seen.push(`${String(client.getStore())} ${attempt}`) } }
  const { url } = await startGateway(t, { upstreams: { shop: { policy: 'first', targets: [busy.url, good.url] } }, routes: { '/': 'shop' } }, {
    before: app => { app.addHook('onRequest', (request, _reply, done) => { client.run(request.headers['x-client'], done) }) }
  })
  const ask = async (name: string): Promise<void> => { await (await fetch(url, { headers: { 'x-client': name } })).text() }
  attempts.subscribe(handlers as never)
  t.teardown(() => { attempts.unsubscribe(handlers as never) })
  // The second client's requests go over the connections that were made for the first's.
  await ask('olga')
  await ask('rita')
  t.strictSame(seen, ['olga 1', 'olga 2', 'rita 1', 'rita 2'])
})

t.test('who begins to listen in the middle of a request hears of its next attempt', async t => {
  const attempts = tracingChannel<unknown, AttemptMessage>('fastify-load-balancer:attempt')
  const seen: number[] = []
  const handlers = { start: ({ attempt }: AttemptMessage) => { seen.push(attempt) } }
  const busy = await startTarget(t, 'busy', (_seen, _request, response) => {
    attempts.subscribe(handlers as never)
    response.writeHead(503).end()
  })
  t.teardown(() => { attempts.unsubscribe(handlers as never) })
  const { url } = await startGateway(t, { upstreams: { shop: { policy: 'first', targets: [busy.url, (await startTarget(t, 'good')).url] } }, routes: { '/': 'shop' } })
  await (await fetch(url)).text()
  t.strictSame(seen, [2])
})

t.test('changes of targets are told, and logged in words', async t => {
  const lines: Array<Record<string, unknown>> = []
  const { app } = await startGateway(t, { upstreams: { shop: { targets: ['http://127.0.0.1:1'] } } }, {
    server: { logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Record<string, unknown>) } } } }
  })
  const seen: TargetMessage[] = []
  const onTarget = (message: unknown): void => { seen.push(message as TargetMessage) }
  channel('fastify-load-balancer:target').subscribe(onTarget)
  const shop = app.upstreams.get('shop')!
  shop.add({ id: 'b', url: 'http://127.0.0.1:2', weight: 3 })
  shop.update('b', { state: 'drain' })
  await shop.remove('b')
  channel('fastify-load-balancer:target').unsubscribe(onTarget)
  t.strictSame(seen, ['added', 'changed', 'removed'].map(event => ({ event, upstream: 'shop', target: 'b' })))
  const said = lines.filter(({ target }) => target === 'b').map(({ msg, state, weight, upstream }) => [msg, state, weight, upstream])
  t.strictSame(said, [
    ['a target was added', 'ready', 3, 'shop'],
    ['a target was changed', 'drain', 3, 'shop'],
    ['a target was removed', undefined, undefined, 'shop']
  ])
})

t.test('why a target was ejected is told', async t => {
  const { app, url } = await startGateway(t, {
    upstreams: { shop: { policy: 'first', targets: [{ id: 'dead', url: await refusedUrl() }, (await startTarget(t, 'a')).url], health: { passive: { consecutiveFailures: 1 } } } },
    routes: { '/': 'shop' }
  })
  const seen: TargetMessage[] = []
  const onTarget = (message: unknown): void => { seen.push(message as TargetMessage) }
  channel('fastify-load-balancer:target').subscribe(onTarget)
  t.teardown(() => { channel('fastify-load-balancer:target').unsubscribe(onTarget) })
  await (await fetch(url)).text()
  t.match(seen, [{ event: 'ejected', upstream: 'shop', target: 'dead', reason: /refused/ }])
  t.equal(app.upstreams.get('shop')!.targets.get('dead')!.ejection.standing, 'out')
})

t.test('a fall is a warning, and so is the return; a first good probe is information', async t => {
  const lines: Array<Record<string, unknown>> = []
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'a', url: 'http://127.0.0.1:1' }] } } }, {
    server: { logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Record<string, unknown>) } } } }
  })
  const shop = app.upstreams.get('shop')!
  for (const turn of ['healthy', 'unhealthy', 'healthy', 'ejected', 'restored'] as const) shop.emit(`target:${turn}`, { upstream: 'shop', target: 'a', reason: 'so it is' })
  t.strictSame(lines.filter(({ target }) => target === 'a').map(({ msg, level, reason }) => [msg, level, reason]), [
    ['a target is healthy', 30, 'so it is'],
    ['a target is unhealthy', 40, 'so it is'],
    ['a target is healthy', 40, 'so it is'],
    ['a target is ejected', 40, 'so it is'],
    ['a target is back', 40, 'so it is']
  ])
})

t.test('an attempt that fails is a line of the log, one that does not is none', async t => {
  const target = await startTarget(t, 'a')
  const lines: Array<Record<string, unknown>> = []
  const { url } = await startGateway(t, { upstreams: { shop: { policy: 'first', targets: [{ id: 'dead', url: await refusedUrl() }, { id: 'a', url: target.url }] } }, routes: { '/': 'shop' } }, {
    server: { logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Record<string, unknown>) } } } }
  })
  await (await fetch(url)).text()
  const failed = lines.filter(({ outcome }) => outcome !== undefined)
  t.match(failed, [{ level: 40, upstream: 'shop', target: 'dead', outcome: 'connect-failure', attempt: 1, err: { code: 'ECONNREFUSED' }, msg: 'an attempt has failed' }])
  t.equal(failed.length, 1)
})
