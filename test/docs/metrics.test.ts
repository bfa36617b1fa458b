/** docs/metrics.md as it is written. */
import t from 'tap'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/metrics.md')

t.test('metrics can be scraped', async t => {
  const { get } = await guide.play(t, "import client from 'prom-client'", {
    given: { upstreams: { shop: { targets: ['http://127.0.0.1:1'] } }, routes: { '/shop': 'shop' } }
  })
  await get('/shop')
  t.match(await get('/metrics'), /^fastify_lb_requests_total\{upstream="shop",result="5xx"\} 1$/m)
})

guide.complete(t)
