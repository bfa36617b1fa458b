/** docs/moving-from-http-proxy.md as it is written: before and after. */
import t from 'tap'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { startTarget } from '../helpers/targets.js'
import { startWebSocketTarget } from '../helpers/websockets.js'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/moving-from-http-proxy.md')

/** What a target is asked for, for what a client wants. */
async function asked (url: string, seen: Array<{ method: string, url: string }>): Promise<string[]> {
  for (const path of ['/api/orders?x=%2F', '/shop/cart', '/shop', '/api']) await (await fetch(url + path, { method: 'POST', body: 'x' })).text()
  return seen.splice(0).map(({ method, url }) => `${method} ${url}`)
}

t.test('targets are asked for the same before and after', async t => {
  const target = await startTarget(t, 'a')
  const places = { 'http://10.0.0.1:3000': target.url, "'http://10.0.0.2:3000'": `{ url: '${target.url}', id: 'b' }` }
  const before = await guide.play(t, 'httpProxy, {', { places })
  const wanted = await asked(before.url, target.seen)
  t.equal(wanted[0], 'POST /orders?x=%2F')
  const after = await guide.play(t, 'upstreams: { backend', { places })
  t.strictSame(await asked(after.url, target.seen), wanted)
})

t.test('both side by side, and WebSockets', async t => {
  const target = await startWebSocketTarget(t, 'ws')
  const places = { 'http://10.0.0.1:3000': target.url, 'http://10.0.0.2:3000': target.url.replace('127.0.0.1', 'localhost') }
  const { default: httpProxy } = await import('@fastify/http-proxy')
  const { url } = await guide.play(t, 'upstreams: { backend', { places, before: async app => { await app.register(httpProxy, { prefix: '/old', upstream: target.url, websocket: true }) } })
  for (const path of ['/shop', '/old']) {
    const socket = new WebSocket(url.replace('http', 'ws') + path)
    t.equal(String((await once(socket, 'message'))[0]), 'ws', path)
    socket.close()
  }
})

t.test('a prefix with parameters', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { backend: { targets: [target.url] } }, routes: { '/:tenant/api': { upstream: 'backend', rewritePrefix: '/v1' } } })
  await (await fetch(`${url}/olga/api/orders?x=%2F`)).text()
  t.equal(target.seen[0]!.url, '/v1/orders?x=%2F')
})

t.test('wsUpstream: WebSockets of a path elsewhere', async t => {
  const [target, live] = [await startTarget(t, 'a'), await startWebSocketTarget(t, 'live')]
  const { url } = await startGateway(t, { upstreams: { backend: { targets: [target.url] }, live: { targets: [live.url], headers: { request: (_request, headers) => ({ ...headers, 'x-user': 'olga' }) } } } }, {
    after: app => {
      app.get('/shop', { config: { upstream: 'backend' } }, (request, reply) => reply.balance(request.headers.upgrade === undefined ? 'backend' : 'live'))
    }
  })
  t.equal(await (await fetch(`${url}/shop`)).text(), 'a')
  const socket = new WebSocket(`${url.replace('http', 'ws')}/shop`)
  t.equal(String((await once(socket, 'message'))[0]), 'live')
  t.equal(live.handshakes[0]!.headers['x-user'], 'olga')
  socket.close()
})

t.test('another path, query and body', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { backend: { targets: [target.url] } } }, {
    after: app => {
      app.post('/orders', (request, reply) => {
        request.body = { ...request.body as object, from: 'gateway' }
        return reply.balance('backend', { path: '/v2/orders?a=b' })
      })
    }
  })
  await (await fetch(`${url}/orders?x=1`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"id":1}' })).text()
  t.match(target.seen[0], { url: '/v2/orders?a=b' })
  t.strictSame(JSON.parse(String(target.seen[0]!.body)), { id: 1, from: 'gateway' })
})

guide.complete(t)
