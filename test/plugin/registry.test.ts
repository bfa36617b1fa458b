/** `fastify.upstreams`: upstreams that come and go at run time. */
import t from 'tap'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer, { cluster } from '../../lib/index.js'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { FakeClock } from '../helpers/clock.js'
import { refusedUrl, startTarget, type Ending } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

async function start (t: Ending, options: LoadBalancerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(loadBalancer, options)
  return app
}

const faultOf = (lines: string[]): { code: string, message: string } => ({ code: 'FST_LB_INVALID_OPTIONS', message: lines.join('\n') })

t.test('upstreams are found by name, and iterated in their order', async t => {
  const { upstreams } = await start(t, { upstreams: { shop: {}, api: {} } })
  t.equal(upstreams.get('shop')!.name, 'shop')
  t.equal(upstreams.get('other'), undefined)
  t.strictSame([upstreams.has('api'), upstreams.has('other')], [true, false])
  t.strictSame([...upstreams].map(({ name }) => name), ['shop', 'api'])
  const late = upstreams.add('late', { targets: ['http://a.internal'] })
  t.equal(upstreams.get('late'), late)
  t.strictSame([...late.targets.keys()], ['http://a.internal'])
  await upstreams.remove('shop')
  t.strictSame([...upstreams].map(({ name }) => name), ['api', 'late'])
  t.notOk(upstreams.has('shop'))
})

t.test('an application that has something else by that name is told so', async t => {
  const app = Fastify()
  app.decorate('upstreams', new Map() as never)
  await t.rejects(async () => await app.register(loadBalancer), { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
})

t.test('upstreams may come and go while they are iterated', async t => {
  const { upstreams } = await start(t, { upstreams: { shop: {}, api: {} } })
  const seen = []
  for (const { name } of upstreams) {
    seen.push(name)
    upstreams.add(`${name}-2`, {})
    void upstreams.remove(name)
  }
  t.strictSame(seen, ['shop', 'api'])
})

t.test('an upstream that is added serves at once, in routes that were there before it', async t => {
  const target = await startTarget(t, 'a')
  const app = await start(t)
  app.get('/', (_request, reply) => reply.balance('late'))
  t.match((await app.inject('/')).json(), { statusCode: 500, code: 'FST_LB_UNKNOWN_UPSTREAM' })
  app.upstreams.add('late', { targets: [target.url] })
  t.equal((await app.inject('/')).body, 'a')
  await app.upstreams.remove('late')
  t.equal((await app.inject('/')).statusCode, 500)
})

t.test('an upstream that is added has faults of its own, all in one error, and nothing is added', async t => {
  const { upstreams } = await start(t, { upstreams: { shop: { affinity: { cookie: { secret: 'sixteen letters.' } } } } })
  t.throws(() => upstreams.add('api', { targets: ['ftp://a'], spill: 'soft' } as never), {
    code: 'FST_LB_INVALID_OPTIONS', message: /^api\.targets\[0\]: expected a url: .*\napi\.spill: expected 'gradual' or 'hard', got "soft" \(string\)$/
  })
  t.throws(() => upstreams.add('api', undefined as never), faultOf(['api: expected an object, got nothing']))
  t.throws(() => upstreams.add('a b', {}), faultOf(["[\"a b\"]: expected a name of letters, digits, '_', '.' and '-'"]))
  t.throws(() => upstreams.add('shop', {}), faultOf(['shop: an upstream of this name is there already']))
  t.throws(() => upstreams.add('api', { affinity: { cookie: { name: 'lb_shop', secret: 'sixteen letters.' } } }), faultOf([
    'api.affinity.cookie.name: expected a name of its own, got "lb_shop", which "shop" has'
  ]))
  t.strictSame([...upstreams].map(({ name }) => name), ['shop'])
})

t.test('a target that is not there is told with those that are', async t => {
  const { upstreams } = await start(t, { upstreams: { none: {}, shop: { targets: [{ id: 'a', url: 'http://a' }] } } })
  t.throws(() => { upstreams.get('none')!.update('b', { weight: 1 }) }, faultOf(['none: no target "b"; there are none']))
  t.throws(() => { upstreams.get('shop')!.update('b', { weight: 1 }) }, faultOf(['shop: no target "b"; there are a']))
})

t.test('what is there already shares, and ends, by what it was begun with', async t => {
  const app = await start(t, { upstreams: { shop: {} } })
  await t.rejects(async () => await app.register(async scope => { await scope.register(loadBalancer, { shared: cluster(), drainMs: 100 }) }), faultOf([
    'shared: expected nothing, since the upstreams of this scope are there already, with what they share',
    'drainMs: expected nothing, since the upstreams of this scope are there already, with the time that they have'
  ]))
})

t.test('a cookie has one owner, also where upstreams are added to those that are there', async t => {
  const cookie = { affinity: { cookie: { name: 'mine', secret: 'sixteen letters.' } } }
  const app = await start(t, { upstreams: { shop: cookie } })
  await t.rejects(async () => await app.register(async scope => { await scope.register(loadBalancer, { upstreams: { api: cookie } }) }), faultOf([
    'upstreams.api.affinity.cookie.name: expected a name of its own, got "mine", which "shop" has'
  ]))
})

t.test('the admin API may come later, to upstreams that are there', async t => {
  const app = await start(t, { upstreams: { shop: {} } })
  await app.register(async scope => { await scope.register(loadBalancer, { admin: { authorize: () => true } }) })
  t.match((await app.inject('/lb/upstreams')).json(), { upstreams: [{ name: 'shop' }] })
})

t.test('the name of a cookie is free again when its upstream is gone', async t => {
  const { upstreams } = await start(t, { upstreams: { old: {}, shop: { affinity: { cookie: { name: 'lb', secret: 'sixteen letters.' } } } } })
  await upstreams.remove('shop')
  upstreams.add('api', { affinity: { cookie: { name: 'lb', secret: 'sixteen letters.' } } })
  t.strictSame([...upstreams.cookieNames.keys()], ['lb'])
})

t.test('targets see the cookie of an upstream that is gone: it is nobody\'s secret any more', async t => {
  const target = await startTarget(t, 'a')
  const app = await start(t, { upstreams: { shop: { affinity: { cookie: { secret: 'sixteen letters.' } } }, api: { targets: [target.url] } }, routes: { '/': 'api' } })
  const headers = { cookie: 'lb_shop=x; a=1' }
  await app.inject({ url: '/', headers })
  await app.upstreams.remove('shop')
  await app.inject({ url: '/', headers })
  t.strictSame(target.seen.map(({ headers }) => headers.cookie), ['a=1', 'lb_shop=x; a=1'])
})

t.test('what cannot be removed is told', async t => {
  const { upstreams } = await start(t, { upstreams: { shop: {}, api: {} } })
  await t.rejects(upstreams.remove('other'), faultOf(['no upstream "other"; there are shop, api']))
  await t.rejects(upstreams.remove('shop', { drainMs: -1 }), faultOf(['drainMs: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got -1']))
  t.ok(upstreams.has('shop'))
  await Promise.all([upstreams.remove('shop'), upstreams.remove('api')])
  await t.rejects(upstreams.remove('shop'), faultOf(['no upstream "shop"; there are none']))
})

t.test('an upstream that is removed lets what is in flight end, for drainMs', async t => {
  const held: ServerResponse[] = []
  const target = await startTarget(t, 'a', (_seen, _request, response) => { held.push(response) })
  const clock = new FakeClock()
  const app = await start(t, { upstreams: { shop: { targets: [target.url], retry: false, now: clock.now, timers: clock } } })
  app.get('/', (_request, reply) => reply.balance('shop'))
  const ending = Promise.resolve(app.inject('/'))
  await until(() => held.length === 1, 'the request')
  const removed = app.upstreams.remove('shop')
  held[0]!.end('done')
  t.equal((await ending).body, 'done')
  await removed
  t.equal(clock.pending, 0)

  app.upstreams.add('shop', { targets: [target.url], retry: false, now: clock.now, timers: clock })
  const cut = Promise.resolve(app.inject('/'))
  await until(() => held.length === 2, 'the request')
  const gone = app.upstreams.remove('shop', { drainMs: 500 })
  clock.advance(500)
  t.equal((await cut).statusCode, 502)
  await gone
})

t.test('close does not wait for an upstream that was being removed longer than for the others', async t => {
  const held: ServerResponse[] = []
  const target = await startTarget(t, 'a', (_seen, _request, response) => { held.push(response) })
  const clock = new FakeClock()
  const app = await start(t, { drainMs: 100, upstreams: { shop: { targets: [target.url], retry: false, now: clock.now, timers: clock } } })
  const shop = app.upstreams.get('shop')!
  const cut = t.rejects(shop.dispatcher.request({ origin: 'http://shop', method: 'GET', path: '/' }), { code: 'FST_LB_BAD_GATEWAY' })
  await until(() => held.length === 1, 'the request')
  const removed = app.upstreams.remove('shop', { drainMs: 60_000 })
  const { pending } = clock
  const closed = app.close()
  await until(() => clock.pending > pending, 'its time to run')
  clock.advance(100)
  await Promise.all([closed, removed, cut])
  t.equal(clock.pending, 0)
})

t.test('upstreams that are added at run time are probed, and probed no more when they are gone', async t => {
  const clock = new FakeClock()
  const app = await start(t)
  await app.ready()
  const late = app.upstreams.add('late', { targets: [await refusedUrl()], now: clock.now, timers: clock, health: { active: {} } })
  await once(late, 'target:unhealthy')
  await until(() => clock.pending === 1, 'the pause before the next')
  await app.upstreams.remove('late')
  t.equal(clock.pending, 0)
})
