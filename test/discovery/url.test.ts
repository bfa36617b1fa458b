/** Targets in a JSON document: a real server that answers as it is told, time that stands still. */
import t from 'tap'
import { createServer as createHttpsServer } from 'node:https'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { selfSigned } from '../helpers/certificates.js'
import { discovering, type Discovering } from '../helpers/discovering.js'
import { matchLines } from '../helpers/lines.js'
import { refusedUrl, startTarget, type Ending, type Seen, type TestTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const A = 'http://10.0.0.1'
const B = 'http://10.0.0.2'

type Answer = (response: ServerResponse, seen: Seen) => void

/** A registry whose answer can be exchanged; it starts with target A. */
async function startRegistry (t: Ending): Promise<TestTarget & { answer: Answer }> {
  const registry: TestTarget & { answer: Answer } = Object.assign(
    await startTarget(t, 'registry', (seen, _request, response) => { registry.answer(response, seen) }),
    { answer: json([A]) }
  )
  return registry
}

const json = (value: unknown, headers: Record<string, string> = {}): Answer => response => {
  for (const [name, text] of Object.entries(headers)) response.setHeader(name, text)
  response.end(JSON.stringify(value))
}

/** Lets the pause pass. */
async function goOn ({ clock }: Discovering): Promise<void> {
  await until(() => clock.pending === 1, 'the pause')
  while (clock.pending === 1) clock.advance(1_000)
}

// ---- what is there --------------------------------------------------------------------------------------------------------

t.test('a list of targets, or an object with one, asked for every 10 s on one connection', async t => {
  const registry = await startRegistry(t)
  const found = discovering(t, { url: `${registry.url}/shop?zone=eu` })
  await found.has(A)
  registry.answer = json({ targets: [{ id: 'b', url: B, weight: 2 }] })
  await until(() => found.clock.pending === 1, 'the pause')
  found.clock.advance(9_999)
  await turn()
  t.equal(registry.seen.length, 1)
  found.clock.advance(1)
  await found.has('b')
  t.match(registry.seen, Array(2).fill({ method: 'GET', url: '/shop?zone=eu', headers: { accept: 'application/json', 'user-agent': 'fastify-load-balancer' } }))
  t.equal(registry.sockets.size, 1)
  t.match(found.discovery.snapshot(), { kind: 'url', place: `${registry.url}/shop`, resolves: 2, failures: 0 })
})

t.test('a 100 Continue that was not asked for is passed over', async t => {
  const registry = await startRegistry(t)
  registry.answer = (response, seen) => {
    response.writeContinue()
    json([A])(response, seen)
  }
  const found = discovering(t, { url: registry.url })
  await found.has(A)
  t.match(found.discovery.snapshot(), { resolves: 1, failures: 0 })
})

t.test('map makes targets of any document, at once or later', async t => {
  const registry = await startRegistry(t)
  registry.answer = json({ nodes: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }] })
  const map = ({ nodes }: { nodes: Array<{ ip: string }> }): string[] => nodes.map(({ ip }) => `http://${ip}`)
  for (const option of [map, async (document: any) => map(document)]) {
    const found = discovering(t, { url: registry.url, map: option })
    await found.has(`${A} ${B}`)
  }
})

t.test('headers are sent as they are given, or as a function gives them each time', async t => {
  const registry = await startRegistry(t)
  const fixed = discovering(t, { url: registry.url, headers: { authorization: 'Bearer one', accept: 'application/vnd.shop+json' } })
  await fixed.resolved(1)
  const tokens = ['two', 'three']
  const fresh = discovering(t, { url: registry.url, headers: async () => ({ authorization: `Bearer ${tokens.shift()}` }) })
  await fresh.resolved(1)
  await goOn(fresh)
  await fresh.resolved(2)
  t.strictSame(registry.seen.map(({ headers }) => headers.authorization), ['Bearer one', 'Bearer two', 'Bearer three'])
  t.equal(registry.seen[0]!.headers.accept, 'application/vnd.shop+json')
})

t.test('a url may follow from the headers of the last good answer, and starts anew after a failure', async t => {
  const registry = await startRegistry(t)
  registry.answer = json([A], { 'x-index': '7' })
  const found = discovering(t, { url: last => `${registry.url}/?index=${String(last['x-index'] ?? 0)}`, interval: 10_000 })
  await found.resolved(1)
  registry.answer = response => { response.writeHead(500).end() }
  await goOn(found)
  await found.failed(1)
  registry.answer = json([A], { 'x-index': '9' })
  await goOn(found)
  await found.resolved(2)
  await goOn(found)
  await found.resolved(3)
  t.strictSame(registry.seen.map(({ url }) => url), ['/?index=0', '/?index=7', '/?index=0', '/?index=9'])
  t.match(found.discovery.snapshot(), { kind: 'url', place: '' })
})

t.test('https: verified, by the ca that is given', async t => {
  const certificate = selfSigned(t.testdir())
  const server = createHttpsServer(certificate, (_request, response) => { response.end(JSON.stringify([A])) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const strict = discovering(t, { url })
  await strict.failed(1)
  t.match(strict.discovery.snapshot(), { lastError: /self-signed certificate/ })
  await discovering(t, { url, tls: { ca: certificate.cert } }).has(A)
  await discovering(t, { url, tls: { rejectUnauthorized: false } }).has(A)
})

// ---- what is known already ------------------------------------------------------------------------------------------------

t.test('an ETag is sent back, and 304 means the same targets again', async t => {
  const registry = await startRegistry(t)
  registry.answer = (response, { headers }) => {
    if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else json([A], { etag: '"1"' })(response, undefined as never)
  }
  const found = discovering(t, { url: registry.url })
  for (let i = 1; i <= 3; i++) {
    await found.resolved(i)
    t.equal(found.ids(), A)
    await goOn(found)
  }
  await found.resolved(4)
  registry.answer = json([B], { etag: '"2"' })
  await goOn(found)
  await found.has(B)
  t.strictSame(registry.seen.map(({ headers }) => headers['if-none-match']), [undefined, '"1"', '"1"', '"1"', '"1"'])
  t.equal(registry.sockets.size, 1)
})

t.test('an ETag outlives a failure, but is that of one url', async t => {
  const registry = await startRegistry(t)
  registry.answer = json([A], { etag: '"1"' })
  let path = '/one'
  const found = discovering(t, { url: () => registry.url + path })
  await found.resolved(1)
  registry.answer = response => { response.writeHead(503).end() }
  await goOn(found)
  await found.failed(1)
  registry.answer = response => { response.writeHead(304).end() }
  await goOn(found)
  await found.resolved(2)
  t.equal(found.ids(), A)
  path = '/two'
  await goOn(found)
  await found.failed(2)
  t.equal(found.discovery.snapshot().lastError, 'status 304', 'which nobody had asked for')
  t.strictSame(registry.seen.map(({ headers }) => headers['if-none-match']), [undefined, '"1"', '"1"', undefined])
})

// ---- failures -------------------------------------------------------------------------------------------------------------

t.test('whatever is wrong with an answer leaves the last good set, and is told', async t => {
  const registry = await startRegistry(t)
  const found = discovering(t, {
    url: registry.url,
    maxBytes: 1_000,
    map: document => {
      if (document.broken === true) throw new Error('no such service')
      return document
    }
  })
  await found.has(A)
  for (const [answer, fault] of [
    [(response: ServerResponse) => { response.writeHead(500).end('x'.repeat(100_000)) }, 'status 500'],
    [(response: ServerResponse) => { response.writeHead(301, { location: '/elsewhere' }).end() }, 'status 301'],
    [(response: ServerResponse) => { response.writeHead(204).end() }, 'status 204'],
    [(response: ServerResponse) => { response.end('<html>') }, /not valid JSON/],
    [json({ broken: true }), 'no such service'],
    [json([B, 'nonsense', { url: B, weight: -1 }]), /targets\[1\]: expected a url.*\ntargets\[2\]\.weight: expected 0 to 256, got -1/s],
    [json('x'.repeat(1_000)), 'the answer has more than 1000 bytes'],
    [(response: ServerResponse) => { response.write('[') }, 'no answer within 10000 ms'],
    [() => {}, 'no answer within 10000 ms'],
    [(response: ServerResponse) => { response.socket!.destroy() }, /other side closed|ECONNRESET/],
    [(response: ServerResponse) => { response.writeHead(200, { 'content-length': '100' }).write('[', () => response.socket!.destroy()) }, /other side closed|ECONNRESET|terminated|aborted/]
  ] as const) {
    registry.answer = answer
    const { failures } = found.discovery.snapshot()
    await goOn(found)
    await until(() => {
      if (registry.seen.length > failures + 1) found.clock.advance(100)
      return found.discovery.snapshot().failures > failures
    }, String(fault))
    t.match(found.discovery.snapshot().lastError, fault)
    t.equal(found.ids(), A)
  }
  registry.answer = json([B])
  await goOn(found)
  await found.has(B)
  t.equal(found.lines.at(-1), 'info: discovery works again')
})

t.test('a function for the url or the headers that throws has failed', async t => {
  const registry = await startRegistry(t)
  for (const options of [
    { url: () => { throw new Error('no idea') } },
    { url: registry.url, headers: () => { throw new Error('no idea') } },
    { url: registry.url, headers: async () => { throw new Error('no idea') } }
  ]) {
    const found = discovering(t, options)
    await found.failed(1)
    t.equal(found.discovery.snapshot().lastError, 'no idea')
  }
  const nonsense = discovering(t, { url: () => 'nonsense' })
  await nonsense.failed(1)
  t.match(nonsense.discovery.snapshot().lastError, /Invalid URL/i)
  const waiting = discovering(t, { url: registry.url, timeout: 500, headers: () => new Promise<never>(() => {}) })
  await turn()
  waiting.clock.advance(500)
  await waiting.failed(1)
  t.equal(waiting.discovery.snapshot().lastError, 'no answer within 500 ms')
  t.equal(registry.seen.length, 0)
})

t.test('a registry that is not there', async t => {
  const url = await refusedUrl()
  const found = discovering(t, { url })
  await found.failed(1)
  matchLines(t, found.lines, [/^warn: discovery has failed, the last good set of targets stays: connect ECONNREFUSED 127\.0\.0\.1/])
})

t.test('an end in the middle of a question ends it, with its connection', async t => {
  const registry = await startRegistry(t)
  registry.answer = () => {}
  const found = discovering(t, { url: registry.url })
  await until(() => registry.seen.length === 1, 'the question')
  found.discovery.close()
  await until(() => registry.sockets.size === 0, 'the end of the connection')
  t.strictSame(found.lines, [])
  await turn()
  t.equal(found.clock.pending, 0)
})

t.test('an end between two questions ends the connection, too', async t => {
  const registry = await startRegistry(t)
  const found = discovering(t, { url: registry.url })
  await found.resolved(1)
  await until(() => found.clock.pending === 1, 'the pause')
  found.discovery.close()
  await until(() => registry.sockets.size === 0, 'the end of the connection')
  t.equal(found.clock.pending, 0)
})
