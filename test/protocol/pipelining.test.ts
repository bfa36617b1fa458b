/** Requests that a client sends before it has the responses to those before. */
import t from 'tap'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import Fastify, { type FastifyReply } from 'fastify'
import loadBalancer from '../../lib/index.js'
import { selfSigned } from '../helpers/certificates.js'
import { startGateway, startTarget, type Ending, type TestTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { deferred, until } from '../helpers/wait.js'
import { WireClient } from './wire/client.js'

const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`

const upgrade = (path: string): string => get(path, 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n')

/** Leaves each response to the test, but those of `/whole`, and starts those of `/events`. */
async function startPatientTarget (t: Ending): Promise<{ target: TestTarget, responses: Map<string, ServerResponse> }> {
  const responses = new Map<string, ServerResponse>()
  const target = await startTarget(t, 'a', ({ url, body }, _request, response) => {
    responses.set(url, response)
    if (url.startsWith('/whole')) response.end(`${url} ${body.toString()}`)
    if (url.startsWith('/events')) response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  })
  return { target, responses }
}

t.test('slots are free when the client leaves, whatever it has pipelined', async t => {
  const { target } = await startPatientTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const behind: Record<string, string> = {
    'event streams': get('/events').repeat(10),
    'an upgrade': get('/events').repeat(10) + upgrade('/socket'),
    'an upgrade between requests': get('/events') + upgrade('/socket') + get('/events'),
    'an upgrade that is none of ours': get('/events') + get('/h2', 'Connection: Upgrade\r\nUpgrade: h2c\r\n') + get('/events'),
    'short bodies': 'POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi'.repeat(10),
    'half a body': `${get('/slow')}POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\nhi`,
    'more than one read': get('/slow').repeat(2_000),
    nothing: ''
  }
  for (const [what, requests] of Object.entries(behind)) {
    for (const first of ['/slow', '/events']) {
      for (const leave of ['end', 'resetAndDestroy'] as const) {
        const connected = once(app.server, 'connection') as Promise<[Socket]>
        target.seen.length = 0
        const client = await WireClient.open(url)
        const [socket] = await connected
        client.send(get(first) + requests)
        await until(() => target.seen.length > 0, `${what} behind ${first}: the first is with the target`)
        t.equal(inFlight(upstream), 1, 'one at a time')
        client.socket[leave]()
        await until(() => socket.destroyed, `${what} behind ${first}: the gateway has seen ${leave}`)
        await until(() => inFlight(upstream) === 0, `${what} behind ${first}: nothing is in flight`)
        t.equal(target.seen.length, 1)
      }
    }
  }
  await until(() => target.sockets.size === 0, 'no connection waits for anybody')
})

t.test('requests of one connection are proxied one after the other, in their order', async t => {
  const { target, responses } = await startPatientTarget(t)
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = await WireClient.open(url)
  client.send(get('/slow'))
  await until(() => responses.has('/slow'), 'the first is with the target')
  // In separate packets: they are read ahead, not parsed.
  client.send(get('/whole/1') + 'POST /whole/2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n')
  client.send('3\r\nllo\r\n0\r\n\r\n' + get('/whole/3') + get('/slower'))
  const other = await WireClient.open(url)
  other.send(get('/whole/other'))
  t.equal((await other.next())?.body.toString(), '/whole/other ', 'another client is served meanwhile')
  t.equal(target.seen.length, 2)
  responses.get('/slow')!.end('slow')
  const bodies: unknown[] = []
  for (let i = 0; i < 4; i++) bodies.push((await client.next())?.body.toString())
  t.strictSame(bodies, ['slow', '/whole/1 ', '/whole/2 hello', '/whole/3 '])
  await until(() => responses.has('/slower'), 'the last is with the target')
  responses.get('/slower')!.end('slower')
  t.equal((await client.next())?.body.toString(), 'slower')
  // The connection is as good as before.
  client.send(get('/whole/4') + get('/whole/5', 'Connection: close\r\n'))
  t.equal((await client.next())?.body.toString(), '/whole/4 ')
  t.equal((await client.next())?.body.toString(), '/whole/5 ')
  await client.closed
})

t.test('over TLS, too', async t => {
  const { target } = await startPatientTarget(t)
  const { key, cert } = selfSigned(t.testdir())
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { https: { key, cert } } as never })
  const client = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false })
  t.teardown(() => client.destroy())
  let text = ''
  client.setEncoding('latin1').on('data', chunk => { text += String(chunk) })
  client.write(Array.from({ length: 3_000 }, (_, i) => get(`/whole/${i}`)).join(''))
  await until(() => text.endsWith('/whole/2999 \r\n0\r\n\r\n') || text.endsWith('/whole/2999 '), 'all are answered', 30_000)
  t.equal(target.seen.length, 3_000)
  t.strictSame(target.seen.map(({ url }) => url), Array.from({ length: 3_000 }, (_, i) => `/whole/${i}`))
})

t.test('a client that does not read its responses holds up its own requests only', async t => {
  const body = Buffer.alloc(1_000_000, 'x')
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.end(body) })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const connected = once(app.server, 'connection') as Promise<[Socket]>
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => client.destroy())
  client.pause()
  const [socket] = await connected
  const requests = 1_500
  client.write(get('/').repeat(requests))
  // As much as the system takes for it goes out.
  let before = -1
  await until(() => { const still = socket.bytesWritten === before && socket.writableNeedDrain; before = socket.bytesWritten; return still }, 'the client is full')
  t.ok(inFlight(app.upstreams.get('shop')!) <= 1)
  t.ok(target.seen.length < 50, `${target.seen.length} requests have come to the target`)
  let received = 0
  client.on('data', (chunk: Buffer) => { received += chunk.length }).resume()
  await until(() => received > 20 * body.length, 'the rest comes as it reads', 60_000)
})

t.test('a client that sends on and on is not read on and on', async t => {
  const { target } = await startPatientTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      // Nothing of this route is balanced before its hook is over.
      app.get('/*', { config: { upstream: 'shop' }, onRequest: async () => { await held.promise } }, (_request, reply) => reply.balance())
    }
  })
  const held = deferred()
  const connected = once(app.server, 'connection') as Promise<[Socket]>
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => client.destroy())
  const [socket] = await connected
  let text = ''
  client.setEncoding('latin1').on('data', chunk => { text += String(chunk) })
  const sent = 100_000
  client.write(get('/whole/1').repeat(sent))
  let before = -1
  await until(() => { const still = socket.bytesRead === before && socket.bytesRead > 0; before = socket.bytesRead; return still }, 'nothing more is read')
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  t.equal(socket.bytesRead, before)
  t.ok(before <= 4 * 65_536, `${before} bytes were read`)
  held.resolve()
  await until(() => target.seen.length > 5_000, 'they are served as it goes on', 60_000)
  t.ok(text.startsWith('HTTP/1.1 200'))
})

t.test('a request whose client left while it was in a hook is not proxied', async t => {
  const { target } = await startPatientTarget(t)
  const held = deferred()
  let arrived = 0
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      app.get('/*', { config: { upstream: 'shop' }, preHandler: async request => { arrived++; if (request.url !== '/slow') await held.promise } }, (_request, reply) => reply.balance())
    }
  })
  const connected = once(app.server, 'connection') as Promise<[Socket]>
  const client = await WireClient.open(url)
  const [socket] = await connected
  client.send(get('/slow') + get('/events').repeat(10))
  await until(() => arrived === 11 && target.seen.length === 1, 'all have come')
  client.leave()
  await until(() => socket.destroyed && inFlight(app.upstreams.get('shop')!) === 0, 'the gateway has seen that')
  held.resolve()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(target.seen.length, 1)
  t.equal(inFlight(app.upstreams.get('shop')!), 0)
})

t.test('a gateway that closes serves what it has begun, and closes the connection', async t => {
  const { target, responses } = await startPatientTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { forceCloseConnections: 'idle' } })
  const client = await WireClient.open(url)
  client.send(get('/events') + get('/slow/1') + get('/slow/2'))
  await until(() => responses.has('/events'), 'the first is with the target')
  await until(() => client.socket.bytesRead > 100, 'its headers are out')
  const closed = app.close()
  await until(() => app.upstreams.closing, 'it closes')
  responses.get('/events')!.end()
  t.equal((await client.next())?.status, 200)
  await until(() => responses.has('/slow/1'), 'the next is with the target')
  responses.get('/slow/1')!.end('1')
  const last = await client.next()
  t.equal(last?.body.toString(), '1')
  await client.closed
  await closed
  t.notOk(responses.has('/slow/2'))
})

t.test('a request of a route of the user that waits behind a balanced one keeps its body', async t => {
  const { target, responses } = await startPatientTarget(t)
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    after: app => { app.post('/own', (request, reply) => reply.type('text/plain').send(`own ${String(request.body)}`)) }
  })
  const client = await WireClient.open(url)
  client.send(`${get('/slow')}POST /own HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 200000\r\n\r\n`)
  client.send('x'.repeat(200_000))
  await until(() => responses.has('/slow'), 'the first is with the target')
  responses.get('/slow')!.end('slow')
  t.equal((await client.next())?.body.toString(), 'slow')
  t.equal((await client.next())?.body.length, 200_004)
})

t.test("an answer of Fastify's own deadline comes in its turn, and its request is not proxied any more", async t => {
  const { target, responses } = await startPatientTarget(t)
  let late: FastifyReply | undefined
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      app.get('/slow', { config: { upstream: 'shop' } }, (_request, reply) => reply.balance())
      app.get('/late', { config: { upstream: 'shop' }, handlerTimeout: 50 }, (_request, reply) => { late = reply; reply.balance() })
    }
  })
  const client = await WireClient.open(url)
  client.send(get('/slow') + get('/late'))
  await until(() => responses.has('/slow') && late?.sent === true, 'the first is with the target, the second was too late')
  responses.get('/slow')!.end('slow')
  t.equal((await client.next())?.status, 200)
  t.equal((await client.next())?.status, 503)
  t.equal(target.seen.length, 1)
})

t.test('also on a second address that Fastify listens on', async t => {
  const { target } = await startPatientTarget(t)
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  await app.listen({ port: 0, host: 'localhost' })
  for (const { address, port } of app.addresses() as AddressInfo[]) {
    target.seen.length = 0
    const client = connect(port, address)
    t.teardown(() => client.destroy())
    client.write(get('/slow').repeat(10))
    await until(() => target.seen.length > 0, 'the first is with the target')
    t.equal(inFlight(app.upstreams.get('shop')!), 1)
    client.destroy()
    await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
  }
})

t.test('long answers of routes of the user that wait behind a balanced one do not stop the connection', async t => {
  const { target, responses } = await startPatientTarget(t)
  for (const length of [100, 20_000, 1_000_000]) {
    const own = 'x'.repeat(length)
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
      after: app => { app.get('/own', (_request, reply) => reply.type('text/plain').send(own)) }
    })
    const client = await WireClient.open(url)
    client.send(get('/slow') + get('/own').repeat(4))
    client.send(get('/own') + get('/whole/1') + get('/own').repeat(2))
    await until(() => responses.has('/slow'), 'the first is with the target')
    responses.get('/slow')!.end('slow')
    responses.delete('/slow')
    const lengths: unknown[] = []
    for (let i = 0; i < 9; i++) lengths.push((await client.next())?.body.length)
    t.strictSame(lengths, [4, length, length, length, length, length, 9, length, length])
    client.send(get('/own').repeat(3))
    for (let i = 0; i < 3; i++) t.equal((await client.next())?.body.length, length)
    client.leave()
  }
})

t.test('a client that sends more behind an event stream than is read ahead loses its connection, since it could leave unseen', async t => {
  const { target, responses } = await startPatientTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const behind = `POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n${'b'.repeat(200_000)}`
  const client = await WireClient.open(url)
  client.send(get('/events') + behind)
  await client.closed
  const later = await WireClient.open(url)
  later.send(get('/events') + get('/next'))
  await until(() => later.socket.bytesRead > 100, 'its headers are out')
  later.send(behind.repeat(2))
  await later.closed
  const last = await WireClient.open(url)
  last.send(get('/slow') + get('/events') + behind)
  await until(() => responses.has('/slow'), 'the first is with the target')
  responses.get('/slow')!.end('slow')
  await last.closed
  await until(() => inFlight(upstream) === 0, 'nothing is in flight')
})

t.test('behind an event stream that has ended, requests are served, however long', async t => {
  const { target, responses } = await startPatientTarget(t)
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = await WireClient.open(url)
  client.send(get('/events') + get('/slow'))
  await until(() => responses.has('/events'), 'the first is with the target')
  responses.get('/events')!.end()
  await until(() => responses.has('/slow'), 'the second is with the target')
  client.send(`POST /whole/3 HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n${'b'.repeat(300_000)}`)
  responses.get('/slow')!.end('slow')
  t.match(await client.next(), { status: 200 })
  t.equal((await client.next())?.body.toString(), 'slow')
  t.equal((await client.next())?.body.length, 300_009)
})

t.test('a client is seen to leave although the body of its last request has stopped the connection', async t => {
  const { target } = await startPatientTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const chunks = `13880\r\n${'p'.repeat(80_000)}\r\n0\r\n\r\n`
  const client = await WireClient.open(url)
  client.send(`PUT /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${'b'.repeat(50_000)}`)
  await until(() => client.socket.bytesRead > 100, 'the stream has begun')
  client.socket.resetAndDestroy()
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
})
