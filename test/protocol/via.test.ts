import t from 'tap'
import { once } from 'node:events'
import { startGateway, startTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { WireClient } from './wire/client.js'

t.test('a gateway that is its own target answers 508 after ten rounds', async t => {
  const rounds: unknown[] = []
  const { url, app } = await startGateway(t, { upstreams: { shop: {} }, routes: { '/': 'shop' } }, {
    before: app => app.addHook('onRequest', async request => { rounds.push(request.headers.via) })
  })
  app.upstreams.get('shop')!.add(url)
  for (const method of ['GET', 'POST']) {
    rounds.length = 0
    const response = await fetch(url, { method, body: method === 'GET' ? null : 'hello' })
    t.equal(response.status, 508)
    t.match(await response.json(), { code: 'FST_LB_LOOP_DETECTED' })
    t.equal(rounds.length, 11)
    t.equal(inFlight(app.upstreams.get('shop')!), 0)
  }
})

t.test('so do two gateways that are each other’s target, also for an upgrade', async t => {
  const [a, b] = await Promise.all([1, 2].map(() => startGateway(t, { upstreams: { shop: {} }, routes: { '/': 'shop' } })))
  a!.app.upstreams.get('shop')!.add(b!.url)
  b!.app.upstreams.get('shop')!.add(a!.url)
  t.equal((await fetch(a!.url)).status, 508)
  const client = await WireClient.open(a!.url)
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
  const [answer] = await once(client.socket, 'data') as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 508 /)
  client.leave()
})

t.test('a chain of gateways is no loop, nor are other proxies', async t => {
  const target = await startTarget(t, 'a')
  let url = target.url
  for (let i = 0; i < 4; i++) url = (await startGateway(t, { upstreams: { shop: { targets: [url], headers: { via: i !== 1 } } }, routes: { '/': 'shop' } })).url
  t.equal((await fetch(url, { headers: { via: Array(50).fill('1.1 other').join(', ') } })).status, 200)
  t.equal(target.seen[0]!.headers.via, `${'1.1 other, '.repeat(50)}${'1.1 fastify-load-balancer, '.repeat(3)}`.replace(/, $/, ''))
})
