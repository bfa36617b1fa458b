/** The plugin beside others, in whatever order, and beside itself. */
import t from 'tap'
import fastifyCookie from '@fastify/cookie'
import fastifyHttpProxy from '@fastify/http-proxy'
import fastifyReplyFrom from '@fastify/reply-from'
import fastifyWebsocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import { WebSocket } from 'ws'
import loadBalancer from '../../lib/index.js'
import { startGateway, startTarget } from '../helpers/servers.js'

t.test("a user's own reply-from, http-proxy, cookie and websocket work, registered before or after", async t => {
  const ours = await startTarget(t, 'ours')
  const theirs = await startTarget(t, 'theirs')
  const register = async (app: FastifyInstance): Promise<void> => {
    await app.register(fastifyReplyFrom, { base: theirs.url })
    await app.register(fastifyHttpProxy, { upstream: theirs.url, prefix: '/proxy' })
    await app.register(fastifyCookie, { secret: 'a secret of theirs' })
    await app.register(fastifyWebsocket)
  }
  const use = (app: FastifyInstance): void => {
    app.get('/from', (_request, reply) => reply.from('/x'))
    app.get('/cookie', (request, reply) => reply.setCookie('mine', 'yes').send(request.cookies))
    app.get('/socket', { websocket: true }, socket => { socket.send('hello') })
  }
  for (const order of ['before', 'after']) {
    const { url } = await startGateway(t, {
      upstreams: { shop: { targets: [ours.url], affinity: { cookie: { secret: 'sixteen or more characters' } } } },
      routes: { '/shop': 'shop' }
    }, {
      before: async app => { if (order === 'before') await register(app) },
      after: async app => {
        if (order === 'after') await register(app)
        use(app)
      }
    })
    const text = async (path: string): Promise<string> => await (await fetch(url + path)).text()
    t.equal(await text('/shop'), 'ours', order)
    t.equal(await text('/from'), 'theirs')
    t.equal(await text('/proxy/x'), 'theirs')
    const cookie = await fetch(`${url}/cookie`, { headers: { cookie: 'a=b' } })
    t.strictSame(await cookie.json(), { a: 'b' })
    t.match(cookie.headers.get('set-cookie'), /^mine=yes/)
    t.match((await fetch(`${url}/shop`)).headers.get('set-cookie'), /^lb_shop=/)
    const socket = new WebSocket(url.replace('http', 'ws') + '/socket')
    t.equal(await new Promise(resolve => socket.once('message', data => { resolve(String(data)) })), 'hello')
    socket.close()
  }
})

t.test('a hook of the user sets cookies beside ours', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.setHeader('set-cookie', ['one=1', 'two=2'])
    response.end('a')
  })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], affinity: { cookie: { secret: 'sixteen or more characters' } } } },
    routes: { '/': 'shop' }
  }, {
    before: async app => {
      await app.register(fastifyCookie)
      app.addHook('onSend', async (_request, reply) => { reply.setCookie('mine', 'yes') })
    }
  })
  const cookies = (await fetch(url)).headers.getSetCookie().map(cookie => cookie.split('=')[0])
  t.strictSame(cookies.sort(), ['lb_shop', 'mine', 'one', 'two'])
})

t.test('its own reply.from is not to be seen', async t => {
  const app = Fastify()
  await app.register(loadBalancer, {})
  t.notOk(app.hasReplyDecorator('from'))
  t.notOk(app.hasDecorator('parseCookie'))
  await app.close()
})

t.test('a registration in a scope that has upstreams adds to them; siblings have their own', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [a.url] } } })
  await app.register(async scope => {
    await scope.register(loadBalancer, { upstreams: { inner: { targets: [b.url] } }, routes: { '/inner': 'inner', '/outer': 'shop' } })
  }, { prefix: '/v1' })
  t.strictSame([...app.upstreams].map(({ name }) => name), ['shop', 'inner'])
  const text = async (url: string): Promise<string> => (await app.inject(url)).body
  t.equal(await text('/v1/inner'), 'b')
  t.equal(await text('/v1/outer/x'), 'a')
  t.equal(b.seen[0]!.url, '/v1/inner')

  const parent = Fastify()
  t.teardown(() => parent.close())
  const registries: unknown[] = []
  for (const [prefix, target] of [['/a', a], ['/b', b]] as const) {
    await parent.register(async scope => {
      await scope.register(loadBalancer, { upstreams: { same: { targets: [target.url] } } })
      registries.push(scope.upstreams)
      scope.get('/', { config: { upstream: 'same' } }, (_request, reply) => reply.balance())
    }, { prefix })
  }
  t.notOk(parent.hasDecorator('upstreams'))
  t.not(registries[0], registries[1])
  t.equal((await parent.inject('/a')).body, 'a')
  t.equal((await parent.inject('/b')).body, 'b')
})

t.test('a name that is there already is refused, and nothing of that registration stays', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: {} } })
  app.register(async scope => { await scope.register(loadBalancer, { upstreams: { shop: {}, other: {} } }) })
  await t.rejects(async () => await app.ready(), {
    code: 'FST_LB_INVALID_OPTIONS',
    message: /upstreams\.shop: an upstream of this name is there already/
  })
  t.strictSame([...app.upstreams].map(({ name }) => name), ['shop'])
})

t.test('routes that name an unknown upstream stop the start, all of them named', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: {} } })
  app.get('/a', { config: { upstream: 'shpo' } }, (_request, reply) => reply.balance())
  app.post('/b', { config: { upstream: 'hsop' } }, (_request, reply) => reply.balance())
  app.get('/c', { config: { upstream: 'shop' } }, (_request, reply) => reply.balance())
  await t.rejects(async () => await app.ready(), { code: 'FST_LB_INVALID_OPTIONS', message: /GET \/a: config\.upstream: no upstream "shpo"\n(.*\n)*POST \/b: config\.upstream: no upstream "hsop"/ })
})

t.test('route options go through: methods, constraints, hooks', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url] } },
    routes: {
      '/read': { upstream: 'shop', method: ['GET'] },
      '/guarded/': { upstream: 'shop', onRequest: async (request, reply) => { if (request.headers.authorization === undefined) await reply.code(401).send('no') } },
      '/api': { upstream: 'shop', rewritePrefix: '/v1/' },
      '/bare': { upstream: 'shop', rewritePrefix: '' }
    }
  })
  t.equal((await fetch(`${url}/read/x`)).status, 200)
  t.equal((await fetch(`${url}/read/x`, { method: 'POST' })).status, 404)
  t.equal((await fetch(`${url}/guarded/x`)).status, 401)
  t.equal((await fetch(`${url}/guarded`, { headers: { authorization: 'me' } })).status, 200)
  target.seen.length = 0
  for (const path of ['/api', '/api/', '/api/a%2Fb//c?d=/../e', '/api?x', '/%61pi/z', '/bare', '/bare/x']) await fetch(url + path)
  t.strictSame(target.seen.map(({ url }) => url), ['/v1', '/v1/', '/v1/a%2Fb//c?d=/../e', '/v1?x', '/v1/z', '/', '/x'])
})

t.test('where an upstream takes no upgrades, they are the affair of @fastify/websocket, which ends them', async t => {
  const target = await startTarget(t, 'ours')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], upgrades: [] } }, routes: { '/shop': 'shop' } }, {
    before: async app => { await app.register(fastifyWebsocket) }
  })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/shop`)
  const ended = await new Promise(resolve => { socket.on('close', resolve) })
  t.equal(ended, 1005, 'without a code')
  t.strictSame(target.seen, [])
})
