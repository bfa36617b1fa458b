/** Responses reach the client as the target gave them, and users' hooks see them. */
import t from 'tap'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

t.test('headers reach the client when they come, not with the first byte of the body', async t => {
  let response!: ServerResponse
  const target = await startTarget(t, 'a', (_seen, _request, answer) => {
    response = answer
    answer.writeHead(200, { 'content-type': 'text/plain' })
    answer.flushHeaders()
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const answer = await fetch(url)
  t.equal(answer.status, 200)
  response.end('at last')
  t.equal(await answer.text(), 'at last')
})

t.test('server-sent events come one by one', async t => {
  let response!: ServerResponse
  const target = await startTarget(t, 'a', (_seen, _request, answer) => {
    response = answer
    answer.writeHead(200, { 'content-type': 'text/event-stream' })
    answer.write('data: 0\n\n')
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const answer = await fetch(url)
  const reader = answer.body!.getReader()
  for (let i = 0; i < 5; i++) {
    t.equal(Buffer.from((await reader.read()).value!).toString(), `data: ${i}\n\n`)
    response.write(`data: ${i + 1}\n\n`)
  }
  await reader.cancel()
})

t.test('bodies of all sizes, with and without a type and a length', async t => {
  const target = await startTarget(t, 'a', ({ url }, _request, response) => {
    const [, size, type, length] = url.split('/')
    const body = Buffer.alloc(Number(size), 'x')
    if (type === 'typed') response.setHeader('content-type', 'application/x-thing')
    if (length === 'sized') response.setHeader('content-length', body.length)
    else response.flushHeaders()
    response.end(body)
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  for (const size of [0, 1, 100, 49_152, 49_153, 131_072, 131_073, 5_000_000]) {
    for (const type of ['typed', 'untyped']) {
      for (const length of ['sized', 'unsized']) {
        const answer = await fetch(`${url}/${size}/${type}/${length}`)
        const what = `${size} ${type} ${length}`
        t.equal(answer.headers.get('content-type'), type === 'typed' ? 'application/x-thing' : null, what)
        t.equal((await answer.arrayBuffer()).byteLength, size, what)
        const head = await fetch(`${url}/${size}/${type}/${length}`, { method: 'HEAD' })
        t.equal(head.status, 200)
        if (length === 'sized') t.equal(head.headers.get('content-length'), String(size), `HEAD ${what}`)
      }
    }
  }
})

t.test('hop-by-hop fields stop here, the others and their bytes go on', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    socket.write(Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nConnection: keep-alive, x-private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\nX-Bytes: \xe9\xff\r\nX-Empty:\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Twice: 3\r\n\r\nx', 'latin1'))
  }))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  client.setEncoding('latin1').on('data', chunk => { text += chunk })
  await once(client, 'close')
  t.match(text, /x-bytes: \xe9\xff\r\n/i)
  t.match(text, /x-empty: ?\r\n/i)
  t.equal(text.match(/set-cookie: [ab]\r\n/gi)!.length, 2)
  t.equal(text.match(/x-twice: [123]\r\n/gi)!.length, 3)
  t.match(text, /connection: close\r\n/i)
  t.notMatch(text, /x-private|keep-alive/i)
})

t.test('request.balancing tells what was done, and hooks run in the context of their request', async t => {
  const failing = await startTarget(t, 'failing', (_seen, _request, response) => { response.writeHead(503).end() })
  const good = await startTarget(t, 'good')
  const storage = new AsyncLocalStorage<string>()
  const contexts: Array<[string, string | undefined]> = []
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [{ id: 'f', url: failing.url }, { id: 'g', url: good.url }], policy: 'first', pool: { connections: 1 } } },
    routes: { '/': 'shop' }
  }, {
    before: app => {
      app.addHook('onRequest', (request, _reply, done) => { storage.run(request.url, done) })
      app.addHook('onSend', async request => { contexts.push([request.url, storage.getStore()]) })
      app.get('/own', async request => request.balancing)
    }
  })
  t.equal(await (await fetch(`${url}/own`)).text(), 'null', 'null where nothing is balanced')
  let balancing: unknown
  contexts.length = 0
  for (const path of ['/1', '/2', '/3']) await (await fetch(url + path)).text()
  t.strictSame(contexts, [['/1', '/1'], ['/2', '/2'], ['/3', '/3']])

  const other = await startGateway(t, {
    upstreams: { shop: { targets: [{ id: 'f', url: failing.url }, { id: 'g', url: good.url }], policy: 'first' } },
    routes: { '/': 'shop' }
  }, { before: app => { app.addHook('onResponse', async request => { balancing = request.balancing }) } })
  await (await fetch(other.url)).text()
  await until(() => balancing !== undefined, 'the response is done')
  t.match(balancing, {
    upstream: 'shop',
    target: 'g',
    attempts: [{ target: 'f', outcome: 'bad-status', status: 503, durationMs: Number }, { target: 'g', outcome: 'success', status: 200, durationMs: Number }]
  })
})

t.test('a hook that answers something else leaves nothing behind', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000000\r\n\r\n')
    const send = (): void => { while (!socket.destroyed && socket.write(Buffer.alloc(65_536))); }
    socket.on('drain', send)
    send()
  }))
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    before: app => {
      app.addHook('onSend', async (_request, reply) => {
        reply.removeHeader('content-length')
        return 'something else'
      })
    }
  })
  t.equal(await (await fetch(url)).text(), 'something else')
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'nothing is in flight')
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.failures, 0)
})

t.test('a hook that wraps the stream gets all of it', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.flushHeaders()
    setImmediate(() => response.end('x'.repeat(100_000)))
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    before: app => {
      app.addHook('onSend', async (_request, reply, payload) => {
        reply.header('x-late', 'yes')
        return (payload as Readable).map((chunk: Buffer) => Buffer.from(chunk.toString().toUpperCase()))
      })
    }
  })
  const answer = await fetch(url)
  t.equal(answer.headers.get('x-late'), 'yes')
  t.equal(await answer.text(), 'X'.repeat(100_000))
})

t.test('an error goes through the error handling of the user', async t => {
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [] } }, routes: { '/': 'shop' } }, {
    before: app => {
      app.setErrorHandler((error: Error & { code: string, statusCode: number }, request, reply) => {
        void reply.code(error.statusCode).send({ sorry: error.code, attempts: request.balancing!.attempts.length })
      })
    }
  })
  const answer = await fetch(url)
  t.equal(answer.status, 503)
  t.strictSame(await answer.json(), { sorry: 'FST_LB_NO_TARGET', attempts: 0 })
})

t.test('what reply.balance() is given for one request', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(`${seen.url} ${seen.headers.host}`))
  const flaky = await startTarget(t, 'flaky', (_seen, _request, response) => response.writeHead(503).end())
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], headers: { host: 'preserve' } }, flaky: { targets: [flaky.url, { id: 'again', url: flaky.url }], retry: { backoff: { base: 1, max: 1 } } }, off: { targets: [flaky.url], retry: false } }
  }, {
    after: app => {
      app.get('/path', (_request, reply) => reply.balance('shop', { path: '/other' }))
      app.get('/patient', (_request, reply) => reply.balance('shop', { timeouts: { total: 5_000 } }))
      app.get('/once', (_request, reply) => reply.balance('flaky', { retry: { attempts: 1 } }))
      app.get('/never', (_request, reply) => reply.balance('flaky', { retry: false }))
      app.get('/off', (_request, reply) => reply.balance('off', { retry: { attempts: 2, backoff: { base: 1 } } }))
      app.get('/wrong', (_request, reply) => reply.balance('shop', { path: 1, timeouts: { total: -1, nope: 1 } } as never))
      app.get('/slow', (_request, reply) => reply.balance('shop', { timeouts: { connect: 10_000 } }))
      app.get('/none', (_request, reply) => reply.balance())
      app.get('/climb', (_request, reply) => reply.balance('shop', { path: 'x' }))
    }
  })
  t.equal(await (await fetch(`${url}/path?q=1`)).text(), `/other?q=1 ${new URL(url).host}`)
  t.equal((await fetch(`${url}/patient`)).status, 200)
  for (const [path, requests] of [['/once', 1], ['/never', 1], ['/off', 2]] as const) {
    flaky.seen.length = 0
    t.equal((await fetch(url + path)).status, 503)
    t.equal(flaky.seen.length, requests, path)
  }
  const wrong = await (await fetch(`${url}/wrong`)).json() as { code: string, message: string }
  t.equal(wrong.code, 'FST_LB_INVALID_OPTIONS')
  t.match(wrong.message, /balance\.path: expected.*\nbalance\.timeouts\.nope: unknown option.*\nbalance\.timeouts\.total: expected/)
  t.match(await (await fetch(`${url}/slow`)).text(), /balance\.timeouts\.connect: expected at most the upstream's \(2000\)/)
  t.equal((await fetch(`${url}/none`)).status, 500)
  t.equal((await fetch(`${url}/climb`)).status, 400)
})

t.test('what a client asks of its connection is not asked of the target', async t => {
  const target = await startTarget(t, 'a')
  const headers = { forwarded: false, via: false, requestId: false } as const
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], headers } }, routes: { '/': 'shop' } })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  client.write('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nKeep-Alive: 300\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Private: 1\r\nConnection: x-private, close\r\nProxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi')
  let text = ''
  client.on('data', chunk => { text += String(chunk) })
  await once(client, 'close')
  t.match(text, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/)
  const [seen] = target.seen
  t.equal(seen!.body.toString(), 'hi')
  t.strictSame(Object.keys(seen!.headers).sort(), ['connection', 'content-length', 'host', 'te'])
  t.equal(seen!.headers.connection, 'keep-alive')
})

t.test('an interim response is not taken for the answer', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok')
  }))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  t.equal(await (await fetch(url)).text(), 'ok')
})

t.test('a body in several chunks that come at once goes out whole', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n')
  }))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  t.equal(await (await fetch(url)).text(), 'onetwo')
})

t.test('of a body that does not come at once, the client gets what there is', async t => {
  const halves: ServerResponse[] = []
  const target = await startTarget(t, 'a', (seen, _request, answer) => {
    halves.push(answer)
    const length = Number(seen.url.slice(1))
    answer.writeHead(200, { 'content-type': 'text/plain', 'content-length': length })
    answer.write('x'.repeat(length / 2))
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  for (const length of [1_000, 60_000, 100_000, 200_000]) {
    const reader = (await fetch(`${url}/${length}`)).body!.getReader()
    let got = 0
    while (got < length / 2) got += (await reader.read()).value!.byteLength
    halves.at(-1)!.end('x'.repeat(length / 2))
    for (let part = await reader.read(); !part.done; part = await reader.read()) got += part.value.byteLength
    t.equal(got, length)
  }
})

t.test('a hook that destroys the body it replaces frees the target at once', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000000\r\n\r\nsome')
  }))
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    before: app => {
      app.addHook('onSend', async (_request, reply, payload) => {
        (payload as Readable).on('error', () => {}).destroy()
        t.equal(inFlight(app.upstreams.get('shop')!), 0)
        reply.removeHeader('content-length')
        return 'something else'
      })
    }
  })
  t.equal(await (await fetch(url)).text(), 'something else')
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.failures, 0)
})

t.test('a handler that answers by itself after all is not answered over', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => {}))
  const own = new Readable({ read () {} })
  let failed = false
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], retry: false, timeouts: { headers: 20 } } } }, {
    server: { logger: { level: 'warn', stream: { write: (line: string) => { failed ||= line.includes('could not be served') } } } },
    after: app => {
      app.get('/', (_request, reply) => {
        reply.balance('shop')
        void reply.send(own)
      })
    }
  })
  const answer = fetch(url)
  own.push('mine, ')
  await until(() => failed, 'the target has had its time')
  own.push('all of it')
  own.push(null)
  t.equal(await (await answer).text(), 'mine, all of it')
})

t.test('works under inject(), too', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(`${seen.method} ${seen.body.toString()}`))
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  t.equal((await app.inject('/')).body, 'GET ')
  t.equal((await app.inject({ url: '/', method: 'POST', payload: { a: 1 } })).body, 'POST {"a":1}')
})

t.test('a request that cannot be forwarded is a 400, and reaches nobody', async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const ask = async (path: string): Promise<string> => {
    const client = connect(Number(new URL(url).port), '127.0.0.1')
    client.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    let text = ''
    client.on('data', chunk => { text += String(chunk) })
    await once(client, 'close')
    return text
  }
  for (const path of ['/shop/../admin', '/shop/%2e%2e/admin', '/shop/..%2fadmin', '/shop/x/..\\..\\..']) {
    t.match(await ask(path), /^HTTP\/1.1 400 .*FST_LB_BAD_REQUEST/s, path)
  }
  t.equal(target.seen.length, 0)
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.requests, 0)
})
