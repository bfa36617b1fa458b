/** Interim responses (RFC 9110 §15.2): hints reach clients that can take them, and no number of them does harm. */
import t, { type Test } from 'tap'
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import { request } from 'undici'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { failures, inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

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
  const { url } = await infront(t, socket => { socket.write(`HTTP/1.1 103 Early Hints\r\nLink: ${links}\r\nLink: <c>\r\nSet-Cookie: a=b\r\nX-Bytes: \xe9\r\n\r\n${OK}`, 'latin1') })
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const hint = (await client.expect(/ok$/)).split('HTTP/1.1 200')[0]!
  t.equal(hint, `HTTP/1.1 103 Early Hints\r\nlink: ${links}\r\nlink: <c>\r\nx-bytes: \xe9\r\n\r\n`, 'what belongs to the final response is not among them')
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
