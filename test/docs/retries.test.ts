/** docs/retries.md as it is written. */
import t from 'tap'
import { defaultsOf } from '../../lib/options.js'
import { retryOptions } from '../../lib/engine/retry.js'
import { timeoutOptions } from '../../lib/engine/timeouts.js'
import { startTarget } from '../helpers/targets.js'
import { startGateway } from './harness/gateway.js'
import { Guide, type Handler } from './harness/guide.js'

const guide = new Guide('docs/retries.md')

const reset: Handler = (_seen, request) => { request.socket.destroy() }

t.test('a GET is sent again when its target dies, a POST is not; what is refused always is', async t => {
  const { url, targets, app, upstream } = await guide.play(t, 'attempts: 3', { targets: { '10.0.0.1': reset }, after: app => { app.get('/reports/x', { config: { upstream: 'shop' } }, (_request, reply) => reply.balance()) } })
  const received = (): number => [...targets.values()].reduce((sum, { seen }) => sum + seen.length, 0)
  for (let i = 0; i < 40; i++) t.equal((await fetch(url)).status, 200)
  t.ok(received() > 40)
  const before = received()
  const statuses = new Set<number>()
  for (let i = 0; i < 6; i++) statuses.add((await fetch(url, { method: 'POST', body: 'order' })).status)
  t.equal(received(), before + 6, 'no order came twice')
  t.ok([...statuses].every(status => [200, 502].includes(status)))
  await targets.get('10.0.0.1')!.kill()
  for (let i = 0; i < 6; i++) t.equal((await fetch(url, { method: 'POST', body: 'order' })).status, 200)
  t.ok(app.server.listening)
  t.match(upstream().settings, { retry: defaultsOf(retryOptions), timeouts: defaultsOf(timeoutOptions) }, 'they are the defaults')
})

t.test('a POST that is recognised is sent again, a report is asked for once', async t => {
  const dying = await startTarget(t, 'dying', reset)
  const good = await startTarget(t, 'good')
  const { url } = await startGateway(t, { upstreams: { shop: { policy: 'first', targets: [dying.url, good.url], health: { passive: false } } } }, {
    after: async app => { await guide.play(t, 'app.post(\'/orders\'', { given: { app }, listens: false }) }
  })
  const order = async (headers: Record<string, string>): Promise<number> => (await fetch(`${url}/orders`, { method: 'POST', body: 'order', headers })).status
  t.equal(await order({}), 502)
  t.equal(await order({ 'idempotency-key': '1' }), 200)
  t.equal((await fetch(`${url}/reports/today`)).status, 502)
})

t.test('hedging: who is slow just now is not waited for', async t => {
  const { get, app } = await guide.play(t, 'hedge:', {
    places: { 'after: 100': 'after: 10' },
    targets: { '10.0.0.1': (_seen, request, response) => { request.socket.once('close', () => response.end()) } },
    before: app => { app.addHook('onResponse', async request => { outcomes.push(...request.balancing!.attempts.map(({ outcome }) => outcome)) }) }
  })
  const outcomes: string[] = []
  for (let i = 0; i < 100 && !outcomes.includes('abandoned'); i++) t.equal(await get('/search'), '10.0.0.2')
  t.ok(outcomes.includes('abandoned'))
  t.match([...app.upstreams][0]!.snapshot().targets[0], { failures: 0 })
})

guide.complete(t)
