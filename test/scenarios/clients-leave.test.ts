/** Clients that leave are nobody's fault, and leave nothing behind. */
import t from 'tap'
import { once } from 'node:events'
import { connect } from 'node:net'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

t.test('42 clients that leave eject nobody and leave nothing in flight', async t => {
  let connected = 0
  let aborted = 0
  const silent = await startRawTarget(t, socket => {
    connected++
    socket.on('data', () => {})
    socket.on('close', () => { aborted++ })
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'silent', url: silent.url }, { id: 'other', url: silent.url + '/other' }] } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const inFlight = (): number => upstream.snapshot().targets.reduce((sum, target) => sum + target.inFlight, 0)
  const ejected: unknown[] = []
  upstream.on('target:ejected', event => ejected.push(event))

  const port = Number(new URL(url).port)
  const clients = Array.from({ length: 42 }, (_, i) => {
    const socket = connect(port, '127.0.0.1')
    // A third each: before headers of a GET, in mid-body of a short POST, in mid-body of a long one.
    if (i % 3 === 0) socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    else socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${i % 3 === 1 ? 100 : 1_000_000}\r\n\r\nsome`)
    return socket
  })
  // Short bodies are read whole before a target is picked, so those 14 never get that far.
  await until(() => inFlight() === 28, 'all are in flight')
  for (const client of clients) client.destroy()
  await until(() => inFlight() === 0, 'nothing is in flight')
  await until(() => aborted === 28, 'the targets were told')
  // Connections are accepted in their order: any that took the place of those would have come before this one.
  const last = connect(Number(new URL(silent.url).port), '127.0.0.1')
  last.once('connect', () => { last.destroy() })
  await until(() => aborted > 28, 'that one came, too')
  t.equal(connected, 29, 'no connection is left waiting for nobody')
  t.strictSame(ejected, [])
  t.strictSame(upstream.snapshot().targets.map(({ failures, available }) => ({ failures, available })), [{ failures: 0, available: true }, { failures: 0, available: true }])
})

t.test('a client that leaves in mid-response frees the target at once', async t => {
  const endless = await startRawTarget(t, socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n')
      const send = (): void => { if (!socket.destroyed) { socket.write('5\r\nhello\r\n', () => setImmediate(send)) } }
      send()
    })
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [endless.url] } }, routes: { '/': 'shop' } })
  const [target] = [...app.upstreams.get('shop')!.targets.values()]
  const abort = new AbortController()
  const answer = await fetch(url, { signal: abort.signal })
  await answer.body!.getReader().read()
  t.equal(target!.inFlight, 1)
  abort.abort()
  await until(() => target!.inFlight === 0, 'nothing is in flight')
  await until(() => endless.sockets.size === 0, 'its connection is closed')
  t.equal(target!.failures, 0)
})

t.test('a client that does not read holds the target up, not our memory', async t => {
  let written = 0
  const big = await startRawTarget(t, socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n')
      const chunk = Buffer.alloc(65_536)
      const send = (): void => {
        while (!socket.destroyed && written < 200_000_000) {
          written += chunk.length
          socket.write('10000\r\n')
          socket.write(chunk)
          if (!socket.write('\r\n')) {
            socket.once('drain', send)
            return
          }
        }
      }
      send()
    })
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [big.url] } }, routes: { '/': 'shop' } })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(client, 'data')
  client.pause()
  let last = -1
  await until(() => { const still = last === written; last = written; return still && written > 1_000_000 }, 'the target is held up')
  t.ok(written < 50_000_000, `${written} bytes were taken from it`)
  client.destroy()
  await until(() => app.upstreams.get('shop')!.snapshot().targets[0]!.inFlight === 0, 'nothing is in flight')
})

t.test('a client that left before its request was balanced never reaches a target', async t => {
  const target = await startTarget(t, 'a')
  let release!: () => void
  const held = new Promise<void>(resolve => { release = resolve })
  let arrived = false
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      app.get('/', { config: { upstream: 'shop' }, preHandler: async () => { arrived = true; await held } }, (_request, reply) => reply.balance())
    }
  })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await until(() => arrived, 'the request is in its hook')
  const closed = new Promise(resolve => app.server.getConnections(() => resolve(undefined)))
  client.destroy()
  await closed
  let open = 1
  await until(() => { app.server.getConnections((_error, count) => { open = count }); return open === 0 }, 'the connection is gone')
  release()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(target.seen.length, 0)
  t.equal([...app.upstreams.get('shop')!.targets.values()][0]!.requests, 0)
})
