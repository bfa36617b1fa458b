/** docs/fetch.md as it is written. */
import t from 'tap'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/fetch.md')

t.test('requests of one’s own are balanced, and survive the death of a target', async t => {
  const { get, targets, app } = await guide.play(t, "app.get('/basket'", {
    targets: { '*': ({ url }, _request, response) => { response.end(JSON.stringify([url])) } }
  })
  t.match(await get('/basket'), /^\["(?:\/v1)?\/open\?limit=10"\]$/)
  await targets.get('10.0.0.1')!.kill()
  for (let i = 0; i < 4; i++) t.equal(await get('/basket'), '["/v1/open?limit=10"]')
  const { module } = await guide.play(t, 'interceptors.responseError', { given: { app }, listens: false, exports: ['open'] })
  t.strictSame(module.open, ['/v1/open'])
  t.equal(app.upstreams.get('orders')!.pick().url.startsWith('http://127.0.0.1:'), true)
})

guide.complete(t)
