/** Clients that send the body of a request byte by byte, and what happens to the slots that they hold. Time passes only where a test lets it. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import type { FastifyServerOptions } from 'fastify'
import type { LimitOptions, LoadBalancerOptions } from '../../lib/index.js'
import { FakeClock } from '../helpers/clock.js'
import { startGateway, startRawTarget, type Gateway } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import { WireClient } from '../protocol/wire/client.js'

interface Stage extends Gateway {
  clock: FakeClock
  /** What the target has received. */
  received: () => string
  target: Socket[]
  /** Resolved when the gateway has read so many bytes of its client. */
  hasRead: (bytes: number) => Promise<void>
}

interface Setting { limits?: LimitOptions, routes?: LoadBalancerOptions['routes'], server?: FastifyServerOptions, onSocket?: (socket: Socket) => void }

async function stage (t: Test, { limits = {}, routes = { '/': 'shop' }, server = {}, onSocket }: Setting = {}): Promise<Stage> {
  const clock = new FakeClock()
  let received = ''
  const target: Socket[] = []
  const { url } = await startRawTarget(t, socket => {
    target.push(socket)
    if (onSocket !== undefined) onSocket(socket)
    else socket.on('data', chunk => { received += chunk.toString('latin1') })
  })
  const gateway = await startGateway(t, { upstreams: { shop: { targets: [url], limits, now: clock.now, timers: clock } }, routes }, { server })
  let read = (): number => 0
  gateway.app.server.on('connection', (socket: Socket) => { read = () => socket.bytesRead })
  return { ...gateway, clock, target, received: () => received, hasRead: async bytes => { await until(() => read() >= bytes, `${bytes} bytes read`) } }
}

const head = (fields: string): string => `POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`
const LONG = 'Content-Length: 10000000'
const CHUNKED = 'Transfer-Encoding: chunked'

/** Sends the pieces, with so much time before each; true when the gateway has answered before the last. */
async function trickle ({ clock, hasRead }: Stage, client: WireClient, pieces: string[], everyMs: number): Promise<boolean> {
  let answered = false
  client.socket.once('data', () => { answered = true })
  for (const piece of pieces) {
    clock.advance(everyMs)
    client.send(piece)
    await hasRead(client.socket.bytesWritten)
    if (answered) return true
  }
  return answered
}

async function begin (stage: Stage, fields: string, first: string): Promise<WireClient> {
  const client = await WireClient.open(stage.url)
  client.send(head(fields) + first)
  await stage.hasRead(client.socket.bytesWritten)
  // Deadlines of the connection are not the point here.
  if (first !== '' && !isShort(fields)) await until(() => (stage.received().split('\r\n\r\n')[1] ?? '').includes('x'), 'the target has the first byte')
  return client
}

/** It is read whole before a target is picked. */
function isShort (fields: string): boolean {
  return /^Content-Length: \d{1,5}$/.test(fields)
}

t.test('a body that trickles is answered 408, and its slot is free again', async t => {
  for (const [fields, piece] of [[LONG, 'x'], [CHUNKED, '1\r\nx\r\n']] as const) {
    const here = await stage(t, { limits: { maxRequests: 1 } })
    const client = await begin(here, fields, piece)
    t.notOk(await trickle(here, client, [piece], 10_000), 'within the grace')
    await trickle(here, client, Array(5).fill(piece), 10_000)
    const answer = (await client.next())!
    t.equal(answer.status, 408)
    t.match(JSON.parse(answer.body.toString()), { code: 'FST_LB_REQUEST_TIMEOUT' })
    await client.closed
    t.equal(inFlight(here.app.upstreams.get('shop')!), 0)
    await until(() => here.target[0]!.destroyed, 'the target does not wait for the rest')
    t.match(here.app.upstreams.get('shop')!.snapshot().targets[0], { health: 'unchecked' }, 'it is not the target’s fault')
  }
})

t.test('so is a short one, which holds no slot yet', async t => {
  const here = await stage(t)
  const client = await begin(here, 'Content-Length: 100', 'x')
  await trickle(here, client, Array(5).fill('x'), 10_000)
  t.equal((await client.next())!.status, 408)
  t.equal(here.target.length, 0)
  await client.closed
})

t.test('a client that keeps up with the rate has all the time that it needs', async t => {
  for (const fields of [LONG, 'Content-Length: 60000']) {
    const here = await stage(t)
    const client = await begin(here, fields, 'x')
    t.notOk(await trickle(here, client, Array(100).fill('x'.repeat(500)), 2_000))
    client.leave()
  }
})

t.test('what was sent fast does not buy hours of trickling', async t => {
  const here = await stage(t)
  const client = await begin(here, LONG, 'x'.repeat(1_000_000))
  await until(() => here.received().length > 1_000_000, 'it has arrived')
  await trickle(here, client, Array(5).fill('x'), 10_000)
  t.equal((await client.next())!.status, 408)
})

t.test('rate and grace are options, and false takes any client', async t => {
  const strict = await stage(t, { limits: { minBodyRate: { bytesPerSecond: 1_000, grace: 1_000 } } })
  const client = await begin(strict, LONG, 'x')
  t.ok(await trickle(strict, client, ['x'.repeat(500), 'x'.repeat(500)], 1_600))
  t.equal((await client.next())!.status, 408)
  for (const fields of [LONG, 'Content-Length: 100']) {
    const patient = await stage(t, { limits: { minBodyRate: false } })
    const slow = await begin(patient, fields, 'x')
    t.notOk(await trickle(patient, slow, Array(20).fill('x'), 50_000))
    slow.leave()
  }
})

t.test('the time in which a target does not read is not the client’s', async t => {
  let got = 0
  const here = await stage(t, { onSocket: socket => { socket.pause().on('data', chunk => { got += chunk.length }) } })
  const size = 20_000_000
  const client = await begin(here, `Content-Length: ${size}`, '')
  client.send(Buffer.alloc(size, 'x'))
  await until(() => here.target.length === 1, 'it is on its way')
  // Nothing more fits.
  let before = -1
  await until(() => {
    const { writableLength } = client.socket
    const still = writableLength === before
    before = writableLength
    return still && writableLength > 0
  }, 'nothing more fits')
  here.clock.advance(59_000)
  here.target[0]!.resume()
  await until(() => got > size, 'all of it has arrived')
  here.target[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  t.equal((await client.next())!.body.toString(), 'ok')
})

t.test('once the response has begun, client and target talk at their own pace', async t => {
  const here = await stage(t)
  const client = await begin(here, CHUNKED, '1\r\nx\r\n')
  here.target[0]!.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n')
  await once(client.socket, 'data')
  t.notOk(await trickle(here, client, Array(10).fill('1\r\nx\r\n'), 10_000))
  client.send('0\r\n\r\n')
  await until(() => here.received().endsWith('0\r\n\r\n'), 'the end of the request')
  here.target[0]!.write('0\r\n\r\n')
  t.equal((await client.next())!.body.toString(), 'hi')
})

t.test('a hook that keeps a body for long is not taken for a slow client', async t => {
  const held = new PassThrough()
  const here = await stage(t, { routes: { '/': { upstream: 'shop', preParsing: async (_request, _reply, payload) => { payload.resume(); return held } } } })
  const client = await begin(here, 'Content-Length: 5', 'hello')
  held.write('h')
  await until(() => here.target.length === 1 && here.received().endsWith('1\r\nh'), 'it has begun')
  here.clock.advance(50_000)
  held.end('i')
  await until(() => here.received().endsWith('0\r\n\r\n'), 'the target has it')
  here.target[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  t.equal((await client.next())!.status, 200)
})

t.test('it is the same on HTTP/2', async t => {
  const here = await stage(t, { server: { http2: true } as FastifyServerOptions })
  const session = connectHttp2(here.url)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/' })
  const statuses: unknown[] = []
  stream.on('error', () => {}).on('response', headers => { statuses.push(headers[':status']) }).resume()
  for (let sent = 1; sent <= 10 && statuses.length === 0; sent++) {
    stream.write('x')
    await until(() => statuses.length > 0 || (here.received().split('\r\n\r\n')[1] ?? '').replace(/[^x]/g, '').length === sent, `byte ${sent}`)
    here.clock.advance(10_000)
  }
  t.strictSame(statuses, [408])
  t.equal(inFlight(here.app.upstreams.get('shop')!), 0)
})

t.test('a server without a requestTimeout is hinted at when slots are limited', async t => {
  const hints = async (upstream: LoadBalancerOptions['upstreams'], server: FastifyServerOptions = {}): Promise<unknown[]> => {
    const lines: Array<Record<string, unknown>> = []
    const stream = new PassThrough()
    stream.on('data', line => { lines.push(JSON.parse(String(line)) as Record<string, unknown>) })
    await startGateway(t, { upstreams: upstream! }, { server: { ...server, logger: { stream } } })
    return lines.filter(({ msg }) => /requestTimeout/.test(String(msg))).map(({ level, upstreams, requestTimeout }) => ({ level, upstreams, requestTimeout }))
  }
  const targets = ['http://127.0.0.1:1']
  t.strictSame(await hints({ a: { targets, limits: { maxRequests: 5 } }, b: { targets }, c: { targets, pool: { connections: 5 } }, d: { targets: [{ url: targets[0]!, limits: { maxRequests: 5 } }] } }), [{ level: 30, upstreams: ['a', 'c', 'd'], requestTimeout: 0 }])
  t.strictSame(await hints({ a: { targets } }), [])
  t.strictSame(await hints({ a: { targets, limits: { maxRequests: 5 } } }, { requestTimeout: 60_000 }), [])
  t.strictSame(await hints({ a: { targets, limits: { maxRequests: 5 } } }, { http2: true } as FastifyServerOptions), [])
})
