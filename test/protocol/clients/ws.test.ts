/** The `ws` client and server, one at each end: what they agree on is between the two of them. */
import t from 'tap'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { selfSigned } from '../../helpers/certificates.js'
import { startGateway } from '../../helpers/servers.js'
import { inFlight } from '../../helpers/upstreams.js'
import { until } from '../../helpers/wait.js'
import { converse, startWebSocketTarget } from '../../helpers/websockets.js'

const routes = { '/shop': 'shop' }

t.test('client and target agree on a subprotocol', async t => {
  const target = await startWebSocketTarget(t, 'a', { ws: { handleProtocols: offered => offered.has('chat.v1') && 'chat.v1' } })
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes })
  const agreed = await converse(t, `${url}/shop`, { protocols: ['chat.v2', 'chat.v1'] })
  t.equal(agreed.ws.protocol, 'chat.v1')
  t.equal(await agreed.next(), 'a')
  t.equal(target.handshakes[0]!.headers['sec-websocket-protocol'], 'chat.v2,chat.v1')
  await t.rejects(converse(t, `${url}/shop`, { protocols: ['chat.v3'] }), { message: 'Server sent no subprotocol' })
  const none = await converse(t, `${url}/shop`)
  t.equal(none.ws.protocol, '')
})

t.test('compression is theirs, too (permessage-deflate)', async t => {
  const able = await startWebSocketTarget(t, 'able', { ws: { perMessageDeflate: { threshold: 0 } } })
  const plain = await startWebSocketTarget(t, 'plain')
  const { url } = await startGateway(t, { upstreams: { able: { targets: [able.url] }, plain: { targets: [plain.url] } }, routes: { '/able': 'able', '/plain': 'plain' } })
  const long = 'again and '.repeat(100_000)
  for (const [path, extensions] of [['/able', 'permessage-deflate'], ['/plain', '']] as const) {
    const { ws, next } = await converse(t, url + path, { perMessageDeflate: { threshold: 0 } })
    t.equal(ws.extensions, extensions)
    t.equal(await next(), path.slice(1))
    const socket = (ws as unknown as { _socket: { bytesRead: number } })._socket
    const before = socket.bytesRead
    ws.send(long)
    t.ok(await next() === long)
    t.equal(socket.bytesRead - before < long.length / 10, path === '/able', `${socket.bytesRead - before} bytes of ${long.length} came back`)
  }
})

t.test('pings are answered by the other end, whoever sends them', async t => {
  const target = await startWebSocketTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url] } }, routes })
  const { ws } = await converse(t, `${url}/shop`)
  const [other] = target.clients
  const pong = once(ws, 'pong')
  ws.ping('are you there?')
  t.equal(String((await pong)[0]), 'are you there?')
  const back = once(other!, 'pong')
  other!.ping('and you?')
  t.equal(String((await back)[0]), 'and you?')
})

t.test('a thousand messages of each of twelve clients, text and binary, long and short, whole and in fragments, come in their order', async t => {
  const targets = await Promise.all(['a', 'b', 'c'].map(name => startWebSocketTarget(t, name)))
  const { url, app } = await startGateway(t, { upstreams: { shop: { targets: targets.map(({ url }) => url) } }, routes })
  const shop = app.upstreams.get('shop')!
  await Promise.all(Array.from({ length: 12 }, async (_, client) => {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/shop`)
    t.teardown(() => { ws.terminate() })
    const wrong: string[] = []
    let got = -1
    const all = new Promise<void>(resolve => {
      ws.on('message', (data: Buffer, isBinary) => {
        // The first is the name of the target.
        const number = got++
        if (number >= 0) {
          const expected = message(client, number)
          if (isBinary !== expected.isBinary || !data.equals(expected.data)) wrong.push(`${client}: ${number}`)
        }
        if (got === 1_000) resolve()
      })
    })
    await once(ws, 'open')
    for (let number = 0; number < 1_000; number++) {
      const { data, isBinary } = message(client, number)
      if (number % 5 === 0) {
        const half = data.length >> 1
        ws.send(data.subarray(0, half), { binary: isBinary, fin: false })
        ws.send(data.subarray(half), { binary: isBinary, fin: true })
      } else {
        ws.send(data, { binary: isBinary })
      }
    }
    await all
    t.strictSame(wrong, [])
    ws.close()
  }))
  t.strictSame(targets.map(({ handshakes }) => handshakes.length), [4, 4, 4])
  await until(() => inFlight(shop) === 0, 'all have left')
})

/** Lengths cross the three ways that frames have to say them. */
const LENGTHS = [0, 1, 125, 126, 500, 1_000, 65_535, 65_536]

function message (client: number, number: number): { data: Buffer, isBinary: boolean } {
  const length = number % 50 === 0 ? LENGTHS[(number / 50) % LENGTHS.length]! : LENGTHS[number % 6]!
  return { data: Buffer.alloc(length, `${client}/${number} `), isBinary: number % 3 === 0 }
}

t.test('wss:// to a gateway with TLS, https to its targets, which show that they are who they should be', async t => {
  const dir = t.testdir({ good: {}, bad: {} })
  const good = selfSigned(`${dir}/good`)
  const bad = selfSigned(`${dir}/bad`)
  const trusted = await startWebSocketTarget(t, 'trusted', { tls: good })
  const impostor = await startWebSocketTarget(t, 'impostor', { tls: bad })
  const tls = { ca: good.cert }
  const { url } = await startGateway(t, {
    upstreams: {
      shop: { policy: 'first', targets: [impostor.url, trusted.url], pool: { tls } },
      lost: { targets: [impostor.url], pool: { tls } }
    },
    routes: { '/shop': 'shop', '/lost': 'lost' }
  }, { server: { https: good } as object })
  t.match(url, /^https:/)
  const { ws, next, closed } = await converse(t, `${url}/shop`, { ca: good.cert })
  t.equal(await next(), 'trusted')
  const big = 'x'.repeat(1_000_000)
  ws.send(big)
  t.ok(await next() === big)
  t.match(trusted.handshakes[0]!.headers, { 'x-forwarded-proto': 'https' })
  ws.close(1000, 'done')
  t.strictSame(await closed, { code: 1000, reason: 'done' })
  await t.rejects(converse(t, `${url}/lost`, { ca: good.cert }), { message: 'refused: 502' })
  t.equal(impostor.handshakes.length, 0)
})
