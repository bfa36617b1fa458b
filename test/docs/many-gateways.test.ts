/** docs/many-gateways.md as it is written, with a real Redis and processes of their own. */
import t from 'tap'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startTarget } from '../helpers/targets.js'
import { until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'
import { startWorkers } from './harness/workers.js'

const guide = new Guide('docs/many-gateways.md')
process.env.LB_SECRET = 'sixteen or more characters'

t.test('by Redis: what is drained on one gateway is drained on the other', { skip: noRedis }, async t => {
  const { port } = await startRedis(t)
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const places = { 'redis://10.0.0.9:6379': `redis://127.0.0.1:${port}`, 'http://10.0.0.1:3000': targets[0]!.url, 'http://10.0.0.2:3000': targets[1]!.url }
  const gateway = async (): Promise<Awaited<ReturnType<Guide['play']>>> => {
    const played = await guide.play(t, "import { Redis } from 'ioredis'", { places, exports: ['client'], after: async app => { await guide.play(t, "app.get('/ready'", { given: { app }, listens: false }) } })
    t.teardown(() => { played.module.client.disconnect() })
    return played
  }
  const one = await gateway()
  const other = await gateway()
  one.upstream().update(targets[0]!.url, { state: 'drain' })
  await until(() => other.upstream().targets.get(targets[0]!.url)!.state === 'drain', 'the other has heard')
  t.equal(await other.get(), 'b')
  t.match(JSON.parse(await one.get('/ready')), { shared: { up: true, errors: 0, told: Number } })
  const shown = JSON.parse(guide.code('"sessions"')) as object
  t.strictSame(Object.keys(JSON.parse(await one.get('/ready')).shared).sort(), Object.keys(shown).sort())
})

t.test('by Redis: one prober for each target', { skip: noRedis }, async t => {
  const { client } = await startRedis(t)
  const { redis } = await import('fastify-load-balancer' as string) as { redis: unknown }
  const { get } = await guide.play(t, "probes: 'one' }", { given: { client, redis } })
  t.equal(await get(), '10.0.0.1')
})

t.test('workers: one secret although none was given', async t => {
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { urls } = await startWorkers(t, guide.file(t, '// workers.js', { 'http://10.0.0.1:3000': targets[0]!.url, 'http://10.0.0.2:3000': targets[1]!.url, 'i < 4': 'i < 2' }), 2)
  const [url] = urls.values()
  const first = await fetch(url!, { headers: { connection: 'close' } })
  const cookie = first.headers.get('set-cookie')!.split(';', 1)[0]!
  for (let i = 0; i < 6; i++) t.equal((await fetch(url!, { headers: { cookie, connection: 'close' } })).headers.get('x-target'), first.headers.get('x-target'))
})

t.test('metrics of all workers', async t => {
  const target = await startTarget(t, 'a')
  const { urls } = await startWorkers(t, guide.file(t, '// metrics.js', {
    'http://10.0.0.1:3000': target.url,
    "server.listen(9100, '127.0.0.1')": "server.listen(0, '127.0.0.1', () => { console.log(JSON.stringify({ pid: 0, msg: 'listening at http://127.0.0.1:' + server.address().port })) })"
  }), 3)
  const [worker] = [...urls].filter(([pid]) => pid !== 0).map(([, url]) => url)
  for (let i = 0; i < 4; i++) await (await fetch(worker!, { headers: { connection: 'close' } })).text()
  t.match(await (await fetch(urls.get(0)!)).text(), /^fastify_lb_requests_total\{upstream="shop",result="2xx"\} 4$/m)
})

guide.complete(t)
