/** What one client may make the gateway hold: streams, and bytes that it does not read. */
import t from 'tap'
import { once } from 'node:events'
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { ClientLimits } from '../../lib/index.js'
import { bufferedInProcess } from '../../lib/plugin/buffered.js'
import { startGateway, startTarget, type Ending } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

interface Front { app: FastifyInstance, url: string, lines: string[] }

async function startHttp2 (t: Ending, target: string, limits?: ClientLimits, server: object = {}): Promise<Front> {
  const lines: string[] = []
  const app = Fastify({ http2: true, ...server, logger: { level: 'warn', stream: { write: (line: string) => { lines.push(line) } } } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target] } }, routes: { '/': 'shop' }, ...limits === undefined ? {} : { limits } })
  return { app, url: await app.listen({ port: 0, host: '127.0.0.1' }), lines }
}

function open (t: Ending, url: string, options: object = {}): ClientHttp2Session {
  const client = connect(url, options).on('error', () => {})
  t.teardown(() => { client.destroy() })
  return client
}

/** How a stream ends: `200`, or the code that it is reset with. */
async function ending (stream: ClientHttp2Stream): Promise<string> {
  let status = ''
  stream.on('error', () => {}).on('response', headers => { status = String(headers[':status']) }).resume()
  await new Promise(resolve => stream.once('close', resolve))
  return stream.rstCode === constants.NGHTTP2_NO_ERROR ? status : `reset ${stream.rstCode}`
}

t.test('a connection has 128 streams at most, also before the client knows', async t => {
  const target = await startTarget(t, 'a', () => {})
  const { app, url, lines } = await startHttp2(t, target.url)
  t.match(JSON.parse(lines[0]!), { level: 40, offered: 4_294_967_295, maxStreams: 128 })
  const client = open(t, url)
  const streams = Array.from({ length: 300 }, () => client.request({ ':path': '/' }))
  const endings: string[] = []
  for (const stream of streams) void ending(stream).then(how => endings.push(how))
  await until(() => target.seen.length === 128, 'as many as may come are there')
  t.equal(inFlight(app.upstreams.get('shop')!), 128)
  t.equal(client.remoteSettings.maxConcurrentStreams, 128)
  client.destroy()
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
  t.equal(target.seen.length, 128)
})

t.test('a flood of HEADERS opens no more than that', async t => {
  const target = await startTarget(t, 'a', () => {})
  const { app, url } = await startHttp2(t, target.url)
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => { socket.destroy() })
  socket.on('error', () => {}).resume()
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  // :method GET, :scheme http, :path /, :authority x
  const block = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x78])
  const frames: Buffer[] = []
  for (let i = 0; i < 15_000; i++) {
    const head = Buffer.from([0, 0, block.length, 1, 5, 0, 0, 0, 0])
    head.writeUInt32BE(2 * i + 1, 5)
    frames.push(head, block)
  }
  socket.write(Buffer.concat(frames))
  let most = 0
  // Node may well close the connection.
  await until(() => { most = Math.max(most, target.sockets.size); return socket.destroyed || (target.seen.length > 0 && socket.writableLength === 0) }, 'all is sent')
  socket.destroy()
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
  t.ok(most <= 128, `${most} connections to the target`)
  t.ok(target.seen.length <= 128, `${target.seen.length} requests`)
})

t.test('a server that offers fewer streams keeps its own limit, and nothing is said', async t => {
  const target = await startTarget(t, 'a')
  const { url, lines } = await startHttp2(t, target.url, { maxStreams: 10 }, { http: { settings: { maxConcurrentStreams: 5 } } })
  const client = open(t, url)
  t.equal(await ending(client.request({ ':path': '/' })), '200')
  t.equal(client.remoteSettings.maxConcurrentStreams, 5)
  t.strictSame(lines, [])
})

t.test('a server whose own limit was raised has the streams above ours refused', async t => {
  const target = await startTarget(t, 'a', ({ url }, _request, response) => { if (url === '/whole') response.end('a') })
  const { app, url } = await startHttp2(t, target.url, { maxStreams: 2 })
  ;(app.server as unknown as { updateSettings: (settings: object) => void }).updateSettings({ maxConcurrentStreams: 100 })
  const client = open(t, url)
  const slow = [client.request({ ':path': '/slow' }), client.request({ ':path': '/slow' })]
  await until(() => target.seen.length === 2, 'two are with the target')
  t.equal(await ending(client.request({ ':path': '/whole' })), `reset ${constants.NGHTTP2_REFUSED_STREAM}`)
  slow[0]!.close()
  await until(() => inFlight(app.upstreams.get('shop')!) === 1, 'one has left')
  t.equal(await ending(client.request({ ':path': '/whole' })), '200')
})

t.test('a request that an error handler proxies once more is one stream', async t => {
  const target = await startTarget(t, 'a')
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { none: {}, shop: { targets: [target.url] } }, limits: { maxStreams: 1 } })
  app.get('/', { config: { upstream: 'none' }, errorHandler: (_error, _request, reply) => reply.balance('shop') }, (_request, reply) => reply.balance())
  const client = open(t, await app.listen({ port: 0, host: '127.0.0.1' }))
  t.equal(await ending(client.request({ ':path': '/' })), '200')
  t.equal(await ending(client.request({ ':path': '/' })), '200')
})

t.test('what streams without a window hold is bounded, and goes on when the client reads', async t => {
  const body = Buffer.alloc(1_000_000, 'x')
  const whole = Buffer.alloc(100_000, 'x')
  const target = await startTarget(t, 'a', ({ url }, _request, response) => { response.end(url === '/whole' ? whole : body) })
  const { app, url } = await startHttp2(t, target.url, { maxBufferedPerConnection: 300_000 })
  const client = open(t, url, { settings: { initialWindowSize: 0 } })
  await once(client, 'remoteSettings')
  const received: number[] = []
  const streams = Array.from({ length: 40 }, (_, i) => client.request({ ':path': i % 4 === 0 ? '/whole' : '/' }))
  streams.forEach((stream, i) => {
    received[i] = 0
    stream.on('data', (chunk: Buffer) => { received[i]! += chunk.length })
  })
  await until(() => target.seen.length === 40, 'all are with the target')
  let before = -1
  await until(() => { const still = before === bufferedInProcess() && before > 300_000; before = bufferedInProcess(); return still }, 'nothing more is read')
  // Each of them holds a read, and another one that its stream has taken.
  t.ok(before < 300_000 + 40 * 2 * 65_536, `${before} bytes`)
  t.ok(inFlight(app.upstreams.get('shop')!) >= 30)
  client.settings({ initialWindowSize: 65_535 })
  await until(() => streams.every(({ closed }) => closed), 'all have ended', 30_000)
  t.strictSame(received, streams.map((_, i) => i % 4 === 0 ? whole.length : body.length))
  await until(() => bufferedInProcess() === 0, 'nothing is buffered')
})

t.test('above the limit of the process, responses come read by read, and come whole', async t => {
  const bodies: Record<string, Buffer> = { '/long': Buffer.alloc(3_000_000, 'x'), '/whole': Buffer.alloc(100_000, 'y'), '/short': Buffer.from('z'), '/none': Buffer.alloc(0) }
  const target = await startTarget(t, 'a', ({ url }, _request, response) => {
    if (url === '/chunks') {
      for (let i = 0; i < 100; i++) response.write('x'.repeat(1_000))
      response.end()
    } else {
      response.end(bodies[url])
    }
  })
  const limits = { maxBuffered: 0, maxBufferedPerConnection: 0 }
  // Whatever reads the body: Fastify's pipe, a transform of a hook, or a hook that reads chunk by chunk.
  const readers = [(body: Readable) => body, (body: Readable) => body.pipe(new PassThrough()), (body: Readable) => Readable.from(body)]
  let turn = 0
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' }, limits }, {
    before: app => { app.addHook('onSend', async (_request, _reply, body) => body instanceof Readable ? readers[turn++ % 3]!(body) : body) }
  })
  const { url: url2 } = await startHttp2(t, target.url, limits)
  const client = open(t, url2)
  for (let i = 0; i < 3; i++) {
    for (const path of [...Object.keys(bodies), '/chunks']) {
      const expected = path === '/chunks' ? 100_000 : bodies[path]!.length
      t.equal((await (await fetch(url + path)).arrayBuffer()).byteLength, expected, `${path} over HTTP/1.1`)
      t.equal((await app.inject({ url: path })).rawPayload.length, expected, `${path} by inject()`)
      const stream = client.request({ ':path': path })
      let length = 0
      for await (const chunk of stream) length += (chunk as Buffer).length
      t.equal(length, expected, `${path} over HTTP/2`)
    }
  }
  await until(() => bufferedInProcess() === 0, 'nothing is buffered')
})

t.test('what a client that leaves has not read is not counted any more', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.end(Buffer.alloc(10_000_000)) })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = connectTcp(Number(new URL(url).port), '127.0.0.1')
  client.pause().write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => bufferedInProcess() > 100_000, 'the client is full')
  client.destroy()
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'the gateway has seen that it left')
  await until(() => bufferedInProcess() === 0, 'nothing is buffered')
})

t.test('limits are given once in a scope', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(loadBalancer, { limits: { maxStreams: 1 } })
  await t.rejects((async () => { await app.register(loadBalancer, { limits: { maxStreams: 1 } }) })(), { code: 'FST_LB_INVALID_OPTIONS', message: /^limits: / })
})
