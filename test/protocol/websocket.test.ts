/** WebSockets through the gateway, over real sockets. */
import t from 'tap'
import { once } from 'node:events'
import { connect } from 'node:net'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { selfSigned } from '../helpers/certificates.js'
import { rawClient } from '../helpers/raw-client.js'
import { refusedUrl, startGateway, startTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import { converse, startWebSocketTarget } from '../helpers/websockets.js'

/** What `converse` throws, for tap's types. */
const refusal = (like: { status: number, body?: string, headers?: object }): Error => like as unknown as Error

const secret = 'sixteen or more characters'

t.test('a client talks to a target, both ways, and the handshake says who it is', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': { upstream: 'shop', rewritePrefix: '/v1' } } })
  const { ws, next, closed } = await converse(t, `${url}/shop/live?room=1`, { headers: { 'x-mine': 'yes' } })
  t.equal(await next(), 'a')
  ws.send('hello')
  t.equal(await next(), 'hello')
  const big = 'x'.repeat(3_000_000)
  ws.send(big)
  t.equal(await next(), big)
  const [handshake] = target.handshakes
  t.equal(handshake!.url, '/v1/live?room=1')
  t.match(handshake!.headers, { 'x-mine': 'yes', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', via: '1.1 fastify-load-balancer', upgrade: 'websocket' })
  ws.close(4001, 'enough')
  t.strictSame(await closed, { code: 4001, reason: 'enough' })
  await until(() => target.closed.length === 1, 'the target hears of it')
  t.strictSame(target.closed, [{ code: 4001, reason: 'enough' }])
})

t.test('hooks of Fastify run once for a handshake, and may refuse it', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const seen: string[] = []
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url] } },
    routes: {
      '/shop': {
        upstream: 'shop',
        async onRequest (request: FastifyRequest, reply: FastifyReply) {
          reply.header('x-hook', 'seen').header('set-cookie', 'hook=1')
          if (request.headers.authorization === undefined) await reply.code(401).send({ error: 'who are you?' })
        }
      }
    }
  }, {
    before: app => {
      app.addHook('onRequest', async request => { seen.push(`request ${request.url}`) })
      app.addHook('onResponse', async (_request, reply) => { seen.push(`response ${reply.statusCode}`) })
    }
  })
  await t.rejects(converse(t, `${url}/shop`), refusal({ status: 401, body: '{"error":"who are you?"}' }))
  t.equal(target.handshakes.length, 0)
  const { headers, next } = await converse(t, `${url}/shop`, { headers: { authorization: 'me' } })
  t.equal(await next(), 'a')
  t.match(headers, { 'x-hook': 'seen', 'set-cookie': ['hook=1'] })
  await until(() => seen.length === 4, 'onResponse has run')
  t.strictSame(seen, ['request /shop', 'response 401', 'request /shop', 'response 101'])
  t.equal(inFlight(app.upstreams.get('shop')!), 1)
})

t.test('a client of HTTP/1.0 cannot change the protocol: its request is served as if it had not asked', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => { response.end(`upgrade: ${seen.headers.upgrade}`) })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], upgrades: ['websocket', 'other'] } }, routes: { '/': 'shop' } })
  for (const protocol of ['websocket', 'other']) {
    const client = rawClient(t, url)
    client.send(`GET / HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    await client.closed
    t.match(client.text(), /^HTTP\/1\.1 200 OK\r\n[^]*upgrade: undefined$/)
  }
})

t.test('a refused or silent target is passed over before anything is said to the client', async t => {
  const good = await startWebSocketTarget(t, 'good')
  const busy = await startWebSocketTarget(t, 'busy', { refuse: 503 })
  let attempts: unknown
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { policy: 'first', targets: [{ id: 'dead', url: await refusedUrl() }, { id: 'busy', url: busy.url }, { id: 'good', url: good.url }] } },
    routes: { '/shop': 'shop' }
  }, {
    before: app => { app.addHook('onResponse', async request => { attempts = request.balancing!.attempts.map(({ target, outcome }) => `${target}: ${outcome}`) }) }
  })
  const { next, headers } = await converse(t, `${url}/shop`)
  t.equal(await next(), 'good')
  t.equal(headers['set-cookie'], undefined, 'nothing of an earlier answer')
  t.equal(busy.handshakes.length, 1)
  t.strictSame(app.upstreams.get('shop')!.snapshot().targets.map(({ id, inFlight }) => `${id} ${inFlight}`), ['dead 0', 'busy 0', 'good 1'])
  await until(() => attempts !== undefined, 'onResponse has run')
  t.strictSame(attempts, ['dead: connect-failure', 'busy: bad-status'])
})

t.test("a target's own refusal reaches the client as it is, and so does having no target", async t => {
  const target = await startWebSocketTarget(t, 'a', { refuse: 403 })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] }, none: { targets: [] } }, routes: { '/shop': 'shop', '/none': 'none' } })
  await t.rejects(converse(t, `${url}/shop`), refusal({ status: 403, body: 'no', headers: { 'x-target': 'a', connection: 'close' } }))
  await t.rejects(converse(t, `${url}/none`), refusal({ status: 503, headers: { 'retry-after': '1' } }))
  await target.kill()
  await t.rejects(converse(t, `${url}/shop`), refusal({ status: 502 }))
  t.equal(inFlight(app.upstreams.get('shop')!), 0)
})

t.test('a handshake takes part in affinity', async t => {
  const targets = await Promise.all(['a', 'b', 'c'].map(name => startWebSocketTarget(t, name)))
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: targets.map(({ url }) => url), affinity: { cookie: { secret } } } },
    routes: { '/shop': 'shop' }
  })
  const first = await converse(t, `${url}/shop`)
  const name = await first.next()
  const [cookie] = first.headers['set-cookie']!
  t.match(cookie, /^lb_shop=/)
  for (let i = 0; i < 5; i++) {
    const again = await converse(t, `${url}/shop`, { headers: { cookie: cookie!.split(';')[0]! } })
    t.equal(await again.next(), name)
    t.equal(again.headers['set-cookie'], undefined)
  }
  t.notMatch(targets.map(({ handshakes }) => handshakes.map(({ headers }) => headers.cookie)).flat(), /lb_shop/)
})

t.test('an open WebSocket holds its slot, and gives it back when either side goes', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url], limits: { maxRequests: 1, queue: false } } }, routes: { '/shop': 'shop' } })
  const shop = app.upstreams.get('shop')!
  const first = await converse(t, `${url}/shop`)
  await t.rejects(converse(t, `${url}/shop`), refusal({ status: 503 }))
  first.ws.terminate()
  await until(() => inFlight(shop) === 0, 'the client left, the slot is free')
  const second = await converse(t, `${url}/shop`)
  for (const client of target.clients) client.terminate()
  t.equal((await second.closed).code, 1006)
  await until(() => inFlight(shop) === 0, 'the target left, the slot is free')
})

t.test('a client that leaves before the target has answered frees the target', async t => {
  const silent = await startTarget(t, 'silent')
  let asked!: () => void
  const reached = new Promise<void>(resolve => { asked = resolve })
  silent.server.on('upgrade', (_request, socket) => {
    asked()
    socket.on('error', () => {}).on('end', () => socket.end()).resume()
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [silent.url] } }, routes: { '/shop': 'shop' } })
  const shop = app.upstreams.get('shop')!
  for (const leave of ['end', 'destroy'] as const) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /shop HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    await reached
    await until(() => inFlight(shop) === 1, 'it is on its way')
    socket[leave]()
    await until(() => inFlight(shop) === 0, `it is gone: ${leave}`)
    t.equal(shop.snapshot().targets[0]!.failures, 0)
  }
})

t.test('what the client sends ahead of the answer gets to the target, after it', async t => {
  const target = await startTarget(t, 'a')
  target.server.on('upgrade', (_request, socket, head) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\nfirst words|')
    socket.write(head)
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
    socket.on('end', () => socket.end('last words'))
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], upgrades: ['chat', 'websocket'] } }, routes: { '/shop': 'shop' } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('POST /shop HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: nothing, Chat\r\ncontent-length: 0\r\n\r\nahead|')
  let text = ''
  socket.setEncoding('latin1').on('data', chunk => { text += String(chunk) })
  await until(() => text.includes('ahead|'), 'the echo')
  socket.end('and half a goodbye|')
  await once(socket, 'end')
  const [head, body] = text.split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 101 /)
  t.match(head, /upgrade: Chat/i)
  t.equal(body, 'first words|ahead|and half a goodbye|last words')
})

t.test('a client that sends a lot ahead of the answer is read later, and all of it arrives', async t => {
  const target = await startTarget(t, 'a')
  let accept!: () => void
  let got = 0
  target.server.on('upgrade', (_request, socket, head) => {
    got = head.length
    socket.on('error', () => {}).on('data', (chunk: Buffer) => { got += chunk.length }).on('end', () => socket.end())
    accept = () => socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n')
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], upgrades: ['chat'] } }, routes: { '/shop': 'shop' } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /shop HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: chat\r\n\r\n')
  await until(() => accept !== undefined, 'the target is asked')
  socket.write(Buffer.alloc(3_000_000, 'x'))
  t.equal(got, 0)
  accept()
  await until(() => got === 3_000_000, 'all of it')
  socket.destroy()
})

t.test('a client that sends a lot ahead, and leaves while the target streams events instead of the protocol, gives its slot back', async t => {
  const target = await startTarget(t, 'a')
  // Neither is answered with a change of protocol: the response lasts for as long as the client stays.
  target.server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {}).on('end', () => { socket.destroy() }).resume().write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const { app, url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = rawClient(t, url)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' + 'x'.repeat(300_000))
  await client.expect(/data: 1/)
  client.socket.destroy()
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
})

t.test('a path that is no path is refused', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  await t.rejects(converse(t, `${url}/%zz`), refusal({ status: 400 }))
})

t.test('a target that changes to something else, or changes nothing, has not understood', async t => {
  const target = await startTarget(t, 'a')
  target.server.on('upgrade', (request, socket) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\n${request.url === '/shop/none' ? '' : 'upgrade: other\r\n'}connection: upgrade\r\n\r\n`)
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  await t.rejects(converse(t, `${url}/shop/other`), refusal({ status: 502 }))
  await t.rejects(converse(t, `${url}/shop/none`), refusal({ status: 502 }))
  t.equal(inFlight(app.upstreams.get('shop')!), 0)
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.failures > 0, true)
})

t.test('the hook for response fields has its say in the 101, also a wrong one', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url } = await startGateway(t, {
    upstreams: {
      shop: {
        targets: [target.url],
        headers: {
          response (request, headers) {
            if (request.url === '/shop/wrong') throw new Error('a mistake')
            return { ...headers, 'x-answer': 'yes' }
          }
        }
      }
    },
    routes: { '/shop': 'shop' }
  })
  const { headers } = await converse(t, `${url}/shop`)
  t.equal(headers['x-answer'], 'yes')
  await t.rejects(converse(t, `${url}/shop/wrong`), refusal({ status: 500 }))
})

t.test('backpressure: a reader that stops stops the writer', async t => {
  const target = await startTarget(t, 'a')
  let written = 0
  let stopped = false
  target.server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n')
    const chunk = Buffer.alloc(65_536, 'x')
    const more = (): void => {
      while (written < 400_000_000) {
        written += chunk.length
        if (!socket.write(chunk)) {
          stopped = true
          socket.once('drain', () => { stopped = false; more() })
          return
        }
      }
    }
    more()
    socket.on('error', () => {}).on('end', () => socket.destroy()).resume()
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.pause()
  socket.write('GET /shop HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
  let before = -1
  let turns = 0
  await until(() => {
    turns = stopped && written === before ? turns + 1 : 0
    before = written
    return turns === 500
  }, 'the target has stopped writing, for good')
  t.ok(written < 50_000_000, `${written} bytes were taken by buffers`)
  const stoppedAt = written
  socket.resume()
  await until(() => written > stoppedAt + 10_000_000, 'it goes on')
  socket.destroy()
})

t.test('removal and maintenance give WebSockets their time, then say that they go away', async t => {
  const [a, b] = [await startWebSocketTarget(t, 'a'), await startWebSocketTarget(t, 'b')]
  const { url, app } = await startGateway(t, { upstreams: { shop: { policy: 'first', targets: [{ id: 'a', url: a.url }, { id: 'b', url: b.url }] } }, routes: { '/shop': 'shop' } })
  const shop = app.upstreams.get('shop')!
  const onA = await converse(t, `${url}/shop`)
  t.equal(await onA.next(), 'a')
  await shop.remove('a', { drainMs: 0 })
  t.strictSame(await onA.closed, { code: 1001, reason: '' })
  t.strictSame(a.closed, [{ code: 1001, reason: '' }])

  const onB = await converse(t, `${url}/shop`)
  t.equal(await onB.next(), 'b')
  shop.update('b', { state: 'maintenance', drainMs: 60_000 })
  onB.ws.send('still here')
  t.equal(await onB.next(), 'still here')
  shop.update('b', { state: 'ready' })
  shop.update('b', { state: 'maintenance', drainMs: 0 })
  t.equal((await onB.closed).code, 1001)
})

t.test('a WebSocket that is in the middle of a frame is cut without a word', async t => {
  const target = await startTarget(t, 'a')
  let got = Buffer.alloc(0)
  target.server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n')
    socket.write(Buffer.from([0x82, 10, 1, 2, 3]))
    socket.on('data', (chunk: Buffer) => { got = Buffer.concat([got, chunk]) }).on('end', () => socket.end())
  })
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'a', url: target.url }] } }, routes: { '/shop': 'shop' } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /shop HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
  let received = Buffer.alloc(0)
  socket.on('data', chunk => { received = Buffer.concat([received, chunk]) })
  await until(() => received.subarray(-1)[0] === 3, 'half a frame')
  socket.write(Buffer.from([0x82, 0x85, 0, 0, 0, 0, 1]))
  await until(() => got.length === 7, 'half a frame the other way')
  const closed = once(socket, 'close')
  await app.upstreams.get('shop')!.remove('a', { drainMs: 0 })
  await closed
  t.strictSame([...received.subarray(-5)], [0x82, 10, 1, 2, 3])
  t.equal(got.length, 7)
})

t.test('the server closes: WebSockets are told, and it does not wait for them for ever', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url, app } = await startGateway(t, { drainMs: 0, upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } }, { server: { forceCloseConnections: 'idle' } })
  const open = await Promise.all([1, 2, 3].map(() => converse(t, `${url}/shop`)))
  await app.close()
  for (const { closed } of open) t.equal((await closed).code, 1001)
  await until(() => target.closed.length === 3, 'the target was told')
  t.strictSame(target.closed.map(({ code }) => code), [1001, 1001, 1001])
})

t.test('@fastify/websocket beside us, before or after: each has its own, and every request runs once', async t => {
  const target = await startWebSocketTarget(t, 'target')
  for (const order of ['before', 'after']) {
    const seen: string[] = []
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop', '/': 'shop' } }, {
      before: async app => {
        app.addHook('onRequest', async request => { seen.push(request.url) })
        if (order === 'before') await app.register(fastifyWebsocket)
      },
      after: async app => {
        if (order === 'after') await app.register(fastifyWebsocket)
        app.get('/theirs', { websocket: true }, socket => { socket.send('theirs') })
        app.get('/mine', { config: { upstream: 'shop' } }, (_request, reply) => reply.balance())
        app.get('/shop/refused', { config: { upstream: 'shop' }, onRequest: async (_request, reply) => reply.code(403).send('no') }, (_request, reply) => reply.balance())
      }
    })
    for (const [path, says] of [['/shop', 'target'], ['/theirs', 'theirs'], ['/mine', 'target'], ['/%73hop/x', 'target']]) {
      const { next, ws } = await converse(t, url + path!)
      t.equal(await next(), says!, `${order}: ${path!}`)
      ws.terminate()
    }
    await t.rejects(converse(t, `${url}/shop/refused`), refusal({ status: 403 }))
    t.strictSame(seen, ['/shop', '/theirs', '/mine', '/%73hop/x', '/shop/refused'])
  }
})

t.test('what is not for us is served as if it had not asked: curl --http2 and other protocols, on any route, with any body', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] }, quiet: { targets: [target.url], upgrades: false } }, routes: { '/shop': 'shop', '/quiet': 'quiet' } }, {
    after: app => { app.post('/own', async request => ({ got: request.body })) }
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', chunk => { text += String(chunk) })
  const ask = async (request: string, answer: RegExp): Promise<void> => {
    text = ''
    socket.write(request)
    await until(() => answer.test(text), `${answer}`)
    t.match(text, /^HTTP\/1\.1 200 OK/)
  }
  const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  await ask(`GET /shop HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`, /\r\n\r\na$/)
  await ask(`POST /own HTTP/1.1\r\nHost: a\r\n${upgrade}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}`, /\{"got":\{"a":1\}\}$/)
  await ask(`POST /shop HTTP/1.1\r\nHost: a\r\n${upgrade}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, /\r\n\r\na$/)
  await ask('GET /quiet HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n', /\r\n\r\na$/)
  await ask('POST /shop HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc', /\r\n\r\na$/)
  t.strictSame(target.seen.map(({ method, url, body, headers }) => [method, url, body.toString(), headers.upgrade, headers['http2-settings']]), [
    ['GET', '/shop', '', undefined, undefined],
    ['POST', '/shop', 'abc', undefined, undefined],
    ['GET', '/quiet', '', undefined, undefined],
    ['POST', '/shop', 'abc', undefined, undefined]
  ])
  socket.destroy()
})

t.test("upgrades that are nobody's of ours stay with those who listen for them", async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  app.server.on('upgrade', (request, socket) => {
    if (request.url === '/other') socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nother')
    // This one is not particular, and quicker.
    if (request.url === '/shop/theirs') socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\ntheirs')
  })
  for (const [path, says] of [['/other', 'other'], ['/shop/theirs', 'theirs']]) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`)
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => { text += String(chunk) })
    await once(socket, 'close')
    t.ok(text.endsWith(`\r\n\r\n${says!}`), path!)
  }
  t.equal(target.seen.length, 0)
})

t.test("a more special route of the user's own is answered by them", async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    after: app => { app.get('/own', async () => 'mine') }
  })
  await t.rejects(converse(t, `${url}/own`), refusal({ status: 200, body: 'mine', headers: { connection: 'close' } }))
})

t.test('routes with parameters take upgrades, also where one may be absent', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      for (const path of ['/rooms/:room?', '/houses/:house/door']) app.get(path, { config: { upstream: 'shop' } }, (_request, reply) => reply.balance())
    }
  })
  for (const path of ['/rooms', '/rooms/1', '/houses/7/door']) t.equal(await (await converse(t, url + path)).next(), 'a')
  await t.rejects(converse(t, `${url}/houses/7`), refusal({ status: 404 }), 'which is no route')
})

t.test('the route of an upstream that is gone takes no upgrades, and says so', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  t.equal(await (await converse(t, `${url}/shop`)).next(), 'a')
  await app.upstreams.remove('shop')
  await t.rejects(converse(t, `${url}/shop`), refusal({ status: 500 }))
})

t.test('over TLS, too, what is not for us is served as if it had not asked', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } }, { server: { https: selfSigned(t.testdir()) } as never })
  const client = rawClient(t, url)
  for (let i = 0; i < 2; i++) {
    client.send('GET /shop HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
    t.match(await client.expect(/\r\n\r\na$/), /^HTTP\/1\.1 200 OK/)
  }
})
