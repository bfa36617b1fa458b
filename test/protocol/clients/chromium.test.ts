/** Chromium through the gateway: event streams, streams of bytes, WebSockets. */
import t from 'tap'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type { LoadBalancerOptions, UpstreamOptions } from '../../../lib/index.js'
import { selfSigned } from '../../helpers/certificates.js'
import { addBlankPage, needsChromium, openTab, startChromium } from '../../helpers/chromium.js'
import { FakeClock } from '../../helpers/clock.js'
import { startGateway, startTarget, type Ending, type Gateway, type TestTarget } from '../../helpers/servers.js'
import { inFlight } from '../../helpers/upstreams.js'
import { until } from '../../helpers/wait.js'
import { startWebSocketTarget } from '../../helpers/websockets.js'

const affinity = { cookie: { secret: 'sixteen or more characters' } }

interface Streaming extends TestTarget {
  /** Responses that are open, in their order. */
  streams: ServerResponse[]
}

/** A target that answers with headers, and leaves the rest to the test. */
async function startStreaming (t: Ending, name: string, type = 'text/event-stream'): Promise<Streaming> {
  const streams: ServerResponse[] = []
  const target = await startTarget(t, name, (_seen, _request, response) => {
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).flushHeaders()
    streams.push(response)
    response.once('close', () => { streams.splice(streams.indexOf(response), 1) })
  })
  return { ...target, streams }
}

async function startShop (t: Ending, upstream: UpstreamOptions, server: object = {}): Promise<Gateway> {
  const options: LoadBalancerOptions = { upstreams: { shop: upstream }, routes: { '/shop': 'shop' } }
  return await startGateway(t, options, { server, before: (app: FastifyInstance) => { addBlankPage(app) } })
}

const listen = `
  const source = new EventSource('/shop/events')
  source.onopen = () => tell('open')
  source.onerror = () => tell('error')
  source.onmessage = ({ data, lastEventId }) => tell(lastEventId + ' ' + data)
`

t.test('a browser', needsChromium, async t => {
  const browser = await startChromium(t)

  t.test('an event stream opens before its first event, shows each event at once, and may then be silent for hours', async t => {
    const target = await startStreaming(t, 'a')
    const clock = new FakeClock()
    const { url, app } = await startShop(t, { targets: [target.url], timeouts: { headers: 1_000, body: 1_000, total: 5_000 }, now: clock.now, timers: clock })
    const { run, told, untilTold } = await openTab(t, browser, url)
    await run(listen)
    await untilTold(1)
    t.strictSame(told, ['open'], 'not a byte of the body has come')
    const [stream] = target.streams
    stream!.write('id: 1\ndata: first\n\n')
    await untilTold(2)
    clock.advance(24 * 60 * 60 * 1_000)
    stream!.write('id: 2\ndata: a day later\n\n')
    await untilTold(3)
    t.strictSame(told, ['open', '1 first', '2 a day later'])
    t.equal(target.seen.length, 1)
    t.equal(inFlight(app.upstreams.get('shop')!), 1)
  })

  t.test('when its target dies it goes on with another one, from where it was', async t => {
    const [a, b] = [await startStreaming(t, 'a'), await startStreaming(t, 'b')]
    const { url } = await startShop(t, { policy: 'first', targets: [a.url, b.url], affinity })
    const { run, told, untilTold } = await openTab(t, browser, url)
    await run(listen)
    await untilTold(1)
    a.streams[0]!.write('retry: 20\nid: 41\ndata: of a\n\n')
    await untilTold(2)
    await a.kill()
    await until(() => b.streams.length === 1, 'it is back')
    b.streams[0]!.write('id: 42\ndata: of b\n\n')
    await untilTold(5)
    t.strictSame(told, ['open', '41 of a', 'error', 'open', '42 of b'])
    t.equal(b.seen[0]!.headers['last-event-id'], '41')
  })

  t.test('closing the tab frees the target at once, and so does closing the stream', async t => {
    const target = await startStreaming(t, 'a')
    const { url, app } = await startShop(t, { targets: [target.url], limits: { maxRequests: 1, queue: false } })
    const shop = app.upstreams.get('shop')!
    for (const leave of ['tab', 'stream']) {
      const { run, told, untilTold, close } = await openTab(t, browser, url)
      await run(`${listen}; window.source = source`)
      await untilTold(1)
      t.strictSame([told, inFlight(shop)], [['open'], 1], 'it has the only slot')
      if (leave === 'tab') await close()
      else await run('source.close()')
      await until(() => inFlight(shop) === 0, `the ${leave} is closed, the slot is free`)
      await until(() => target.streams.length === 0, 'the target has heard of it')
    }
    t.equal(shop.snapshot().targets[0]!.failures, 0)
  })

  t.test('over HTTP/2 there are more event streams than connections of HTTP/1 that a browser opens', async t => {
    const target = await startStreaming(t, 'a')
    const { url, app } = await startShop(t, { targets: [target.url] }, { http2: true, https: { allowHTTP1: true, ...selfSigned(t.testdir()) } })
    const { run, told, untilTold, close } = await openTab(t, browser, url)
    await run(Array.from({ length: 20 }, () => `{ ${listen} }`).join('\n'))
    await untilTold(20)
    for (const [index, stream] of target.streams.entries()) stream.write(`id: ${index}\ndata: here\n\n`)
    await untilTold(40)
    t.strictSame(told.slice(20).sort(), Array.from({ length: 20 }, (_, index) => `${index} here`).sort())
    t.match(await run('performance.getEntriesByType("navigation")[0].nextHopProtocol'), 'h2')
    await close()
    await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'all slots are free')
  })

  t.test('fetch() reads a stream as it comes, and frees the target when it has read enough', async t => {
    const target = await startStreaming(t, 'a', 'application/octet-stream')
    const { url, app } = await startShop(t, { targets: [target.url] })
    const { run, told, untilTold } = await openTab(t, browser, url)
    const reading = run(`(async () => {
      const enough = new AbortController()
      const response = await fetch('/shop/stream', { signal: enough.signal })
      tell(response.status)
      const reader = response.body.getReader()
      for (let i = 0; i < 3; i++) tell(new TextDecoder().decode((await reader.read()).value))
      enough.abort()
    })()`)
    await untilTold(1)
    for (const [index, word] of ['one', 'two', 'three'].entries()) {
      target.streams[0]!.write(word)
      await untilTold(index + 2)
    }
    await reading
    t.strictSame(told, [200, 'one', 'two', 'three'])
    await until(() => inFlight(app.upstreams.get('shop')!) === 0, 'the slot is free')
  })

  t.test('fetch() uploads what a form holds', async t => {
    const target = await startTarget(t, 'a', ({ body, headers }, _request, response) => { response.end(`${headers['content-type']!.split(';')[0]!} ${body.length}`) })
    const { url } = await startShop(t, { targets: [target.url] })
    const { run } = await openTab(t, browser, url)
    const answer = await run(`(async () => {
      const form = new FormData()
      form.append('file', new Blob([new Uint8Array(3_000_000)]), 'zeros.bin')
      return await (await fetch('/shop/upload', { method: 'POST', body: form })).text()
    })()`)
    t.match(answer, /^multipart\/form-data 3000\d{3}$/)
    t.match(target.seen[0]!.body.subarray(0, 200).toString('latin1'), /filename="zeros\.bin"/)
  })

  t.test('a WebSocket: text and bytes both ways, and the target that its cookie names', async t => {
    const targets = await Promise.all(['a', 'b', 'c'].map(name => startWebSocketTarget(t, name)))
    const { url } = await startShop(t, { targets: targets.map(({ url }) => url), affinity })
    const { run, told, untilTold } = await openTab(t, browser, url)
    const first = await run('fetch("/shop").then(response => response.text())')
    for (let i = 0; i < 3; i++) {
      told.length = 0
      await run(`{
        const ws = new WebSocket(location.origin.replace('http', 'ws') + '/shop')
        ws.binaryType = 'arraybuffer'
        ws.onmessage = ({ data }) => tell(typeof data === 'string' ? data : [...new Uint8Array(data)])
        ws.onclose = ({ code, reason }) => tell(code + ' ' + reason)
        ws.onopen = () => { ws.send('text'); ws.send(new Uint8Array([0, 128, 255])) }
        window.ws = ws
      }`)
      await untilTold(3)
      await run('ws.close(4000, "enough")')
      await untilTold(4)
      t.strictSame(told, [first, 'text', [0, 128, 255], '4000 enough'])
    }
    await until(() => targets.flatMap(({ closed }) => closed).length === 3, 'the target hears of it')
    t.strictSame(targets.flatMap(({ closed }) => closed), Array.from({ length: 3 }, () => ({ code: 4000, reason: 'enough' })))
  })
})
