/** Connections: TLS that verifies, unix sockets, no queueing where nobody watches. */
import t from 'tap'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { request } from 'undici'
import { selfSigned, VERIFIES_IPV6 } from '../helpers/certificates.js'
import { startRawTarget, startTarget } from '../helpers/servers.js'
import { inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

const folder = t.testdir()
const { key, cert } = selfSigned(folder, ['DNS:target.example'])

t.test('https: verified by default, by the ca and the name that are given, and never by the Host of the client', async t => {
  const names: Array<string | false> = []
  const server = createServer({ key, cert }, (request, response) => {
    names.push((request.socket as TLSSocket & { servername: string }).servername)
    response.end(request.headers.host)
  })
  let handshakes = 0
  server.on('secureConnection', () => { handshakes++ })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`

  const strict = await startUpstream(t, { targets: [url], retry: false })
  await t.rejects(request('http://shop/', { dispatcher: strict.upstream.dispatcher }), { code: 'FST_LB_BAD_GATEWAY', cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })

  const unnamed = await startUpstream(t, { targets: [url], pool: { tls: { ca: cert } }, retry: false })
  await t.rejects(request('http://shop/', { dispatcher: unnamed.upstream.dispatcher }), { cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })

  handshakes = 0
  const good = await startUpstream(t, { targets: [{ url, tls: { servername: 'target.example' } }], pool: { tls: { ca: [cert] }, connections: 1 } })
  for (const host of ['one.example', 'two.example', 'three.example']) {
    const { body } = await request('http://shop/', { dispatcher: good.upstream.dispatcher, headers: { host } })
    t.equal(await body.text(), host)
  }
  t.strictSame(names, Array(3).fill('target.example'))
  t.equal(handshakes, 1, 'one handshake for all of them')

  const careless = await startUpstream(t, { targets: [url], pool: { tls: { rejectUnauthorized: false } } })
  t.equal((await request('http://shop/', { dispatcher: careless.upstream.dispatcher })).statusCode, 200)
})

t.test('a target with an address is connected to there; Host, the name that is asked for and the certificate are those of its url', async t => {
  const names: Array<string | false> = []
  const server = createServer({ key, cert }, (request, response) => {
    names.push((request.socket as TLSSocket & { servername: string }).servername)
    response.end(request.headers.host)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const { port } = server.address() as AddressInfo
  const plain = await startTarget(t, 'plain')
  const { upstream } = await startUpstream(t, {
    targets: [{ url: `https://target.example:${port}`, address: '127.0.0.1' }, { url: `http://target.example:${plain.port}`, address: '127.0.0.1', tier: 1 }], pool: { tls: { ca: cert } }
  })
  t.strictSame([...upstream.targets.keys()], [`https://127.0.0.1:${port}`, `http://127.0.0.1:${plain.port}`])
  t.equal(await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text(), `target.example:${port}`)
  t.strictSame(names, ['target.example'])
  upstream.update(`https://127.0.0.1:${port}`, { state: 'maintenance' })
  await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text()
  t.equal(plain.seen[0]!.headers.host, `target.example:${plain.port}`)
})

t.test('https by address, version 4 and 6: the address itself is verified, and no name is asked for', async t => {
  const byAddress = selfSigned(t.testdir(), ['IP:127.0.0.1', 'IP:::1'])
  const warnings: string[] = []
  const warn = (warning: Error & { code?: string }): void => { warnings.push(warning.code ?? warning.message) }
  process.on('warning', warn)
  t.teardown(() => process.off('warning', warn))
  for (const [host, inUrl] of [['127.0.0.1', '127.0.0.1'], ...VERIFIES_IPV6 ? [['::1', '[::1]'] as const] : []] as const) {
    const names: unknown[] = []
    const server = createServer(byAddress, (request, response) => {
      names.push((request.socket as TLSSocket & { servername: unknown }).servername)
      response.end('ok')
    })
    server.listen(0, host)
    await once(server, 'listening')
    t.teardown(() => { server.close(); server.closeAllConnections() })
    const { upstream } = await startUpstream(t, { targets: [`https://${inUrl}:${(server.address() as AddressInfo).port}`], pool: { tls: { ca: byAddress.cert } }, retry: false })
    const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher, headers: { host: 'shop.example' } })
    t.equal(await body.text(), 'ok', host)
    t.strictSame(names, [false])
  }
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(warnings.includes('DEP0123'))
})

t.test('unix sockets, with a base path', async t => {
  const path = join(folder, 'socket')
  const server = createHttpServer((request, response) => response.end(`${request.url} ${request.headers.host}`))
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  const { upstream } = await startUpstream(t, { targets: [`unix:${path}:/base/`] })
  const { body } = await request('http://shop/x', { dispatcher: upstream.dispatcher })
  t.equal(await body.text(), '/base/x localhost')
  t.strictSame([...upstream.targets.keys()], [`unix:${path}`])
})

t.test('a target that announces a short keep-alive is not used beyond it', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.setHeader('keep-alive', 'timeout=1')
    response.end()
  })
  let connections = 0
  target.server.on('connection', () => { connections++ })
  const { upstream } = await startUpstream(t, { targets: [target.url], pool: { connections: 1 } })
  for (let i = 0; i < 3; i++) await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.dump()
  t.equal(connections, 1, 'within it, the connection serves again')
})

t.test('the gateway closes an idle connection before the timeout that the target announces', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.setHeader('keep-alive', 'timeout=1')
    response.end()
  })
  // The target itself would wait for longer: only the announcement counts.
  target.server.keepAliveTimeout = 60_000
  const { upstream } = await startUpstream(t, { targets: [target.url], pool: { keepAliveTimeout: 60_000 } })
  const connected = once(target.server, 'connection') as Promise<[Socket]>
  await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.dump()
  const [socket] = await connected
  const first = await Promise.race([once(socket, 'end').then(() => 'the gateway'), pause(900).then(() => 'the target')])
  t.equal(first, 'the gateway', 'at half a second, with another half to spare')
})

t.test('limits beyond what the pool can take are refused: requests would wait where nobody watches over them', async t => {
  await t.rejects(startUpstream(t, { targets: [{ url: 'http://a', limits: { maxRequests: 11 } }], pool: { connections: 10 }, limits: { maxRequests: 20 } }), {
    code: 'FST_LB_INVALID_OPTIONS',
    message: /limits\.maxRequests: expected at most pool\.connections \(10\), got 20.*\n.*targets\[0\]\.limits\.maxRequests: .* got 11/
  })
})

t.test('a request beyond every limit gets 503 at once, and the next a slot that was given back', async t => {
  const held: Array<() => void> = []
  const target = await startTarget(t, 'a', (_seen, _request, response) => { held.push(() => response.end('a')) })
  const { upstream } = await startUpstream(t, { targets: [target.url], pool: { connections: 2 }, limits: { queue: false } })
  const get = async (): Promise<string> => await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text()
  const arrived = once(target.server, 'request').then(async () => { await once(target.server, 'request') })
  const first = [get(), get()]
  await t.rejects(get(), { code: 'FST_LB_OVERLOADED', statusCode: 503 })
  t.notOk(upstream.snapshot().targets[0]!.available)
  await arrived
  for (const finish of held) finish()
  t.strictSame(await Promise.all(first), ['a', 'a'])
  const next = get()
  await once(target.server, 'request')
  held.at(-1)!()
  t.equal(await next, 'a')
})

t.test('other options of tls: what is in flight goes on, and goes with the target all the same', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome') }))
  const { upstream, clock } = await startUpstream(t, { targets: [{ id: 'a', url: target.url }] })
  const begin = async (): Promise<Readable> => (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.on('error', () => {})
  const bodies = [await begin()]
  for (const servername of ['one', 'two']) {
    upstream.replace([{ id: 'a', url: target.url, tls: { servername } }])
    bodies.push(await begin())
  }
  t.equal(upstream.connectionsOf(upstream.targets.get('a')!), 3)
  t.equal(inFlight(upstream), 3)
  bodies[1]!.destroy()
  await until(() => upstream.connectionsOf(upstream.targets.get('a')!) === 2, 'one has ended')

  const removed = upstream.remove('a', { drainMs: 1_000 })
  clock.advance(999)
  await until(() => target.sockets.size === 2, 'its connection is closed')
  t.equal(inFlight(upstream), 0, 'the target is gone')
  clock.advance(1)
  await removed
  await until(() => target.sockets.size === 0 && bodies.every(({ destroyed }) => destroyed), 'all are cut')
})
