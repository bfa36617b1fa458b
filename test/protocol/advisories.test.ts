/** What has been found in other proxies, and in what this one is made of, does not come back. Each test is named after the advisory, or the thread. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { FastifyServerOptions } from 'fastify'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { refusedUrl, startGateway, startRawTarget, startTarget, type TestTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { deferred, until } from '../helpers/wait.js'
import { WireClient, type Answer } from './wire/client.js'
import { startStrictTarget } from './wire/strict-target.js'

const echo = (t: Test, name: string): Promise<TestTarget> => startTarget(t, name, (seen, _request, response) => response.end(`${name} ${seen.url}`))

/** The gateway in front of these targets, each an upstream of its name. */
async function infront (t: Test, targets: Record<string, string>, routes: LoadBalancerOptions['routes'] = { '/': Object.keys(targets)[0]! }, server: FastifyServerOptions = {}): Promise<string> {
  const upstreams = Object.fromEntries(Object.entries(targets).map(([name, url]) => [name, { targets: [url], retry: false as const }]))
  return (await startGateway(t, { upstreams, routes }, { server })).url
}

async function ask (url: string, bytes: string): Promise<Answer | undefined> {
  const client = await WireClient.open(url)
  client.send(bytes)
  const answer = await client.next()
  client.leave()
  return answer
}

const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}Connection: close\r\n\r\n`

// ---- advisories ------------------------------------------------------------------------------------------------------------

t.test('GHSA-gwhp-pf74-vj37 (CVE-2026-33805): Connection does not take out what the gateway has put in', async t => {
  const target = await startTarget(t, 'a')
  const headers = { request: (_request: unknown, headers: Record<string, string | string[]>) => ({ ...headers, 'x-user': 'alice' }) }
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], headers } }, routes: { '/': 'shop' } })
  await ask(url, 'GET / HTTP/1.1\r\nHost: x\r\nX-User: mallory\r\nConnection: close, x-user, x-forwarded-for, x-forwarded-host, x-forwarded-proto, via, x-request-id, host\r\n\r\n')
  t.match(target.seen[0]!.headers, { 'x-user': 'alice', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'x', 'x-forwarded-proto': 'http', via: '1.1 fastify-load-balancer', 'x-request-id': /./, host: new URL(target.url).host })
})

t.test('GHSA-v574-6498-x57v: two destinations that look the same when base and path are put together are not mixed up', async t => {
  const [a, b] = await Promise.all([echo(t, 'a'), echo(t, 'b')])
  const url = await infront(t, { a: `${a.url}/x`, b: `${b.url}/x/y` }, { '/a': { upstream: 'a', rewritePrefix: '' }, '/b': { upstream: 'b', rewritePrefix: '' } })
  for (let round = 0; round < 3; round++) {
    t.equal((await ask(url, get('/a/y/z')))?.body.toString(), 'a /x/y/z')
    t.equal((await ask(url, get('/b/z')))?.body.toString(), 'b /x/y/z')
  }
})

t.test('GHSA-2q7r-29rg-6m5h, CVE-2021-21321, CVE-2021-21322: no path leads out of its prefix, or of the base path of the target', async t => {
  const target = await echo(t, 'a')
  const url = await infront(t, { a: `${target.url}/base` }, { '/pub': { upstream: 'a', rewritePrefix: '/open' }, '/keep': 'a' })
  for (const climb of ['/..', '/../admin', '/%2e%2e/admin', '/.%2E/admin', '/x/../../admin', '/..%2fadmin', '/..%5cadmin', '/..\\admin', '//../../admin', '/..;/admin', '/..;x=y/admin', '/x/..%3b/../admin']) {
    for (const prefix of ['/pub', '/keep']) t.equal((await ask(url, get(prefix + climb)))?.status, 400, prefix + climb)
  }
  t.equal(target.seen.length, 0)
  for (const [path, asked] of [['/pub//evil.example/x', '/base/open//evil.example/x'], ['/keep?x=/../..', '/base/keep?x=/../..'], ['/pub/http://evil.example', '/base/open/http://evil.example'], ['/pub/%252e%252e/x', '/base/open/%252e%252e/x'], ['/pub/...', '/base/open/...']] as const) {
    t.equal((await ask(url, get(path)))?.body.toString(), `a ${asked}`)
  }
})

t.test('http-proxy 11.5 and 11.6: the destination is the target’s, whatever the path is, and the prefix is as long as it is written', async t => {
  const target = await echo(t, 'a')
  const url = await infront(t, { a: target.url }, { '/api/v2': { upstream: 'a', rewritePrefix: '/x' } })
  for (const [path, asked] of [
    ['/%61pi/v2/y', '/x/y'], ['/api/%76%32/y', '/x/y'], ['/api/v2', '/x'], ['/api/v2?y', '/x?y'], ['/api/v2/@evil.example', '/x/@evil.example'], ['/api/v2//evil.example', '/x//evil.example']
  ] as const) {
    t.equal((await ask(url, get(path)))?.body.toString(), `a ${asked}`, path)
  }
})

t.test('http-proxy 11.6: fields of an answer that are not HTTP are a 502', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nX-A: b\x01\r\nX(B): c\r\nContent-Length: 2\r\n\r\nok')))
  const url = await infront(t, { a: target.url })
  for (let i = 0; i < 3; i++) t.equal((await ask(url, get('/')))?.status, 502)
})

t.test('GHSA-ggv3-7p47-pfv8 (CVE-2026-29057): chunks of a DELETE or OPTIONS are a body, not the next request on the target’s connection', async t => {
  const smuggled = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n'
  for (const method of ['DELETE', 'OPTIONS', 'GET', 'HEAD', 'POST']) {
    const target = await startStrictTarget(t)
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { connections: 1 }, limits: { maxRequests: 1, queue: { size: 10 } } } }, routes: { '/': 'shop' } })
    const client = await WireClient.open(url)
    client.send(`${method} /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`)
    await client.next(method === 'HEAD')
    client.leave()
    t.equal((await ask(url, get('/victim')))?.body.toString(), 'GET /victim ')
    t.strictSame(target.arrived.map(({ short }) => short), [`${method} /x ${smuggled}`, 'GET /victim '])
    t.strictSame(target.faults, [])
  }
})

t.test('CVE-2026-25223, GHSA-573f-x89g-hqp9 (CVE-2026-3419): a Content-Type that readers understand differently passes as it is, or is refused', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(`${seen.headers['content-type']}|${seen.body.toString()}`))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/routed': 'shop' } }, {
    after: app => { app.post('/parsed', (_request, reply) => reply.balance('shop')) }
  })
  for (const type of ['application/json\ta', 'application/json garbage', 'application/json;charset=x\t', 'application/jsonx', 'application/json,text/plain', 'text/plain;x=application/json', 'application/json/x']) {
    const post = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{"a": 1}`
    t.equal((await ask(url, post('/routed')))?.body.toString(), `${type.trim()}|{"a": 1}`, type)
    const parsed = (await ask(url, post('/parsed')))!
    if (parsed.status === 200) t.match(parsed.body.toString(), /\{"a": ?1\}$/, `${type}, parsed`)
    else t.equal(parsed.status, 415, type)
  }
})

t.test('GHSA-444r-cwp2-x5xf (CVE-2026-3635): who is not trusted is not believed; a number of hops trusts nobody', async t => {
  const spoofed = 'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 666\r\nForwarded: for=6.6.6.6\r\n'
  for (const trustProxy of [false, '10.0.0.1', ['10.0.0.0/8'], () => false, 1, 5]) {
    const target = await startTarget(t, 'a')
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], affinity: { cookie: { secret: 'sixteen or more characters' } }, headers: { host: 'preserve' } } }, routes: { '/': 'shop' } }, { server: { trustProxy: trustProxy as boolean } })
    const answer = await ask(url, get('/', spoofed))
    t.match(target.seen[0]!.headers, { host: 'x', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'x', 'x-forwarded-proto': 'http', 'x-forwarded-port': '80' }, String(trustProxy))
    t.notMatch(JSON.stringify([target.seen[0]!.headers, answer!.fields]), /6\.6\.6\.6|evil|666|secure/i)
  }
})

t.test('GHSA-35p6-xmwp-9g52: an answer that nobody has asked for is not the next client’s', async t => {
  const target = await startRawTarget(t, socket => {
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      const path = chunk.toString().split(' ', 2)[1]!
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    })
  })
  const url = await infront(t, { a: target.url })
  for (let i = 0; i < 20; i++) {
    await ask(url, get('/first'))
    for (const socket of target.sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
    t.equal((await ask(url, get('/next')))?.body.toString(), '/next')
  }
})

t.test('CVE-2023-45539 (HAProxy): what is behind a # decides nothing', async t => {
  const target = await echo(t, 'a')
  const url = await infront(t, { a: target.url }, { '/static': 'a' })
  for (const path of ['/static#/../admin', '/static/index.html#.png', '/static/x?y#z', '/static/%23/x#']) t.equal((await ask(url, get(path)))?.status, 400, path)
  t.equal(target.seen.length, 0)
})

t.test('CVE-2016-5385 and its kin (httpoxy): the field Proxy does not come to a target', async t => {
  const target = await startTarget(t, 'a')
  const url = await infront(t, { a: target.url })
  await ask(url, get('/', 'Proxy: http://evil.example\r\nproxy: evil\r\n'))
  t.notOk('proxy' in target.seen[0]!.headers)
})

t.test('h2c smuggling: no upgrade opens a tunnel for more requests', async t => {
  const target = await startTarget(t, 'a')
  const url = await infront(t, { a: target.url })
  const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'
  t.equal((await ask(url, `GET / HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`))?.status, 200)
  for (const name of ['upgrade', 'http2-settings']) t.notOk(name in target.seen[0]!.headers, name)
  await t.rejects(startGateway(t, { upstreams: { a: { upgrades: ['h2c'] } } }), { code: 'FST_LB_INVALID_OPTIONS' })
})

// ---- threads that tell of a crash, a hang, or a connection out of step --------------------------------------------------------

t.test('fastify-reply-from#374: a status that is none is a 502, not the end of the process', async t => {
  let status = '888'
  const target = await startRawTarget(t, socket => socket.on('data', () => socket.write(`HTTP/1.1 ${status} Odd\r\nContent-Length: 0\r\n\r\n`)))
  const url = await infront(t, { a: target.url })
  for (status of ['888', '600', '999', '000', '099']) t.equal((await ask(url, get('/')))?.status, 502, status)
})

t.test('fastify-reply-from#9, #385 and #409: sessions of HTTP/2 that end in any way do not end the process, and another is begun', async t => {
  const server = createServer()
  const sessions: ServerHttp2Session[] = []
  server.on('session', session => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const { session } = stream
    switch (headers[':path']) {
      case '/goaway': return session!.goaway()
      case '/close': return session!.close()
      case '/destroy': return session!.destroy()
      case '/reset': return (session!.socket as Socket).resetAndDestroy()
      default: stream.end('well')
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const { url } = await startGateway(t, {
    upstreams: { a: { targets: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`], pool: { http2: true }, retry: false, timeouts: { headers: 200 }, health: { passive: false } } },
    routes: { '/': 'a' }
  })
  for (const end of ['/goaway', '/close', '/destroy', '/reset', '/destroy', '/reset']) {
    t.match((await ask(url, get(end)))?.status, /^50[24]$/, end)
    t.equal((await ask(url, get('/')))?.body.toString(), 'well', `after ${end}`)
  }
})

t.test('fastify-http-proxy#460: a target that is down is a 502 as often as one asks, also when the client has gone', async t => {
  const url = await infront(t, { a: await refusedUrl() })
  for (let i = 0; i < 10; i++) {
    const gone = await WireClient.open(url)
    gone.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n${i}`)
    gone.leave()
    t.equal((await ask(url, get('/')))?.status, 502)
  }
})

t.test('fastify-http-proxy#474: a request behind a large body on the same connection is answered, or the connection is closed', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(`${seen.url} ${seen.body.length}`))
  const url = await infront(t, { a: target.url })
  const client = await WireClient.open(url)
  const size = 3_000_000
  client.send(`POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}${get('/behind')}`)
  t.equal((await client.next())?.body.toString(), `/big ${size}`)
  t.equal((await client.next())?.body.toString(), '/behind 0')
  await client.closed

  const early = await startRawTarget(t, socket => socket.once('data', () => socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n')))
  const other = await WireClient.open(await infront(t, { a: early.url }))
  other.send(`POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(100_000)}`)
  t.equal((await other.next())?.status, 413)
  await other.closed
})

t.test('fastify-reply-from#419, #424 and #428: a client that leaves before the headers takes its request along', async t => {
  const target = await startTarget(t, 'a', () => {})
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  for (let i = 1; i <= 20; i++) {
    const client = await WireClient.open(url)
    client.send(i % 2 === 0 ? get('/') : 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
    await until(() => target.seen.length === i, 'it is with the target')
    client.leave()
    await until(() => inFlight(app.upstreams.get('shop')!) === 0 && target.sockets.size === 0, 'nothing of it is left')
  }
})

t.test('fastify#6725: a body that has been read does not make the gateway believe that its client has left', async t => {
  const hold = deferred()
  const target = await startTarget(t, 'a', (seen, _request, response) => { void hold.promise.then(() => response.end(seen.body)) })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': { upstream: 'shop', handlerTimeout: 60_000 } } })
  const answer = ask(url, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello')
  await until(() => target.seen.length === 1, 'the body has been read')
  hold.resolve()
  t.equal((await answer)?.body.toString(), 'hello')
})

t.test('a 503 with a body that nobody wants does not keep its connection for ever', async t => {
  const big = 'x'.repeat(4_000_000)
  const target = await startTarget(t, 'a', (seen, _request, response) => {
    response.statusCode = seen.url === '/well' ? 200 : 503
    response.end(seen.url === '/well' ? 'well' : big)
  })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], pool: { connections: 1 }, limits: { maxRequests: 1, queue: { size: 10 } }, retry: { attempts: 3, backoff: { base: 1, max: 1 } }, health: { passive: false } } },
    routes: { '/': 'shop' }
  })
  t.equal((await ask(url, get('/ill')))?.status, 503)
  t.equal((await ask(url, get('/well')))?.body.toString(), 'well')
})

t.test('fastify-reply-from#298: a stream of events has all the time it wants', async t => {
  let events!: Socket
  const target = await startRawTarget(t, socket => socket.once('data', () => {
    events = socket
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
  }))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], timeouts: { body: 20, headers: 20 } } }, routes: { '/': 'shop' } })
  const client = await WireClient.open(url)
  client.send(get('/'))
  await once(client.socket, 'data')
  // Something else has run into its time meanwhile.
  const silent = await startRawTarget(t, socket => socket.on('data', () => {}))
  const other = await startGateway(t, { upstreams: { shop: { targets: [silent.url], timeouts: { headers: 100 }, retry: false } }, routes: { '/': 'shop' } })
  t.equal((await ask(other.url, get('/')))?.status, 504)
  events.write('9\r\ndata: 1\n\n\r\n0\r\n\r\n')
  t.equal((await client.next())?.body.toString(), 'data: 1\n\n')
})

t.test('node-http-proxy#624 and #627: an upgrade that the target refuses, or does not answer at all, is answered', async t => {
  const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  const refusing = await startTarget(t, 'a', (_seen, _request, response) => response.writeHead(403).end('no'))
  t.equal((await ask(await infront(t, { a: refusing.url }), upgrade))?.status, 403)
  const closing = await startRawTarget(t, socket => socket.once('data', () => socket.destroy()))
  t.equal((await ask(await infront(t, { a: closing.url }), upgrade))?.status, 502)
  t.equal((await ask(await infront(t, { a: await refusedUrl() }), upgrade))?.status, 502)
})

t.test('fastify-http-proxy#258: several registrations on one server take each upgrade once', async t => {
  const answers: string[] = []
  const opening = (name: string): Promise<{ url: string }> => startRawTarget(t, socket => socket.once('data', () => {
    answers.push(name)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  }))
  const [a, b] = await Promise.all([opening('a'), opening('b')])
  const { url } = await startGateway(t, { upstreams: { a: { targets: [a.url] } }, routes: { '/a': 'a' } }, {
    after: app => app.register(async scope => {
      const { default: loadBalancer } = await import('../../lib/index.js')
      await scope.register(loadBalancer, { upstreams: { b: { targets: [b.url] } }, routes: { '/b': 'b' } })
    })
  })
  for (const name of ['a', 'b', 'a']) {
    const client = await WireClient.open(url)
    client.send(`GET /${name} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    const [first] = await once(client.socket, 'data') as [Buffer]
    t.match(first.toString(), /^HTTP\/1\.1 101 /)
    client.leave()
  }
  t.strictSame(answers, ['a', 'b', 'a'])
})
