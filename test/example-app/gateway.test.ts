/** The pieces that serve, in this process. */
import t from 'tap'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { checkConfig, type GatewayConfig } from '../../example-app/config.js'
import { buildGateway } from '../../example-app/gateway.js'
import { createLog } from '../../example-app/log.js'
import { secretless, withSecret } from '../../example-app/secrets.js'
import { serve } from '../../example-app/serve.js'
import { startTarget } from '../helpers/servers.js'

function configOf (value: object, env: Record<string, string> = {}): GatewayConfig {
  return checkConfig({ listen: { port: 0 }, logLevel: 'silent', ...value }, env, 'test')
}

t.test('a gateway is built from its configuration', async t => {
  const target = await startTarget(t, 'a')
  const app = await buildGateway(configOf({ upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } }))
  t.teardown(() => app.close())
  t.equal((await app.inject('/shop/x')).body, 'a')
  t.equal((await app.inject('/elsewhere')).statusCode, 404)
})

t.test('LB_SECRET is the secret of cookies that have none', async t => {
  const target = await startTarget(t, 'a')
  const upstreams = { shop: { targets: [{ id: 'a', url: target.url }], affinity: { cookie: {} } } }
  const cookies = await Promise.all(['a secret of some length', 'a secret of some length', 'another secret of that length'].map(async LB_SECRET => {
    const app = await buildGateway(configOf({ upstreams, routes: { '/': 'shop' } }, { LB_SECRET }))
    t.teardown(() => app.close())
    return (await app.inject('/')).headers['set-cookie']
  }))
  t.match(cookies[0], /^lb_shop=/)
  t.equal(cookies[1], cookies[0])
  t.not(cookies[2], cookies[0])
})

t.test('a secret goes where one is missing and nowhere else', async t => {
  const options = {
    drainMs: 1,
    upstreams: {
      bare: { affinity: { cookie: { maxAge: 60 }, onUnavailable: 'fail' as const } },
      own: { affinity: { cookie: { secret: 'a secret of its own' } } },
      off: { affinity: false as const },
      none: {},
      session: { affinity: { session: { cookie: 'sid' } } }
    }
  }
  t.same(secretless(options), ['bare'])
  t.same(secretless({}), [])
  t.same(withSecret(options, 'the common secret'), {
    drainMs: 1,
    upstreams: { ...options.upstreams, bare: { affinity: { cookie: { maxAge: 60, secret: 'the common secret' }, onUnavailable: 'fail' } } }
  })
  t.same(withSecret({}, 'the common secret'), { upstreams: {} })
})

t.test('it listens and stops, and idle connections do not hold it', async t => {
  const target = await startTarget(t, 'a')
  const { address, stop } = await serve(configOf({ upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }))
  t.equal(await (await fetch(address)).text(), 'a')
  await stop()
  await t.rejects(fetch(address))
})

t.test('an address that cannot be listened on', async t => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => { squatter.close() })
  const { port } = squatter.address() as AddressInfo
  await t.rejects(serve(configOf({ listen: { port } })), { message: `cannot listen on 127.0.0.1:${port}: port ${port} is taken; PORT=${port + 1} would take another` })
  await t.rejects(serve(configOf({ listen: { host: '192.0.2.1', port: 0 } })), { message: /^cannot listen on 192\.0\.2\.1:0: listen EADDRNOTAVAIL/ })
})

t.test('a request is one line of the log', async t => {
  const target = await startTarget(t, 'a')
  const app = await buildGateway(configOf({ upstreams: { shop: { targets: [{ id: 'a', url: target.url }] } }, routes: { '/shop': 'shop' } }))
  t.teardown(() => app.close())
  const lines: unknown[] = []
  app.addHook('onRequest', async request => { request.log.info = (line: unknown, words?: unknown) => { lines.push([line, words]) } })
  app.post('/cut', (_request, reply) => { reply.raw.destroy(new Error('cut off')) })
  await app.inject('/shop/x')
  await app.inject('/elsewhere')
  await t.rejects(app.inject({ method: 'POST', url: '/cut' }))
  t.match(lines, [
    [{ method: 'GET', url: '/shop/x', status: 200, ms: Number, upstream: 'shop', target: 'a', attempts: 1, error: undefined }, 'request'],
    [{ method: 'GET', url: '/elsewhere', status: 404, upstream: undefined, target: undefined, attempts: undefined }, 'request'],
    [{ method: 'POST', url: '/cut', error: 'cut off' }, 'request']
  ])
  t.equal(lines.length, 3)
})

t.test('a log without a server', async t => {
  t.equal(createLog('warn').level, 'warn')
})
