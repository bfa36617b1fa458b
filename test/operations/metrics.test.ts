/** Metrics as a Prometheus sees them: scraped as text, with the client libraries there are. */
import t from 'tap'
import prometheusIo from '@prometheus-io/client'
import promClient from 'prom-client'
import type { MetricsClient } from '../../lib/index.js'
import { MeetingPlace } from '../helpers/meeting-place.js'
import { refusedUrl, startGateway, startTarget, type Ending } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

/** Series of a scrape: `name{label="value",…}` → value. Anything that is no line of the text format throws. */
function parsed (text: string): Map<string, number> {
  const series = new Map<string, number>()
  const typed = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line)
    if (comment !== null) {
      if (comment[1] === 'TYPE') typed.set(comment[2]!, comment[3]!)
      continue
    }
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line)
    if (sample === null || Number.isNaN(Number(sample[3]))) throw new Error(`no sample: ${line}`)
    const family = sample[1]!.replace(/_(?:bucket|sum|count)$/, '')
    if (!typed.has(sample[1]!) && typed.get(family) !== 'histogram') throw new Error(`no type: ${line}`)
    series.set(sample[1]! + (sample[2] ?? ''), Number(sample[3]))
  }
  return series
}

async function scenario (t: Ending, client: unknown): Promise<Awaited<ReturnType<typeof startGateway>>> {
  const slow = await startTarget(t, 'slow', ({ url }, _request, response) => {
    response.statusCode = url === '/missing' ? 404 : url === '/busy' ? 503 : 200
    response.end('ok')
  })
  return await startGateway(t, {
    metrics: { client: client as MetricsClient },
    upstreams: {
      shop: {
        policy: 'first',
        targets: [{ id: 'dead', url: await refusedUrl() }, { id: 'good', url: slow.url }],
        affinity: { cookie: { secret: 'sixteen or more characters' } },
        health: { passive: { consecutiveFailures: 3 } },
        timeouts: { connect: 30_000 },
        retry: { backoff: { base: 1, max: 1 } }
      }
    },
    routes: { '/': 'shop' }
  })
}

for (const [name, client] of Object.entries({ 'prom-client': promClient, '@prometheus-io/client': prometheusIo })) {
  t.test(`what was done can be scraped, with ${name} and a registry of it`, async t => {
    const registry = new client.Registry()
    const { url, app } = await scenario(t, registry)
    for (const path of ['/', '/', '/missing', '/busy']) await (await fetch(url + path)).text()
    const cookie = (await fetch(url)).headers.get('set-cookie')!.split(';', 1)[0]!
    await (await fetch(url, { headers: { cookie } })).text()
    const series = parsed(await registry.metrics())
    const of = (name: string): number | undefined => series.get(name)
    t.equal(of('fastify_lb_requests_total{upstream="shop",result="2xx"}'), 4)
    t.equal(of('fastify_lb_requests_total{upstream="shop",result="4xx"}'), 1)
    t.equal(of('fastify_lb_requests_total{upstream="shop",result="5xx"}'), 1)
    t.equal(of('fastify_lb_attempts_total{upstream="shop",target="dead",outcome="connect-failure"}'), 4, 'three, and one when all else was tried')
    t.equal(of('fastify_lb_ejections_total{upstream="shop",target="dead"}'), 1)
    t.equal(of('fastify_lb_target_ejected{upstream="shop",target="dead"}'), 1)
    t.equal(of('fastify_lb_target_available{upstream="shop",target="dead"}'), 0)
    t.equal(of('fastify_lb_target_available{upstream="shop",target="good"}'), 1)
    t.equal(of('fastify_lb_connections{upstream="shop",target="good"}'), 1)
    t.equal(of('fastify_lb_affinity_total{upstream="shop",result="hit"}'), 1)
    t.ok(of('fastify_lb_retries_total{upstream="shop"}')! >= 4)
    t.equal(of('fastify_lb_request_duration_seconds_count{upstream="shop"}'), 6)
    t.equal(of('fastify_lb_request_duration_seconds_bucket{upstream="shop",le="+Inf"}'), 6)
    t.ok(of('fastify_lb_time_to_first_byte_seconds_bucket{upstream="shop",target="good",le="60"}')! >= 6)
    const buckets = [...series].filter(([name]) => name.startsWith('fastify_lb_request_duration_seconds_bucket')).map(([, value]) => value)
    t.strictSame(buckets, [...buckets].sort((a, b) => a - b), 'classes add up')

    await app.upstreams.get('shop')!.remove('dead')
    t.notMatch(await registry.metrics(), /target="dead"/, 'what is gone leaves nothing behind')
    await app.close()
    t.notMatch(await registry.metrics(), /fastify_lb/, 'and so does a server that is closed')
  })
}

t.test('the library itself will do; a client that leaves is no error of anybody', async t => {
  const { url } = await scenario(t, promClient)
  const controller = new AbortController()
  const late = await startTarget(t, 'late', () => {})
  const { url: lateUrl, app } = await startGateway(t, { metrics: false, upstreams: { late: { targets: [late.url] } }, routes: { '/': 'late' } })
  const left = fetch(lateUrl, { signal: controller.signal }).catch(() => {})
  await until(() => late.seen.length === 1, 'it is there')
  controller.abort()
  await left
  await until(() => app.upstreams.get('late')!.counters.results.aborted === 1, 'counted as such')
  await (await fetch(url)).text()
  t.match(await promClient.register.metrics(), /fastify_lb_requests_total\{upstream="shop",result="2xx"\} 1/)
})

t.test('names of targets are quoted, whatever they are', async t => {
  const registry = new promClient.Registry()
  const { app } = await scenario(t, registry)
  app.upstreams.get('shop')!.add({ id: 'a"} 1\nevil{x="', url: 'http://127.0.0.1:1' })
  const series = parsed(await registry.metrics())
  t.equal([...series.keys()].filter(name => name.includes('evil')).every(name => name.includes('target="a\\"} 1\\nevil{x=\\""')), true)
})

t.test('what is no client is refused', async t => {
  await t.rejects(startGateway(t, { metrics: { client: {} as MetricsClient } }), { code: 'FST_LB_INVALID_OPTIONS', message: /^metrics\.client: expected prom-client/ } as never)
  await t.rejects(startGateway(t, { metrics: true as never }), { code: 'FST_LB_INVALID_OPTIONS' } as never)
})

t.test('whether the store is there is shown, too', async t => {
  const registry = new promClient.Registry()
  const { app } = await startGateway(t, { metrics: { client: registry }, shared: { store: new MeetingPlace().store() }, upstreams: { shop: {} } })
  await until(() => app.upstreams.shared!.up === true, 'the store')
  t.match(await registry.metrics(), /fastify_lb_shared_up 1/)
})

t.test('no budget, no refusals; to reset the registry changes nothing of ours', async t => {
  const registry = new promClient.Registry()
  await startGateway(t, { metrics: { client: registry }, upstreams: { free: { retry: { budget: false } } } })
  registry.resetMetrics()
  t.match(await registry.metrics(), /fastify_lb_retries_refused_total\{upstream="free"\} 0/)
})
