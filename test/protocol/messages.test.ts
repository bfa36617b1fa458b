/** What passes through comes out right: messages of HTTP/1.1, byte for byte where bytes matter. */
import t from 'tap'
import { connect as connectHttp2 } from 'node:http2'
import { request, type IncomingMessage } from 'node:http'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startRawTarget, startTarget, type Ending } from '../helpers/servers.js'
import type { LoadBalancerOptions } from '../../lib/index.js'

/** A gateway with '/' in front of these targets. */
const infront = async (t: Ending, targets: string[], upstream: object = {}, route: object = {}): Promise<string> =>
  (await startGateway(t, { upstreams: { shop: { targets, ...upstream } }, routes: { '/': { upstream: 'shop', ...route } } } as LoadBalancerOptions)).url

/** A target that answers each request with these bytes; requests it has seen, as text. */
async function answering (t: Ending, answer: string | ((request: string) => string)): Promise<{ url: string, seen: string[] }> {
  const seen: string[] = []
  const { url } = await startRawTarget(t, socket => {
    socket.setEncoding('latin1').on('data', data => {
      seen.push(String(data))
      socket.write(typeof answer === 'string' ? answer : answer(String(data)), 'latin1')
    })
  })
  return { url, seen }
}

t.test('trailers reach clients that take them, and nobody else', async t => {
  const target = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Content-Type\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\nSet-Cookie: a=b\r\nX-Late: caf\xe9\r\n\r\n')
  const url = await infront(t, [target.url])
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nTE: gzip;q=0.5, trailers\r\nConnection: TE\r\n\r\n')
  const withTrailers = await client.expect(/\r\n0\r\n(?:[^\r]+\r\n)*\r\n$/)
  t.match(withTrailers, /\r\ntrailer: X-Sum, Content-Type\r\n/)
  t.match(withTrailers, /\r\n0\r\nx-sum: 42\r\nx-late: caf\xe9\r\n\r\n$/)
  t.match(target.seen[0], /\r\nte: trailers\r\n/)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\n\r\n')
  t.notMatch(await client.expect(/hello/), /x-sum|\ntrailer/i)
  t.notMatch(target.seen[1], /\r\nte:/i)
  client.send('GET / HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n')
  await client.closed
  t.notMatch(client.text(), /x-sum|\ntrailer/i)
})

t.test('a response whose length is known has no trailers to announce', async t => {
  const target = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 20000\r\nTrailer: X-Sum\r\n\r\n' + 'x'.repeat(20_000))
  const client = rawClient(t, await infront(t, [target.url]))
  client.send('GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n')
  t.notMatch(await client.expect(/x{20000}$/), /\ntrailer/i)
  client.send('HEAD / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n')
  t.notMatch(await client.expect(/\r\n\r\n$/), /\ntrailer/i)
})

t.test('trailers reach clients of HTTP/2', async t => {
  const target = await answering(t, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { http2: true } as never })
  const session = connectHttp2(url)
  t.teardown(() => { session.destroy() })
  const stream = session.request({ ':path': '/' })
  const trailers = new Promise<Record<string, unknown>>(resolve => { stream.once('trailers', fields => { resolve(fields) }) })
  stream.resume()
  t.equal((await trailers)['x-sum'], '42')
})

t.test('trailers that Node refuses to send on HTTP/2 do not end the gateway', async t => {
  const twice = ['Age', 'Content-Language', 'Content-MD5', 'DNT', 'ETag', 'From', 'If-Match', 'Last-Modified', 'Location', 'Max-Forwards', 'TK', 'User-Agent', 'X-Content-Type-Options']
  const once = ['Connection', 'HTTP2-Settings', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Transfer-Encoding', 'Upgrade', 'Host', '__proto__', 'constructor']
  const trailers = [...twice, ...twice, ...once, 'X-Sum'].map(name => `${name}: a\r\n`).join('')
  const target = await answering(t, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n${trailers}\r\n`)
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { http2: true } as never })
  const session = connectHttp2(url)
  t.teardown(() => { session.destroy() })
  for (let i = 0; i < 2; i++) {
    const stream = session.request({ ':path': '/' })
    const trailers = new Promise<Record<string, unknown>>(resolve => { stream.once('trailers', fields => { resolve(fields) }) })
    stream.resume()
    const names = Object.keys(await trailers)
    t.ok(['etag', 'last-modified', 'x-sum'].every(name => names.includes(name)))
    t.notOk(once.some(name => name !== 'constructor' && names.includes(name.toLowerCase())))
  }
})

t.test('early hints and progress reach the client before the answer', async t => {
  const target = await answering(t, 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload, </b.js>; rel=preload\r\nX-More: yes\r\nConnection: X-Secret\r\nX-Secret: 1\r\n\r\n' +
    'HTTP/1.1 103 Early Hints\r\nLink: this is no link\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Nothing: to load\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  const url = await infront(t, [target.url])
  const outgoing = request(url)
  const hints: unknown[] = []
  outgoing.on('information', ({ statusCode, headers }) => { hints.push([statusCode, headers]) }).end()
  const response = await new Promise<IncomingMessage>(resolve => outgoing.once('response', resolve))
  t.equal(response.statusCode, 200)
  response.resume()
  t.strictSame(hints, [[103, { link: '</a.css>; rel=preload, </b.js>; rel=preload' }], [102, {}]])
  const old = rawClient(t, url)
  old.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
  await old.closed
  t.match(old.text(), /^HTTP\/1\.1 200 OK/, 'HTTP/1.0 has no interim responses')
})

t.test('the reason phrase of a target is passed on when it is more than the usual', async t => {
  const client = rawClient(t, await infront(t, [(await answering(t, path => path.startsWith('GET /odd')
    ? 'HTTP/1.1 409 Somebody \xe9lse was quicker\r\nContent-Length: 0\r\n\r\n'
    : 'HTTP/1.1 409 Somebody else was quicker\r\nContent-Length: 0\r\n\r\n')).url]))
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await client.expect(/\r\n\r\n/), /^HTTP\/1\.1 409 Somebody else was quicker\r\n/)
  client.send('GET /odd HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await client.expect(/\r\n\r\n/), /^HTTP\/1\.1 409 Conflict\r\n/)
})

t.test('a redirect of a target leads through the gateway', async t => {
  const target = await startTarget(t, 'a', ({ url, headers }, _request, response) => {
    response.writeHead(302, { location: `http://${headers.host}/v1/next?from=${url}`, 'set-cookie': ['a=1; Path=/v1', 'b=2'] }).end()
  })
  const asItIs = await infront(t, [target.url], { headers: { location: false } }, { rewritePrefix: '/v1' })
  const { app, url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], headers: { cookiePath: true } }, base: { targets: [`${target.url}/v1`] } },
    routes: { '/api': { upstream: 'shop', rewritePrefix: '/v1' }, '/base': 'base' }
  }, { after: app => { app.get('/own', (_request, reply) => reply.balance('shop', { path: '/v1/x' })) } })
  const redirected = async (url: string): Promise<Response> => await fetch(url, { redirect: 'manual' })
  const response = await redirected(`${url}/api/x`)
  t.equal(response.headers.get('location'), '/api/next?from=/v1/x')
  t.strictSame(response.headers.getSetCookie(), ['a=1; Path=/api', 'b=2'])
  t.equal((await redirected(`${url}/base/x`)).headers.get('location'), '/next?from=/v1/base/x')
  t.equal((await redirected(`${url}/own`)).headers.get('location'), '/v1/next?from=/v1/x', 'a path of the handler’s own is known to nobody else: what is left is not to show the address')
  t.match((await redirected(`${asItIs}/x`)).headers.get('location'), /^http:\/\/127\.0\.0\.1:\d+\/v1\/next/, 'unless that is switched off')
  await app.close()
})

t.test('the absolute form is for this server, or a bad request', async t => {
  const target = await startTarget(t, 'a')
  const client = rawClient(t, await infront(t, [target.url]))
  for (const [form, host] of [['http://shop.example/x?y=1', 'shop.example'], ['HTTP://Shop.Example', 'shop.example'], ['https://shop.example:8443?z', 'shop.example:8443']]) {
    client.send(`GET ${form} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    t.match(await client.expect(/\r\n\r\na$/), /^HTTP\/1\.1 200 OK/)
  }
  t.strictSame(target.seen.map(({ url }) => url), ['/x?y=1', '/', '/?z'])
  for (const form of ['http://other.example/x', 'ftp://shop.example/x', 'http://shop.example@other.example/']) {
    client.send(`GET ${form} HTTP/1.1\r\nHost: shop.example\r\n\r\n`)
    t.match(await client.expect(/FST_LB_BAD_REQUEST|FST_ERR/), /^HTTP\/1\.1 400 /, form)
  }
  t.equal(target.seen.length, 3)
})
