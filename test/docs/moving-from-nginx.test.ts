/** docs/moving-from-nginx.md as it is written. */
import t from 'tap'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startTarget } from '../helpers/targets.js'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/moving-from-nginx.md')

t.test('the configuration, moved', async t => {
  const { get, url, targets, upstream } = await guide.play(t, 'const app = Fastify()', {
    targets: { '*': ({ url, headers }, _request, response) => { response.end(JSON.stringify([url, headers.host])) } }
  })
  t.match(JSON.parse(await get('/shop/cart')), ['/shop/cart', /^127\.0\.0\.1:\d+$/])
  t.strictSame(JSON.parse(await get('/api/orders')), ['/v1/orders', new URL(url).host])
  t.equal((await fetch(`${url}/shopping`)).status, 404)
  for (const name of ['10.0.0.1', '10.0.0.2']) await targets.get(name)!.kill()
  t.match(JSON.parse(await get('/shop')), ['/shop'], 'the backup serves')
  t.equal(targets.get('10.0.0.9')!.seen.length, 1)
  t.strictSame(upstream('shop').snapshot().targets.map(({ weight, tier }) => [weight, tier]), [[2, 0], [1, 0], [1, 1]])
})

t.test('every value in the table is one that is accepted', async t => {
  const { pluginOptions } = await import('../../lib/plugin/options.js')
  const faults: string[] = []
  pluginOptions(() => false)({
    upstreams: {
      a: {
        targets: [{ url: 'http://a', weight: 2, tier: 1, limits: { maxRequests: 100 } }, 'unix:/run/shop.sock'],
        policy: { name: 'hash', method: 'ketama', key: 'path' },
        spill: 'hard',
        slowStart: { window: 30_000 },
        affinity: { cookie: {} },
        health: { active: { path: '/health', interval: 5_000, fall: 3, rise: 2, expect: { status: 200, body: /ok/ } }, passive: { consecutiveFailures: 3, ejectionTime: 30_000 } },
        retry: { attempts: 2, statuses: [503], nonIdempotent: true },
        timeouts: { total: 5_000 },
        limits: { queue: { size: 100, timeout: 5_000 } },
        headers: { location: false, cookiePath: true }
      },
      b: { policy: { name: 'hash', key: { query: 'user' } }, affinity: { session: { cookie: 'sid' } }, panic: 'fail-closed', discovery: { dns: 'shop.internal', type: 'SRV' } }
    },
    routes: { '/a': { upstream: 'a', split: { v1: 90, v2: 10 }, bodyLimit: 1_048_576 } }
  }, '', faults)
  t.strictSame(faults, [])
})

t.test('several sites', async t => {
  const { app } = await guide.play(t, 'upstreams: { blog')
  const { port } = app.server.address() as AddressInfo
  const ask = async (host: string): Promise<string> => {
    const [answer] = await once(request({ port, host: '127.0.0.1', headers: { host }, agent: false }).end(), 'response') as [IncomingMessage]
    const text = String(Buffer.concat(await answer.toArray() as Buffer[]))
    return answer.statusCode === 404 ? '404' : text
  }
  t.strictSame(
    await Promise.all(['shop.example', 'shop.example:8080', 'blog.example', 'www.blog.example:8080', 'else.example'].map(ask)),
    ['10.0.0.1', '404', '10.0.0.2', '10.0.0.2', '404']
  )
})

t.test('sticky route: the application says which of its servers a client belongs to', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [{ url: a.url, tags: { route: 'a' } }, { url: b.url, tags: { route: 'b' } }] } }
  }, {
    after: app => {
      app.get('/shop', { config: { upstream: 'shop' } }, (request, reply) => {
        const [, route] = /(?:^|; )route=(\w+)/.exec(request.headers.cookie ?? '') ?? []
        return reply.balance('shop', route === undefined ? {} : { tags: { route }, fallback: 'any' })
      })
    }
  })
  const ask = async (cookie: string): Promise<string> => await (await fetch(`${url}/shop`, { headers: { cookie } })).text()
  for (const route of ['a', 'b', 'b', 'a']) t.equal(await ask(`x=1; route=${route}`), route)
  await b.kill()
  t.equal(await ask('route=b'), 'a')
})

guide.complete(t)
