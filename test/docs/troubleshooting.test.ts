/** docs/troubleshooting.md as it is written. */
import t from 'tap'
import { refusedUrl, startTarget } from '../helpers/targets.js'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/troubleshooting.md')

t.test('snapshots can be asked for', async t => {
  const { url } = await startGateway(t, { upstreams: { shop: { targets: ['http://127.0.0.1:1'] } } }, {
    after: async app => { await guide.play(t, '/debug/upstreams', { given: { app }, listens: false }) }
  })
  t.match(await (await fetch(`${url}/debug/upstreams`)).json(), [{ name: 'shop', panic: false, targets: [{ state: 'ready' }] }])
})

t.test('errors have the shape that they were given', async t => {
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [await refusedUrl()] } }, routes: { '/': 'shop' } }, {
    before: async app => { await guide.play(t, 'app.setErrorHandler', { given: { app }, listens: false }) }
  })
  const answer = await fetch(url)
  t.match([answer.status, await answer.json()], [502, { error: 'the shop is closed for a moment', request: /^req-/ }])
})

t.test('an error handler may ask elsewhere', async t => {
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [await refusedUrl()] }, fallback: { targets: [(await startTarget(t, 'fallback')).url] } },
    routes: { '/': { upstream: 'shop', errorHandler: (_error, _request, reply) => reply.balance('fallback') } }
  })
  t.equal(await (await fetch(url)).text(), 'fallback')
})

t.test('what Fastify says of a route that is there twice, and how both can be', async t => {
  const target = await startTarget(t, 'a')
  const own = { after: (app: any) => { app.get('/', async () => 'own') } }
  const upstreams = { shop: { targets: [target.url] } }
  await t.rejects(startGateway(t, { upstreams, routes: { '/': 'shop' } }, own), { code: 'FST_ERR_DUPLICATED_ROUTE' })
  const { url } = await startGateway(t, { upstreams, routes: { '/': { upstream: 'shop', method: ['POST'] } } }, own)
  t.equal(await (await fetch(url)).text(), 'own')
  t.equal(await (await fetch(url, { method: 'POST' })).text(), 'a')
})

guide.complete(t)
