/** docs/behind-a-proxy.md as it is written. */
import t from 'tap'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/behind-a-proxy.md')

const echo = { targets: { '*': ({ headers }: { headers: object }, _request: unknown, response: { end: (text: string) => void }) => { response.end(JSON.stringify(headers)) } } }

t.test('what a trusted peer says of the client is passed on', async t => {
  const { url, app } = await guide.play(t, 'trustProxy: [', echo as never)
  const said = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }
  t.match(await (await fetch(url, { headers: said })).json(), {
    'x-forwarded-for': '203.0.113.9, 127.0.0.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example'
  })
  const stranger = await app.inject({ url: '/', remoteAddress: '198.51.100.7', headers: said })
  t.match(stranger.json(), { 'x-forwarded-for': /^(?!203)/, 'x-forwarded-proto': 'http' })
  t.notMatch(stranger.body, /203\.0\.113\.9|shop\.example/)
  const shown = JSON.parse(await guide.shell('curl -s -H', { 'http://localhost:3000': url }))
  t.match(shown, { 'x-forwarded-for': '203.0.113.9, 127.0.0.1' })
})

t.test('the answer to a health check', async t => {
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'a', url: 'http://127.0.0.1:1' }] } } }, {
    after: async app => { await guide.play(t, "app.get('/healthz'", { given: { app }, listens: false }) }
  })
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  app.upstreams.get('shop')!.update('a', { state: 'maintenance' })
  t.equal((await fetch(`${url}/healthz`)).status, 503)
})

guide.complete(t)
