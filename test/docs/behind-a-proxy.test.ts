/** docs/behind-a-proxy.md as it is written. */
import t from 'tap'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { startTarget } from '../helpers/targets.js'
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

t.test('nginx comes by a socket of the file system', async t => {
  // The system cuts the address of a socket off after some hundred bytes.
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const path = join(folder, 'gateway.sock')
  const target = await startTarget(t, 'a')
  const { default: loadBalancer } = await import('../../lib/index.js')
  const app = Fastify({ forceCloseConnections: true, trustProxy: true })
  t.teardown(async () => await app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  await app.listen({ path })
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', host: 'shop.example' }
  const [answer] = await once(request({ socketPath: path, headers, agent: false }).end(), 'response') as [IncomingMessage]
  answer.resume()
  t.match(target.seen[0]!.headers, { 'x-forwarded-for': '203.0.113.9, unknown', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' })
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
