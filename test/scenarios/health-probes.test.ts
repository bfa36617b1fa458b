/** What a user sees of active health checks. */
import t from 'tap'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import Fastify from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { UpstreamOptions } from '../../lib/index.js'
import { FakeClock } from '../helpers/clock.js'
import { startGateway, startTarget, type Ending, type TestTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const routes = { '/': 'shop' }

/** A target with a health page that says what `healthy` says; everything else is answered with its name. */
async function startChecked (t: Ending, name: string): Promise<TestTarget & { healthy: boolean, probes: number }> {
  const target: TestTarget & { healthy: boolean, probes: number } = Object.assign(await startTarget(t, name, ({ url }, _request, response) => {
    if (url === '/health') {
      target.probes++
      response.statusCode = target.healthy ? 200 : 500
    }
    response.end(name)
  }), { healthy: true, probes: 0 })
  return target
}

function checked (clock: FakeClock, targets: UpstreamOptions['targets'], active: object = {}): UpstreamOptions {
  return {
    targets: targets!,
    policy: 'round-robin',
    now: clock.now,
    timers: clock,
    random: () => 0.5,
    health: { active: { path: '/health', interval: 1_000, jitter: 0, rise: 1, fall: 1, ...active } }
  }
}

async function names (url: string, requests = 6): Promise<string[]> {
  const answers = []
  for (let i = 0; i < requests; i++) answers.push(await (await fetch(url)).text())
  return [...new Set(answers)].sort()
}

t.test('a target whose health page fails gets no requests, and gets them again when it passes', async t => {
  const clock = new FakeClock()
  const [a, b] = [await startChecked(t, 'a'), await startChecked(t, 'b')]
  const { app, url } = await startGateway(t, { upstreams: { shop: checked(clock, [{ id: 'a', url: a.url }, { id: 'b', url: b.url }]) }, routes })
  const shop = app.upstreams.get('shop')!
  t.strictSame(await names(url), ['a', 'b'])
  b.healthy = false
  let changed = once(shop, 'target:unhealthy')
  clock.advance(1_000)
  t.match(await changed, [{ upstream: 'shop', target: 'b', reason: 'status 500' }])
  t.strictSame(await names(url), ['a'])
  b.healthy = true
  changed = once(shop, 'target:healthy')
  clock.advance(1_000)
  await changed
  t.strictSame(await names(url), ['a', 'b'])
})

t.test('the server listens only after each target has been probed', async t => {
  const held: ServerResponse[] = []
  const target = await startTarget(t, 'slow', (_seen, _request, response) => { held.push(response) })
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url], health: { active: {} } } }, routes })
  let listening = false
  const listen = app.listen({ port: 0 }).then(() => { listening = true })
  await until(() => held.length === 1, 'the probe')
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  t.notOk(listening)
  held[0]!.end()
  await listen
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.health, 'healthy')
})

t.test('a target that does not answer its first probe holds the server up for the timeout of one probe', async t => {
  const clock = new FakeClock()
  const target = await startTarget(t, 'dead', () => {})
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: checked(clock, [target.url], { timeout: 3_000 }) }, routes })
  const listen = app.listen({ port: 0 })
  await until(() => target.seen.length === 1, 'the probe')
  clock.advance(3_000)
  await listen
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.health, 'unhealthy')
})

t.test('an upstream that is added at run time is probed at once', async t => {
  const clock = new FakeClock()
  const a = await startChecked(t, 'a')
  const { app, url } = await startGateway(t, {}, {
    after: app => { app.get('/late', (_request, reply) => reply.balance('late', { path: '/' })) }
  })
  const late = app.upstreams.add('late', checked(clock, [a.url]))
  await once(late, 'target:healthy')
  t.strictSame(await names(`${url}/late`), ['a'])
})

t.test('when every target fails its probes they are all used: better than refusing everybody', async t => {
  const clock = new FakeClock()
  const [a, b] = [await startChecked(t, 'a'), await startChecked(t, 'b')]
  a.healthy = b.healthy = false
  const { app, url } = await startGateway(t, { upstreams: { shop: checked(clock, [a.url, b.url]) }, routes })
  t.equal(app.upstreams.get('shop')!.snapshot().panic, true)
  t.strictSame(await names(url), ['a', 'b'])
})

t.test('the log says when panic begins, and when it ends', async t => {
  for (const [panic, words] of [['fail-open', 'health is ignored'], ['fail-closed', 'requests are refused']] as const) {
    const clock = new FakeClock()
    const [a, b] = [await startChecked(t, 'a'), await startChecked(t, 'b')]
    const lines: string[] = []
    const stream = { write: (line: string) => { lines.push((JSON.parse(line) as { msg: string }).msg) } }
    const { app } = await startGateway(t, { upstreams: { shop: { ...checked(clock, [a.url, b.url]), panic } }, routes }, { server: { logger: { level: 'warn', stream } } })
    const told = (): string[] => lines.filter(line => line.includes('panic'))
    const shop = app.upstreams.get('shop')!
    for (const healthy of [false, true, false]) {
      a.healthy = b.healthy = healthy
      const probed = a.probes + b.probes
      clock.advance(1_000)
      await until(() => a.probes + b.probes === probed + 2 && shop.snapshot().targets.every(({ health }) => health === (healthy ? 'healthy' : 'unhealthy')), 'both were probed')
    }
    const begins = `panic: too few targets are eligible, ${words}`
    t.strictSame(told(), [begins, 'the panic is over', begins])
  }
})

t.test('all targets are exchanged at once: the new ones serve before their first probe, since nobody else does; fail-closed refuses until then', async t => {
  const clock = new FakeClock()
  for (const [panic, status] of [['fail-open', 200], ['fail-closed', 503]] as const) {
    const [a, b] = [await startChecked(t, 'a'), await startTarget(t, 'b', ({ url }, _request, response) => { if (url !== '/health') response.end('b') })]
    const { app, url } = await startGateway(t, { upstreams: { shop: { ...checked(clock, [{ id: 'a', url: a.url }]), panic, retry: false } }, routes })
    t.strictSame(await names(url), ['a'])
    app.upstreams.get('shop')!.replace([{ id: 'b', url: b.url }])
    t.equal((await fetch(url)).status, status)
  }
})

t.test('after app.close() and after the removal of an upstream nobody is probed any more', async t => {
  const clock = new FakeClock()
  const [a, b] = [await startChecked(t, 'a'), await startChecked(t, 'b')]
  const { app } = await startGateway(t, { upstreams: { shop: checked(clock, [a.url]), other: checked(clock, [b.url]) } })
  t.equal(clock.pending, 2)
  await app.upstreams.remove('other')
  t.equal(clock.pending, 1)
  await app.close()
  t.equal(clock.pending, 0)
  clock.advance(60_000)
  t.strictSame([a.probes, b.probes], [1, 1])
  await until(() => a.sockets.size + b.sockets.size === 0, 'the end of all connections')
})

t.test('however long a probe may take, the server starts before Fastify would give up the plugin', async t => {
  const target = await startTarget(t, 'dead', () => {})
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], health: { active: { timeout: 60_000 } } } } }, {
    server: { pluginTimeout: 500 }
  })
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.health, 'pending')
})

t.test('without such a limit it waits for as long as the probe may take', async t => {
  const clock = new FakeClock()
  const target = await startTarget(t, 'dead', () => {})
  const starting = startGateway(t, { upstreams: { shop: checked(clock, [target.url], { timeout: 60_000 }) } }, { server: { pluginTimeout: 0 } })
  await until(() => target.seen.length === 1, 'the probe')
  clock.advance(60_000)
  const { app } = await starting
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.health, 'unhealthy')
})

t.test('a target that is down when its maintenance ends gets no request', async t => {
  const targets = await Promise.all(['a', 'b'].map(name => startTarget(t, name)))
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { targets: targets.map(({ name, url }) => ({ id: name, url })), policy: 'round-robin', retry: false, health: { active: { interval: 60_000 }, passive: false } } },
    routes: { '/': 'shop' }
  })
  const shop = app.upstreams.get('shop')!
  shop.update('a', { state: 'maintenance' })
  await targets[0]!.kill()
  shop.update('a', { state: 'ready' })
  const answers: string[] = []
  for (let i = 0; i < 10; i++) answers.push(await (await fetch(url)).text())
  t.strictSame(answers, Array.from({ length: 10 }, () => 'b'))
  await until(() => shop.snapshot().targets[0]!.health === 'unhealthy', 'its probe has failed')
})
