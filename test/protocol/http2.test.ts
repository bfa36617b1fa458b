/** HTTP/2 in front of the gateway and behind it. */
import t from 'tap'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, constants, createSecureServer, createServer, type ClientHttp2Session, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { Http2Ending } from '../../lib/engine/http2-ending.js'
import { selfSigned } from '../helpers/certificates.js'
import { startGateway, startTarget, type Ending } from '../helpers/servers.js'
import { failures, inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import { converse, startWebSocketTarget } from '../helpers/websockets.js'

interface Seen { method: string, path: string, body: string, headers: IncomingHttpHeaders }

interface Http2Target { url: string, seen: Seen[], sessions: Set<ServerHttp2Session>, server: Http2Server, most: () => number }

/** A target that speaks HTTP/2 only, answers with what it got, and notes it. `answer` may do something else. */
async function startHttp2Target (t: Ending, { tls, answer }: { tls?: { key: string, cert: string }, answer?: (stream: ServerHttp2Stream, seen: Seen) => void } = {}): Promise<Http2Target> {
  const server = tls === undefined ? createServer() : createSecureServer(tls) as unknown as Http2Server
  const seen: Seen[] = []
  const sessions = new Set<ServerHttp2Session>()
  let open = 0
  let most = 0
  server.on('session', session => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    most = Math.max(most, ++open)
    stream.once('close', () => open--)
    stream.on('error', () => {})
    let body = ''
    stream.setEncoding('latin1').on('data', chunk => { body += String(chunk) })
    stream.on('end', () => {
      const entry = { method: headers[':method']!, path: headers[':path']!, body, headers }
      seen.push(entry)
      if (answer !== undefined) {
        answer(stream, entry)
        return
      }
      stream.respond({ ':status': 200, 'content-type': 'text/plain' })
      stream.end(`${entry.method} ${entry.path} ${body.length}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sessions, server, most: () => most }
}

async function ask (client: ClientHttp2Session, headers: Record<string, string>, body?: string): Promise<{ status: number, body: string, headers: IncomingHttpHeaders, trailers: IncomingHttpHeaders }> {
  const stream = client.request(headers, { endStream: body === undefined })
  let trailers = {}
  stream.on('trailers', fields => { trailers = fields })
  if (body !== undefined) stream.end(body)
  const [response] = await once(stream, 'response') as [IncomingHttpHeaders & { ':status': number }]
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status: response[':status'], body: text, headers: response, trailers }
}

for (const scheme of ['https', 'http'] as const) {
  t.test(`requests of all kinds share a session behind (${scheme})`, async t => {
    const certificate = selfSigned(t.testdir())
    const target = await startHttp2Target(t, { ...(scheme === 'https' && { tls: certificate }) })
    const { url } = await startGateway(t, {
      upstreams: { shop: { targets: [target.url], pool: { http2: true, tls: { ca: certificate.cert } } } },
      routes: { '/shop': { upstream: 'shop', rewritePrefix: '/v1' } }
    })
    const text = async (path: string, init?: RequestInit): Promise<string> => await (await fetch(url + path, init)).text()
    t.equal(await text('/shop/a?b=c'), 'GET /v1/a?b=c 0')
    t.equal(await text('/shop', { method: 'POST', body: 'hello' }), 'POST /v1 5')
    t.equal(await text('/shop', { method: 'DELETE', body: 'hello' }), 'DELETE /v1 5')
    t.equal(await text('/shop', { method: 'PUT', body: 'x'.repeat(300_000) }), 'PUT /v1 300000')
    t.equal((await fetch(`${url}/shop`, { method: 'HEAD' })).status, 200)
    const many = await Promise.all(Array.from({ length: 40 }, async (_, i) => await text('/shop', i % 2 === 0 ? {} : { method: 'POST', body: 'hello' })))
    t.ok(many.every((answer, i) => answer === (i % 2 === 0 ? 'GET /v1 0' : 'POST /v1 5')))
    t.equal(target.sessions.size, 1)
    const [{ headers }] = target.seen as [Seen]
    t.match(headers, { ':authority': new URL(target.url).host, 'x-forwarded-for': '127.0.0.1', via: '1.1 fastify-load-balancer' })
  })
}

t.test('HTTP/2 in front and behind, with trailers, as gRPC has it', async t => {
  const target = await startHttp2Target(t, {
    answer (stream, { path }) {
      if (path === '/only') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
        return
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.once('wantTrailers', () => { stream.sendTrailers({ 'grpc-status': '0', 'x-both': ['a', 'b'] }) })
      stream.write('first')
      setImmediate(() => stream.end('second'))
    }
  })
  const certificate = selfSigned(t.testdir())
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { http2: true } } }, routes: { '/': 'shop' } }, {
    server: { http2: true, https: { ...certificate, allowHTTP1: true } } as never
  })
  const client = connect(url, { ca: certificate.cert })
  t.teardown(() => { client.destroy() })
  const answer = await ask(client, { ':path': '/orders.Orders/List', ':method': 'POST', te: 'trailers', 'content-type': 'application/grpc' }, 'request')
  t.match(answer, { status: 200, body: 'firstsecond', trailers: { 'grpc-status': '0', 'x-both': 'a, b' } })
  t.match(target.seen[0], { body: 'request', headers: { te: 'trailers', 'content-type': 'application/grpc' } })
  t.match(await ask(client, { ':path': '/only', ':method': 'POST', te: 'trailers' }, 'x'), { status: 200, headers: { 'grpc-status': '5' } })
})

t.test('trailers that come while a slow client has much to read: the body is whole', async t => {
  let closed = false
  const target = await startHttp2Target(t, {
    answer (stream) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.once('wantTrailers', () => { stream.sendTrailers({ 'grpc-status': '0' }) })
      stream.once('close', () => { closed = true })
      // As much as may be under way to one who does not read.
      stream.end(Buffer.alloc(65_535))
    }
  })
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { http2: true } } } })
  const shop = app.upstreams.get('shop')!
  const { body, trailers } = await request('http://shop/', { dispatcher: shop.dispatcher, highWaterMark: 1 })
  await until(() => closed, 'all is sent')
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  t.equal(inFlight(shop), 1, 'it is not read yet')
  t.equal((await body.arrayBuffer()).byteLength, 65_535)
  t.match(trailers, { 'grpc-status': '0' })
  t.equal(inFlight(shop), 0)
})

t.test('a stream that is closed in mid-body is a body cut short; one that has ended is whole, however late it is read', async t => {
  let closed = 0
  const target = await startHttp2Target(t)
  target.server.removeAllListeners('stream')
  target.server.on('stream', (stream, { ':path': path }) => {
    stream.on('error', () => {}).once('close', () => { closed++ })
    stream.respond({ ':status': 200 }, { endStream: path === '/headers' })
    if (path === '/headers') return
    if (path === '/none') stream.end()
    else if (path === '/short') stream.end('short')
    else stream.write(Buffer.alloc(10_000), () => setImmediate(() => { if (path === '/cut') stream.destroy(); else stream.end() }))
  })
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { http2: true } } } })
  const shop = app.upstreams.get('shop')!
  /** Reads nothing before all has been sent. */
  const ask = async (path: string): Promise<number> => {
    const before = closed
    const { body } = await request(`http://shop${path}`, { dispatcher: shop.dispatcher, highWaterMark: 1 })
    body.on('error', () => {})
    await until(() => closed > before, 'all is sent')
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
    return (await body.arrayBuffer()).byteLength
  }
  for (const [path, length] of [['/headers', 0], ['/none', 0], ['/short', 5], ['/long', 10_000]] as const) t.equal(await ask(path), length, path)
  t.equal(failures(shop), 0)
  await t.rejects(ask('/cut'), { code: 'FST_LB_BAD_GATEWAY' })
  t.equal(failures(shop), 1)
  t.equal(inFlight(shop), 0)
})

t.test('a stream that the target refuses was not worked on: any method is tried elsewhere, and a target that always does so is passed over', async t => {
  const refusing = await startHttp2Target(t, { answer: stream => { stream.close(constants.NGHTTP2_REFUSED_STREAM) } })
  const good = await startHttp2Target(t)
  const { url } = await startGateway(t, { upstreams: { shop: { policy: 'first', targets: [refusing.url, good.url], pool: { http2: true } } }, routes: { '/': 'shop' } })
  for (const method of ['GET', 'POST', 'PATCH']) {
    const response = await fetch(`${url}/x`, { method, ...(method !== 'GET' && { body: 'hello' }) })
    t.equal(await response.text(), `${method} /x ${method === 'GET' ? 0 : 5}`)
  }
  t.equal(good.seen.length, 3)
})

t.test('a session that ends with requests in flight (GOAWAY): what may be sent again is, and nothing is sent twice', async t => {
  let stay = false
  const leaving: Http2Target = await startHttp2Target(t, {
    answer (stream, { path }) {
      if (stay) stream.respond({ ':status': 200 }, { endStream: true })
      else if (path === '/last') for (const session of leaving.sessions) session.goaway(constants.NGHTTP2_NO_ERROR)
      else if (path === '/cut') for (const session of leaving.sessions) session.destroy()
    }
  })
  const good = await startHttp2Target(t)
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { policy: 'first', targets: [{ id: 'leaving', url: leaving.url }, { id: 'good', url: good.url }], pool: { http2: true }, health: { passive: false } } },
    routes: { '/': 'shop' }
  })
  for (const last of ['/last', '/cut']) {
    leaving.seen.length = 0
    good.seen.length = 0
    const gets = [1, 2, 3].map(async i => await (await fetch(`${url}/get${i}`)).text())
    const posts = [1, 2, 3].map(async i => (await fetch(`${url}/post${i}`, { method: 'POST', body: 'hello' })).status)
    await until(() => leaving.seen.length === 6, 'all are there')
    gets.push(fetch(url + last).then(async response => await response.text()))
    t.strictSame(await Promise.all(gets), ['GET /get1 0', 'GET /get2 0', 'GET /get3 0', `GET ${last} 0`])
    t.strictSame(await Promise.all(posts), [502, 502, 502])
    const all = [...leaving.seen, ...good.seen].filter(({ method }) => method === 'POST').map(({ path }) => path).sort()
    t.strictSame(all, ['/post1', '/post2', '/post3'], 'each POST has reached one target, once')
  }
  t.equal(inFlight(app.upstreams.get('shop')!), 0)
  stay = true
  t.equal((await fetch(`${url}/again`)).status, 200, 'a new session takes its place')
})

t.test('a client that leaves resets its stream, not the session', async t => {
  let closed = 0
  const target = await startHttp2Target(t, {
    answer (stream, { path }) {
      if (path === '/quick') stream.respond({ ':status': 200 }, { endStream: true })
      stream.on('close', () => closed++)
    }
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { http2: true } } }, routes: { '/': 'shop' } })
  const controller = new AbortController()
  const slow = fetch(`${url}/slow`, { signal: controller.signal }).catch(() => 'left')
  await until(() => target.seen.length === 1, 'it is there')
  const [session] = target.sessions
  controller.abort()
  t.equal(await slow, 'left')
  await until(() => closed === 1 && inFlight(app.upstreams.get('shop')!) === 0, 'its stream is closed')
  t.equal((await fetch(`${url}/quick`)).status, 200)
  t.strictSame([...target.sessions], [session])
})

t.test('a client that leaves in the middle of its upload: the target hears of it, and does not take half for the whole', async t => {
  const target = await startHttp2Target(t)
  let arrived = 0
  let aborted = 0
  target.server.on('stream', stream => {
    stream.once('data', () => { arrived++ })
    stream.once('aborted', () => { aborted++ })
  })
  const { app, url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { http2: true } } }, routes: { '/': 'shop' } })
  for (const headers of [{}, { 'content-length': '1000000' }] as Array<Record<string, string>>) {
    const before = arrived
    const client = httpRequest(url, { method: 'POST', headers }).on('error', () => {})
    client.write('half')
    await until(() => arrived > before, 'some of it is there')
    client.destroy()
    await until(() => aborted === arrived, 'it hears of it')
  }
  t.strictSame(target.seen, [])
  t.equal(inFlight(app.upstreams.get('shop')!), 0)
  t.equal(failures(app.upstreams.get('shop')!), 0)
  t.equal((await fetch(url, { method: 'POST', body: 'whole' })).status, 200)
  t.equal(target.sessions.size, 1)
})

t.test('a target that answers before it has all of an upload, which never ends: nothing stays open', async t => {
  const target = await startHttp2Target(t)
  let closed = 0
  target.server.on('stream', stream => {
    stream.once('data', () => {
      stream.respond({ ':status': 401, 'content-type': 'text/plain' })
      stream.end('who are you?')
    })
    stream.once('close', () => { closed++ })
  })
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], pool: { http2: true } } } })
  const body = new Readable({ read () {} })
  body.push('some')
  const answer = await request('http://shop/', { method: 'POST', body, dispatcher: app.upstreams.get('shop')!.dispatcher })
  t.equal(await answer.body.text(), 'who are you?')
  await until(() => closed === 1, 'its stream is closed')
  t.equal(target.sessions.size, 1)
})

t.test('a target that does not speak HTTP/2 is served as it can; WebSockets go over HTTP/1.1', async t => {
  const old = await startWebSocketTarget(t, 'old')
  const certificate = selfSigned(t.testdir())
  const { createServer: createHttps } = await import('node:https')
  const secure = createHttps(certificate, (request, response) => { response.end(`${request.httpVersion} ${request.method}`) })
  secure.listen(0, '127.0.0.1')
  await once(secure, 'listening')
  t.teardown(() => { secure.close() })
  const { url } = await startGateway(t, {
    upstreams: {
      shop: { targets: [`https://127.0.0.1:${(secure.address() as AddressInfo).port}`], pool: { http2: true, tls: { ca: certificate.cert } } },
      live: { targets: [old.url], pool: { http2: true } }
    },
    routes: { '/shop': 'shop', '/live': 'live' }
  })
  const answers = await Promise.all([1, 2, 3, 4].map(async () => await (await fetch(`${url}/shop`, { method: 'POST', body: 'x' })).text()))
  t.strictSame(answers, Array(4).fill('1.1 POST'))
  const { next } = await converse(t, `${url}/live`)
  t.equal(await next(), 'old')
})

t.test('HTTP/1.1 behind, HTTP/2 in front: cookies in crumbs, hop-by-hop fields, a body that breaks off', async t => {
  const target = await startTarget(t, 'a', ({ url, headers }, _request, response) => {
    response.writeHead(200, { connection: 'x-private', 'x-private': '1', 'keep-alive': 'timeout=3', upgrade: 'h2c', 'content-length': 10 })
    if (url === '/broken') response.write('half', () => response.destroy())
    else response.end(String(headers.cookie).padEnd(10))
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { http2: true } as never })
  const client = connect(url)
  t.teardown(() => { client.destroy() })
  const { headers, body } = await ask(client, { ':path': '/x', cookie: 'a=1; b=2' })
  t.equal(body, 'a=1; b=2  ')
  for (const name of ['connection', 'x-private', 'keep-alive', 'upgrade']) t.equal(headers[name], undefined, name)
  const stream = client.request({ ':path': '/broken' })
  stream.resume()
  const [error] = await once(stream, 'error') as [Error]
  t.match(error.message, /INTERNAL_ERROR/)
})

t.test('a resume that is of no stream is left alone', async t => {
  t.notOk(new Http2Ending(() => {}).cut)
})
