/** Bodies arrive as they were sent. */
import t from 'tap'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { preParsingHookHandler } from 'fastify'
import { gzipSync, createGunzip } from 'node:zlib'
import { refusedUrl, startGateway, startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const bodies: Array<[string, string | undefined, Buffer]> = [
  ['XML', 'application/xml', Buffer.from('<?xml version="1.0"?><a b="ü"/>')],
  ['multipart', 'multipart/form-data; boundary=x', Buffer.from('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n')],
  ['2 MB', 'application/octet-stream', randomBytes(2_000_000)],
  ['malformed JSON', 'application/json', Buffer.from('{"a": ')],
  ['JSON that is falsy', 'application/json', Buffer.from('false')],
  ['an odd content type', 'not a type at all;;', Buffer.from('anything')],
  ['no content type', undefined, Buffer.from([0, 1, 2, 255])]
]

t.test('XML, multipart, 2 MB and malformed JSON arrive byte for byte, through routes and config.upstream alike', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/routed': 'shop' } }, {
    after: app => { app.all('/configured', { config: { upstream: 'shop' } }, (_request, reply) => reply.balance()) }
  })
  for (const path of ['/routed', '/configured']) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      for (const [name, type, body] of bodies) {
        target.seen.length = 0
        const answer = await fetch(url + path, { method, body, headers: type === undefined ? {} : { 'content-type': type } })
        t.equal(answer.status, 200, name)
        const [seen] = target.seen
        t.ok(seen!.body.equals(body), `${method} ${path}: ${name}`)
        t.equal(seen!.headers['content-type'], type)
        t.equal(seen!.headers['content-length'], String(body.length))
        t.equal(seen!.method, method)
      }
    }
  }
})

t.test('methods that Fastify gives no body keep theirs, and QUERY needs no content type', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const port = Number(new URL(url).port)
  for (const [method, body] of [['GET', 'five!'], ['QUERY', 'select 1'], ['POST', ''], ['GET', '']] as const) {
    target.seen.length = 0
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', chunk => { answer += chunk.toString() })
    socket.write(`${method} /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
    await until(() => socket.readableEnded || socket.destroyed, 'the answer')
    t.match(answer, /^HTTP\/1\.1 200 /, method)
    t.equal(target.seen[0]!.body.toString(), body)
    t.equal(target.seen[0]!.method, method)
  }
})

t.test("a user's own routes keep their parsers, and what these leave is sent on", async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => { response.end(seen.body) })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/routed': 'shop' } }, {
    after: app => {
      app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
        done(null, body === 'nested=x' ? { nested: { x: '' } } : Object.fromEntries(new URLSearchParams(body as string)))
      })
      app.addContentTypeParser('multipart/form-data', (_request, _payload, done) => { done(null) })
      app.addContentTypeParser('application/x-dropped', (_request, payload, done) => { payload.resume().on('end', () => { done(null) }) })
      app.addContentTypeParser('application/x-object', { parseAs: 'string' }, (_request, body, done) => { done(null, { body }) })
      app.addContentTypeParser('application/x-buffer', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
      app.addContentTypeParser('application/x-stream', (_request, payload, done) => { done(null, payload) })
      app.post('/hooked', { config: { upstream: 'shop' }, preParsing: async (request, _reply, payload) => { request.headers['x-hooked'] = 'yes'; return payload } }, (_request, reply) => reply.balance())
      const pass: preParsingHookHandler = (_request, _reply, payload, done) => { done(null, payload) }
      app.post('/hooks', { config: { upstream: 'shop' }, preParsing: [pass, pass] }, (_request, reply) => reply.balance())
      app.post('/mine', async request => ({ got: request.body }))
      app.post('/parsed', (_request, reply) => reply.balance('shop'))
    }
  })
  const post = async (path: string, type: string, body: string): Promise<[number, string]> => {
    const answer = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': type } })
    return [answer.status, await answer.text()]
  }
  t.strictSame(await post('/mine', 'application/json', '{"a":1}'), [200, '{"got":{"a":1}}'])
  t.equal((await post('/mine', 'application/json', '{"a":'))[0], 400)
  t.strictSame(await post('/routed', 'application/json', '{"a":'), [200, '{"a":'])
  for (const falsy of ['false', '0', 'null', '""']) t.strictSame(await post('/parsed', 'application/json', falsy), [200, falsy])
  t.strictSame(await post('/parsed', 'application/json; charset=utf-8', '{ "a" : 1 }'), [200, '{"a":1}'], 're-serialised')
  t.equal(target.seen.at(-1)!.headers['content-type'], 'application/json; charset=utf-8')
  t.strictSame(await post('/parsed', 'text/plain', 'plain'), [200, 'plain'])
  t.strictSame(await post('/parsed', 'application/x-www-form-urlencoded', 'a=1&b=%20'), [200, 'a=1&b=%20'])
  t.strictSame(await post('/parsed', 'application/x-buffer', 'bytes'), [200, 'bytes'])
  t.strictSame(await post('/parsed', 'application/x-stream', 'streamed'), [200, 'streamed'])
  t.strictSame(await post('/hooked', 'application/json', '{"a":'), [200, '{"a":'])
  t.equal(target.seen.at(-1)!.headers['x-hooked'], 'yes')
  t.strictSame(await post('/hooks', 'application/json', '{"a":'), [200, '{"a":'])
  t.equal((await post('/parsed', 'application/x-object', 'x'))[0], 500, 'there is no way back from this')
  t.equal((await post('/parsed', 'application/x-www-form-urlencoded', 'nested=x'))[0], 500, 'nor from this')
  t.strictSame(await post('/parsed', 'multipart/form-data; boundary=x', '--x--'), [200, '--x--'], 'what a parser leaves to others is sent on')
  t.strictSame(await post('/parsed', 'application/x-dropped', 'dropped'), [200, ''], 'what a parser has read away is gone')
})

t.test('a bodyLimit that the user sets on a route holds for streamed bodies, too', async t => {
  const target = await startTarget(t, 'a')
  const { url, app } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url] } },
    routes: { '/': { upstream: 'shop', bodyLimit: 100_000 } }
  })
  t.equal((await fetch(url, { method: 'POST', body: Buffer.alloc(100_000) })).status, 200)
  t.equal((await fetch(url, { method: 'POST', body: Buffer.alloc(100_001) })).status, 413)
  const chunked = await fetch(url, { method: 'POST', body: new Blob([Buffer.alloc(2_000_000)]).stream(), duplex: 'half' } as RequestInit)
  t.equal(chunked.status, 413)
  t.equal((await chunked.json() as { code: string }).code, 'FST_LB_BODY_TOO_LARGE')
  t.equal(target.seen.length, 1, 'the target never saw a whole one of those')
  t.equal(app.upstreams.get('shop')!.snapshot().targets[0]!.failures, 0, 'nor is it to blame')
})

t.test('a body that a hook has replaced is sent as the hook has made it', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } }, {
    before: app => {
      app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(createGunzip()))
    }
  })
  const body = randomBytes(10_000).toString('hex')
  await fetch(url, { method: 'POST', body: gzipSync(body) })
  t.equal(target.seen[0]!.body.toString(), body)
})

t.test('a slow upload passes on what is there', async t => {
  let received = 0
  const target = await startTarget(t, 'a')
  target.server.on('request', request => request.on('data', (chunk: Buffer) => { received += chunk.length }))
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/': 'shop' } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n')
  for (let sent = 10; sent <= 50; sent += 10) {
    socket.write('0123456789')
    await until(() => received === sent, `${sent} bytes at the target`)
  }
  t.pass('each piece arrived before the next was sent')
  socket.destroy()
})

t.test('when a request fails before all of its body is here, its connection is closed', async t => {
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [await refusedUrl()], retry: { attempts: 1 } } }, routes: { '/': 'shop' } })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', chunk => { answer += String(chunk) })
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome')
  await until(() => socket.readableEnded, 'the end')
  t.match(answer, /^HTTP\/1\.1 502 /)
  t.match(answer, /connection: close/i)
})
