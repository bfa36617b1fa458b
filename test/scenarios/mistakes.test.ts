/** Mistakes of the first hour: the server says what is wrong when it starts, or does what was meant. */
import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer, { type LoadBalancerOptions } from '../../lib/index.js'
import { refusedUrl, startGateway, startTarget } from '../helpers/servers.js'

type Test = Parameters<typeof startTarget>[0]

const options: LoadBalancerOptions = { upstreams: { shop: { targets: ['http://127.0.0.1:1'] } } }
const route = { config: { upstream: 'shop' } }

/** How a server starts that is put together like this: nothing, or what it says. */
async function start (t: Test, build: (app: FastifyInstance) => unknown): Promise<string> {
  const app = Fastify({ exposeHeadRoutes: true })
  t.teardown(() => app.close())
  try {
    await build(app)
    await app.ready()
    return ''
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`
  }
}

t.test('a route that is declared before the plugin is loaded is refused at start', async t => {
  const before = await start(t, async app => {
    app.post('/x', route, (_request, reply) => reply.balance())
    app.get('/y/:id', route, (_request, reply) => reply.balance())
    app.get('/z', async () => 'not balanced')
    await app.register(loadBalancer, options)
    app.get('/late', route, (_request, reply) => reply.balance())
  })
  const why = 'config.upstream: the route was declared before the plugin was loaded; declare it after "await app.register(loadBalancer, …)", or in a plugin that is registered after it'
  t.strictSame(before.split('\n').sort(), [`FST_LB_INVALID_OPTIONS: GET /y/:id: ${why}`, `POST /x: ${why}`].sort())

  const notAwaited = await start(t, app => {
    void app.register(loadBalancer, options)
    app.route({ method: ['GET', 'POST'], url: '/x', ...route, handler: (_request, reply) => reply.balance() })
  })
  t.equal(notAwaited, `FST_LB_INVALID_OPTIONS: GET,POST /x: ${why}`)
})

t.test('a route outside of the scope that the plugin is registered in is refused at start', async t => {
  const said = await start(t, async app => {
    await app.register(async scope => { await scope.register(loadBalancer, options) })
    app.get('/x', route, (_request, reply) => reply.balance())
    app.get('/y', { config: { upstream: 'of another plugin' } }, async () => 'y')
  })
  t.equal(said, 'FST_LB_INVALID_OPTIONS: GET /x: config.upstream: the plugin is registered in another scope; register it on the instance that has the route, or wrap the plugin that registers it in fastify-plugin')
})

t.test('routes of every other kind start: in scopes below, in sibling scopes, with constraints, and declared in a plugin that is not awaited', async t => {
  t.equal(await start(t, async app => {
    void app.register(loadBalancer, { ...options, routes: { '/shop': 'shop' } })
    void app.register(async scope => {
      scope.get('/x', route, (_request, reply) => reply.balance())
      scope.get('/x', { ...route, constraints: { host: 'a.example' } }, (_request, reply) => reply.balance())
    }, { prefix: '/below' })
  }), '')
  t.equal(await start(t, async app => {
    for (const prefix of ['/a', '/b']) {
      await app.register(async scope => {
        await scope.register(loadBalancer, options)
        scope.get('/x', route, (_request, reply) => reply.balance())
      }, { prefix })
    }
  }), '')
})

t.test('an async handler without a return is answered by the target, not with an empty 200', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] }, dead: { targets: [await refusedUrl()] }, empty: { targets: [target.url] } } }, {
    after: app => {
      app.get('/own', async (_request, reply) => { reply.balance('shop') })
      app.post('/route', route, async (_request, reply) => {
        await new Promise(resolve => setImmediate(resolve))
        reply.balance()
      })
      app.get('/dead', async (_request, reply) => { reply.balance('dead') })
      app.get('/again', { errorHandler: async (_error, _request, reply) => { reply.balance('shop') } }, async (_request, reply) => { reply.balance('dead') })
      app.get('/instead', async (_request, reply) => { await reply.send() })
    }
  })
  for (const path of ['/own', '/again']) {
    const response = await fetch(url + path)
    t.same([response.status, await response.text()], [200, 'a'], path)
  }
  t.same(await (await fetch(`${url}/route`, { method: 'POST', body: 'hello' })).text(), 'a')
  t.equal(target.seen.at(-1)!.body.toString(), 'hello')
  t.equal((await fetch(`${url}/dead`)).status, 502)
  t.equal((await fetch(`${url}/own`, { method: 'HEAD' })).status, 200)
  t.equal(await (await fetch(`${url}/instead`)).text(), '', 'an empty response of the user')
})

t.test('a response without a body is passed on although the handler has no return', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.writeHead(204).end() })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => { app.get('/x', async (_request, reply) => { reply.balance('shop') }) }
  })
  t.equal((await fetch(`${url}/x`)).status, 204)
})

t.test('durations that look like seconds are warned about, with the option, and those in text are not', async t => {
  const lines: Array<{ option?: string, value?: number, msg: string }> = []
  const app = Fastify({ logger: { level: 'warn', stream: { write (line: string) { lines.push(JSON.parse(line)) } } } })
  t.teardown(() => app.close())
  await app.register(loadBalancer, {
    upstreams: { shop: { timeouts: { headers: 60, connect: '2s' }, health: { active: { interval: 5, timeout: '5ms' } } } },
    drainMs: 30
  })
  app.upstreams.add('more', { slowStart: { window: 30 }, pool: { keepAliveTimeout: '4ms' } })
  t.strictSame(lines.map(({ option, value }) => [option, value]), [
    ['upstreams.shop.timeouts.headers', 60],
    ['upstreams.shop.health.active.interval', 5],
    ['drainMs', 30],
    ['more.slowStart.window', 30]
  ])
  t.equal(lines[0]!.msg, "numbers are milliseconds: write '60s' if you mean seconds, or '60ms' if this is right")
  const { timeouts, pool } = app.upstreams.get('shop')!.settings
  t.same([timeouts.connect, pool.keepAliveTimeout, app.upstreams.get('more')!.settings.pool.keepAliveTimeout], [2_000, 4_000, 4])
})

t.test('a call of reply.balance() and the methods of upstreams take durations in text', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { setTimeout(() => response.end('late'), 300) })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => { app.get('/x', (_request, reply) => reply.balance('shop', { timeouts: { headers: '10ms' }, retry: false })) }
  })
  t.equal((await fetch(`${url}/x`)).status, 504)
  await app.upstreams.get('shop')!.remove([...app.upstreams.get('shop')!.targets.keys()][0]!, { drainMs: '1ms' })
})

/** Lines of the log at `warn` and above, of a gateway that is ready. */
async function warnings (t: Test, options: LoadBalancerOptions): Promise<Array<Record<string, unknown>>> {
  const lines: Array<Record<string, unknown>> = []
  const app = Fastify({ logger: { level: 'warn', stream: { write (line: string) { lines.push(JSON.parse(line)) } } } })
  t.teardown(() => app.close())
  await app.register(loadBalancer, options)
  await app.ready()
  return lines.map(({ upstream, tag, value, msg }) => ({ upstream, tag, value, msg }))
}

t.test('a split to a tag that no target has, and an upstream without targets, are warned about once', async t => {
  const said = await warnings(t, {
    upstreams: {
      shop: { targets: [{ url: 'http://127.0.0.1:1', tags: { version: 'v1' } }] },
      empty: {},
      found: { discovery: async function * () { yield [] } }
    },
    routes: {
      '/shop': { upstream: 'shop', split: { v1: 90, v2: 10, v3: 0 } },
      '/asked': { upstream: 'shop', split: { shares: () => ({ v4: 1 }) } },
      '/found': { upstream: 'found', split: { v1: 1 } },
      '/empty': 'empty'
    }
  })
  t.same(said, [
    { upstream: 'empty', msg: 'the upstream has no targets and no discovery' },
    { upstream: 'shop', tag: 'version', value: 'v2', msg: 'split names a tag that no target has' }
  ])
})

t.test('a policy that throws answers 500 with a code and without its message, which is in the log', async t => {
  const lines: Array<{ code?: string, err?: { stack: string } }> = []
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: ['http://127.0.0.1:1', 'http://127.0.0.1:2'], policy: () => ({ pick () { throw new Error('secret of mine') } }) } },
    routes: { '/': 'shop' }
  }, { server: { logger: { level: 'warn', stream: { write (line: string) { lines.push(JSON.parse(line)) } } } } })
  const response = await fetch(url)
  t.equal(response.status, 500)
  t.same(await response.json(), { statusCode: 500, code: 'FST_LB_POLICY', error: 'Internal Server Error', message: 'The policy failed' })
  t.match(lines.find(({ code }) => code === 'FST_LB_POLICY')!.err!.stack, /secret of mine/)
})

t.test('during an outage a request is one line of the plugin, and so is one that another target served', async t => {
  const lines: Array<{ msg: string, attempts?: unknown[], outcome?: string }> = []
  const logger = { level: 'warn', stream: { write (line: string) { lines.push(JSON.parse(line)) } } }
  const bad = await startTarget(t, 'bad', (_seen, _request, response) => { response.writeHead(503).end() })
  const good = await startTarget(t, 'good')
  const dead = await Promise.all([refusedUrl(), refusedUrl(), refusedUrl()])
  const { url } = await startGateway(t, {
    upstreams: {
      out: { targets: dead, health: { passive: false } },
      mended: { targets: [{ url: bad.url }, { url: good.url, tier: 1 }], spill: 'hard', health: { passive: false } }
    },
    routes: { '/out': 'out', '/mended': 'mended' }
  }, { server: { logger }, before: app => { app.setErrorHandler((error: Error & { statusCode: number }, _request, reply) => { void reply.code(error.statusCode).send('sorry') }) } })
  t.equal((await fetch(`${url}/out`)).status, 502)
  t.same(lines.splice(0).map(({ msg, attempts }) => [msg, attempts!.length >= 3]), [['the request could not be served', true]])
  t.equal(await (await fetch(`${url}/mended`)).text(), 'good')
  t.match(lines.splice(0), [{ msg: 'an attempt has failed', outcome: 'bad-status', attempt: 1, attempts: [{ status: 503 }, { status: 200 }] }])
  t.equal((await fetch(`${url}/mended`, { method: 'POST' })).status, 503)
  t.match(lines, { length: 1, 0: { msg: 'an attempt has failed', outcome: 'bad-status' } })
})

t.test('true is short for the defaults of affinity, its cookie, probes, passive health, retries, budget and queue', async t => {
  const target = await startTarget(t, 'a')
  const { app, url } = await startGateway(t, {
    upstreams: {
      short: { targets: [target.url], affinity: true, health: { active: true, passive: true }, retry: true, slowStart: true, limits: { queue: true } },
      long: { targets: [target.url], affinity: { cookie: true }, retry: { budget: true } }
    },
    routes: { '/short': 'short', '/long': 'long' },
    admin: true
  })
  for (const name of ['short', 'long']) t.match((await fetch(`${url}/${name}`)).headers.get('set-cookie'), new RegExp(`^lb_${name}=`))
  t.equal(app.upstreams.get('short')!.snapshot().targets[0]!.health, 'healthy', 'it was probed')
  t.equal((await fetch(`${url}/lb/upstreams`)).status, 200, 'this machine may look')
  t.equal((await fetch(`${url}/lb/upstreams`, { headers: { 'x-forwarded-for': '10.0.0.1' } })).status, 403, 'no other may')
})

t.test('routes in an array: one prefix serves two hosts', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { app } = await startGateway(t, {
    upstreams: { a: { targets: [a.url] }, b: { targets: [b.url] } },
    routes: [
      { prefix: '/shop', upstream: 'a', constraints: { host: 'a.example' } },
      { prefix: '/shop', upstream: 'b', constraints: { host: 'b.example' }, rewritePrefix: '/' }
    ]
  })
  for (const [host, body] of [['a.example', 'a'], ['b.example', 'b']]) {
    t.equal((await app.inject({ url: '/shop/x', headers: { host } })).body, body)
  }
  t.equal(b.seen[0]!.url, '/x')
  const said = await start(t, async app => { await app.register(loadBalancer, { upstreams: {}, routes: ['/shop', { upstream: 'a' }, { prefix: '/x', upstream: 'none' }] as never }) })
  t.strictSame(said.split('\n'), [
    'FST_LB_INVALID_OPTIONS: routes[0]: expected an object with prefix and upstream, got "/shop" (string)',
    "routes[1].prefix: expected a prefix, as '/shop', got nothing",
    'routes[2]: no upstream "none"; there are none'
  ])
})
