/** The slot that an attempt takes is given back, once, in every ending; each has its outcome, and counts against the target or not. */
import t from 'tap'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { refusedUrl, startRawTarget, startTarget } from '../helpers/servers.js'
import { failures, inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

type TestOf = Parameters<typeof startRawTarget>[0]

/** undici uses a connection again after a turn of the event loop. */
const turn = async (): Promise<void> => { await new Promise(resolve => setImmediate(resolve)) }

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

/** A raw target that is told what to do with each request. */
async function raw (t: TestOf, onRequest: (socket: Socket) => void): Promise<string> {
  const target = await startRawTarget(t, socket => socket.on('data', () => { onRequest(socket) }))
  return target.url
}

t.test('finished', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  t.equal(await body.text(), 'a')
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
})

t.test('given up by the client before headers', async t => {
  let arrived = false
  const { upstream } = await startUpstream(t, { targets: [await raw(t, () => { arrived = true })] })
  const abort = new AbortController()
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher, signal: abort.signal })
  await until(() => arrived, 'the request is at the target')
  t.equal(inFlight(upstream), 1)
  abort.abort()
  await t.rejects(answer, { name: 'AbortError' })
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
})

t.test('given up by the client before it has a connection', async t => {
  const { upstream } = await startUpstream(t, { targets: [await raw(t, () => {})] })
  const abort = new AbortController()
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher, signal: abort.signal })
  t.equal(inFlight(upstream), 1)
  abort.abort()
  await t.rejects(answer, { name: 'AbortError' })
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
})

t.test('given up by the client in mid-body', async t => {
  const { upstream } = await startUpstream(t, {
    targets: [await raw(t, socket => socket.write(`${HEAD}Content-Length: 100\r\n\r\nsome`))]
  })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  await once(body, 'readable')
  t.equal(inFlight(upstream), 1)
  const closed = new Promise(resolve => body.once('close', resolve))
  body.on('error', () => {}).destroy()
  await closed
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
})

t.test('the client’s own body breaks off', async t => {
  let received = ''
  const target = await startRawTarget(t, socket => socket.on('data', chunk => { received += chunk.toString() }))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const source = new Readable({ read () {} })
  source.push('half of it')
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher, method: 'PUT', body: source })
  await until(() => received.includes('half of it'), 'half of it is at the target')
  source.destroy()
  await t.rejects(answer, { code: 'FST_LB_CLIENT_CLOSED' })
  await until(() => target.sockets.size === 0, 'the target is cut off')
  t.notMatch(received, /\r\n0\r\n/, 'the target must not take it for the whole')
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
})

t.test('refused', async t => {
  const { upstream } = await startUpstream(t, { targets: [await refusedUrl()], retry: false })
  await t.rejects(request('http://shop/', { dispatcher: upstream.dispatcher }), { code: 'FST_LB_BAD_GATEWAY', cause: { code: 'ECONNREFUSED' } })
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 1)
})

t.test('the target resets: before the headers, in them, in the body', async t => {
  for (const [what, text] of [['before', ''], ['in', HEAD], ['after', `${HEAD}Content-Length: 9\r\n\r\nhalf`], ['in a chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\nhalf`]] as const) {
    const { upstream } = await startUpstream(t, {
      retry: false,
      targets: [await raw(t, socket => {
        if (text === '') socket.resetAndDestroy()
        else socket.write(text, () => setImmediate(() => { socket.resetAndDestroy() }))
      })]
    })
    await t.rejects(async () => {
      const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
      await body.text()
    }, { code: 'FST_LB_BAD_GATEWAY' }, what)
    t.equal(inFlight(upstream), 0, what)
    t.equal(failures(upstream), 1, what)
  }
})

t.test('the target resets in a body that ends with its connection: half of it is not all of it', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', () => socket.write(`${HEAD}Connection: close\r\n\r\nhalf`)))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  const [first] = await once(body, 'data') as [Buffer]
  t.equal(String(first), 'half')
  for (const socket of target.sockets) socket.resetAndDestroy()
  await t.rejects(once(body, 'end'), { code: 'FST_LB_BAD_GATEWAY', cause: { code: 'ECONNRESET' } })
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 1)
})

t.test('an answer that is not HTTP', async t => {
  const texts = {
    garbage: '220 smtp ready\r\n\r\n',
    'a status no client knows': 'HTTP/1.1 777 Lucky\r\nContent-Length: 0\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    'headers without end': `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}`,
    'an upgrade nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'
  }
  for (const [what, text] of Object.entries(texts)) {
    const outcomes: string[] = []
    const { upstream } = await startUpstream(t, {
      retry: false,
      targets: [await raw(t, socket => socket.write(text))],
      policy: () => ({ pick: targets => targets[0]!, settle: (_target, { outcome }) => outcomes.push(outcome) })
    })
    await t.rejects(request('http://shop/', { dispatcher: upstream.dispatcher }), { code: 'FST_LB_BAD_GATEWAY' }, what)
    t.equal(inFlight(upstream), 0, what)
    t.equal(failures(upstream), 1, what)
    t.strictSame(outcomes, ['malformed'], what)
  }
})

t.test('a request that cannot be sent as it is counts against nobody, and is tried once', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { upstream } = await startUpstream(t, { targets: [a.url, b.url] })
  await t.rejects(upstream.dispatcher.request({ origin: 'http://shop', method: 'GET', path: '/with space' }), { code: 'FST_LB_BAD_REQUEST' })
  for (const options of [{ headers: { expect: '100-continue' } }, { headers: { 'in valid': 'x' } }, { method: 'PUT', headers: { 'content-length': '3' }, body: 'four' }]) {
    await t.rejects(request('http://shop', { dispatcher: upstream.dispatcher, ...options } as object), { code: 'FST_LB_BAD_REQUEST' }, JSON.stringify(options))
  }
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
  t.equal(upstream.snapshot().targets.reduce((sum, { requests }) => sum + requests, 0), 4)
})

t.test('upgraded, until the connection closes', async t => {
  const { upstream } = await startUpstream(t, {
    targets: [await raw(t, socket => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n')
      socket.removeAllListeners('data')
      socket.pipe(socket)
    })]
  })
  const { socket } = await upstream.dispatcher.upgrade({ path: '/', protocol: 'echo' })
  socket.write('hello')
  t.equal(String(await once(socket, 'data')), 'hello')
  t.equal(inFlight(upstream), 1)
  socket.destroy()
  await once(socket, 'close')
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 0)
})

t.test('upgraded, and cut off when the target is removed', async t => {
  const { upstream, clock } = await startUpstream(t, {
    targets: [{
      id: 'a',
      url: await raw(t, socket => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n'))
    }]
  })
  const { socket } = await upstream.dispatcher.upgrade({ path: '/', protocol: 'echo' })
  const closed = once(socket, 'close')
  const target = upstream.targets.get('a')!
  const removed = upstream.remove('a', { drainMs: 100 })
  clock.advance(99)
  t.equal(target.inFlight, 1)
  clock.advance(1)
  await closed
  await removed
  t.equal(target.inFlight, 0)
})

t.test('an upgrade that is refused is an ordinary answer', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  await t.rejects(upstream.dispatcher.upgrade({ path: '/', protocol: 'echo' }))
  await until(() => inFlight(upstream) === 0, 'nothing is in flight')
})

t.test('204 and 304 that announce a length are whole at their headers', async t => {
  for (const [status, length] of [['204 No Content', 'Content-Length: 5\r\n'], ['304 Not Modified', 'Content-Length: 5\r\n'], ['304 Not Modified', '']] as const) {
    const { upstream } = await startUpstream(t, {
      targets: [await raw(t, socket => socket.write(`HTTP/1.1 ${status}\r\n${length}ETag: "x"\r\n\r\n`))]
    })
    for (let i = 0; i < 2; i++) {
      const { statusCode, headers, body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
      t.equal(statusCode, parseInt(status))
      t.equal(headers.etag, '"x"')
      t.equal(await body.text(), '')
      t.equal(inFlight(upstream), 0)
    }
    t.equal(failures(upstream), 0)
  }
})

t.test('HEAD keeps its connection', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  let connections = 0
  target.server.on('connection', () => { connections++ })
  for (let i = 0; i < 4; i++) {
    const { statusCode, body } = await request('http://shop/', { method: 'HEAD', dispatcher: upstream.dispatcher })
    t.equal(statusCode, 200)
    await body.dump()
    await turn()
  }
  t.equal(connections, 1)
})

t.test('an idle connection that ends as it is used again is nobody’s fault', async t => {
  let requests = 0
  const target = await startRawTarget(t, socket => {
    let served = 0
    socket.on('data', () => {
      requests++
      // Answers once, then closes as soon as something comes again.
      if (served++ === 0) socket.write(`${HEAD}Content-Length: 2\r\n\r\nok`)
      else socket.destroy()
    })
  })
  const { upstream } = await startUpstream(t, { targets: [target.url], pool: { connections: 1 } })
  const get = async (method = 'GET'): Promise<string> => {
    const { body } = await request('http://shop/', { method: method as 'GET', dispatcher: upstream.dispatcher })
    const text = await body.text()
    await turn()
    return text
  }
  t.equal(await get(), 'ok')
  t.equal(await get(), 'ok', 'sent again on a new connection')
  t.equal(requests, 3)
  await t.rejects(get('POST'), { code: 'FST_LB_BAD_GATEWAY' }, 'a POST may have been heard, so it is not')
  t.equal(requests, 4)
  t.equal(failures(upstream), 0)
  t.equal(inFlight(upstream), 0)
})
