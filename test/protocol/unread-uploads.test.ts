/** A response that never ends may begin before its request has been sent: the gateway still has to notice that the client has left. */
import t from 'tap'
import { FakeClock } from '../helpers/clock.js'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startRawTarget } from '../helpers/servers.js'
import { failures, inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n'

t.test('an event stream whose target does not read the request, and whose client leaves, ends by the deadline of bodies', async t => {
  const clock = new FakeClock()
  const target = await startRawTarget(t, socket => {
    socket.once('data', () => {
      socket.pause()
      socket.write(EVENTS)
    })
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], now: clock.now, timers: clock, timeouts: { body: 60_000 } } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const client = rawClient(t, url)
  client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n${'b'.repeat(19_000_000)}`)
  await until(() => client.text().includes('data: 1'), 'the stream has begun')
  let written = -1
  await until(() => { const still = client.socket.bytesWritten - client.socket.writableLength === written; written = client.socket.bytesWritten - client.socket.writableLength; return still }, 'nothing more is read')
  client.socket.resetAndDestroy()
  t.equal(inFlight(upstream), 1)
  clock.advance(60_000)
  await until(() => inFlight(upstream) === 0, 'nothing is in flight')
  t.equal(failures(upstream), 0, 'which is not the fault of the target')
})

t.test('an event stream whose request has been sent has no such deadline', async t => {
  const clock = new FakeClock()
  const target = await startRawTarget(t, socket => { socket.once('data', () => { socket.write(EVENTS) }) })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], now: clock.now, timers: clock, timeouts: { body: 60_000 } } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  const client = rawClient(t, url)
  // The target answers at the headers; the rest of the body follows.
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n')
  client.send('b'.repeat(300_000))
  await until(() => client.text().includes('data: 1'), 'the stream has begun')
  client.send('b'.repeat(100_000))
  await until(() => client.socket.writableLength === 0, 'all is on its way')
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  clock.advance(600_000)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(inFlight(upstream), 1)
  client.socket.destroy()
  await until(() => inFlight(upstream) === 0, 'nothing is in flight')
})
