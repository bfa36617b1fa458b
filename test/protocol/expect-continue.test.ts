/** `Expect: 100-continue`: a client that asks first is told to go on when its body is wanted, and not before. */
import t from 'tap'
import { request } from 'node:http'
import { rawClient } from '../helpers/raw-client.js'
import { refusedUrl, startGateway, startTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'

const post = (path: string, length: number | string = 5): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\n${typeof length === 'number' ? `Content-Length: ${length}` : length}\r\n\r\n`

t.test('it is told to go on when a target is at hand, and the target sees an ordinary request', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [await refusedUrl(), target.url] } }, routes: { '/shop': 'shop' } })
  const client = rawClient(t, url)
  for (const [length, body] of [[5, 'hello'], ['Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'], [100_000, 'x'.repeat(100_000)]] as const) {
    client.send(post('/shop', length))
    t.equal(await client.expect(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.send(body)
    t.match(await client.expect(/\r\n\r\na$/), /^HTTP\/1\.1 200 OK\r\n[^]*connection: keep-alive/i, 'the connection stays')
  }
  t.strictSame(target.seen.map(({ body, headers }) => [body.length, headers.expect]), [[5, undefined], [5, undefined], [100_000, undefined]])
})

t.test('a refusal by a hook, by the limit of a route or for lack of a target saves the upload, and the connection', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url] }, none: { targets: [] }, dead: { targets: [await refusedUrl()] }, full: { targets: [target.url], limits: { maxRequests: 1, queue: false } } },
    routes: {
      '/hook': { upstream: 'shop', onRequest: async (_request: unknown, reply: { code: (status: number) => { send: (body: string) => unknown } }) => { reply.code(401).send('who?') } },
      '/limit': { upstream: 'shop', bodyLimit: 4 },
      '/none': 'none',
      '/dead': 'dead'
    }
  })
  for (const [path, status] of [['/hook', 401], ['/limit', 413], ['/none', 503], ['/dead', 502]] as const) {
    const client = rawClient(t, url)
    client.send(post(path))
    await client.closed
    t.match(client.text(), new RegExp(`^HTTP/1\\.1 ${status} `), path)
    t.match(client.text(), /\r\nconnection: close\r\n/i, path)
  }
  t.equal(target.seen.length, 0)
})

t.test('a client that does not wait need not be told, and keeps its connection', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const client = rawClient(t, url)
  for (let i = 0; i < 2; i++) {
    client.send(post('/shop') + 'hello')
    t.match(await client.expect(/\r\n\r\na$/), /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 200 OK\r\n[^]*connection: keep-alive/i)
  }
})

t.test("a route of the user's own is told in time, too", async t => {
  const { url } = await startGateway(t, {}, { after: app => { app.post('/own', async request => ({ got: request.body })) } })
  const client = rawClient(t, url)
  client.send(post('/own'))
  t.equal(await client.expect(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n')
  client.send('hello')
  t.match(await client.expect(/\{"got":"hello"\}$/), /^HTTP\/1\.1 200 OK/)
})

t.test('a client that leaves instead frees the target', async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const client = rawClient(t, url)
  client.send(post('/shop', 100_000))
  await client.expect(/100 Continue/)
  client.socket.destroy()
  await client.closed
  t.equal(await new Promise(resolve => {
    const check = (): void => { inFlight(app.upstreams.get('shop')!) === 0 ? resolve(true) : setImmediate(check) }
    check()
  }), true)
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.failures, 0)
})

t.test('whoever listens for it themselves says it their way', async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  app.server.on('checkContinue', (_request, response) => { response.writeHead(417, { connection: 'close' }).end() })
  const client = rawClient(t, url)
  client.send(post('/shop'))
  await client.closed
  t.match(client.text(), /^HTTP\/1\.1 417 /)
})

t.test("Node's own client gets along with it", async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const outgoing = request(`${url}/shop`, { method: 'PUT', headers: { expect: '100-continue', 'content-length': 3 } })
  outgoing.flushHeaders()
  outgoing.on('continue', () => { outgoing.end('abc') })
  const status = await new Promise(resolve => outgoing.on('response', response => { resolve(response.resume().statusCode) }))
  t.equal(status, 200)
  t.equal(target.seen[0]!.body.toString(), 'abc')
})
