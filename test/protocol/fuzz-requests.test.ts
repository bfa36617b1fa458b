/** Requests that are spoilt: whatever reaches the target is HTTP to the letter, whatever comes back is, and others get their own answers. */
import t, { type Test } from 'tap'
import fc from 'fast-check'
import type { Upstream } from '../../lib/index.js'
import { startGateway } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import { cuts, fuzz, pieces, spoilt } from './wire/fuzz.js'
import { WireClient } from './wire/client.js'
import { startStrictTarget, type Target } from './wire/strict-target.js'

interface Stage { url: string, target: Target, upstream: Upstream }

async function start (t: Test): Promise<Stage> {
  const target = await startStrictTarget(t)
  const { url, app } = await startGateway(t, {
    upstreams: {
      shop: {
        targets: [target.url],
        affinity: { cookie: { secret: 'sixteen or more characters', maxIdle: 60_000 } },
        headers: { host: 'preserve', cookiePath: true },
        pool: { connections: 2 },
        limits: { maxRequests: 2, queue: { size: 100, timeout: 10_000 } }
      }
    },
    routes: { '/': 'shop', '/api': { upstream: 'shop', rewritePrefix: '/v1' } }
  })
  return { url, target, upstream: app.upstreams.get('shop')! }
}

async function other ({ url }: Stage): Promise<void> {
  const client = await WireClient.open(url)
  client.send('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const answer = await client.next()
  if (answer?.body.toString() !== 'GET /next ') throw new Error(`another client got ${JSON.stringify(answer)}`)
}

/** Sends it, and throws unless all is as it should be. */
async function play (stage: Stage, writes: Buffer[]): Promise<number[]> {
  const client = await WireClient.open(stage.url)
  for (const bytes of writes) {
    client.send(bytes)
    await new Promise(resolve => setImmediate(resolve))
  }
  // When somebody else has been served, these bytes have been read. They may well be the beginning of a request only: the client leaves.
  await other(stage)
  client.socket.end()
  const statuses = await statusesOf(client)
  await until(() => inFlight(stage.upstream) === 0, 'nothing is in flight')
  await other(stage)
  if (stage.target.faults.length > 0) throw new Error(`the target got ${stage.target.faults.splice(0).join()}`)
  return statuses
}

/** Of all answers until the connection is closed. Throws when one is not HTTP. */
async function statusesOf (client: WireClient): Promise<number[]> {
  const statuses: number[] = []
  for (let answer = await client.next(); answer !== undefined; answer = await client.next()) statuses.push(answer.status)
  if (statuses.some(status => status >= 500)) throw new Error(`answered ${statuses.join()}`)
  return statuses
}

const REQUESTS = [
  'GET /api/x?y=z HTTP/1.1\r\nHost: shop.example:80\r\nAccept: */*\r\nCookie: a=b; lb_shop=abc.def.ghi.jkl; c=d\r\n\r\n',
  'POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}',
  'POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: t\r\n\r\n5\r\nhello\r\n3;a=b\r\nxyz\r\n0\r\nT: u\r\n\r\n',
  'PUT /api HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: keep-alive, x-private\r\nX-Private: 1\r\n\r\nok',
  'DELETE /%61pi//x/../y;z=1 HTTP/1.1\r\nHost: [::1]:80\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nVia: 1.1 a\r\nContent-Length: 0\r\n\r\n',
  'GET http://x/y HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\nKeep-Alive: 5\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
  'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
  'GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
]

t.test('requests with bytes put in, changed, taken out, said twice or cut off, in pieces', async t => {
  const stage = await start(t)
  await fuzz(t, 300, fc.tuple(spoilt(REQUESTS), cuts), async ([bytes, cuts]) => { await play(stage, pieces(bytes, cuts)) })
  t.ok(stage.target.arrived.length > 600, 'most of them were well')
})

/** Bytes that a field's value may be made of, as far as Node lets them through. */
const value = fc.array(fc.oneof(fc.constantFrom(' ', '\t', ',', ';', '=', '"', '\\', '%', '%0d%0a', '/', ':', '\xa0', '\xff', 'a', '0', 'chunked', 'close', 'upgrade'), fc.integer({ min: 0x20, max: 0xff }).filter(code => code !== 0x7f).map(code => String.fromCharCode(code))), { maxLength: 30 })
  .map(pieces => pieces.join(''))

const NAMES = [
  'Cookie', 'Connection', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Prefix', 'Forwarded', 'Via', 'X-Request-Id', 'Keep-Alive', 'TE', 'Trailer', 'Upgrade', 'Proxy-Connection',
  'Content-Type', 'Accept', 'Authorization', 'X_Forwarded_For', '__proto__', 'constructor', 'Set-Cookie', 'Range', 'If-None-Match', 'Origin', 'Referer', 'HTTP2-Settings', 'Content-Encoding', 'Accept-Version', 'Expect'
]

t.test('fields with any value, trusted or not', async t => {
  for (const trustProxy of [false, true]) {
    const target = await startStrictTarget(t)
    const { url, app } = await startGateway(t, {
      upstreams: {
        x: { targets: [target.url], affinity: { cookie: { secret: 'sixteen or more characters' } }, headers: { host: 'preserve' } },
        f: { targets: [target.url], affinity: { session: { header: 'x-request-id' } }, headers: { forwarded: 'rfc7239' } }
      },
      routes: { '/': 'x', '/x': 'x', '/f': { upstream: 'f', rewritePrefix: '/g' } }
    }, { server: { trustProxy } })
    const fields = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 6 })
    await fuzz(t, 150, fc.tuple(fc.constantFrom('x', 'f'), fields), async ([upstream, fields]) => {
      const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      await play({ url, target, upstream: app.upstreams.get(upstream)! }, [Buffer.from(`GET /${upstream} HTTP/1.1\r\nHost: x\r\n${lines}\r\n`, 'latin1')])
    })
  }
})

const path = fc.array(fc.oneof(fc.constantFrom('/', '//', '..', '.', ';', '%2e', '%2E', '%2f', '%5c', '\\', '?', '#', '%', '%00', '%zz', 'api', 'API', '%61pi', 'x', ' ', '\xe9', '@', ':', '*', '&', '='), fc.integer({ min: 0x21, max: 0xff }).map(code => String.fromCharCode(code))), { maxLength: 12 })
  .map(pieces => `/api/${pieces.join('')}`)

t.test('any path stays within what its prefix is replaced by', async t => {
  const stage = await start(t)
  await fuzz(t, 250, path, async path => {
    stage.target.arrived.length = 0
    await play(stage, [Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1')])
    for (const { short } of stage.target.arrived) {
      if (short.startsWith('GET /next ')) continue
      const got = short.slice(4, -1)
      if (climbedOut(got)) throw new Error(`${path} became ${got}`)
    }
  })
})

/** As the most obliging server would resolve it. */
function climbedOut (path: string): boolean {
  const segments: string[] = []
  for (const segment of path.split('?', 1)[0]!.replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/').split('/').map(segment => segment.split(/;|%3b/i, 1)[0]!)) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments[0] !== 'v1'
}
