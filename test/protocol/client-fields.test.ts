/** Which header fields of a client a target sees: not those that `Connection` names, none with underscores, and every one that a hook has set. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify'
import type { UpstreamOptions } from '../../lib/index.js'
import { startGateway, startRawTarget, startTarget, type TestTarget } from '../helpers/servers.js'
import { WireClient } from './wire/client.js'

type Hook = (request: FastifyRequest) => void

/** A gateway whose requests pass this hook, added before the plugin, after it, or by the route. */
async function guarded (t: Test, where: 'before' | 'after' | 'route', hook: Hook, options: UpstreamOptions = {}, server: FastifyServerOptions = {}): Promise<{ url: string, app: FastifyInstance, target: TestTarget }> {
  const target = await startTarget(t, 'a')
  const onRequest = async (request: FastifyRequest): Promise<void> => { hook(request) }
  const add = (app: FastifyInstance): unknown => app.addHook('onRequest', onRequest)
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], ...options } },
    routes: { '/': where === 'route' ? { upstream: 'shop', onRequest } : 'shop' }
  }, {
    server,
    ...where === 'before' ? { before: add } : {},
    after: app => {
      if (where === 'after') add(app)
      app.get('/own', async request => ({ headers: request.headers }))
    }
  })
  return { url, app, target }
}

async function send (url: string, fields: string, line = 'GET / HTTP/1.1'): Promise<string> {
  const client = await WireClient.open(url)
  client.send(`${line}\r\nHost: x\r\n${fields}\r\n\r\n`)
  const answer = (await client.next())!
  client.leave()
  return answer.body.toString()
}

const setGuest: Hook = request => { request.headers['x-user'] = 'guest' }

t.test('a client cannot remove what a hook has set by naming it in Connection', async t => {
  for (const where of ['before', 'after', 'route'] as const) {
    const { url, target } = await guarded(t, where, setGuest)
    for (const fields of ['Connection: x-user', 'X-User: admin\r\nConnection: close, X-User', 'X-User: guest\r\nConnection: x-user', 'X-User: admin\r\nX-User: root\r\nConnection: close\r\nConnection: ,x-USER,,']) {
      await send(url, fields)
      t.equal(target.seen.at(-1)!.headers['x-user'], 'guest', `${where}: ${fields}`)
    }
  }
})

t.test('what the client has sent under such a name is removed before hooks run, so that they see what the target sees', async t => {
  for (const where of ['before', 'after', 'route'] as const) {
    const { url, target } = await guarded(t, where, request => { request.headers['x-user'] ??= 'guest' })
    await send(url, 'X-User: admin\r\nConnection: close, x-user')
    t.equal(target.seen[0]!.headers['x-user'], 'guest', where)
    const untouched = await guarded(t, where, () => {})
    await send(untouched.url, 'X-User: admin\r\nConnection: x-user, x-other')
    t.notOk('x-user' in untouched.target.seen[0]!.headers, where)
  }
})

t.test('fields that are for every recipient stay, though Connection names them', async t => {
  const { url, target } = await guarded(t, 'route', () => {})
  const fields = { authorization: 'Basic YTpi', cookie: 'a=b', 'cache-control': 'no-cache', 'content-type': 'text/plain', 'x-request-id': 'r1', origin: 'http://a.example' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`).join('\r\n')
  await send(url, `${lines}\r\nContent-Length: 0\r\nConnection: ${Object.keys(fields).join()}, content-length, via, host`, 'POST / HTTP/1.1')
  t.match(target.seen[0]!.headers, { ...fields, via: '1.1 fastify-load-balancer', host: new URL(target.url).host })
})

t.test('a hook that replaces request.headers is heard', async t => {
  const { url, target } = await guarded(t, 'route', request => { request.headers = { ...request.headers, 'x-user': 'guest' } })
  await send(url, 'X-User: admin\r\nX_User: admin\r\nX-Other: b\r\nConnection: x-user')
  t.match(target.seen[0]!.headers, { 'x-user': 'guest', 'x-other': 'b' })
  t.notOk('x_user' in target.seen[0]!.headers)
})

t.test('fields with underscores are dropped, as nginx does, and passed where the upstream wants them', async t => {
  for (const [underscores, seen] of [[undefined, undefined], ['drop', undefined], ['pass', 'admin']] as const) {
    const { url, target } = await guarded(t, 'route', () => {}, underscores === undefined ? {} : { headers: { underscores } })
    await send(url, 'X_User: admin\r\nX-User: guest\r\n_: b')
    t.match(target.seen[0]!.headers, { 'x-user': 'guest', x_user: seen })
    t.equal('_' in target.seen[0]!.headers, underscores === 'pass')
  }
})

t.test('a hook that sets a field with an underscore means it, also when the client has sent the same', async t => {
  for (const where of ['before', 'after', 'route'] as const) {
    const { url, target } = await guarded(t, where, request => { request.headers.x_user = 'guest' })
    for (const fields of ['X_User: admin', 'X_User: guest', 'X_User: a\r\nX_User: b', 'A: b']) {
      await send(url, fields)
      t.equal(target.seen.at(-1)!.headers.x_user, 'guest', `${where}: ${fields}`)
    }
  }
})

t.test('headers.request sees no dropped field, and may set one', async t => {
  let given: unknown
  const { url, target } = await guarded(t, 'route', () => {}, { headers: { request: (_request, headers) => { given = headers.x_user; return { ...headers, x_role: 'guest' } } } })
  await send(url, 'X_User: admin\r\nX_Role: admin')
  t.equal(given, undefined)
  t.match(target.seen[0]!.headers, { x_role: 'guest', x_user: undefined })
})

t.test('routes of the user’s own still see fields with underscores', async t => {
  const { url } = await guarded(t, 'route', () => {})
  t.match(JSON.parse(await send(url, 'X_User: a\r\nX_User: b', 'GET /own HTTP/1.1')), { headers: { x_user: 'a, b' } })
})

t.test('it is the same for WebSocket handshakes', async t => {
  let head = ''
  const target = await startRawTarget(t, socket => socket.once('data', chunk => {
    head = chunk.toString('latin1')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  }))
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url] } },
    routes: { '/': { upstream: 'shop', onRequest: async request => { request.headers['x-user'] = 'guest' } } }
  })
  const client = await WireClient.open(url)
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, x-user, x-other, sec-websocket-key\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-User: guest\r\nX-Other: b\r\nX_User: admin\r\n\r\n')
  await once(client.socket, 'data')
  client.leave()
  t.match(head, /^x-user: guest\r$/m)
  t.match(head, /^sec-websocket-key: dGhl/m)
  t.notMatch(head, /x-other|x_user/)
})

t.test('and on HTTP/2', async t => {
  const { url, target } = await guarded(t, 'after', request => { request.headers.x_role = 'guest' }, {}, { http2: true } as FastifyServerOptions)
  const session = connectHttp2(url)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/', x_user: 'admin', x_role: 'guest', 'x-user': 'b' })
  stream.resume()
  await once(stream, 'end')
  t.match(target.seen[0]!.headers, { x_user: undefined, x_role: 'guest', 'x-user': 'b' })
})

t.test('and where Fastify has not told of the request before its hooks, as with inject()', async t => {
  const { app, target } = await guarded(t, 'route', setGuest)
  await app.inject({ url: '/', headers: { connection: 'x-user, x-other, user-agent, x-absent', 'x-user': 'admin', 'x-other': ['b', 'c'], 'user-agent': 'd', x_user: 'admin' } as never })
  t.match(target.seen[0]!.headers, { 'x-user': 'guest', 'x-other': undefined, x_user: undefined, 'user-agent': undefined })
})
