/** Probes of targets whose requests go over HTTP/2. */
import t from 'tap'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, createSecureServer, type Http2Server, type ServerHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from '../helpers/certificates.js'
import { probeOf } from '../helpers/probing.js'
import { refusedUrl, startGateway, startRawTarget, startTarget, type Ending } from '../helpers/servers.js'

type Handler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

const ok: Handler = stream => {
  stream.respond({ ':status': 200 })
  stream.end('all is well')
}

/** A server that speaks nothing but HTTP/2; returns its port. */
async function listening (t: Ending, server: Http2Server | ReturnType<typeof createSecureServer>, handler: Handler = ok): Promise<number> {
  const sessions = new Set<{ destroy: () => void }>()
  server.on('session', session => { sessions.add(session) })
  server.on('stream', handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const folder = mkdtempSync(join(tmpdir(), 'probe-http2-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })
const certificate = selfSigned(folder)
const tls = { ca: certificate.cert }

t.test('a target that speaks only HTTP/2 passes, in clear text and over TLS, and gets requests', async t => {
  const plain = `http://127.0.0.1:${await listening(t, createServer())}`
  const secure = `https://127.0.0.1:${await listening(t, createSecureServer({ ...certificate, allowHTTP1: false }))}`
  t.same(await probeOf(plain, {}, true).result, { passed: true, reason: 'status 200' })
  t.same(await probeOf({ url: secure, tls }, {}, true).result, { passed: true, reason: 'status 200' })
  for (const url of [plain, secure]) {
    const { app, url: gateway } = await startGateway(t, {
      upstreams: { shop: { targets: [url], pool: { http2: true, tls }, health: { active: true }, panic: 'fail-closed' } },
      routes: { '/': 'shop' }
    })
    t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.health, 'healthy')
    t.equal(await (await fetch(gateway)).text(), 'all is well')
  }
})

t.test('a target that chooses HTTP/1.1 is probed with that', async t => {
  const server = createHttpsServer(certificate, (_request, response) => { response.end('one') }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.same(await probeOf({ url, tls }, { expect: { body: 'one' } }, true).result, { passed: true, reason: 'status 200' })
})

t.test('status, body, method, path and headers count as they do over HTTP/1.1', async t => {
  const seen: IncomingHttpHeaders[] = []
  const port = await listening(t, createServer(), (stream, headers) => {
    seen.push(headers)
    stream.respond({ ':status': headers[':path'] === '/base/bad' ? 503 : 200 })
    stream.end('all is well')
  })
  const url = `http://127.0.0.1:${port}/base`
  t.same(await probeOf(url, { path: '/bad' }, true).result, { passed: false, reason: 'status 503' })
  t.same(await probeOf(url, { expect: { body: 'well' }, headers: { host: 'shop.example', 'x-key': 'k' } }, true).result, { passed: true, reason: 'status 200' })
  t.same(await probeOf(url, { expect: { body: 'ill' } }, true).result, { passed: false, reason: 'the body is not as expected' })
  t.match(seen[1], { ':method': 'GET', ':path': '/base/', ':authority': 'shop.example', 'x-key': 'k', 'user-agent': 'fastify-load-balancer' })
})

t.test('a target that does not speak HTTP/2, resets the stream, or is not there fails', async t => {
  const http1 = await startTarget(t, 'a')
  t.equal((await probeOf(http1.url, {}, true).result).passed, false)
  t.same(await probeOf(await refusedUrl(), {}, true).result, { passed: false, reason: 'connection refused' })
  const port = await listening(t, createServer(), stream => { stream.on('error', () => {}).close(2) })
  t.equal((await probeOf(`http://127.0.0.1:${port}`, {}, true).result).passed, false)
  const silent = await startRawTarget(t, () => {})
  const running = probeOf(silent.url, {}, true)
  running.stop('no answer')
  t.same(await running.result, { passed: false, reason: 'no answer' })
})

t.test('a target behind a socket of the file system is probed over HTTP/2', async t => {
  const path = join(folder, 'target.sock')
  const server = createServer().on('stream', ok).listen(path)
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  t.same(await probeOf(`unix:${path}`, {}, true).result, { passed: true, reason: 'status 200' })
})

t.test('a probe of another port goes over HTTP/1.1', async t => {
  const health = await startTarget(t, 'health')
  t.same(await probeOf('http://127.0.0.1:1', { port: health.port }, true).result, { passed: true, reason: 'status 200' })
})
