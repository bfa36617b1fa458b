/** What targets are told of the client, and what they are not. */
import t from 'tap'
import type { FastifyServerOptions } from 'fastify'
import type { HeaderOptions } from '../../lib/index.js'
import { startGateway, startTarget, type Seen } from '../helpers/servers.js'

type TestOf = Parameters<typeof startTarget>[0]

/** The headers that a target sees. */
async function seenBy (t: TestOf, headers: HeaderOptions, sent: Record<string, string>, server: FastifyServerOptions = {}): Promise<Seen['headers'] & { gateway: string }> {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], headers } },
    routes: { '/shop': 'shop', '/api': { upstream: 'shop', rewritePrefix: '/v1' } }
  }, { server })
  await fetch(`${url}/api/x`, { headers: sent })
  return { ...target.seen[0]!.headers, gateway: new URL(url).host }
}

const SPOOFED = {
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'spoofed.example',
  'x-forwarded-port': '666',
  'x-forwarded-prefix': '/spoofed/',
  x_forwarded_for: '6.6.6.6',
  'x-forwarded_host': 'spoofed.example',
  forwarded: 'for=6.6.6.6'
}

t.test('the client, its protocol and the host it asked for; what it says itself is replaced', async t => {
  for (const sent of [{}, SPOOFED]) {
    const { gateway, ...seen } = await seenBy(t, {}, sent)
    t.match(seen, {
      'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': gateway, 'x-forwarded-port': gateway.split(':')[1], 'x-forwarded-prefix': '/api', via: '1.1 fastify-load-balancer'
    })
    t.notMatch(JSON.stringify(seen), /6\.6\.6\.6|spoofed|666|_/)
  }
})

t.test('a peer that trustProxy trusts is believed, and appended to', async t => {
  const seen = await seenBy(t, {}, { ...SPOOFED, via: '1.1 edge' }, { trustProxy: '127.0.0.1' })
  t.match(seen, {
    'x-forwarded-for': '6.6.6.6, 127.0.0.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'spoofed.example', 'x-forwarded-port': '666', 'x-forwarded-prefix': '/spoofed/api', via: '1.1 edge, 1.1 fastify-load-balancer'
  })
  t.notOk('x_forwarded_for' in seen)
  const other = await seenBy(t, {}, { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }, { trustProxy: true })
  t.match(other, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-port': '443' })
  const plain = await seenBy(t, {}, { 'x-forwarded-host': 'shop.example' }, { trustProxy: true })
  t.equal(plain['x-forwarded-port'], '80')
})

t.test('a client cannot have a trusted proxy’s word on it forgotten by naming it in Connection', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { x: { targets: [target.url] }, f: { targets: [target.url], headers: { forwarded: 'rfc7239' } } }, routes: { '/x': 'x', '/f': 'f' } }, { server: { trustProxy: true } })
  const headers = { connection: 'x-forwarded-for, x-forwarded-port, forwarded', 'x-forwarded-for': '10.0.0.1', 'x-forwarded-port': '8443', forwarded: 'for=10.0.0.1' }
  for (const url of ['/x', '/f']) await app.inject({ url, headers })
  t.match(target.seen[0]!.headers, { 'x-forwarded-for': '10.0.0.1, 127.0.0.1', 'x-forwarded-port': '8443' })
  t.match(target.seen[1]!.headers.forwarded, /^for=10\.0\.0\.1, for=127\.0\.0\.1;/)
})

t.test('a target that reads only so many fields reads ours', async t => {
  let first: string[] = []
  const target = await startTarget(t, 'a', (_seen, { rawHeaders }, response) => {
    first = rawHeaders.filter((_, i) => i % 2 === 0).slice(0, 20)
    response.end()
  })
  target.server.maxHeadersCount = 0
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  await app.inject({ url: '/', headers: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`a${i}`, ''])) })
  for (const name of ['x-forwarded-for', 'x-forwarded-host', 'via', 'x-request-id']) t.ok(first.includes(name), name)
})

t.test('a prefix in any letters is written as a path is', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(seen.url))
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/日本': { upstream: 'shop', rewritePrefix: '/v1' } } })
  t.equal((await app.inject(encodeURI('/日本/x'))).body, '/v1/x')
  t.equal(target.seen[0]!.headers['x-forwarded-prefix'], encodeURI('/日本'))
})

t.test('as RFC 7239 has it', async t => {
  const { gateway, ...own } = await seenBy(t, { forwarded: 'rfc7239' }, SPOOFED)
  t.equal(own.forwarded, `for=127.0.0.1;host="${gateway}";proto=http`)
  t.notOk(Object.keys(own).some(name => name.startsWith('x-forwarded')))
  const trusted = await seenBy(t, { forwarded: 'rfc7239' }, { forwarded: 'for=6.6.6.6', 'x-forwarded-host': 'shop.example' }, { trustProxy: true })
  t.equal(trusted.forwarded, 'for=6.6.6.6, for=127.0.0.1;host=shop.example;proto=http')
  const odd = await seenBy(t, { forwarded: 'rfc7239' }, { 'x-forwarded-proto': 'https;for=6.6.6.6', 'x-forwarded-host': 'shop.example' }, { trustProxy: true })
  t.equal(odd.forwarded, 'for=127.0.0.1;host=shop.example;proto="https;for=6.6.6.6"')
})

t.test('over IPv6', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { x: { targets: [target.url] }, f: { targets: [target.url], headers: { forwarded: 'rfc7239' } } }, routes: { '/x': 'x', '/f': 'f' } })
  for (const remoteAddress of ['2001:db8::1', '::ffff:10.0.0.1']) for (const url of ['/x', '/f']) await app.inject({ url, remoteAddress })
  t.strictSame(target.seen.map(({ headers }) => headers['x-forwarded-for'] ?? headers.forwarded), [
    '2001:db8::1', 'for="[2001:db8::1]";host="localhost:80";proto=http', '10.0.0.1', 'for=10.0.0.1;host="localhost:80";proto=http'
  ])
})

t.test('all of it can be switched off', async t => {
  const seen = await seenBy(t, { forwarded: false, via: false, requestId: false }, { 'x-forwarded-for': '6.6.6.6', via: '1.1 edge' })
  t.equal(seen['x-forwarded-for'], '6.6.6.6')
  t.equal(seen.via, '1.1 edge')
  for (const name of ['x-forwarded-host', 'x-request-id']) t.notOk(name in seen)
  t.notOk('via' in await seenBy(t, { via: false }, {}))
})

t.test('the id of the request goes along, unless the client has sent one', async t => {
  t.match((await seenBy(t, {}, {}))['x-request-id'], /^req-/)
  t.equal((await seenBy(t, {}, { 'x-request-id': 'mine' }))['x-request-id'], 'mine')
})

t.test('hooks of the user have the last word, both ways', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.setHeader('server', 'secret 1.0')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end('a')
  })
  const { url } = await startGateway(t, {
    upstreams: {
      shop: {
        targets: [target.url],
        headers: {
          request: (request, { via, ...headers }) => ({ ...headers, 'x-user': String(request.headers['x-token']).toUpperCase(), accept: ['a', 'b'] }),
          response: (request, { server, ...headers }) => ({ ...headers, 'x-served': request.method })
        }
      },
      faulty: { targets: [target.url], headers: { response: () => { throw new Error('no') } } }
    },
    routes: { '/': 'shop', '/faulty': 'faulty' }
  })
  const answer = await fetch(url, { headers: { 'x-token': 'me' } })
  t.equal(target.seen[0]!.headers['x-user'], 'ME')
  t.notOk('via' in target.seen[0]!.headers)
  t.notOk(answer.headers.has('server'))
  t.equal(answer.headers.get('x-served'), 'GET')
  t.strictSame(answer.headers.getSetCookie(), ['a=1', 'b=2'])
  t.equal((await fetch(`${url}/faulty`)).status, 500)
  t.equal(await (await fetch(url)).text(), 'a', 'and the gateway lives')
})

t.test('a hook that returns no fields is told so, and its client is not kept waiting', async t => {
  const target = await startTarget(t, 'a')
  const lines: string[] = []
  const hooks = { forgetful: () => undefined, late: async (_request: unknown, headers: object) => headers, listing: () => ['a', 'b'] }
  for (const way of ['request', 'response']) {
    for (const [name, hook] of Object.entries(hooks)) {
      const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], headers: { [way]: hook } } }, routes: { '/': 'shop' } },
        { server: { logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } } })
      t.equal((await fetch(url, { signal: AbortSignal.timeout(5_000) })).status, 500, `${way} ${name}`)
      t.match(lines.pop(), `headers.${way}: expected a function that returns header fields, not a promise of them, and it has returned something else`)
    }
  }
})
