/** A path that servers understand in different ways never leads past a hook, out of a prefix, or to another host. */
import t, { type Test } from 'tap'
import { connect as connectHttp2 } from 'node:http2'
import type { FastifyReply } from 'fastify'
import type { LoadBalancerOptions, PathMode } from '../../lib/index.js'
import { startGateway, startTarget, type TestTarget } from '../helpers/servers.js'
import { rawClient } from '../helpers/raw-client.js'
import { WireClient } from './wire/client.js'

const echo = (t: Test): Promise<TestTarget> => startTarget(t, 'a', (seen, _request, response) => response.end(seen.url))

const forbid = (_request: unknown, reply: FastifyReply): void => { reply.code(403).send('forbidden') }

/** `/admin` is guarded beside an open `/`. */
async function guarded (t: Test, paths?: PathMode, more: LoadBalancerOptions['routes'] = {}): Promise<{ url: string, target: TestTarget }> {
  const target = await echo(t)
  const { url } = await startGateway(t, {
    ...(paths !== undefined && { paths }),
    upstreams: { a: { targets: [target.url] } },
    routes: { '/': 'a', '/admin': { upstream: 'a', onRequest: forbid as never }, '/shop': 'a', ...more }
  })
  return { url, target }
}

async function ask (url: string, path: string, fields = ''): Promise<{ status: number, body: string }> {
  const client = await WireClient.open(url)
  client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}Connection: close\r\n\r\n`)
  const { status, body } = (await client.next())!
  client.leave()
  return { status, body: body.toString() }
}

/** Paths that servers read as `/admin` or something below it, and that the router does not. */
const BYPASSES = [
  '/x/../admin/users', '/x/%2e%2e/admin/users', '/x/%2E./admin', '/./admin/users', '/%2e/admin', '/x\\..\\admin/users', '/x/..%2fadmin', '/x/..%5cadmin', '/x%2f..%2fadmin',
  '//admin', '//admin/users', '///admin', '/%2fadmin', '/%2Fadmin/users', '/%5cadmin', '/\\admin', '/;/admin', '/;x=y/admin/users', '/%3b/admin', '/.;/admin', '/x/..;/admin', '/x/..%3Ba=b/admin',
  '/admin;x=y', '/admin;/users', '/admin;x=y/users', '/admin%2fusers', '/admin%3bx', '/admin%00', '/x/y/../../admin', '/shop/../admin', '/shop/;/../admin', '/shop/%3b/../admin', '/shop/x/;/../../admin', '/shop//../admin',
  '//x/../admin', 'http://x/y/../admin', 'http://x//admin'
]

t.test('a guarded route beside an open one is not bypassed', async t => {
  const { url, target } = await guarded(t)
  t.equal((await ask(url, '/admin/users')).status, 403)
  t.equal((await ask(url, '/%61dmin/users')).status, 403, 'the router decodes letters')
  for (const path of BYPASSES) t.match((await ask(url, path)).status, /^40[03]$/, path)
  t.strictSame(target.seen.map(({ url }) => url), [])
})

t.test('nor over HTTP/2, with a handshake, or by inject()', async t => {
  const target = await echo(t)
  const options = { upstreams: { a: { targets: [target.url] } }, routes: { '/': 'a', '/admin': { upstream: 'a', onRequest: forbid as never } } }
  const { app, url } = await startGateway(t, options, { server: { http2: true } as never })
  const session = connectHttp2(url)
  t.teardown(() => { session.destroy() })
  const plain = await startGateway(t, options)
  for (const path of ['/x/../admin', '//admin', '/;/admin', '/%2fadmin']) {
    const stream = session.request({ ':path': path })
    const status = await new Promise<unknown>(resolve => { stream.once('response', headers => { resolve(headers[':status']) }) })
    stream.resume()
    t.equal(status, 400, path)
    t.equal((await app.inject(path)).statusCode, path.includes('..') ? 403 : 400, 'inject() resolves dot segments itself')
    const client = rawClient(t, plain.url)
    client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    t.match(await client.expect(/\r\n\r\n/), /^HTTP\/1\.1 400/, path)
  }
  t.equal(target.seen.length, 0)
})

t.test('what only looks odd arrives byte for byte', async t => {
  const { url } = await guarded(t)
  for (const path of [
    '/x/...', '/x/..a', '/x/a..b', '/x/a.', '/.well-known/acme', '/x/.hidden', '/x?y=/../admin&z=//\\;', '/x?%2e%2e/%5c', '/shop/a%2Fb', '/shop//a', '/shop/https://example.com/x', '/x/https%3A%2F%2Fexample.com',
    '/shop/a;v=1/b;v=2', '/shop/a%3Bb', '/x/%252e%252e/admin', '/Admin', '/shop/', '/shop/%2e%2e%2e', '//x', '/x//', '/shop/a%20b%22'
  ]) t.strictSame(await ask(url, path), { status: 200, body: path }, path)
})

t.test('a path is refused that another value of a parameter would be read from', async t => {
  const target = await echo(t)
  const { url } = await startGateway(t, { upstreams: { a: { targets: [target.url] } }, routes: { '/:tenant/api': 'a' } })
  t.equal((await ask(url, '/one/api/x%2Fy')).status, 200)
  t.equal((await ask(url, '/one/api//y')).status, 200)
  for (const path of ['/one;two/api/x', '/one/api;x/y', '//one/api/x', '/one%2ftwo/api/x', '/.%2ftwo/api/x']) t.match((await ask(url, path)).status, /^40[04]$/, path)
})

t.test('routes with constraints are told apart by what the request says', async t => {
  const target = await echo(t)
  const { url } = await startGateway(t, { upstreams: { a: { targets: [target.url] } }, routes: { '/shop': { upstream: 'a', constraints: { host: 'x' } } } })
  t.equal((await ask(url, '/shop//a')).status, 200)
  t.equal((await ask(url, '/shop/;/../a')).status, 400)
  t.equal((await ask(url, '/other//a')).status, 404)
})

t.test('normalize: the router sees the path that targets see', async t => {
  const { url, target } = await guarded(t, 'normalize')
  for (const path of ['/x/../admin/users', '/x/%2e%2e/admin/users', '/./admin/users', '/x\\..\\admin/users', '//admin', '/shop/../admin', '/shop//../admin/', '/admin/.']) t.equal((await ask(url, path)).status, 403, path)
  for (const path of ['/;/admin', '/%2fadmin', '/x/..;/admin', '/x%5c..%5cadmin', '/../admin', '/x/../../admin', 'http://x/y/../admin', '/admin%00']) t.equal((await ask(url, path)).status, 400, path)
  t.equal(target.seen.length, 0)
  for (const [path, arrives] of [
    ['/x/./y', '/x/y'], ['/x//y', '/x/y'], ['/shop/a/../b/', '/shop/b/'], ['/shop/a/..', '/shop/'], ['/shop/a/%2E', '/shop/a/'], ['/x/..', '/'], ['/shop/a?b=/../c//d', '/shop/a?b=/../c//d'], ['/shop/a%2Fb', '/shop/a%2Fb'], ['/shop/.a', '/shop/.a'], ['/shop\\a', '/shop/a']
  ] as const) t.strictSame(await ask(url, path), { status: 200, body: arrives }, path)
})

t.test('normalize: hooks run once, and see both paths; handshakes are normalised, too; inject() is not served by the server, so it is refused', async t => {
  const target = await echo(t)
  const seen: string[] = []
  const { app, url } = await startGateway(t, { paths: 'normalize', upstreams: { a: { targets: [target.url] } }, routes: { '/': 'a', '/admin': { upstream: 'a', onRequest: forbid as never } } }, {
    before: app => { app.addHook('onRequest', async request => { seen.push(`${request.url} ${request.originalUrl}`) }) }
  })
  t.equal((await ask(url, '/x/../y?z')).body, '/y?z')
  const upgrade = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const client = rawClient(t, url)
  client.send(`GET /x/../admin HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${upgrade}\r\n`)
  t.match(await client.expect(/\r\n\r\n/), /^HTTP\/1\.1 403/)
  t.strictSame(seen, ['/y?z /x/../y?z', '/admin /x/../admin'])
  t.equal((await app.inject('/x//admin')).statusCode, 200)
  t.equal((await app.inject('//admin')).statusCode, 400)
})

t.test('raw: everything is passed on, but for what leaves its prefix', async t => {
  const { url } = await guarded(t, 'raw')
  for (const path of ['/x/../admin/users', '//admin', '/;/admin', '/%2fadmin', '/shop/a/../b', '/shop\\x', '/shop/;/x']) t.strictSame(await ask(url, path), { status: 200, body: path }, path)
  for (const path of ['/shop/../admin', '/shop/;/../admin', '/shop/%3b/../admin', '/shop/x/;/../../admin', '/shop//;;/../admin', '/shop/..;/admin']) t.equal((await ask(url, path)).status, 400, path)
})

t.test('the mode belongs to the scope of the upstreams', async t => {
  const target = await echo(t)
  await t.rejects(startGateway(t, { upstreams: { a: { targets: [target.url] } } }, {
    after: async app => { await app.register((await import('../../lib/index.js')).default, { paths: 'raw' }) }
  }), { code: 'FST_LB_INVALID_OPTIONS', message: 'paths: expected nothing, since the upstreams of this scope are there already, with the paths that they take' })
})

t.test('reply.balance() in a route of the user’s own obeys the same rules, also with a path that the handler has made', async t => {
  const target = await echo(t)
  for (const paths of ['strict', 'normalize', 'raw'] as const) {
    const errors: unknown[] = []
    const { url } = await startGateway(t, { paths, upstreams: { a: { targets: [`${target.url}/base`] } } }, {
      before: app => { app.setErrorHandler((error: Error & { cause?: Error }, _request, reply) => { errors.push(error.cause?.message); void reply.send(error) }) },
      after: app => {
        app.get('/mine/*', (_request, reply) => reply.balance('a'))
        app.get('/own/*', (request, reply) => reply.balance('a', { path: `/${(request.params as { '*': string })['*']}` }))
        app.get('/mine/admin', async () => 'admin')
      }
    })
    t.equal((await ask(url, '/mine/x')).body, '/base/mine/x')
    t.equal((await ask(url, '/own/x%3Fy')).body, '/base/x?y')
    for (const path of ['/own/%2e%2e/secret', '/own/..%2fsecret', '/own/x/%2e%2e/%2e%2e/secret', '/own/x%23y', '/own/x%20y', '/own/%0d%0ax', '/own/%e6%97%a5', '/own/x%7fy']) {
      // Normalised, some are no longer paths of that route.
      if (paths === 'normalize' && /^\/own\/(?:x\/)?%2e/.test(path)) t.match((await ask(url, path)).status, /^40[04]$/, path)
      else t.equal((await ask(url, path)).status, 400, `${paths} ${path}`)
    }
    t.equal((await ask(url, '/own/x/%252e%252e/y')).status, paths === 'raw' ? 200 : 400, 'decoded by the handler’s router, it is a dot segment within the base path')
    t.equal((await ask(url, '/mine/;/admin')).status, paths === 'raw' ? 200 : 400)
    t.ok(errors.some(message => /^balance\.path: expected '\/' and then characters of a URL, without '#', got "\/x#y"$/.test(String(message))))
  }
  t.notOk(target.seen.some(({ url }) => url.includes('secret')))
})

t.test('a redirect to a path of two slashes stays on this host', async t => {
  let location = ''
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.writeHead(302, { location, 'content-location': location, refresh: `0; url=${location}` }).end() })
  const { url } = await startGateway(t, { upstreams: { a: { targets: [target.url] }, base: { targets: [`${target.url}/base`] } }, routes: { '/': 'a', '/api': { upstream: 'a', rewritePrefix: '/v1' }, '/b': { upstream: 'base', rewritePrefix: '' } } })
  for (const [path, from] of [
    ['/', '//evil.example/'], ['/', '/\\evil.example'], ['/', '/\\\\evil.example'], ['/', '///evil.example'], ['/', '/\t/evil.example'], ['/b/x', '/base//evil.example'], ['/b/x', '/base/\\evil.example']
  ] as const) {
    location = target.url + from
    const answer = await fetch(url + path, { redirect: 'manual' })
    for (const name of ['location', 'content-location']) {
      t.equal(new URL(answer.headers.get(name)!, `${url}/`).host, new URL(url).host, `${name} ${JSON.stringify(from)}`)
    }
    t.equal(new URL(answer.headers.get('refresh')!.slice(7), `${url}/`).host, new URL(url).host)
  }
  // Without an origin of the target's, it is what the target says itself.
  location = `${target.url}/x//y`
  t.equal((await fetch(url, { redirect: 'manual' })).headers.get('location'), '/x//y')
})

t.test('hash: the absolute form of a request is for the same resource as its origin form', async t => {
  const targets = await Promise.all(['a', 'b', 'c', 'd'].map(name => startTarget(t, name)))
  for (const key of ['path', 'url'] as const) {
    const { url } = await startGateway(t, { upstreams: { a: { targets: targets.map(({ url }) => url), policy: { name: 'hash', key } } }, routes: { '/': 'a' } })
    for (let i = 0; i < 20; i++) {
      const { body } = await ask(url, `/${i}?q`)
      t.equal((await ask(url, `http://x/${i}?q`)).body, body)
    }
  }
})
