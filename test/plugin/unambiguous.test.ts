/** Requests that are refused because readers could disagree about them; the whole table is test/protocol/smuggling-vectors.ts. */
import t, { type Test } from 'tap'
import { connect as connectHttp2 } from 'node:http2'
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
  for (const host of ['shop', 'shop.example.', 'SHOP.example:8080', '10.0.0.1:80', '[::1]', '[fe80::1%25eth0]:3000', 'my_service.internal', 'xn--caf-dma.example', 'a,b', '127.1']) {
    t.equal((await app.inject({ url: '/', headers: { host } })).statusCode, 200, host)
  }
  for (const host of [':80', ':', '.', '..', '..a', 'a..b', 'a..', '[]', '[::1', 'a/b', 'a@b', 'a?b', 'a:x']) {
    t.equal((await app.inject({ url: '/', headers: { host } })).statusCode, 400, host)
  }
})

t.test('a host of any length is looked at once', async t => {
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [(await startTarget(t, 'a')).url] } }, routes: { '/': 'shop' } })
  for (const host of [`${'a'.repeat(8_000)}!.`.repeat(100) + '/', `${'a.'.repeat(400_000)}/`, `${'.'.repeat(800_000)}`]) {
    t.equal((await app.inject({ url: '/', headers: { host } })).statusCode, 400)
  }
})

t.test('the host of a trusted proxy does not excuse an empty one, nor the other way round', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { trustProxy: true } })
  const statusFor = async (host: string, forwarded: string): Promise<number> => (await app.inject({ url: '/', headers: { host, 'x-forwarded-host': forwarded } })).statusCode
  t.equal(await statusFor('a', 'shop.example'), 200)
  t.equal(await statusFor(':80', 'shop.example'), 400)
  t.equal(await statusFor('a', 'shop..example'), 400)
})

t.test('HTTP/1.0 does without a host, HTTP/1.1 does not, not even where the server lets it', async t => {
  const target = await startTarget(t, 'a')
  for (const host of ['target', 'preserve'] as const) {
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], headers: { host } } }, routes: { '/': 'shop' } }, { server: { http: { requireHostHeader: false } } as never })
    for (const [line, status] of [['GET / HTTP/1.0', 200], ['GET / HTTP/1.1', 400]] as const) {
      const client = await WireClient.open(url)
      client.send(`${line}\r\nConnection: close\r\n\r\n`)
      t.equal((await client.next())!.status, status, line)
      client.leave()
    }
  }
  t.strictSame(target.seen.map(({ headers }) => headers.host), [new URL(target.url).host, new URL(target.url).host])
})

t.test('HTTP/2 needs a host, too', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { http2: true } as never })
  const session = connectHttp2(url)
  t.teardown(() => session.destroy())
  for (const authority of ['', ':80', 'a..b']) {
    const stream = session.request({ ':path': '/', ':authority': authority })
    // nghttp2 itself refuses some, and resets the stream.
    let status = 'reset'
    stream.on('error', () => {}).on('response', headers => { status = String(headers[':status']) }).resume()
    await new Promise(resolve => { stream.once('close', resolve) })
    t.match(status, /^(?:400|reset)$/, authority)
  }
  t.equal(target.seen.length, 0)
})

t.test('a client of HTTP/1.0 may send no Host, and a trusted proxy may then name one that is a host', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { trustProxy: true } })
  for (const [field, status] of [['', 200], ['X-Forwarded-Host: shop.example\r\n', 200], ['X-Forwarded-Host: a/b\r\n', 400]] as const) {
    const client = await WireClient.open(url)
    client.send(`GET / HTTP/1.0\r\n${field}\r\n`)
    t.equal((await client.next())?.status, status, field)
    client.leave()
  }
})
