/** One probe of one target, against real servers. */
import t from 'tap'
import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer, type ServerOptions } from 'node:https'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned, VERIFIES_IPV6, type Certificate } from '../helpers/certificates.js'
import { probeOf } from '../helpers/probing.js'
import { refusedUrl, startRawTarget, startTarget, type Ending } from '../helpers/servers.js'
import { deferred, until } from '../helpers/wait.js'

const HELLO = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello'

/** A target that sends this as soon as it is asked anything. */
function answering (t: Ending, answer: string | Buffer) {
  return startRawTarget(t, socket => { socket.once('data', () => { socket.write(answer) }) })
}

async function startTls (t: Ending, certificate: Certificate, options: ServerOptions = {}, handler: RequestListener = (_request, response) => { response.end('ok') }) {
  const server = createHttpsServer({ ...certificate, ...options }, handler)
  server.listen(0)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}

t.test('a probe that says nothing else is a GET of the path, with a connection of its own that ends with it', async t => {
  const target = await startTarget(t, 'a')
  for (let i = 0; i < 2; i++) t.strictSame(await probeOf(target.url, { path: '/health' }).result, { passed: true, reason: 'status 200' })
  t.equal(target.seen.length, 2)
  const { method, url, headers } = target.seen[0]!
  t.strictSame({ method, url, headers }, {
    method: 'GET',
    url: '/health',
    headers: { host: `127.0.0.1:${target.port}`, 'user-agent': 'fastify-load-balancer', connection: 'close' }
  })
})

t.test('the path is put behind the base path of the target', async t => {
  const target = await startTarget(t, 'a')
  await probeOf(`${target.url}/base/`, { path: '/health?deep=1' }).result
  await probeOf(`${target.url}/base`).result
  await probeOf(target.url).result
  t.strictSame(target.seen.map(({ url }) => url), ['/base/health?deep=1', '/base/', '/'])
})

t.test('a target with an address is probed there, by http and by tcp, and asked as what its url says', async t => {
  const target = await startTarget(t, 'a')
  const there = { url: `http://shop.example:${target.port}`, address: '127.0.0.1' }
  t.ok((await probeOf(there).result).passed)
  t.equal(target.seen[0]!.headers.host, `shop.example:${target.port}`)
  t.ok((await probeOf(there, { type: 'tcp' }).result).passed)
})

t.test('method and headers are sent as they are given', async t => {
  const target = await startTarget(t, 'a')
  await probeOf(target.url, { method: 'OPTIONS', headers: { Host: 'shop.example', 'User-Agent': 'checker', 'x-probe': '1' } }).result
  const { method, headers } = target.seen[0]!
  t.equal(method, 'OPTIONS')
  t.match(headers, { host: 'shop.example', 'user-agent': 'checker', 'x-probe': '1' })
})

t.test('another port can be probed', async t => {
  const target = await startTarget(t, 'a')
  const health = await startTarget(t, 'health')
  t.ok((await probeOf(target.url, { port: health.port }).result).passed)
  t.ok((await probeOf(target.url, { port: health.port, type: 'tcp' }).result).passed)
  t.equal(target.seen.length, 0)
  t.equal(health.seen.length, 1)
})

t.test('a url without a port means 80, and 443 for https', async t => {
  const ports: number[] = []
  const note = (message: unknown): void => { ports.push((message as { error: { port: number } }).error.port) }
  subscribe('http.client.request.error', note)
  t.teardown(() => unsubscribe('http.client.request.error', note))
  // Nobody listens at these addresses.
  for (const url of ['http://127.1.2.3', 'https://127.1.2.3']) await probeOf(url).result
  t.strictSame(ports, [80, 443])
})

t.test('an IPv6 address works', async t => {
  const server = createHttpServer((_request, response) => { response.end('ok') })
  server.listen(0, '::1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.ok((await probeOf(`http://[::1]:${(server.address() as AddressInfo).port}`).result).passed)
})

// ---- statuses -------------------------------------------------------------------------------------------------------------

t.test('a status that is not expected fails the probe and is its reason', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.statusCode = 503
    response.end()
  })
  t.strictSame(await probeOf(target.url).result, { passed: false, reason: 'status 503' })
  t.strictSame(await probeOf(target.url, { expect: { status: 503 } }).result, { passed: true, reason: 'status 503' })
})

t.test('a redirect is an answer like any other: it is not followed', async t => {
  const elsewhere = await startTarget(t, 'elsewhere')
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.writeHead(302, { location: elsewhere.url })
    response.end()
  })
  t.ok((await probeOf(target.url).result).passed, 'within the default range')
  t.strictSame(await probeOf(target.url, { expect: { status: '200-299' } }).result, { passed: false, reason: 'status 302' })
  t.equal(elsewhere.seen.length, 0)
})

t.test('an interim response is not the answer', async t => {
  const target = await answering(t, `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${HELLO}`)
  t.strictSame(await probeOf(target.url, { expect: { body: 'hello' } }).result, { passed: true, reason: 'status 200' })
})

t.test('a change of protocol is judged by its status, at once', async t => {
  const target = await answering(t, 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
  const headers = { connection: 'upgrade', upgrade: 'websocket' }
  t.strictSame(await probeOf(target.url, { headers }).result, { passed: false, reason: 'status 101' })
  t.strictSame(await probeOf(target.url, { headers, expect: { status: 101 } }).result, { passed: true, reason: 'status 101' })
  await until(() => target.sockets.size === 0, 'the end of the connections')
})

// ---- bodies ---------------------------------------------------------------------------------------------------------------

t.test('a body must contain the text that is expected', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.end('{"status":"ok"}') })
  t.strictSame(await probeOf(target.url, { expect: { body: '"ok"' } }).result, { passed: true, reason: 'status 200' })
  t.strictSame(await probeOf(target.url, { expect: { body: '"OK"' } }).result, { passed: false, reason: 'the body is not as expected' })
})

t.test('a body must match the RegExp that is expected, time after time', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.end('{"status":"ok"}') })
  for (const body of [/"ok"/, /"OK"/i, /"ok"/g, /\{"status":"ok"/y, /\{/gy]) {
    for (let i = 0; i < 3; i++) t.ok((await probeOf(target.url, { expect: { body } }).result).passed, `${String(body)}, number ${i}`)
  }
  for (const body of [/^ok/, /"ok"/y]) t.notOk((await probeOf(target.url, { expect: { body } }).result).passed, String(body))
})

t.test('a RegExp goes on from nowhere, however often one and the same expectation is used', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => { response.end('up, up, up') })
  const expect = { body: /up/g }
  const results = []
  for (let i = 0; i < 5; i++) results.push((await probeOf(target.url, { expect }).result).passed)
  t.strictSame(results, [true, true, true, true, true])
  t.equal(expect.body.lastIndex, 0)
})

t.test('a character that came in two pieces is read as one', async t => {
  const [before, after] = [Buffer.from('voil\xc3', 'latin1'), Buffer.from('\xa0', 'latin1')]
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.write(before)
    setImmediate(() => response.end(after))
  })
  t.ok((await probeOf(target.url, { expect: { body: 'voilà' } }).result).passed)
})

t.test('with a wrong status the body does not count', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.statusCode = 500
    response.end('ok')
  })
  t.strictSame(await probeOf(target.url, { expect: { body: 'ok' } }).result, { passed: false, reason: 'status 500' })
})

t.test('an empty body contains nothing', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.statusCode = 204
    response.end()
  })
  t.strictSame(await probeOf(target.url, { expect: { body: 'ok' } }).result, { passed: false, reason: 'the body is not as expected' })
})

/** Sends `first`, then more and more, until the client goes. `gone` is resolved then. */
async function startEndless (t: Ending, first: string) {
  const gone = deferred()
  const target = await startTarget(t, 'endless', (_seen, _request, response) => {
    response.write(first)
    const chunk = Buffer.alloc(16_384, 'x')
    const more = (): void => { while (!response.destroyed && response.write(chunk)); }
    response.on('drain', more)
    response.on('close', gone.resolve)
    more()
  })
  return { target, gone: gone.promise }
}

t.test('a body that does not matter is not waited for, and its connection is closed', async t => {
  const { target, gone } = await startEndless(t, 'ok')
  t.strictSame(await probeOf(target.url).result, { passed: true, reason: 'status 200' })
  await gone
})

t.test('of an endless body the first 64 KB decide, and its connection is closed', async t => {
  const good = await startEndless(t, 'ok')
  t.ok((await probeOf(good.target.url, { expect: { body: 'ok' } }).result).passed)
  await good.gone
  const bad = await startEndless(t, 'down')
  t.notOk((await probeOf(bad.target.url, { expect: { body: 'ok' } }).result).passed)
  await bad.gone
})

t.test('a body that is cut short is a failure, whatever it said', async t => {
  const target = await startRawTarget(t, socket => {
    socket.once('data', () => { socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello') })
  })
  t.strictSame(await probeOf(target.url, { expect: { body: 'hello' } }).result, { passed: false, reason: 'connection reset' })
})

// ---- connections that fail ------------------------------------------------------------------------------------------------

t.test('a refused connection fails the probe', async t => {
  const url = await refusedUrl()
  t.strictSame(await probeOf(url).result, { passed: false, reason: 'connection refused' })
  t.strictSame(await probeOf(url, { type: 'tcp' }).result, { passed: false, reason: 'connection refused' })
})

t.test('a host that does not exist fails the probe', async t => {
  const { passed, reason } = await probeOf('http://shop.invalid').result
  t.notOk(passed)
  t.match(reason, /^host name not /)
})

t.test('a connection that is closed without an answer fails the probe', async t => {
  const target = await startRawTarget(t, socket => { socket.once('data', () => { socket.destroy() }) })
  t.strictSame(await probeOf(target.url).result, { passed: false, reason: 'connection reset' })
})

t.test('an answer that is not HTTP fails the probe', async t => {
  const target = await answering(t, 'SSH-2.0-OpenSSH_9.9\r\n')
  const { passed, reason } = await probeOf(target.url).result
  t.notOk(passed)
  t.equal(reason, 'not HTTP')
})

t.test('a probe that is stopped fails for that reason, and its connection is closed', async t => {
  const target = await startRawTarget(t, socket => { socket.resume() })
  for (const type of ['http', 'tcp'] as const) {
    const running = probeOf(type === 'tcp' ? await refusedUrl() : target.url, { type })
    if (type === 'http') await until(() => target.sockets.size > 0, 'a connection')
    running.stop('enough')
    t.strictSame(await running.result, { passed: false, reason: 'enough' })
  }
  await until(() => target.sockets.size === 0, 'the end of it')
})

// ---- TCP and unix sockets -------------------------------------------------------------------------------------------------

t.test('a tcp probe connects, says nothing, and leaves', async t => {
  let heard = 0
  const gone = deferred()
  const target = await startRawTarget(t, socket => {
    socket.on('data', chunk => { heard += chunk.length })
    socket.on('close', () => { gone.resolve() })
  })
  t.strictSame(await probeOf(target.url, { type: 'tcp' }).result, { passed: true, reason: 'connected' })
  await gone.promise
  t.equal(heard, 0)
})

t.test('a unix socket is probed, with its base path', async t => {
  // The path of a socket is short, or it is cut off without a word.
  const dir = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'shop.sock')
  const seen: string[] = []
  const server = createHttpServer((request, response) => {
    seen.push(`${request.headers.host!} ${request.url!}`)
    response.end('ok')
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.ok((await probeOf(`unix:${path}:/base`, { path: '/health' }).result).passed)
  t.ok((await probeOf(`unix:${path}`, { type: 'tcp' }).result).passed)
  t.strictSame(seen, ['localhost /base/health'])
  t.strictSame(await probeOf(`unix:${path}.not`).result, { passed: false, reason: 'socket not found' })
})

// ---- TLS ------------------------------------------------------------------------------------------------------------------

t.test('TLS', async t => {
  const certificate = selfSigned(t.testdir())

  t.test('a certificate that nobody vouches for fails the probe', async t => {
    const { port } = await startTls(t, certificate)
    t.strictSame(await probeOf(`https://localhost:${port}`).result, { passed: false, reason: 'self-signed certificate' })
    t.strictSame(await probeOf(`https://127.0.0.1:${port}`).result, { passed: false, reason: 'self-signed certificate' })
  })

  t.test('with its authority it passes, by name and by address', async t => {
    const { port } = await startTls(t, certificate)
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => { warnings.push(warning) }
    process.on('warning', onWarning)
    t.teardown(() => process.off('warning', onWarning))
    for (const host of ['localhost', '127.0.0.1', ...VERIFIES_IPV6 ? ['[::1]'] : []]) {
      t.strictSame(await probeOf({ url: `https://${host}:${port}`, tls: { ca: certificate.cert } }).result, { passed: true, reason: 'status 200' }, host)
    }
    await new Promise(resolve => setImmediate(resolve))
    t.strictSame(warnings, [], 'an address is not asked for as if it were a name')
  })

  t.test('a certificate for another name fails the probe, unless that name is asked for', async t => {
    const other = selfSigned(t.testdir(), ['DNS:shop.internal'])
    const { port } = await startTls(t, other)
    const url = `https://localhost:${port}`
    t.strictSame(await probeOf({ url, tls: { ca: other.cert } }).result, { passed: false, reason: 'certificate is for another name' })
    t.ok((await probeOf({ url, tls: { ca: other.cert, servername: 'shop.internal' } }).result).passed)
  })

  t.test('without verification any certificate passes', async t => {
    const { port } = await startTls(t, certificate)
    t.ok((await probeOf({ url: `https://localhost:${port}`, tls: { rejectUnauthorized: false } }).result).passed)
  })

  t.test('the name that is asked for is the host of the url, whatever the header Host says', async t => {
    const asked: string[] = []
    const { port } = await startTls(t, certificate, {
      SNICallback (name, callback) {
        asked.push(name)
        callback(null)
      }
    })
    await probeOf({ url: `https://localhost:${port}`, tls: { ca: certificate.cert } }, { headers: { host: 'shop.example' } }).result
    await probeOf({ url: `https://127.0.0.1:${port}`, tls: { ca: certificate.cert } }, { headers: { host: 'shop.example' } }).result
    t.strictSame(asked, ['localhost'])
  })

  t.test('a target may ask for the certificate of the gateway', async t => {
    const { port } = await startTls(t, certificate, { requestCert: true, ca: certificate.cert, rejectUnauthorized: true })
    const url = `https://localhost:${port}`
    const tls = { ca: certificate.cert }
    t.ok((await probeOf({ url, tls: { ...tls, ...certificate } }).result).passed)
    t.notOk((await probeOf({ url, tls }).result).passed)
  })

  t.test('a certificate of the gateway that is none fails the probe, and nothing else', async t => {
    const { port } = await startTls(t, certificate)
    const running = probeOf({ url: `https://localhost:${port}`, tls: { cert: 'not a certificate', key: 'nor a key' } })
    running.stop('too late to matter')
    const { passed, reason } = await running.result
    t.notOk(passed)
    t.match(reason, /^TLS: /)
  })
})

t.test('a connection is enough for tcp, also where TLS is spoken', async t => {
  const server = createTcpServer(socket => { socket.on('error', () => {}) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.ok((await probeOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { type: 'tcp' }).result).passed)
})
