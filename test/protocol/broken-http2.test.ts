/** Clients that send what are no frames of HTTP/2 lose their connection, with every version of Node. */
import t from 'tap'
import { once } from 'node:events'
import { connect, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttp1Server } from 'node:http'
import { connect as connectTcp, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../../lib/index.js'
import { closeBrokenSessions } from '../../lib/plugin/broken-sessions.js'
import { FakeClock } from '../helpers/clock.js'
import { startTarget, type Ending } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const SETTINGS = [0, 0, 0, 4, 0, 0, 0, 0, 0]
/** :method GET, :scheme http, :path /, :authority x */
const REQUEST = [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 0x01, 0x78]

const broken: Record<string, number[]> = {
  'SETTINGS of a wrong length': [0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5],
  'a frame that is too long': [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 0, 0],
  'fields that are no HPACK': [0, 0, 4, 1, 5, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff],
  'DATA on an idle stream': [0, 0, 1, 0, 0, 0, 0, 0, 5, 1],
  'HEADERS on an even stream': [0, 0, 1, 1, 5, 0, 0, 0, 2, 0x82],
  'WINDOW_UPDATE by nothing': [0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  'CONTINUATION of nothing': [0, 0, 1, 9, 4, 0, 0, 0, 3, 0x82],
  'PING of a wrong length': [0, 0, 1, 6, 0, 0, 0, 0, 0, 1],
  'GOAWAY of a wrong length': [0, 0, 1, 7, 0, 0, 0, 0, 0, 1],
  'HTTP/1.1': [...Buffer.from('GET / HTTP/1.1\r\n\r\n')]
}

function send (t: Ending, url: string, ...frames: number[][]): Socket {
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => { socket.destroy() })
  socket.on('error', () => {}).resume().write(Buffer.concat([Buffer.from(PREFACE), ...frames.map(frame => Buffer.from(frame))]))
  return socket
}

t.test('each of them is closed, with what it had in flight', async t => {
  const target = await startTarget(t, 'a', () => {})
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const well = connect(url)
  t.teardown(() => { well.destroy() })
  const sockets = Object.entries(broken).map(([what, frame]) => ({ what, socket: send(t, url, SETTINGS, REQUEST, frame) }))
  for (const { what, socket } of sockets) await until(() => socket.destroyed, `${what}: it is closed`, 20_000)
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
  t.notOk(well.destroyed)
})

t.test('sessions that are well stay', async t => {
  const clock = new FakeClock()
  const streams: ServerHttp2Stream[] = []
  const sessions: ServerHttp2Session[] = []
  const server = createServer().on('stream', stream => { streams.push(stream.on('error', () => {})) }).on('session', session => { sessions.push(session) })
  t.teardown(() => { server.close() })
  closeBrokenSessions(server, clock, 20)
  closeBrokenSessions(server, clock, 20)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = connect(url, { settings: { initialWindowSize: 1_000_000_000 } })
  let pings = 0
  client.on('ping', () => { pings++ })
  await once(client, 'remoteSettings')
  const sweep = async (): Promise<void> => {
    clock.advance(2_000)
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  }
  for (let i = 0; i < 10; i++) await sweep()
  t.equal(pings, 1, 'a session that says nothing is asked once')
  // A request and its response, and then silence.
  const stream = client.request({ ':path': '/' }).resume()
  await until(() => streams.length === 1, 'it is there')
  streams[0]!.respond()
  streams[0]!.end('a')
  await once(stream, 'close')
  for (let i = 0; i < 10; i++) await sweep()
  t.equal(pings, 2)

  // It does not read: the ping has to wait, as all else.
  client.setLocalWindowSize(1_000_000_000)
  const socket = client.socket as unknown as { _handle: { readStop: () => void } }
  client.request({ ':path': '/' })
  await until(() => streams.length === 2, 'it is there')
  socket._handle.readStop()
  streams[1]!.respond()
  streams[1]!.write(Buffer.alloc(50_000_000))
  for (let i = 0; i < 10; i++) await sweep()
  t.equal(pings, 2)
  t.ok(sessions[0]!.state.outboundQueueSize! > 0, 'the ping waits')
  t.notOk(sessions[0]!.destroyed)
  sessions[0]!.destroy()
  client.destroy()
  clock.advance(2_000)
  await until(() => clock.pending === 0, 'without sessions, there is nothing to look at')
})

t.test('there is nothing to do for later versions of Node, and for HTTP/1.1', async t => {
  for (const [server, node] of [[createServer(), 22], [createHttp1Server(), 20]] as const) {
    closeBrokenSessions(server, new FakeClock(), node)
    t.notOk(server.listenerCount('session') > 1)
  }
})
