/** docs/moving-from-http-proxy-middleware.md as it is written. */
import t from 'tap'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/moving-from-http-proxy-middleware.md')

t.test('the prefix goes, headers are changed both ways, an error has a shape', async t => {
  const { url, targets } = await guide.play(t, 'const app = Fastify', {
    quiet: true,
    targets: { '*': ({ url, headers }, _request, response) => { response.setHeader('x-powered-by', 'Express').end(JSON.stringify([url, headers['x-user']])) } }
  })
  const answer = await fetch(`${url}/api/orders`, { headers: { 'x-session': 'olga' } })
  t.strictSame(await answer.json(), ['/orders', 'olga'])
  t.equal(answer.headers.get('x-powered-by'), null)
  for (const target of targets.values()) await target.kill()
  const refused = await fetch(`${url}/api/orders`)
  t.strictSame([refused.status, await refused.json()], [502, { error: 'try again later' }])
})

guide.complete(t)
