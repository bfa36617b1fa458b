/** Bytes that readers may disagree about: the connection is refused, or exactly one request reaches exactly one target, and whoever comes next gets their own answer. */
import t, { type Test } from 'tap'
import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type Http2Server } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Upstream } from '../../lib/index.js'
import { startGateway, startRawTarget, type Ending } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import { vectors, type Outcome, type Vector } from './smuggling-vectors.js'
import { WireClient, type Answer } from './wire/client.js'
import { inShort, startStrictTarget, type Target } from './wire/strict-target.js'

interface Stage { url: string, target: Target, upstream: Upstream, parsed: boolean, http2?: boolean }

/** Two connections to the target at most: what is left on one of them would meet the next requests. */
const FEW = { pool: { connections: 2 }, limits: { maxRequests: 2, queue: { size: 100, timeout: 10_000 } } }

t.test('a target that reads strictly, bodies passed on as they come', async t => {
  const target = await startStrictTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], ...FEW } }, routes: { '/': 'shop' } })
  await playAll(t, { url, target, upstream: app.upstreams.get('shop')!, parsed: false })
})

t.test('a target that reads strictly, bodies parsed by the gateway first', async t => {
  const target = await startStrictTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], ...FEW } } }, {
    after: app => {
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
      app.all('/*', (_request, reply) => reply.balance('shop'))
    }
  })
  await playAll(t, { url, target, upstream: app.upstreams.get('shop')!, parsed: true })
})

t.test('a target that is a server of Node', async t => {
  const target = await startNodeTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], ...FEW } }, routes: { '/': 'shop' } })
  await playAll(t, { url, target, upstream: app.upstreams.get('shop')!, parsed: false })
})

t.test('a target that speaks HTTP/2, and HTTP/1.1 for what cannot be said in it', async t => {
  const target = await startTwofoldTarget(t)
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], ...FEW, pool: { connections: 2, http2: true } } }, routes: { '/': 'shop' } })
  await playAll(t, { url, target, upstream: app.upstreams.get('shop')!, parsed: false, http2: true })
})

async function playAll (t: Test, stage: Stage): Promise<void> {
  for (const vector of vectors) await t.test(vector.name, async t => { await play(t, stage, vector) })
}

async function play (t: Test, stage: Stage, vector: Vector): Promise<void> {
  const { url, target, upstream } = stage
  const outcome = stage.parsed && vector.parsed !== undefined ? vector.parsed : vector.outcome
  target.arrived.length = 0
  const client = await WireClient.open(url)
  client.send(vector.bytes)
  if (outcome === 'unfinished') {
    // When somebody else is served, these bytes have been read.
    await others(t, url)
    client.leave()
  } else {
    await hear(t, client, outcome)
  }
  await until(() => inFlight(upstream) === 0, 'nothing is in flight')
  await others(t, url)
  const arrived = target.arrived.filter(({ short }) => !short.startsWith('GET /next/'))
  t.strictSame(target.faults.splice(0), [], 'the target has understood every byte')
  checkArrived(t, outcome, arrived.map(({ short }) => short))
  for (const [name, value] of Object.entries(vector.sees ?? {})) {
    // Which connection it comes on, and how long it is, is said by frames.
    if (stage.http2 === true && (name === 'connection' || name === 'content-length')) continue
    t.equal(arrived[0]!.fields.filter(field => field[0] === name).map(field => field[1]).join(', ') || undefined, value, name)
  }
}

/** The client's own connection: what it is answered, and that it is closed or goes on in step. */
async function hear (t: Test, client: WireClient, outcome: Exclude<Outcome, 'unfinished'>): Promise<void> {
  if (outcome === 'refused') {
    const answer = await client.next()
    if (answer !== undefined) t.match(answer.status, /^[45]\d\d$/)
    await client.closed
    return
  }
  if (outcome === 'answered') {
    const answer = await client.next()
    t.match(answer?.status, /^4\d\d$/)
  } else if (Array.isArray(outcome)) {
    for (const short of outcome) {
      const head = short.startsWith('HEAD')
      const answer = await client.next(head)
      t.equal(answer?.status, 200)
      if (!head) t.equal(answer?.body.toString('latin1'), short, 'answered in their order')
      if (answer === undefined || closes(answer)) return
    }
  } else {
    // What breaks the connection off may come before the answers to what was before it.
    const answer = await client.next()
    if (answer?.status === 200) t.equal(answer.body.toString('latin1'), outcome.before[0])
    await client.closed
    return
  }
  client.send('GET /next/same HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.equal((await client.next())?.body.toString(), 'GET /next/same ', 'the connection is in step')
  await client.closed
}

function closes ({ fields }: Answer): boolean {
  return fields.some(([name, value]) => name === 'connection' && value.toLowerCase() === 'close')
}

function checkArrived (t: Test, outcome: Outcome, arrived: string[]): void {
  if (typeof outcome === 'string') t.strictSame(arrived, [], 'nothing arrived')
  else if (Array.isArray(outcome)) t.strictSame(arrived.sort(), [...outcome].sort(), 'exactly this arrived')
  else t.ok(arrived.length <= outcome.before.length && arrived.every(short => outcome.before.includes(short)), `no more than what was before it: ${JSON.stringify(arrived)}`)
}

/** Other clients at once, more than there are connections to the target: each gets its own answer. */
async function others (t: Test, url: string): Promise<void> {
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map(async name => {
    const client = await WireClient.open(url)
    client.send(`GET /next/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    return (await client.next())?.body.toString()
  }))
  t.strictSame(answers, ['GET /next/a ', 'GET /next/b ', 'GET /next/c ', 'GET /next/d '], 'others get their own answers')
}

/** Two servers of Node on one port: which of them a connection is for is told by its first bytes. */
async function startTwofoldTarget (t: Ending): Promise<Target> {
  const arrived: Target['arrived'] = []
  const faults: string[] = []
  const http1 = createNodeServer(arrived, faults)
  const http2 = createHttp2Server()
  http2.on('session', session => session.on('error', () => {}))
  http2.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    stream.on('end', () => {
      // Given up: what came was not all.
      if (stream.aborted || stream.destroyed) return
      const short = inShort(headers[':method']!, headers[':path']!, Buffer.concat(chunks))
      arrived.push({ short, fields: Object.entries(headers).map(([name, value]) => [name, String(value)]) })
      stream.respond({ ':status': 200, 'content-type': 'text/plain' })
      stream.end(Buffer.from(short, 'latin1'))
    })
  })
  const { url } = await startRawTarget(t, socket => {
    socket.once('data', chunk => {
      socket.pause()
      socket.unshift(chunk)
      const server: Server | Http2Server = chunk.toString('latin1').startsWith('PRI * HTTP/2.0') ? http2 : http1
      server.emit('connection', socket)
      if (server === http1) socket.resume()
    })
  })
  return { url, arrived, faults }
}

async function startNodeTarget (t: Ending): Promise<Target> {
  const arrived: Target['arrived'] = []
  const faults: string[] = []
  const server = createNodeServer(arrived, faults)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrived, faults }
}

function createNodeServer (arrived: Target['arrived'], faults: string[]): Server {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('error', () => {})
    request.on('end', () => {
      const short = inShort(request.method!, request.url!, Buffer.concat(chunks))
      arrived.push({ short, fields: Object.entries(request.headers).map(([name, value]) => [name, String(value)]) })
      response.setHeader('content-type', 'text/plain')
      response.end(Buffer.from(short, 'latin1'))
    })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Not those of clients that left in the middle.
    if (error.code !== 'ECONNRESET' && error.code !== 'HPE_INVALID_EOF_STATE') faults.push(String(error))
    socket.destroy()
  })
  return server
}
