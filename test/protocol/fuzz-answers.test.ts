/** Answers that are spoilt, cut anywhere, or come a few bytes at a time: the client gets a valid answer, or a connection that breaks off, and the next request is served. */
import t from 'tap'
import fc from 'fast-check'
import type { Socket } from 'node:net'
import { FakeClock } from '../helpers/clock.js'
import { startGateway, startRawTarget } from '../helpers/servers.js'
import { inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'
import { cuts, fuzz, pieces, spoilt } from './wire/fuzz.js'
import { WireClient, type Answer } from './wire/client.js'
import { Malformed, readMessage, type Message } from './wire/message.js'

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n10;a=b\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 201 Created\r\nLocation: http://127.0.0.1/x\r\nETag: "a"\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nConnection: x, keep-alive\r\nX: y\r\n\r\n',
  'HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nVary: *\r\nCache-Control: public\r\n\r\nup to the end',
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy',
  'HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
]

const input = fc.record({
  bytes: spoilt(ANSWERS),
  cuts,
  end: fc.constantFrom('end', 'end', 'end', 'reset', 'reset', 'stay'),
  head: fc.boolean()
})

const ASK = 'GET /well HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const WELL = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nwell'

t.test('whatever a target answers', async t => {
  let answer: (socket: Socket) => void
  const target = await startRawTarget(t, socket => {
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      if (chunk.toString('latin1').startsWith('GET /well ')) socket.write(WELL)
      else answer(socket)
    })
  })
  for (const [what, retry] of [['at once', false], ['with retries', { attempts: 2, backoff: { base: 1, max: 1 } }]] as const) {
    await t.test(what, async t => {
      const clock = new FakeClock()
      const { url, app } = await startGateway(t, {
        upstreams: {
          shop: {
            targets: [target.url],
            now: clock.now,
            timers: clock,
            retry,
            timeouts: { headers: 1_000, body: 1_000 },
            pool: { connections: 1 },
            limits: { maxRequests: 1, queue: { size: 10, timeout: 5_000 } },
            health: { passive: false },
            affinity: { cookie: { secret: 'sixteen or more characters' } },
            headers: { cookiePath: true }
          }
        },
        routes: { '/': 'shop' }
      })
      const upstream = app.upstreams.get('shop')!
      await fuzz(t, 250, input, async ({ bytes, cuts, end, head }) => {
        answer = socket => { void write(socket, pieces(bytes, cuts), end) }
        const asking = ask(url, `${head ? 'HEAD' : 'GET'} /odd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, head)
        let answered = false
        void asking.finally(() => { answered = true }).catch(() => {})
        // One that stays may be waited for until its time is up, which it is by this clock only. So may a retry.
        await until(() => {
          if (end === 'stay' || retry !== false) clock.advance(100)
          return answered && inFlight(upstream) === 0
        }, 'it is answered, and nothing is in flight')
        const got = await asking
        const plain = wholeAnswer(bytes, head)
        if (plain !== undefined && end === 'end' && retry === false) checkSame(plain, got)
        const well = await ask(url, ASK, false)
        if (well === 'cut' || well.body.toString() !== 'well') throw new Error(`the next request got ${JSON.stringify(well)}`)
      })
    })
  }
})

async function write (socket: Socket, pieces: Buffer[], end: 'end' | 'reset' | 'stay'): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (end === 'end') socket.end()
  else if (end === 'reset') socket.resetAndDestroy()
}

/** `cut`: closed before the answer was whole. Throws `Malformed` when what came is not HTTP. */
async function ask (url: string, bytes: string, head: boolean): Promise<Answer | 'cut'> {
  const client = await WireClient.open(url)
  client.send(bytes)
  try {
    return await client.next(head) ?? 'cut'
  } catch (error) {
    if (error instanceof Malformed && error.message.startsWith('half an answer')) return 'cut'
    throw error
  } finally {
    client.leave()
  }
}

/** The answer, when a strict reading finds a whole one, and its end in itself. */
function wholeAnswer (bytes: Buffer, head: boolean): Message | undefined {
  try {
    const whole = readMessage(bytes, { of: 'response', head })
    if (whole === undefined) return undefined
    const status = Number(whole.message.start.slice(9, 12))
    if (status === 101) return undefined
    return status < 200 ? wholeAnswer(bytes.subarray(whole.length), head) : whole.message
  } catch {
    return undefined
  }
}

function checkSame (plain: Message, got: Answer | 'cut'): void {
  if (got === 'cut') throw new Error(`a whole answer was cut: ${JSON.stringify(plain)}`)
  const status = Number(plain.start.slice(9, 12))
  if (got.status !== status || !got.body.equals(plain.body)) throw new Error(`${JSON.stringify(plain)} became ${JSON.stringify(got)}`)
}
