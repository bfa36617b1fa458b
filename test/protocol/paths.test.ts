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

t.test('a guarded route is not bypassed by what the router leaves encoded', async t => {
  const { url, target } = await guarded(t, undefined, { '/users/@me': { upstream: 'a', onRequest: forbid as never }, '/v1::batch': { upstream: 'a', onRequest: forbid as never } })
  for (const path of ['/users/%40me', '/users/%40me/keys', '/v1%3Abatch', '/v1%3abatch/x', '//users/%40me']) t.equal((await ask(url, path)).status, 400, path)
  t.equal(target.seen.length, 0)
  for (const path of ['/users/a%40example.com', '/shop/1%2B1%3D2%24', '/x/a%3Ab%2Cc%26d']) t.strictSame(await ask(url, path), { status: 200, body: path }, path)
})

t.test('nor where the router takes a semicolon for the begin of the query', async t => {
  const target = await echo(t)
  for (const server of [{ routerOptions: { useSemicolonDelimiter: true } }, { useSemicolonDelimiter: true }]) {
    const { url } = await startGateway(t, { upstreams: { a: { targets: [target.url] } }, routes: { '/': 'a', '/admin': { upstream: 'a', onRequest: forbid as never }, '/:tenant/api': 'a', '/:tenant/api/admin': { upstream: 'a', onRequest: forbid as never } } }, { server: server as never })
    target.seen.length = 0
    for (const path of ['/;/admin', '/;x/admin/users', '/one/api;/admin', '/one/api;/admin?x']) t.equal((await ask(url, path)).status, 400, path)
    t.equal((await ask(url, '/admin;x')).status, 403)
    t.equal(target.seen.length, 0)
    for (const path of ['/shop/a;v=1', '/;jsessionid=1', '/one/api/x;y?z']) t.strictSame(await ask(url, path), { status: 200, body: path }, path)
  }
})

t.test('constraints count over HTTP/2, and whatever the user’s own say', async t => {
  const target = await echo(t)
  const guard = (constraints: object) => ({ upstreams: { a: { targets: [target.url] } }, routes: { '/': 'a', '/admin': { upstream: 'a', constraints, onRequest: forbid } } }) as unknown as LoadBalancerOptions
  const second = await startGateway(t, guard({ host: 'shop.example' }), { server: { http2: true } as never })
  const session = connectHttp2(second.url)
  t.teardown(() => { session.destroy() })
  for (const [path, status] of [['/admin/users', 403], ['//admin/users', 400], ['/;/admin', 400], ['/x//y', 200]] as const) {
    const stream = session.request({ ':path': path, ':authority': 'shop.example' })
    t.equal(await new Promise<unknown>(resolve => { stream.once('response', headers => { resolve(headers[':status']) }) }), status, path)
    stream.resume()
  }
  const storage = (): object => {
    const handlers = new Map()
    return { get: (key: string) => handlers.get(key) ?? null, set: (key: string, handler: unknown) => { handlers.set(key, handler) } }
  }
  const derive = (request: { headers: Record<string, string> }): string | undefined => request.headers['x-tenant']
  const tenant = (deriveConstraint: unknown): object => ({ name: 'tenant', storage, validate () {}, deriveConstraint })
  class Tenant { name = 'tenant'; storage = storage; validate (): void {} deriveConstraint (request: never): string | undefined { return derive(request) } }
  const later = (request: { headers: Record<string, string> }, _context: unknown, done: (error: null, value: string | undefined) => void): void => { done(null, request.headers['x-tenant']) }
  const versioned = await startGateway(t, { upstreams: { a: { targets: [target.url] } }, routes: { '/': 'a', '/shop': { upstream: 'a', constraints: { version: '1.0.0' } } } })
  t.equal((await ask(versioned.url, '/x//y')).status, 200)
  t.equal((await ask(versioned.url, '/shop//y', 'accept-version: 1.x\r\n')).status, 200)
  t.equal((await ask(versioned.url, '//shop/y')).status, 200, 'without a version, there is one route for both')
  t.equal((await ask(versioned.url, '//shop/y', 'accept-version: 1.x\r\n')).status, 404)
  for (const [how, gateway, known] of [
    ['constraints', { server: { constraints: { tenant: tenant(derive) } } as never }, true],
    ['routerOptions', { server: { routerOptions: { constraints: { tenant: tenant(derive) } } } as never }, true],
    ['asynchronous', { server: { routerOptions: { constraints: { tenant: tenant(later) } } } as never }, false],
    ['of a class', { server: { routerOptions: { constraints: { tenant: new Tenant() } } } as never }, false],
    ['added', { before: (app: { addConstraintStrategy: (strategy: never) => void }) => { app.addConstraintStrategy(tenant(derive) as never) } }, false]
  ] as const) {
    const { url } = await startGateway(t, guard({ tenant: 'one' }), gateway as never)
    target.seen.length = 0
    t.equal((await ask(url, '/admin/users', 'x-tenant: one\r\n')).status, 403, how)
    for (const path of ['//admin/users', '/;/admin']) t.equal((await ask(url, path, 'x-tenant: one\r\n')).status, 400, `${how} ${path}`)
    t.equal(target.seen.length, 0)
    t.equal((await ask(url, '/.well-known/x', 'x-tenant: one\r\n')).status, 200, how)
    t.equal((await ask(url, '/x//y', 'x-tenant: one\r\n')).status, known ? 200 : 400, how)
  }
})

t.test('a not-found handler that passes on the rest obeys the same rules', async t => {
  const target = await echo(t)
  const { url } = await startGateway(t, { upstreams: { a: { targets: [target.url] } } }, {
    after: app => {
      app.get('/admin', { onRequest: forbid as never }, async () => 'admin')
      app.get('/admin/*', { onRequest: forbid as never }, async () => 'admin')
      app.setNotFoundHandler((_request, reply) => reply.balance('a'))
    }
  })
  for (const path of ['//admin', '/;/admin', '/%2fadmin', '//admin/users', '/x/../admin', '/admin;x']) t.equal((await ask(url, path)).status, 400, path)
  t.equal(target.seen.length, 0)
  for (const path of ['/.well-known/acme', '/x//y', '/a;v=1', '/a%2Fb', '/a%40b']) t.strictSame(await ask(url, path), { status: 200, body: path }, path)
})

t.test('a parameter that a schema has converted is still the same', async t => {
  const target = await echo(t)
  const { url } = await startGateway(t, { upstreams: { a: { targets: [target.url] } } }, {
    after: app => {
      app.get('/items/:id/*', { schema: { params: { type: 'object', properties: { id: { type: 'integer' } } } } }, (_request, reply) => reply.balance('a'))
    }
  })
  for (const path of ['/items/1/x;v=1', '/items/1//x', '/items/1/.x']) t.strictSame(await ask(url, path), { status: 200, body: path }, path)
  t.equal((await ask(url, '/items/1;x/y')).status, 400)
})

t.test('control characters and overlong encodings in a path are refused, also over HTTP/2', async t => {
  const target = await echo(t)
  const options = { upstreams: { a: { targets: [target.url] } }, routes: { '/': 'a', '/admin': { upstream: 'a', onRequest: forbid as never } } }
  const { url } = await startGateway(t, options)
  const second = await startGateway(t, options, { server: { http2: true } as never })
  const session = connectHttp2(second.url)
  t.teardown(() => { session.destroy() })
  for (const path of ['/x/.\t./admin', '/\t/admin', '/x/.\f./admin', '/admin\x01', '/admin\x7f', '/%c0%afadmin', '/x/%c0%ae%c0%ae/admin', '/x y/../admin', '/x/.\u00a0./admin']) {
    for (const fields of ['', 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n']) t.equal((await ask(url, path, fields)).status, 400, JSON.stringify(path))
    const status = await new Promise<unknown>(resolve => {
      const stream = session.request({ ':path': path })
      stream.once('response', headers => { resolve(headers[':status']) }).once('error', ({ code }: NodeJS.ErrnoException) => { resolve(code) }).resume()
    })
    t.match(String(status), /^(?:400|ERR_HTTP2_STREAM_ERROR)$/, `${JSON.stringify(path)} over HTTP/2`)
  }
  t.strictSame(target.seen.map(({ url }) => url), [])
})

t.test('the path of a cookie is mapped without a dot segment, which no request would match', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.writeHead(200, { 'set-cookie': 'a=b; Path=/base//x' }).end() })
  const { url } = await startGateway(t, { upstreams: { a: { targets: [`${target.url}/base`], headers: { cookiePath: true } } }, routes: { '/': { upstream: 'a', rewritePrefix: '' } } })
  t.equal((await fetch(url)).headers.get('set-cookie'), 'a=b; Path=//x')
})

t.test('options that are none are refused as such before the path is looked at', async t => {
  const target = await echo(t)
  const { app } = await startGateway(t, { upstreams: { a: { targets: [target.url] } } }, {
    after: app => { app.get('/', (_request, reply) => reply.balance('a', null as never)) }
  })
  t.match((await app.inject('/')).json(), { statusCode: 500, code: 'FST_LB_INVALID_OPTIONS' })
})
