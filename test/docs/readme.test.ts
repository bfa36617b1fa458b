/** README.md as it is written. */
import t from 'tap'
import { startTarget } from '../helpers/targets.js'
import { Guide } from './harness/guide.js'

const readme = new Guide('README.md')

t.test('the example: both targets serve, by their weights, and a client that keeps its cookie keeps its target', async t => {
  process.env.LB_SECRET = 'sixteen or more characters'
  const { url, targets } = await readme.play(t, "import Fastify from 'fastify'", { quiet: true })
  const answer = await fetch(`${url}/shop/cart?x=1`)
  t.match(await answer.text(), /^10\.0\.0\.[12]$/)
  const cookie = answer.headers.get('set-cookie')!.split(';', 1)[0]!
  const first = answer.headers.get('x-target')
  for (let i = 0; i < 4; i++) t.equal((await fetch(`${url}/api/orders`, { headers: { cookie } })).headers.get('x-target'), first)
  const seen = [...targets.values()].flatMap(({ seen }) => seen.map(({ url }) => url))
  t.ok(seen.includes('/shop/cart?x=1') && seen.includes('/v1/orders') && seen.includes('/health'))
})

t.test('using it: routes, calls, a policy, changes at run time', async t => {
  let asked = 0
  const { get, targets, upstream, app } = await readme.play(t, 'app.authenticate', {
    before: app => { app.decorate('authenticate', async () => { asked++ }) }
  })
  t.match(await get('/shop'), /10\.0\.0\./)
  t.match(await get('/admin/users', { method: 'POST', body: 'x' }), /10\.0\.0\./)
  t.equal(asked, 1)
  t.match(await get('/special'), /10\.0\.0\./)
  t.match(await get('/mine', { method: 'POST', headers: { 'x-user': 'olga' } }), /10\.0\.0\./)
  const seen = [...targets.values()].flatMap(({ seen }) => seen.map(({ method, url }) => `${method} ${url}`))
  t.strictSame(seen.sort(), ['GET /shop', 'GET /special', 'POST /other', 'POST /users'])
  const added = await startTarget(t, 'c')
  await readme.play(t, "const shop = app.upstreams.get('shop')", { given: { app }, listens: false, places: { 'http://10.0.0.3:3000': added.url, 'http://10.0.0.1:3000': targets.get('10.0.0.1')!.url } })
  t.equal(upstream('shop').targets.size, 2)
})

readme.complete(t)
