/** Hooks, policies and targets that do what nobody should: no crash, no hang, no answer over another's. */
import t from 'tap'
import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { PassThrough, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import loadBalancer from '../../lib/index.js'
import { startGateway, startRawTarget, startTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { deferred, until } from '../helpers/wait.js'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

t.test('a target that resets while a hook still runs is a 502, and a stream that a hook has put around its body is cut', async t => {
  for (const wrapped of [false, true]) {
    let socket!: Socket
    const target = await startRawTarget(t, own => {
      socket = own
      own.on('data', () => own.write(`${HEAD}Content-Length: 100000\r\n\r\nsome`))
    })
    const hold = deferred()
    let held = false
    const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
      before: app => {
        app.addHook('onSend', async (_request, _reply, payload) => {
          if (typeof (payload as Readable)?.pipe !== 'function') return payload
          if (wrapped) return (payload as Readable).pipe(new PassThrough())
          held = true
          await hold.promise
          return payload
        })
      }
    })
    const answer = fetch(url)
    if (wrapped) {
      await answer
    } else {
      await until(() => held, 'the hook runs')
    }
    socket.resetAndDestroy()
    await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'the target is gone')
    hold.resolve()
    if (wrapped) await t.rejects(answer.then(async answer => await answer.text()))
    else t.equal((await answer).status, 502)
  }
})

t.test('an error handler that balances the request elsewhere sends its body whole, or says that it cannot', async t => {
  const dying = await startTarget(t, 'dying', (_seen, request) => request.socket.destroy())
  const backup = await startTarget(t, 'backup', (seen, _request, response) => response.end(seen.body))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [dying.url] }, backup: { targets: [backup.url] } }, routes: { '/': 'shop' } }, {
    before: app => {
      app.setErrorHandler((error, request, reply) => {
        if (request.headers['x-once'] === 'yes') return reply.send(error)
        request.headers['x-once'] = 'yes'
        reply.code(200)
        return reply.balance('backup')
      })
    }
  })
  const short = await fetch(url, { method: 'POST', body: 'short' })
  t.equal(await short.text(), 'short')
  t.notOk(short.headers.has('retry-after'))
  const chunked = await fetch(url, { method: 'POST', body: new Blob(['chunked']).stream(), duplex: 'half' } as RequestInit)
  t.equal(chunked.status, 502)
  t.strictSame(backup.seen.map(({ body }) => body.toString()), ['short'], 'half of a body never arrives as a whole one')
})

t.test('an error handler that balances a refused request elsewhere does not tell the client to come back later', async t => {
  const closed = await startTarget(t, 'closed')
  const backup = await startTarget(t, 'backup')
  const { app, url } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'closed', url: closed.url }] }, backup: { targets: [backup.url] } }, routes: { '/': 'shop' } }, {
    before: app => { app.setErrorHandler((_error, _request, reply) => reply.code(200).balance('backup')) }
  })
  app.upstreams.get('shop')!.update('closed', { state: 'maintenance' })
  const answer = await fetch(url)
  t.equal(await answer.text(), 'backup')
  t.notOk(answer.headers.has('retry-after'), 'the 503 of the first try was not the response')
})

t.test('a hook behind ours that looks at the method has the body parsed, and it is sent on all the same', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(seen.body))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    before: app => {
      // Added before ours, so that it is called after.
      app.addHook('onRoute', route => {
        queueMicrotask(() => {})
        const own = route.preParsing
        const nosy = async (request: { method: string }, _reply: unknown, payload: unknown): Promise<unknown> => {
          t.type(request.method, 'string')
          return payload
        }
        Object.defineProperty(route, 'preParsing', {
          enumerable: true,
          configurable: true,
          get: () => ours === undefined ? own : [...(Array.isArray(ours) ? ours : [ours]), nosy],
          set: value => { ours = value }
        })
        let ours: unknown
      })
    }
  })
  const answer = await fetch(url, { method: 'POST', body: '{"a": 1}', headers: { 'content-type': 'application/json' } })
  t.equal(await answer.text(), '{"a":1}')
})

t.test('a policy, a listener, an answered(), a loaded() or a settle() that throws costs that request at most', async t => {
  const target = await startTarget(t, 'a')
  const dying = await startTarget(t, 'dying', (_seen, request) => request.socket.destroy())
  const errors: string[] = []
  const { url, app } = await startGateway(t, {
    upstreams: {
      pick: { targets: [target.url, { id: 'b', url: target.url }], policy: () => ({ pick: () => { throw new Error('no idea') } }) },
      nobody: { targets: [target.url, { id: 'b', url: target.url }], policy: () => ({ pick: () => undefined as never }) },
      settle: { targets: [target.url], policy: () => ({ pick: targets => targets[0]!, settle: () => { throw new Error('not settled') } }) },
      answered: { targets: [target.url], policy: () => ({ pick: targets => targets[0]!, answered: () => { throw new Error('not heard') } }) },
      loaded: { targets: [target.url], policy: () => ({ pick: targets => targets[0]!, loaded: () => { throw new Error('not counted') } }) },
      later: {
        targets: [dying.url, target.url, { id: 'c', url: target.url }],
        policy: () => ({ pick: (targets, { tried }) => { if (tried === undefined) return targets[0]!; throw new Error('no idea') } })
      },
      listener: { targets: [target.url] }
    },
    routes: { '/later': 'later', '/pick': 'pick', '/nobody': 'nobody', '/answered': 'answered', '/loaded': 'loaded', '/settle': 'settle', '/listener': 'listener' }
  }, { server: { logger: { level: 'error', stream: { write: (line: string) => { errors.push(line) } } } } })
  t.equal((await fetch(`${url}/pick`)).status, 500)
  t.equal((await fetch(`${url}/pick`, { method: 'POST', body: 'x' })).status, 500)
  t.equal((await fetch(`${url}/nobody`)).status, 500)
  t.equal((await fetch(`${url}/settle`)).status, 200)
  t.match(errors.join(''), /policy\.settle has thrown/)
  t.equal((await fetch(`${url}/answered`)).status, 200)
  t.match(errors.join(''), /policy\.answered has thrown/)
  t.equal((await fetch(`${url}/loaded`)).status, 200)
  t.match(errors.join(''), /policy\.loaded has thrown/)
  t.equal((await fetch(`${url}/later`)).status, 500, 'also when it throws only at the second try')
  const upstream = app.upstreams.get('listener')!
  upstream.on('target:changed', () => { throw new Error('not changed') })
  upstream.update(new URL(target.url).origin, { weight: 2 })
  t.match(errors.join(''), /a listener of target:changed has thrown/)
  t.equal((await fetch(`${url}/listener`)).status, 200)
})

t.test('a factory that returns no policy is refused', async t => {
  for (const policy of [() => {}, () => null, () => ({ choose: () => {} })]) {
    await t.rejects(startGateway(t, { upstreams: { shop: { policy: policy as never } } }), { code: 'FST_LB_INVALID_OPTIONS', message: /^upstreams\.shop\.policy: expected a function that returns a policy/ })
  }
})

t.test('a schema for a body that nobody parses is refused', async t => {
  await t.rejects(startGateway(t, { upstreams: { shop: {} } }, {
    after: app => { app.post('/a', { config: { upstream: 'shop' }, schema: { body: { type: 'object' } } }, (_request, reply) => reply.balance()) }
  }), { code: 'FST_LB_INVALID_OPTIONS', message: /^POST \/a: schema\.body: expected nothing/ })
})

t.test('a content type without a body is for the target to judge', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(`${seen.method} ${String(seen.headers['content-type'])} ${seen.body.length}`))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  for (const method of ['DELETE', 'POST', 'PUT', 'PATCH']) {
    for (const type of ['application/json', 'application/xml', 'nonsense']) {
      const answer = await fetch(url, { method, headers: { 'content-type': type } })
      t.equal(await answer.text(), `${method} ${type} 0`)
    }
  }
})

t.test('HEAD has the length that the target says, also where Fastify has made the route', async t => {
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.setHeader('content-length', 5)
    response.end('12345')
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/routed': { upstream: 'shop', method: ['GET', 'POST'] } } }, {
    after: app => { app.get('/own', { config: { upstream: 'shop' } }, (_request, reply) => reply.balance()) }
  })
  for (const path of ['/routed', '/own']) {
    const { status, headers } = await fetch(url + path, { method: 'HEAD' })
    t.equal(status, 200)
    t.equal(headers.get('content-length'), '5', path)
  }
})

t.test('a handlerTimeout that does not come about changes nothing', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': { upstream: 'shop', handlerTimeout: 60_000 } } }, {
    after: app => { app.post('/own', { handlerTimeout: 60_000 }, (_request, reply) => reply.balance('shop')) }
  })
  for (const path of ['/', '/own']) {
    const answer = await fetch(url + path, { method: 'POST', body: 'x' })
    t.equal(await answer.text(), 'a')
  }
})

t.test("Fastify's handlerTimeout answers alone", async t => {
  const waiting: Array<() => void> = []
  const target = await startTarget(t, 'a', (_seen, _request, response) => { waiting.push(() => response.end('late')) })
  const sent = deferred()
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': { upstream: 'shop', handlerTimeout: 50 } } }, {
    before: app => {
      app.addHook('onSend', async (_request, _reply, payload) => {
        // The target answers while the timeout is being told.
        for (const answer of waiting) answer()
        await sent.promise
        return payload
      })
    }
  })
  const answer = fetch(url)
  await until(() => inFlight(app.upstreams.get('shop')!) === 0 && waiting.length === 1, 'it is given up')
  sent.resolve()
  const { status, body } = await answer.then(async answer => ({ status: answer.status, body: await answer.text() }))
  t.equal(status, 503)
  t.match(body, /FST_ERR_HANDLER_TIMEOUT/)
})

t.test('what is not wanted of an answer is dropped once the client has its own', async t => {
  const busy = await startRawTarget(t, socket => socket.on('data', () => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\nx')))
  const good = await startTarget(t, 'good')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [busy.url, good.url], policy: 'first' } }, routes: { '/': 'shop' } })
  t.equal(await (await fetch(url)).text(), 'good')
  await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'its slot is free')
  await until(() => busy.sockets.size === 0, 'its connection is dropped')
})

t.test('a body that a hook cannot read is a bad request, not a client that has left', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    before: app => { app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(createGunzip())) }
  })
  const answer = await fetch(url, { method: 'POST', body: 'this is not gzip' })
  t.equal(answer.status, 400)
  t.equal(target.seen.length, 0)
})

t.test('a header that is named like what every object has arrives as it is', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => socket.write(`${HEAD}Content-Length: 0\r\nconstructor: x\r\ntoString: y\r\n\r\n`)))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const { headers } = await fetch(url)
  t.equal(headers.get('constructor'), 'x')
  t.equal(headers.get('tostring'), 'y')
})

t.test('a length over the bodyLimit is refused, and nothing more of it is read', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': { upstream: 'shop', bodyLimit: 10 } } })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  client.on('data', chunk => { text += String(chunk) })
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n')
  await once(client, 'close')
  t.match(text, /^HTTP\/1.1 413 /)
  t.match(text, /connection: close/i)
})

t.test('a short body that does not come is not waited for for ever', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], timeouts: { body: 50 } } }, routes: { '/': 'shop' } })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  client.on('data', chunk => { text += String(chunk) })
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123')
  await once(client, 'close')
  t.match(text, /^HTTP\/1.1 504 /)
  t.equal(target.seen.length, 0)
})

t.test('an empty hash key is none, and forms keep fields that come twice', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => response.end(seen.body))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } } }, {
    after: app => {
      app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
        done(null, Object.fromEntries([...new Set(new URLSearchParams(body as string).keys())].map(name => [name, new URLSearchParams(body as string).getAll(name)])))
      })
      app.post('/', (request, reply) => reply.balance('shop', { hashKey: request.headers['x-user'] as string }))
    }
  })
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams('a=1&a=2&b=3'), headers: { 'x-user': '' } })
  t.equal(await answer.text(), 'a=1&a=2&b=3')
})

t.test('cookies of sibling scopes do not reach the targets either', async t => {
  const target = await startTarget(t, 'a')
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  for (const name of ['one', 'two']) {
    await app.register(async scope => {
      await scope.register(loadBalancer, { upstreams: { [name]: { targets: [target.url], affinity: { cookie: { secret: 'sixteen or more characters' } } } }, routes: { '/': name } })
    }, { prefix: `/${name}` })
  }
  await app.inject({ url: '/two/', headers: { cookie: 'lb_one=x; mine=y; lb_two=z' } })
  t.equal(target.seen[0]!.headers.cookie, 'mine=y')
})

t.test('of two scopes with a cookie of the same name, one may go', async t => {
  const target = await startTarget(t, 'a')
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  const scopes: FastifyInstance[] = []
  for (const prefix of ['/one', '/two']) {
    await app.register(async scope => {
      scopes.push(scope)
      await scope.register(loadBalancer, { upstreams: { shop: { targets: [target.url], affinity: { cookie: { secret: 'sixteen or more characters' } } } }, routes: { '/': 'shop' } })
    }, { prefix })
  }
  await app.ready()
  await scopes[0]!.upstreams.remove('shop')
  await app.inject({ url: '/two/', headers: { cookie: 'lb_shop=x; mine=y' } })
  t.equal(target.seen[0]!.headers.cookie, 'mine=y')
})

t.test('other TLS settings for a target that is there take effect', async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'a', url: target.url }] } }, routes: { '/': 'shop' } })
  await fetch(url)
  const [first] = [...target.sockets]
  app.upstreams.get('shop')!.replace([{ id: 'a', url: target.url, tls: { servername: 'a.example' } }])
  await fetch(url)
  await until(() => first!.destroyed, 'the old connection is closed')
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.requests, 2, 'it is the same target')
  app.upstreams.get('shop')!.replace([{ id: 'a', url: target.url }])
  t.equal((await fetch(url)).status, 200)
})

t.test('a target that is on trial serves who waits in the queue', async t => {
  const waiting: Array<() => void> = []
  let broken = true
  const a = await startTarget(t, 'a', (_seen, request, response) => {
    if (broken) request.socket.destroy()
    else response.end('a')
  })
  const b = await startTarget(t, 'b', (_seen, _request, response) => { waiting.push(() => response.end('b')) })
  const { url, app } = await startGateway(t, {
    upstreams: {
      shop: {
        targets: [{ id: 'a', url: a.url }, { id: 'b', url: b.url }],
        policy: 'first',
        limits: { maxRequests: 1, queue: { size: 10, timeout: 60_000 } },
        health: { passive: { consecutiveFailures: 1, ejectionTime: 100 } }
      }
    },
    routes: { '/': 'shop' }
  })
  const first = fetch(url)
  await until(() => waiting.length === 1, 'a is ejected, b works')
  broken = false
  t.equal(await (await fetch(url)).text(), 'a', 'as soon as it may be tried again')
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.ejectedUntil, null)
  waiting[0]!()
  await first
})

t.test('HTTP/2 clients: fields that come twice, bodies that break off', async t => {
  let mode = 'twice'
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    const fields = 'x-content-type-options: nosniff\r\nx-content-type-options: nosniff\r\netag: "a"\r\netag: "b"\r\nset-cookie: a\r\nset-cookie: b\r\n'
    if (mode === 'twice') socket.write(`${HEAD}${fields}Content-Length: 2\r\n\r\nok`)
    else socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`, () => setImmediate(() => { socket.destroy() }))
  }))
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(loadBalancer, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const client = connectHttp2(await app.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(() => client.close())
  const { headers, body } = await askHttp2(client)
  t.equal(body, 'ok')
  t.equal(headers.etag, '"a"')
  t.strictSame(headers['set-cookie'], ['a', 'b'])
  mode = 'cut'
  await t.rejects(askHttp2(client), { code: 'ERR_HTTP2_STREAM_ERROR' })
})

async function askHttp2 (client: ClientHttp2Session): Promise<{ headers: Record<string, unknown>, body: string }> {
  const stream = client.request({ ':path': '/' })
  const [headers] = await once(stream, 'response') as [Record<string, unknown>]
  let body = ''
  for await (const chunk of stream) body += String(chunk)
  return { headers, body }
}
