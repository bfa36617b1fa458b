/** docs/websocket-and-sse.md as it is written. */
import t from 'tap'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { startWebSocketTarget } from '../helpers/websockets.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/websocket-and-sse.md')
process.env.LB_SECRET = 'sixteen or more characters'

/** The first message of a WebSocket, or why there is none. */
async function hello (url: string, origin: string): Promise<string> {
  const socket = new WebSocket(url.replace('http:', 'ws:'), { origin })
  try {
    const [data] = await once(socket, 'message') as [Buffer]
    return String(data)
  } catch (error) {
    return (error as Error).message
  } finally {
    socket.close()
  }
}

t.test('a WebSocket opens for pages of one’s own, on a target that lives', async t => {
  const targets = [await startWebSocketTarget(t, 'a'), await startWebSocketTarget(t, 'b')]
  const { url } = await guide.play(t, "'/events': 'live'", { places: { 'http://10.0.0.1:3000': targets[0]!.url, 'http://10.0.0.2:3000': targets[1]!.url } })
  t.match(await hello(`${url}/ws`, 'https://shop.example'), /^[ab]$/)
  t.equal(await hello(`${url}/ws`, 'https://evil.example'), 'Unexpected server response: 403')
  await targets[0]!.kill()
  for (let i = 0; i < 3; i++) t.equal(await hello(`${url}/ws`, 'https://shop.example'), 'b')
})

t.test('an event comes when it is sent; a poll waits', async t => {
  const { url } = await guide.play(t, "'/events': 'live'", {
    targets: {
      '*': ({ url }, _request, response) => {
        if (url === '/poll/x') response.end('late')
        else response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
      }
    },
    after: async app => { await guide.play(t, "app.get('/poll/*'", { given: { app }, listens: false }) }
  })
  const stop = new AbortController()
  const answer = await fetch(`${url}/events`, { signal: stop.signal })
  const { value } = await answer.body!.getReader().read()
  t.equal(Buffer.from(value!).toString(), 'data: one\n\n')
  stop.abort()
  t.equal(await (await fetch(`${url}/poll/x`)).text(), 'late')
})

t.test('a short drain', async t => {
  const { get } = await guide.play(t, 'drainMs: 5_000')
  t.equal(await get(), '10.0.0.1')
})

guide.complete(t)
