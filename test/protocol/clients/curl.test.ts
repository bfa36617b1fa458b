/** curl through the gateway, as somebody would call it. */
import t from 'tap'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LoadBalancerOptions } from '../../../lib/index.js'
import { selfSigned } from '../../helpers/certificates.js'
import { curl } from '../../helpers/curl.js'
import { needs } from '../../helpers/programs.js'
import { startGateway, startRawTarget, startTarget, type Ending, type TestTarget } from '../../helpers/servers.js'

const some = needs('curl')
const http2 = needs('curl', /\bHTTP2\b/)

const big = Buffer.alloc(5_000_000, 'so many bytes that nobody keeps them. ')

interface Shop { url: string, targets: TestTarget[], hits: () => number[] }

/** Three targets in turn behind '/shop', and routes of the user's own beside it. */
async function startShop (t: Ending, { server = {}, ...upstream }: { server?: object } & object = {}, more: LoadBalancerOptions = {}): Promise<Shop> {
  const targets = await Promise.all(['a', 'b', 'c'].map(name => startTarget(t, name)))
  const { url } = await startGateway(t, {
    upstreams: { shop: { policy: 'round-robin', targets: targets.map(({ url }) => url), ...upstream }, ...more.upstreams },
    routes: { '/shop': 'shop', ...more.routes }
  }, {
    server,
    after: (app: FastifyInstance) => {
      app.get('/own', async () => 'own')
      app.post('/own', { bodyLimit: 10_000_000 }, async request => `own ${(request.body as string).length}`)
    }
  })
  return { url, targets, hits: () => targets.map(({ seen }) => seen.length) }
}

const text = ['--header', 'content-type: text/plain']

/** How `curl` shows the bodies of several answers: without their header blocks. */
const bodies = (shown: string): string[] => shown.split(/HTTP\/[\d.]+ \d{3}[^]*?\r\n\r\n/).filter(body => body !== '')

t.test('on one connection: the targets take turns, and the routes of the user’s own are theirs', some, async t => {
  const { url, targets, hits } = await startShop(t)
  const { exit, text: shown, transfers } = await curl(['--http1.1', `${url}/shop`, `${url}/own`, `${url}/shop?q=%2F`, `${url}/shop/x`])
  t.equal(exit, 0)
  t.strictSame(bodies(shown).map(body => body.length), [1, 3, 1, 1])
  t.strictSame(transfers.map(({ http_code: code, http_version: version, num_connects: connects }) => [code, version, connects]), [[200, '1.1', 1], [200, '1.1', 0], [200, '1.1', 0], [200, '1.1', 0]])
  t.strictSame(hits(), [1, 1, 1])
  t.strictSame(targets.map(({ seen }) => seen[0]!.url).sort(), ['/shop', '/shop/x', '/shop?q=%2F'])
})

t.test('--http2 asks an http/1.1 gateway to upgrade: it is served as if it had not, our routes and the user’s, with and without a body', http2, async t => {
  const { url, targets, hits } = await startShop(t)
  const got = await curl(['--http2', '--verbose', `${url}/shop`, `${url}/own`, `${url}/shop`])
  t.equal(got.exit, 0)
  t.match(got.trace, /> Upgrade: h2c/, 'it has asked')
  t.strictSame(got.transfers.map(({ http_code: code, num_connects: connects }) => [code, connects]), [[200, 1], [200, 0], [200, 0]])
  const posted = await curl(['--http2', '--verbose', ...text, '--data-binary', '@-', `${url}/shop`, `${url}/own`], { input: big })
  t.equal(posted.exit, 0)
  t.match(posted.trace, /> Upgrade: h2c/)
  t.strictSame(bodies(posted.text).pop(), `own ${big.length}`)
  t.strictSame(hits(), [1, 1, 1])
  const seen = targets.flatMap(({ seen }) => seen)
  t.ok(seen.find(({ method }) => method === 'POST')!.body.equals(big))
  for (const { headers } of seen) t.strictSame([headers.upgrade, headers['http2-settings']], [undefined, undefined])
})

t.test('--http2-prior-knowledge, to a server of HTTP/2', http2, async t => {
  const { url, targets, hits } = await startShop(t, { server: { http2: true } })
  // One at a time: this way of asking, curl 7.88 trips over itself when it uses a connection again.
  for (const path of ['/shop', '/own', '/shop']) {
    t.match(await curl(['--http2-prior-knowledge', url + path]), { exit: 0, transfers: [{ http_code: 200, http_version: '2' }] }, path)
  }
  const posted = await curl(['--http2-prior-knowledge', ...text, '--data-binary', '@-', `${url}/shop`], { input: big })
  t.match(posted.transfers, [{ http_code: 200, http_version: '2', size_upload: big.length }])
  t.strictSame(hits(), [1, 1, 1])
  t.ok(targets.flatMap(({ seen }) => seen).find(({ method }) => method === 'POST')!.body.equals(big))
})

t.test('over TLS curl and the server agree on a protocol: HTTP/2, or what curl can', http2, async t => {
  const certificate = selfSigned(t.testdir())
  const { url, targets } = await startShop(t, { server: { http2: true, https: { allowHTTP1: true, ...certificate } } })
  const trusting = ['--cacert', join(t.testdirName, 'cert.pem')]
  for (const [words, version] of [[['--http2'], '2'], [['--http1.1'], '1.1']] as const) {
    const { exit, transfers } = await curl([...trusting, ...words, ...text, '--data-binary', '@-', `${url}/shop`, `${url}/own`], { input: big })
    t.equal(exit, 0)
    t.strictSame(transfers.map(({ http_code: code, http_version: spoken, size_upload: up }) => [code, spoken, up]), [[200, version, big.length], [200, version, big.length]])
  }
  t.strictSame(targets.flatMap(({ seen }) => seen).map(({ headers }) => headers['x-forwarded-proto']), ['https', 'https'])
})

t.test('an upload from a pipe, whose length nobody knows', some, async t => {
  const { url, targets } = await startShop(t)
  for (const words of [[], ['--http2'], ['--header', 'Expect:'], ['--http1.0']]) {
    const { exit, transfers } = await curl([...words, '--upload-file', '-', `${url}/shop/file`], { input: big })
    t.strictSame([exit, transfers[0]?.http_code], words[0] === '--http1.0' ? [25, 0] : [0, 200], words.join(' '))
  }
  const seen = targets.flatMap(({ seen }) => seen)
  t.equal(seen.length, 3, 'HTTP/1.0 has no way to say it: curl does not even ask')
  for (const { body, headers } of seen) {
    t.ok(body.equals(big))
    t.strictSame([headers['transfer-encoding'], headers.expect], ['chunked', undefined])
  }
})

t.test('a big upload asks first (Expect: 100-continue), and goes on when a target is at hand', some, async t => {
  const { url, targets } = await startShop(t)
  const { exit, text: shown, transfers, trace } = await curl(['--verbose', '--expect100-timeout', '25', ...text, '--data-binary', '@-', `${url}/shop`], { input: big })
  t.equal(exit, 0)
  t.match(trace, /> Expect: 100-continue/)
  t.match(shown, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  t.equal(transfers[0]!.size_upload, big.length)
  t.ok(targets.flatMap(({ seen }) => seen)[0]!.body.equals(big))
})

const refusals = {
  upstreams: { none: { targets: [] } },
  routes: {
    '/none': 'none',
    '/limit': { upstream: 'shop', bodyLimit: 1_000 },
    '/hook': { upstream: 'shop', async onRequest (_request: FastifyRequest, reply: FastifyReply) { await reply.code(401).send('who?') } }
  }
} satisfies LoadBalancerOptions

t.test('a refusal saves the upload: not a byte of it is sent', some, async t => {
  const { url, hits } = await startShop(t, {}, refusals)
  for (const [path, status] of [['/none', 503], ['/limit', 413], ['/hook', 401]] as const) {
    const { exit, transfers, trace } = await curl(['--trace-ascii', '%', '--expect100-timeout', '25', ...text, '--data-binary', '@-', url + path], { input: big })
    t.strictSame([exit, transfers[0]!.http_code, transfers[0]!.size_upload], [0, status, 0], path)
    t.match(trace, /=> Send header/)
    t.notMatch(trace, /=> Send data/, path)
  }
  t.strictSame(hits(), [0, 0, 0])
})

t.test('a refusal gets through to a client that does not ask first, while it still sends', some, async t => {
  const { url, hits } = await startShop(t, {}, refusals)
  for (const [path, status] of [['/none', 503], ['/limit', 413], ['/hook', 401]] as const) {
    for (const words of [['--data-binary', '@-'], ['--upload-file', '-']]) {
      for (let i = 0; i < 5; i++) {
        const { exit, transfers } = await curl(['--header', 'Expect:', ...text, ...words, url + path], { input: big })
        t.strictSame([exit, transfers[0]!.http_code], [0, status], `${path} ${words[0]!}`)
      }
    }
  }
  t.strictSame(hits(), [0, 0, 0])
})

t.test('HEAD, ranges and downloads that are taken up again', some, async t => {
  const file = Buffer.from('0123456789'.repeat(1_000))
  const target = await startTarget(t, 'a', ({ headers }, _request, response) => {
    const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
    response.setHeader('accept-ranges', 'bytes')
    response.setHeader('content-type', 'text/plain')
    if (range === null) {
      response.setHeader('content-length', file.length)
      response.end(file)
    } else {
      const [from, to] = [Number(range[1]), range[2] === '' ? file.length - 1 : Number(range[2])]
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${file.length}`, 'content-length': to - from + 1 })
      response.end(file.subarray(from, to + 1))
    }
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const head = await curl(['--head', `${url}/shop`, `${url}/shop`])
  t.equal(head.exit, 0)
  t.match(head.text, /^(?:HTTP\/1\.1 200 OK\r\n(?:(?!content-length)[^\r]+\r\n)*content-length: 10000\r\n(?:[^\r]+\r\n)*\r\n){2}$/i)
  t.equal(head.transfers[1]!.num_connects, 0, 'the connection stays')
  const part = await curl(['--range', '5-14', `${url}/shop`])
  t.match(part.text, /^HTTP\/1\.1 206 Partial Content\r\n[^]*content-range: bytes 5-14\/10000\r\n[^]*\r\n\r\n5678901234$/i)
  const rest = await curl(['--continue-at', '9990', `${url}/shop`])
  t.match(rest.text, /^HTTP\/1\.1 206 [^]*\r\n\r\n0123456789$/)
})

t.test('what a target has compressed passes as it is; curl --compressed reads it', some, async t => {
  const packed = gzipSync('the same again and again. '.repeat(2_000))
  const target = await startTarget(t, 'a', ({ headers }, _request, response) => {
    if (!/\bgzip\b/.test(String(headers['accept-encoding']))) response.end('in plain')
    else response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain', vary: 'accept-encoding' }).end(packed)
  })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } })
  const read = await curl(['--compressed', `${url}/shop`])
  t.equal(read.exit, 0)
  t.match(read.text, /\r\ncontent-encoding: gzip\r\n/i)
  t.equal(bodies(read.text)[0], 'the same again and again. '.repeat(2_000))
  const raw = await curl(['--header', 'accept-encoding: gzip', `${url}/shop`])
  t.ok(Buffer.from(bodies(raw.text)[0]!, 'latin1').equals(packed))
  t.equal(bodies((await curl([`${url}/shop`])).text)[0], 'in plain')
})

t.test('a client with a cookie jar stays with its target, and the application’s own cookies are none of our business', some, async t => {
  const targets = await Promise.all(['a', 'b', 'c'].map(name => startTarget(t, name, ({ headers }, _request, response) => {
    response.setHeader('set-cookie', [`visits=${Number(/visits=(\d+)/.exec(headers.cookie ?? '')?.[1] ?? 0) + 1}; Path=/`, 'theme=dark; Path=/shop; HttpOnly'])
    response.end(name)
  })))
  const { url } = await startGateway(t, {
    upstreams: { shop: { policy: 'round-robin', targets: targets.map(({ url }) => url), affinity: { cookie: { secret: 'sixteen or more characters' } } } },
    routes: { '/shop': 'shop' }
  })
  const jar = join(t.testdir(), 'jar')
  const names = new Set<string>()
  for (let i = 0; i < 5; i++) names.add(bodies((await curl(['--cookie-jar', jar, '--cookie', jar, `${url}/shop`])).text)[0]!)
  t.equal(names.size, 1)
  t.strictSame(targets.flatMap(({ seen }) => seen).map(({ headers }) => headers.cookie?.split('; ').sort().join('; ')), [undefined, ...[1, 2, 3, 4].map(visits => `theme=dark; visits=${visits}`)])
  const strangers = new Set<string>()
  for (let i = 0; i < 6; i++) strangers.add(bodies((await curl([`${url}/shop`])).text)[0]!)
  t.equal(strangers.size, 3, 'strangers go to all of them')
})

t.test('trailers, for those who say that they take them', http2, async t => {
  const target = await startRawTarget(t, socket => {
    socket.on('data', () => { socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n') })
  })
  const options = { upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } }
  const { url } = await startGateway(t, options)
  const taken = await curl(['--http1.1', '--header', 'TE: trailers', `${url}/shop`])
  t.match(taken.text, /\r\ntrailer: X-Sum\r\n[^]*\r\n\r\nhellox-sum: 42\r\n$/i)
  const not = await curl(['--http1.1', `${url}/shop`])
  t.match(not.text, /\r\n\r\nhello$/)
  const { url: second } = await startGateway(t, options, { server: { http2: true } as object })
  t.match((await curl(['--http2-prior-knowledge', `${second}/shop`])).text, /\r\n\r\nhellox-sum: 42\r\n$/)
})
