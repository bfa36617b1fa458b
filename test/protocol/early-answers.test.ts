/** Answers that come before the body is there: the client gets to read them, whatever it is doing. */
import t from 'tap'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { lingerAfter } from '../../lib/plugin/linger.js'
import { selfSigned } from '../helpers/certificates.js'
import { FakeClock } from '../helpers/clock.js'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const LENGTH = 20_000_000

const head = (path: string, length: number): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`

t.test('a client that sends all of its body before it reads a word', async t => {
  const target = await startTarget(t, 'a')
  const busy = await startRawTarget(t, socket => { socket.once('data', () => { socket.end('HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\n\r\nlater') }) })
  const seen: string[] = []
  const options = {
    upstreams: { shop: { targets: [target.url] }, none: { targets: [] }, busy: { targets: [busy.url] } },
    routes: { '/limit': { upstream: 'shop', bodyLimit: 1_000 }, '/none': 'none', '/busy': 'busy' }
  }
  const before = (app: FastifyInstance): void => { app.addHook('onRequest', async request => { seen.push(request.url) }) }
  const { url: plain } = await startGateway(t, options, { before })
  const { url: secure } = await startGateway(t, options, { before, server: { https: selfSigned(t.testdir()) } as object })
  for (const [url, path, status] of [[plain, '/limit', 413], [plain, '/none', 503], [plain, '/busy', 429], [secure, '/limit', 413]] as const) {
    const { socket, text, send } = rawClient(t, url)
    socket.pause()
    send(head(path, LENGTH))
    let left = LENGTH
    while (left > 0) {
      left -= 100_000
      if (!socket.write(Buffer.alloc(100_000, 'x'))) await once(socket, 'drain')
    }
    send('GET /next HTTP/1.1\r\nHost: a\r\n\r\n')
    socket.resume()
    await once(socket, 'end')
    t.match(text(), new RegExp(`^HTTP/1\\.1 ${status} [^]*connection: close[^]*\\r\\n\\r\\n[^]+$`, 'i'), path)
  }
  t.strictSame(seen, ['/limit', '/none', '/busy', '/limit'], 'what follows on such a connection is no request')
  t.equal(target.seen.length, 0)
})

t.test('a refusal by a late hook leaves the connection open: the rest of the body is read away', async t => {
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [] } },
    routes: { '/shop': { upstream: 'shop', async preHandler (_request: FastifyRequest, reply: FastifyReply) { await reply.code(401).send('who?') } } }
  }, { after: app => { app.get('/own', async () => 'own') } })
  const client = rawClient(t, url)
  client.send(head('/shop', 300_000) + 'x')
  t.match(await client.expect(/who\?$/), /^HTTP\/1\.1 401 /)
  client.send('x'.repeat(299_999))
  client.send('GET /own HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await client.closed
  t.match(client.text(), /^HTTP\/1\.1 200 [^]*\r\n\r\nown$/)
})

t.test('the connection is closed when the client has closed it, or has had half a minute', async t => {
  const clock = new FakeClock()
  const server = createServer((request, response) => {
    lingerAfter(request, response, clock)
    response.writeHead(413, { connection: 'close' }).end('large')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  const connections = async (): Promise<number> => await new Promise(resolve => { server.getConnections((_error, count) => { resolve(count) }) })
  for (const leaves of [true, false]) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(head('/', LENGTH))
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => { text += String(chunk) })
    await once(socket, 'end')
    t.match(text, /large/)
    t.equal(clock.pending, 1)
    t.equal(await connections(), 1)
    if (leaves) {
      socket.end()
    } else {
      clock.advance(29_999)
      t.equal(await connections(), 1)
      clock.advance(1)
    }
    let open = -1
    await until(() => {
      server.getConnections((_error, count) => { open = count })
      return open === 0
    }, 'it is closed')
    t.equal(clock.pending, 0)
    socket.destroy()
  }
})
