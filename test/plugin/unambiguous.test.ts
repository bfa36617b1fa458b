/** Requests that are refused because readers could disagree about them; the whole table is test/protocol/smuggling-vectors.ts. */
import t, { type Test } from 'tap'
import { startGateway, startTarget } from '../helpers/servers.js'
import { WireClient } from '../protocol/wire/client.js'

const fields = (count: number): string => 'a:\r\n'.repeat(count)

/** Status of a request with so many fields besides Host, to a server that keeps `kept`. */
async function statusWith (t: Test, count: number, kept: number | null): Promise<number> {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  app.server.maxHeadersCount = kept
  const client = await WireClient.open(url)
  client.send(`GET / HTTP/1.1\r\nHost: x\r\n${fields(count)}\r\n`)
  const { status } = (await client.next())!
  client.leave()
  return status
}

/** From Node 22 on, Node refuses by itself, with 431. */
const REFUSED = /^(?:400|431)$/

t.test('a request of which Node has dropped fields is refused, whatever the server’s limit is', async t => {
  t.equal(await statusWith(t, 998, null), 200)
  t.equal(await statusWith(t, 999, null), 400, 'nobody can tell whether there was one more')
  t.match(await statusWith(t, 1_500, null), REFUSED)
  t.equal(await statusWith(t, 1_500, 2_000), 200)
  t.match(await statusWith(t, 60, 50), REFUSED)
  t.equal(await statusWith(t, 1_500, 0), 200, '0: it keeps all')
})

t.test('nor is it written down again without them, to be served as if it had not asked for an upgrade', async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  app.server.maxHeadersCount = 64
  const client = await WireClient.open(url)
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
  client.send(`POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${fields(100)}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`)
  t.match((await client.next())?.status, REFUSED)
  await client.closed
  t.equal(target.seen.length, 0)
})

t.test('so it is in routes of the user’s own', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      app.get('/balanced', (_request, reply) => reply.balance('shop'))
      app.get('/own', async () => 'own')
    }
  })
  const refused = await app.inject({ url: '/balanced', headers: { host: 'a b' } })
  t.equal(refused.statusCode, 400)
  t.match(refused.json(), { code: 'FST_LB_BAD_REQUEST' })
  t.equal(refused.headers.connection, 'close')
  t.equal((await app.inject({ url: '/own', headers: { host: 'a b' } })).body, 'own', 'what is not balanced is not our business')
  t.equal(target.seen.length, 0)
})

t.test('hosts as they are', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  for (const host of ['shop', 'shop.example.', 'SHOP.example:8080', '10.0.0.1:80', '[::1]', '[fe80::1%25eth0]:3000', 'my_service.internal', 'xn--caf-dma.example', '']) {
    t.equal((await app.inject({ url: '/', headers: { host } })).statusCode, 200, host)
  }
})
