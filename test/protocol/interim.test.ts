/** Interim responses (RFC 9110 §15.2): hints reach clients that can take them, and no number of them does harm. */
import t, { type Test } from 'tap'
import { connect as connectHttp2, createServer as createHttp2Server, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { request } from 'undici'
import { InterimResponses } from '../../lib/plugin/interim.js'
import { selfSigned } from '../helpers/certificates.js'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { failures, inFlight, startUpstream } from '../helpers/upstreams.js'
import { deferred, until } from '../helpers/wait.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'
const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
const PROGRESS = 'HTTP/1.1 102 Processing\r\n\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

/** A gateway in front of a target that does this with each request. */
async function infront (t: Test, respond: (socket: Socket, request: string) => void, server: object = {}) {
  const requests: string[] = []
  const target = await startRawTarget(t, socket => {
    socket.setNoDelay(true).setEncoding('latin1').on('data', data => {
      requests.push(String(data))
      respond(socket, String(data))
    })
  })
  const { app, url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server })
  return { url, requests, target, upstream: app.upstreams.get('shop')! }
}

/** What a client of HTTP/2 gets: the statuses of interim responses, and the final one. */
async function askHttp2 (t: Test, url: string): Promise<{ interim: number[], status: number, hints: unknown[] }> {
  const session = connectHttp2(url)
  t.teardown(() => { session.destroy() })
  const stream = session.request({ ':path': '/' })
  const interim: number[] = []
  const hints: unknown[] = []
  stream.on('headers', headers => {
    interim.push(headers[':status']!)
    hints.push(headers.link)
  })
  const status = await new Promise<number>((resolve, reject) => {
    stream.once('response', headers => { resolve(headers[':status']!) }).once('error', reject)
  })
  stream.resume()
  return { interim, status, hints }
}

/** Values of `Link` that take exponential time in a pattern that tries every way to read them, and neighbours of that. */
const COSTLY = [
  `<a>${';a=b'.repeat(40)}"`,
  `<a>${'; a="b"'.repeat(1_000)}"`,
  `<a>${' '.repeat(8_000)};`,
  `<${'<'.repeat(8_000)}`,
  `<a>${', '.repeat(3_000)}`,
  `<a>;${'"'.repeat(7_999)}`
]

t.test('a hint whose links are costly to understand stops nobody', async t => {
  for (const link of COSTLY) {
    for (const server of [{}, { http2: true }]) {
      const { url } = await infront(t, socket => { socket.write(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\n${OK}`) }, server)
      if ('http2' in server) {
        t.equal((await askHttp2(t, url)).status, 200)
      } else {
        const client = rawClient(t, url)
        client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        t.match(await client.expect(/ok$/), /HTTP\/1\.1 200 OK/)
      }
    }
  }
})

t.test('several links of a hint arrive as they were sent', async t => {
  const links = '</a.css>; rel=preload; as=style, </b.js>; rel="preload"; title="a, <b>"'
  const { url } = await infront(t, socket => { socket.write(`HTTP/1.1 103 Early Hints\r\nLink: ${links}\r\nLink: <c>; title=\xe9\r\nContent-Security-Policy: img-src x\r\nSet-Cookie: a=b\r\nX-Inner: 1\r\n\r\n${OK}`, 'latin1') })
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const hint = (await client.expect(/ok$/)).split('HTTP/1.1 200')[0]!
  t.equal(hint, `HTTP/1.1 103 Early Hints\r\nlink: ${links}\r\nlink: <c>; title=\xe9\r\ncontent-security-policy: img-src x\r\n\r\n`, 'what no client needs yet is not among them')
})

t.test('clients of HTTP/2 get hints and progress, too', async t => {
  const { url } = await infront(t, socket => { socket.write(HINT + PROGRESS + CONTINUE + OK) }, { http2: true })
  t.strictSame(await askHttp2(t, url), { interim: [103, 102], status: 200, hints: ['</a.css>; rel=preload', undefined] })
})

t.test('a client gets eight interim responses at most', async t => {
  for (const server of [{}, { http2: true }]) {
    const { url } = await infront(t, socket => { socket.write((HINT + PROGRESS).repeat(100) + OK) }, server)
    if ('http2' in server) {
      t.match(await askHttp2(t, url), { interim: { length: 8 }, status: 200 })
    } else {
      const client = rawClient(t, url)
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      const all = await client.expect(/ok$/)
      t.equal(all.split(/HTTP\/1\.1 10[23]/).length - 1, 8)
    }
  }
})

t.test('a hint of more than 8 KB is dropped', async t => {
  const { url } = await infront(t, socket => { socket.write(`HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nX: ${'x'.repeat(9_000)}\r\n\r\n${OK}`) })
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await client.expect(/ok$/), /^HTTP\/1\.1 200/)
})

t.test('a target that sends interim responses without end is given up, and holds nothing', async t => {
  for (const server of [{}, { http2: true }]) {
    const { url, upstream, target } = await infront(t, socket => {
      const flood = (): void => { while (!socket.destroyed && socket.write(HINT.repeat(100))); }
      socket.on('drain', flood)
      flood()
    }, server)
    if ('http2' in server) {
      t.match(await askHttp2(t, url), { interim: { length: 8 }, status: 502 })
    } else {
      const client = rawClient(t, url)
      // It does not read.
      client.socket.pause()
      client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await until(() => upstream.snapshot().targets[0]!.failures > 0, 'it has failed')
      client.socket.resume()
      t.match(await client.expect(/FST_LB_BAD_GATEWAY/), /HTTP\/1\.1 502/)
    }
    await until(() => inFlight(upstream) === 0 && target.sockets.size === 0, 'nothing is held')
  }
})

t.test('interim responses do not extend the deadline for the final one', async t => {
  let interims = 0
  const target = await startRawTarget(t, socket => {
    socket.on('data', () => {
      socket.write(PROGRESS)
      interims++
    })
  })
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], retry: false, timeouts: { headers: 1_000 } })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => interims === 1, 'the target has it')
  clock.advance(600)
  for (const socket of target.sockets) socket.write(PROGRESS)
  clock.advance(400)
  await t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT' })
})

t.test('a 100 that nobody asked for is passed over, however its bytes come', async t => {
  for (const method of ['GET', 'POST', 'HEAD']) {
    for (const pieces of [1, 7, CONTINUE.length]) {
      const { url, requests, upstream } = await infront(t, socket => {
        const bytes = CONTINUE + CONTINUE + OK.slice(0, method === 'HEAD' ? -2 : undefined)
        const size = Math.ceil(bytes.length / pieces)
        const write = (from: number): void => {
          socket.write(bytes.slice(from, from + size))
          if (from + size < bytes.length) setImmediate(write, from + size)
        }
        write(0)
      })
      const answer = await fetch(url, method === 'POST' ? { method, body: 'once' } : { method })
      t.equal(answer.status, 200)
      t.equal(await answer.text(), method === 'HEAD' ? '' : 'ok')
      t.equal(requests.length, 1, 'it is sent once')
      t.equal(failures(upstream), 0, 'and no failure of the target')
    }
  }
})

t.test('a body that looks like an interim response is a body', async t => {
  const body = CONTINUE + HINT
  const { url } = await infront(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`)
    setImmediate(() => { socket.write(body) })
  })
  for (let i = 0; i < 2; i++) t.equal(await (await fetch(url)).text(), body)
})

t.test('a 304 with the length of what it stands for does not cost its connection', async t => {
  for (const status of [304, 204]) {
    const target = await startRawTarget(t, socket => {
      socket.on('data', () => { socket.write(`HTTP/1.1 ${status} X\r\nETag: "a"\r\nContent-Length: 1234\r\n\r\n`) })
    })
    let connections = 0
    const { app, url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
    for (let i = 0; i < 20; i++) {
      t.equal((await fetch(url)).status, status)
      connections = Math.max(connections, target.sockets.size)
    }
    t.equal(connections, 1)
    t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.failures, 0)
  }
})

t.test('a 426 says which protocol to change to, as the target does', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.writeHead(426, { upgrade: 'TLS/1.3, HTTP/1.1', connection: 'Upgrade', 'content-type': 'text/plain' }).end('upgrade')
  })
  const silent = await startTarget(t, 'b', (_seen, _request, response) => { response.writeHead(426).end() })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] }, silent: { targets: [silent.url] } }, routes: { '/': 'shop', '/silent': 'silent' } })
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const answer = await client.expect(/upgrade$/)
  t.match(answer, /\r\nupgrade: TLS\/1\.3, HTTP\/1\.1\r\n/)
  t.match(answer, /\r\nconnection: upgrade\r\n/i)
  client.send('GET /silent HTTP/1.1\r\nHost: a\r\n\r\n')
  t.notMatch(await client.expect(/\r\n\r\n/), /upgrade: /i)
  const http2 = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, { server: { http2: true } as never })
  t.equal((await askHttp2(t, http2.url)).status, 426)
})

t.test('of two types of a response, the client gets the last', async t => {
  const { url } = await infront(t, socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok') })
  t.equal((await fetch(url)).headers.get('content-type'), 'text/plain')
})

t.test('several hints that come at once reach a client of TLS', async t => {
  const { url } = await infront(t, socket => { socket.write(HINT + PROGRESS + HINT + OK) }, { https: selfSigned(t.testdir()) })
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal((await client.expect(/ok$/)).split(/HTTP\/1\.1 10[23]/).length - 1, 3)
})

t.test('headers that may come once do no harm when a hint has them twice', async t => {
  const twice = 'Date: a\r\nETag: "a"\r\nContent-Type: text/plain\r\nReferrer-Policy: origin\r\n'
  const { url, requests } = await infront(t, socket => { socket.write(`HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n${twice}${twice}\r\n${OK}`) }, { http2: true })
  t.strictSame(await askHttp2(t, url), { interim: [103], status: 200, hints: ['<a>'] })
  t.equal(requests.length, 1)
})

t.test('an interim response ends no connection, whatever it says of that', async t => {
  const untilEnd = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok'
  for (const interim of ['HTTP/1.1 100 Continue\r\nConnection: close', 'HTTP/1.0 100 Continue', 'HTTP/1.1 103 Early Hints\r\nConnection: close\r\nLink: <a>', 'HTTP/1.0 102 Processing']) {
    for (const final of [OK, OK.replace('1.1', '1.0'), OK.replace('\r\n', '\r\nConnection: close\r\n'), untilEnd]) {
      const { url, requests, upstream } = await infront(t, socket => {
        socket.write(`${interim}\r\n\r\n`)
        setImmediate(() => { if (final === untilEnd) socket.end(final); else socket.write(`${final}HTTP/1.1 200 OK\r\n`) })
      })
      for (const method of ['POST', 'GET']) {
        const answer = await fetch(url, { method })
        t.equal(answer.status, 200)
        t.equal(await answer.text(), 'ok')
      }
      t.equal(requests.length, 2, 'each request is sent once')
      t.equal(failures(upstream), 0)
    }
  }
})

t.test('a client that does not read gets no hints, nor does one that waits for an earlier response', async t => {
  const raw = [Buffer.from('Link'), Buffer.from('<a>')]
  const { url } = await startGateway(t, { upstreams: {} }, {
    after: app => {
      const first = deferred()
      app.get('/first', async () => {
        await first.promise
        return 'first'
      })
      app.get('/second', (_request, reply) => {
        new InterimResponses(reply).pass(103, raw)
        first.resolve()
        reply.send('second')
      })
      app.get('/full', (_request, reply) => {
        // More than the system takes.
        reply.raw.socket!.write(Buffer.alloc(16_000_000, ' '))
        new InterimResponses(reply).pass(103, raw)
        reply.send('full')
      })
    }
  })
  const client = rawClient(t, url)
  client.send('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n')
  t.notMatch(await client.expect(/second$/), /103/)
  client.send('GET /full HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match((await client.expect(/full$/)).trimStart(), /^HTTP\/1\.1 200/)
})

t.test('a client of HTTP/2 that does not read gets no hints', async t => {
  const target = await startTarget(t, 'a')
  const raw = [Buffer.from('Link'), Buffer.from('<a>')]
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    server: { http2: true } as never,
    after: app => {
      app.get('/', (_request, reply) => {
        const { stream } = reply.raw as unknown as Http2ServerResponse
        // Nothing leaves within one tick.
        for (let i = 0; i <= 64; i++) stream.additionalHeaders({ ':status': 102 })
        new InterimResponses(reply).pass(103, raw)
        reply.send('ok')
      })
      app.get('/reset', (_request, reply) => {
        const { stream } = reply.raw as unknown as Http2ServerResponse
        stream.close()
        new InterimResponses(reply).pass(103, raw)
        reply.send('ok')
      })
    }
  })
  const { interim, status } = await askHttp2(t, url)
  t.same({ count: interim.length, last: interim.at(-1), status }, { count: 65, last: 102, status: 200 })
  const session = connectHttp2(url)
  t.teardown(() => { session.destroy() })
  const reset = session.request({ ':path': '/reset' })
  const seen: unknown[] = []
  reset.on('headers', headers => { seen.push(headers) }).resume()
  await new Promise(resolve => { reset.once('close', resolve) })
  t.strictSame(seen, [], 'and neither does one whose stream is closed')
})

t.test('interim responses come before a protocol is changed', async t => {
  for (const [asked, expected] of [['websocket', /^HTTP\/1\.1 103 Early Hints\r\nlink: .*\r\n\r\nHTTP\/1\.1 101 [^]*hello$/], ['chat', /^HTTP\/1\.1 103 [^]*HTTP\/1\.1 502 /]] as const) {
    const { url } = await infront(t, socket => { socket.write(`${CONTINUE}${HINT}HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${asked}\r\n\r\nhello`) })
    const client = rawClient(t, url)
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
    await client.expect(expected)
  }
})

t.test('a 101 that nobody asked for, or that names no protocol, is malformed', async t => {
  for (const fields of ['', 'Connection: upgrade\r\nUpgrade: websocket\r\n']) {
    for (const ask of ['', 'Connection: upgrade\r\nUpgrade: websocket\r\n']) {
      if (fields !== '' && ask !== '') continue
      const { url, upstream } = await infront(t, socket => { socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n${OK}`) })
      const client = rawClient(t, url)
      client.send(`GET / HTTP/1.1\r\nHost: a\r\n${ask}\r\n`)
      t.match(await client.expect(/FST_LB_BAD_GATEWAY/), /^HTTP\/1\.1 502 /)
      t.ok(failures(upstream) > 0)
    }
  }
})

/** A gateway in front of a target of HTTP/2 that does this with each stream. */
async function infrontOfHttp2 (t: Test, respond: (stream: ServerHttp2Stream) => void) {
  const streams: ServerHttp2Stream[] = []
  const server = createHttp2Server().on('stream', stream => {
    streams.push(stream.on('error', () => {}))
    respond(stream)
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const { port } = server.address() as { port: number }
  const upstream = { targets: [`http://127.0.0.1:${port}`], pool: { http2: true } }
  const { app, url } = await startGateway(t, { upstreams: { shop: upstream }, routes: { '/': 'shop' } }, { server: { http2: true } as never })
  return { url, streams, upstream: app.upstreams.get('shop')! }
}

t.test('interim responses of a target of HTTP/2 are passed on as others, and never final', async t => {
  const { url, upstream } = await infrontOfHttp2(t, stream => {
    stream.additionalHeaders({ ':status': 100 })
    stream.additionalHeaders({ ':status': 103, link: '<a>', 'x-inner': '1' })
    stream.additionalHeaders({ ':status': 102 })
    stream.respond({ ':status': 200 })
    stream.end('ok')
  })
  for (let i = 0; i < 2; i++) t.strictSame(await askHttp2(t, url), { interim: [103, 102], status: 200, hints: ['<a>', undefined] })
  const seen: number[] = []
  const { statusCode } = await request('http://shop/', { dispatcher: upstream.dispatcher, onInfo: ({ statusCode }) => { seen.push(statusCode) } })
  t.strictSame([seen, statusCode], [[103, 102], 200])
  t.equal(failures(upstream), 0)
})

t.test('a target of HTTP/2 that sends interim responses without end is given up, and holds nothing', async t => {
  const { url, streams, upstream } = await infrontOfHttp2(t, stream => {
    const flood = (): void => {
      for (let i = 0; i < 100 && !stream.closed; i++) stream.additionalHeaders({ ':status': 103, link: '<a>' })
      if (!stream.closed) setImmediate(flood)
    }
    flood()
  })
  t.match(await askHttp2(t, url), { interim: { length: 8 }, status: 502 })
  await until(() => inFlight(upstream) === 0 && streams.every(({ closed }) => closed), 'nothing is held')
})

t.test('only `chunked` is a transfer coding, and only where the parser takes it off', async t => {
  for (const coding of ['\xa0chunked', 'chunked\xa0', '\x0cchunked', 'chunked\t', 'chunked \t', 'chunked, chunked', 'chunked;q=1', 'identity', '']) {
    const { url } = await infront(t, socket => { socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n`, 'latin1') })
    t.equal((await fetch(url)).status, 502, JSON.stringify(coding))
  }
  for (const coding of ['chunked', ' \tCHUNKED  ']) {
    const { url } = await infront(t, socket => { socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding:${coding}\r\n\r\n2\r\nok\r\n0\r\n\r\n`) })
    t.equal(await (await fetch(url)).text(), 'ok')
  }
})

t.test('a 426 ends the connection of a client that wants no other request on it', async t => {
  const { url } = await infront(t, (socket, request) => {
    socket.write(`HTTP/1.1 426 Upgrade Required\r\nUpgrade: chat\r\nContent-Length: ${request.startsWith('HEAD') ? 0 : 2}\r\n\r\n${request.startsWith('HEAD') ? '' : 'no'}`)
  })
  for (const request of ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 'GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n']) {
    const client = rawClient(t, url)
    client.send(request)
    await client.closed
    t.match(client.text(), /\r\nupgrade: chat\r\n/)
    t.match(client.text(), /\r\nconnection: close, upgrade\r\n/i)
  }
})

t.test('a 205 with a body reaches clients of HTTP/2', async t => {
  const { url } = await infront(t, socket => { socket.write('HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok') }, { http2: true })
  t.equal((await askHttp2(t, url)).status, 205)
})

t.test('a reason phrase of more than 512 characters is left out', async t => {
  const { url } = await infront(t, socket => { socket.write(`HTTP/1.1 200 ${'x'.repeat(70_000)}\r\nContent-Length: 2\r\n\r\nok`) })
  t.equal((await fetch(url)).statusText, 'OK')
})
