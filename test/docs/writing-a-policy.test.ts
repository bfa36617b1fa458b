/** docs/writing-a-policy.md as it is written. */
import t from 'tap'
import type { PolicyFactory } from '../../lib/index.js'
import { startTarget } from '../helpers/targets.js'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/writing-a-policy.md')

t.test('the nearest, as long as it is not too busy', async t => {
  const { module } = await guide.play(t, 'PolicyFactory {', { listens: false })
  const { get, app } = await guide.play(t, "policy: nearest('b')", { given: { nearest: module.nearest } })
  for (let i = 0; i < 5; i++) t.equal(await get(), '10.0.0.2')
  const { module: tried } = await guide.play(t, 'const counts = {}', { given: { app }, listens: false, exports: ['counts'] })
  t.strictSame(Object.values(tried.counts), [1_000])
})

t.test('one that learns from answers', async t => {
  const { module } = await guide.play(t, 'leastLoaded', { listens: false })
  const busy = await startTarget(t, 'busy', (_seen, _request, response) => { response.setHeader('x-load', 9).end('busy') })
  const idle = await startTarget(t, 'idle', (_seen, _request, response) => { response.setHeader('x-load', 0.5).end('idle') })
  const failing = await startTarget(t, 'failing', (_seen, _request, response) => { response.writeHead(503).end() })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [busy.url, failing.url, idle.url], policy: module.leastLoaded as PolicyFactory, health: { passive: false } } },
    routes: { '/': 'shop' }
  })
  let last = ''
  for (let i = 0; i < 50; i++) last = await (await fetch(url)).text()
  t.equal(last, 'idle')
  t.ok(failing.seen.length <= 1)
})

guide.complete(t)
