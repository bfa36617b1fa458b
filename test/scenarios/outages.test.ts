/** What a user sees after all targets were away at once, and of trials that take long. */
import t from 'tap'
import Fastify from 'fastify'
import loadBalancer from '../../lib/index.js'
import { FakeClock } from '../helpers/clock.js'
import { startTarget, type TestTarget } from '../helpers/servers.js'
import type { Ending } from '../helpers/servers.js'
import type { Upstream, UpstreamOptions } from '../../lib/index.js'
import { until } from '../helpers/wait.js'

/** A gateway in front of these, with a clock that stands still unless time is waited for. */
async function startGateway (t: Ending, targets: readonly TestTarget[], options: Partial<UpstreamOptions> = {}): Promise<{ url: string, clock: FakeClock, shop: Upstream }> {
  const clock = new FakeClock()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(loadBalancer, {
    drainMs: 0,
    upstreams: {
      shop: {
        targets: targets.map(({ name, url }) => ({ id: name, url })),
        policy: 'round-robin',
        retry: false,
        now: clock.now,
        timers: clock,
        ...options
      }
    },
    routes: { '/': 'shop' }
  })
  return { url: await app.listen({ port: 0 }), clock, shop: app.upstreams.get('shop')! }
}

/** Who answers so many requests, one after the other; statuses of those that no target answers. */
async function tallyOf (url: string, times: number): Promise<Record<string, number>> {
  const tally: Record<string, number> = {}
  for (let i = 0; i < times; i++) {
    const response = await fetch(url)
    await response.arrayBuffer()
    const who = response.headers.get('x-target') ?? String(response.status)
    tally[who] = (tally[who] ?? 0) + 1
  }
  return tally
}

t.test('after 65 s in which all five targets answered 503, each serves its share within 2 s', async t => {
  let down = false
  const targets = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(name => startTarget(t, name, (_seen, _request, response) => {
    response.statusCode = down ? 503 : 200
    response.end()
  })))
  const { url, clock, shop } = await startGateway(t, targets, { health: { passive: { maxEjected: 1 } } })
  await tallyOf(url, 10)
  down = true
  for (let s = 0; s < 65; s++) {
    await tallyOf(url, 3)
    clock.advance(1_000)
  }
  t.ok(shop.snapshot().targets.filter(({ ejectedUntil }) => ejectedUntil !== null).length >= 3, 'most are ejected')
  down = false
  await tallyOf(url, 1)
  clock.advance(1_000)
  await tallyOf(url, 10)
  clock.advance(1_000)
  t.same(await tallyOf(url, 50), { a: 10, b: 10, c: 10, d: 10, e: 10 })
})

t.test('a trial request that takes long keeps a recovered target out for a second', async t => {
  let broken = true
  const finish: Array<() => void> = []
  const a = await startTarget(t, 'a', ({ url }, request, response) => {
    if (broken) request.socket.destroy()
    else if (url === '/long') finish.push(() => { response.end('late') })
    else response.end()
  })
  const b = await startTarget(t, 'b')
  const { url, clock, shop } = await startGateway(t, [a, b])
  await tallyOf(url, 10)
  t.notOk(shop.snapshot().targets[0]!.available, 'a is ejected')
  broken = false
  clock.advance(10_000)
  const long = fetch(`${url}/long`)
  const other = fetch(`${url}/long`)
  await until(() => finish.length === 1, 'the trial is under way')
  t.same(await tallyOf(url, 10), { b: 10 })
  clock.advance(1_000)
  const tally = await tallyOf(url, 10)
  t.same(tally, { a: 5, b: 5 })
  finish[0]!()
  await Promise.all([long, other].map(async answer => (await answer).text()))
})
