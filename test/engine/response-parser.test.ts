/** What undici's parser and pool do with odd responses and requests, where that would end the process or hold a slot for ever. */
import t from 'tap'
import type { Socket } from 'node:net'
import { request, type Dispatcher } from 'undici'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

type Ended = { controller: Dispatcher.DispatchController, body: string, error: Error | undefined }

/** A request whose response is not read until `controller.resume()`. */
function unread (dispatcher: Dispatcher): Promise<{ controller: Dispatcher.DispatchController, ended: Promise<Ended> }> {
  return new Promise(resolve => {
    let over!: (ended: Ended) => void
    const ended = new Promise<Ended>(resolve => { over = resolve })
    let body = ''
    dispatcher.dispatch({ origin: 'http://shop', path: '/', method: 'GET' }, {
      onRequestStart () {},
      onResponseStart (controller) {
        controller.pause()
        resolve({ controller, ended })
      },
      onResponseData (_controller, chunk) { body += chunk.toString() },
      onResponseEnd (controller) { over({ controller, body, error: undefined }) },
      onResponseError (controller, error) { over({ controller, body, error }) }
    })
  })
}

const CLOSING = 'HTTP/1.1 200 OK\r\nConnection: close\r\n'

for (const [framing, head] of Object.entries({ 'a length': 'Content-Length: 1000\r\n\r\nabc', chunks: 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', 'neither, up to the end': '\r\nabc' })) {
  t.test(`the target resets the last response of its connection while the client does not read, a body with ${framing}`, async t => {
    let socket: Socket
    const target = await startRawTarget(t, opened => { socket = opened.on('data', () => { opened.write(CLOSING + head) }) })
    const { upstream } = await startUpstream(t, { targets: [target.url], retry: false })
    const { controller, ended } = await unread(upstream.dispatcher)
    socket!.resetAndDestroy()
    t.match((await ended).error, { code: 'FST_LB_BAD_GATEWAY' })
    t.equal(inFlight(upstream), 0)
    controller.resume()
  })

  t.test(`the target ends the last response of its connection while the client does not read, a body with ${framing}`, async t => {
    const target = await startRawTarget(t, socket => socket.on('data', () => { socket.end(CLOSING + head) }))
    const { upstream } = await startUpstream(t, { targets: [target.url], retry: false })
    const { controller, ended } = await unread(upstream.dispatcher)
    await until(() => target.sockets.size === 0 || inFlight(upstream) === 1, 'the target has ended')
    controller.resume()
    const { body, error } = await ended
    t.equal(body, 'abc')
    t.equal(error === undefined, framing === 'neither, up to the end')
    t.equal(inFlight(upstream), 0)
  })
}

t.test('clients of the gateway that do not read: the target resets each of them, and the gateway serves on', async t => {
  const block = Buffer.alloc(65_536, 'x')
  const sockets: Socket[] = []
  const target = await startRawTarget(t, socket => {
    socket.on('data', chunk => {
      if (chunk.toString().startsWith('GET /well ')) {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell')
        return
      }
      sockets.push(socket)
      socket.write(`${CLOSING}Content-Length: 1000000000\r\n\r\n`)
      const write = (): void => { while (socket.writable && socket.write(block)) { /* until the client's buffers are full */ } }
      socket.on('drain', write)
      write()
    })
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], retry: false } }, routes: { '/': 'shop' } })
  const upstream = app.upstreams.get('shop')!
  for (let i = 0; i < 4; i++) {
    const client = rawClient(t, url)
    client.socket.pause()
    client.send('GET /odd HTTP/1.1\r\nHost: x\r\n\r\n')
  }
  await until(() => sockets.length === 4, 'all are at the target')
  // The last bytes reach the gateway in small pieces, so that it may be paused and still notice the reset.
  let written = -1
  await until(() => {
    const now = sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)
    const still = now === written
    written = now
    return still
  }, 'nothing moves')
  for (const socket of sockets) socket.resetAndDestroy()
  t.equal(await (await fetch(`${url}/well`)).text(), 'well')
  await until(() => inFlight(upstream) === 0, 'nothing is in flight')
})

t.test('requests that undici refuses leave their connection to others', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url], pool: { connections: 2 } })
  for (let i = 0; i < 5; i++) {
    await t.rejects(request('http://shop/', { dispatcher: upstream.dispatcher, headers: { 'x-odd': 'a\nb' } }), { code: 'FST_LB_BAD_REQUEST' })
  }
  t.equal(inFlight(upstream), 0)
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  t.equal(await body.text(), 'a')
})
