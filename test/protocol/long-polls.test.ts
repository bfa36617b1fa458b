/** Requests that are answered late, and answers that take their time: long polls and event streams (browsers are in clients/chromium.test.ts). */
import t from 'tap'
import { once } from 'node:events'
import { request, type ServerResponse } from 'node:http'
import type { UpstreamOptions } from '../../lib/index.js'
import { FakeClock } from '../helpers/clock.js'
import { rawClient } from '../helpers/raw-client.js'
import { startGateway, startTarget, type Ending, type Gateway, type TestTarget } from '../helpers/servers.js'
import { failures, inFlight } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

interface Patient extends TestTarget {
  /** What waits for an answer, in its order. */
  waiting: ServerResponse[]
}

/** A target that answers when the test does. */
async function startPatient (t: Ending, name: string): Promise<Patient> {
  const waiting: ServerResponse[] = []
  const target = await startTarget(t, name, (_seen, _request, response) => {
    waiting.push(response)
    response.once('close', () => { waiting.splice(waiting.indexOf(response), 1) })
  })
  return { ...target, waiting }
}

interface Shop extends Gateway { clock: FakeClock, holding: () => number, failures: () => number }

async function startShop (t: Ending, upstream: UpstreamOptions): Promise<Shop> {
  const clock = new FakeClock()
  const { app, url } = await startGateway(t, { drainMs: 0, upstreams: { shop: { now: clock.now, timers: clock, ...upstream } }, routes: { '/shop': 'shop' } }, {
    after: app => { app.get('/patient', (_request, reply) => reply.balance('shop', { timeouts: { headers: 0 } })) }
  })
  const shop = app.upstreams.get('shop')!
  return { app, url, clock, holding: () => inFlight(shop), failures: () => failures(shop) }
}

const eventStream = { 'content-type': 'Text/Event-Stream; charset=utf-8' }

t.test('an answer may come as late as timeouts.headers says, or without end where a route says so', async t => {
  const target = await startPatient(t, 'a')
  const { url, clock, failures } = await startShop(t, { targets: [target.url], retry: false })
  const late = fetch(`${url}/shop`, { method: 'POST', body: 'since=7' })
  await until(() => target.waiting.length === 1, 'it waits')
  clock.advance(59_999)
  target.waiting[0]!.end('at last')
  t.equal(await (await late).text(), 'at last')

  const tooLate = fetch(`${url}/shop`)
  const patient = fetch(`${url}/patient`)
  await until(() => target.waiting.length === 2, 'both wait')
  clock.advance(60_000)
  t.equal((await tooLate).status, 504)
  await until(() => target.waiting.length === 1, 'the target has heard of it')
  clock.advance(24 * 60 * 60 * 1_000)
  target.waiting[0]!.end('a day later')
  t.equal(await (await patient).text(), 'a day later')
  t.equal(failures(), 1)
})

t.test('a client that stops waiting makes room at once for the next', async t => {
  const target = await startPatient(t, 'a')
  const { url, holding, failures } = await startShop(t, { targets: [target.url], limits: { maxRequests: 2, queue: { size: 10 } } })
  const clients = Array.from({ length: 6 }, (_, i) => {
    const client = rawClient(t, url)
    client.send(`GET /shop/${i} HTTP/1.1\r\nHost: a\r\n\r\n`)
    return client
  })
  for (let i = 0; i < 4; i++) {
    await until(() => target.waiting.length === 2 && target.seen.length === i + 2, 'two are at the target')
    t.equal(holding(), 2)
    const at = Number(target.seen[i]!.url.slice('/shop/'.length))
    clients[at]!.socket.destroy()
  }
  await until(() => target.seen.length === 6 && target.waiting.length === 2, 'the last two are at the target')
  for (const response of [...target.waiting]) response.end('for you')
  const last = clients.filter(({ socket }) => !socket.destroyed)
  t.equal(last.length, 2)
  for (const { expect } of last) t.match(await expect(/for you$/), /^HTTP\/1\.1 200 /)
  t.equal(holding(), 0)
  t.equal(failures(), 0)
})

t.test('five hundred that wait for the same news', async t => {
  const targets = [await startPatient(t, 'a'), await startPatient(t, 'b')]
  const { url, holding } = await startShop(t, { targets: targets.map(({ url }) => url) })
  const polls = Array.from({ length: 500 }, async () => await (await fetch(`${url}/shop`)).text())
  await until(() => targets.every(({ waiting }) => waiting.length === 250), 'half of them at each target')
  t.equal(holding(), 500)
  for (const { waiting } of targets) for (const response of [...waiting]) response.end('news')
  t.ok((await Promise.all(polls)).every(text => text === 'news'))
  t.equal(holding(), 0)
})

t.test('headers go to the client when they come; the first event goes when it comes', async t => {
  const target = await startPatient(t, 'a')
  const { url } = await startShop(t, { targets: [target.url] })
  const client = rawClient(t, url)
  client.send('GET /shop HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n')
  await until(() => target.waiting.length === 1, 'it is at the target')
  const [stream] = target.waiting
  stream!.writeHead(200, eventStream).flushHeaders()
  t.match(await client.expect(/\r\n\r\n$/), /^HTTP\/1\.1 200 OK\r\n[^]*content-type: Text\/Event-Stream; charset=utf-8\r\n/)
  for (const event of ['data: one\n\n', ': only to be heard of\n\n', 'data: two\n\n']) {
    stream!.write(event)
    t.match(await client.expect(/\n\n\r\n$/), new RegExp(`^[0-9a-f]+\r\n${event}\r\n$`))
  }
  stream!.end()
  await client.expect(/^0\r\n\r\n$/)
})

t.test('an event stream may be silent for as long as it likes, another body may not', async t => {
  const target = await startPatient(t, 'a')
  const { url, clock, holding } = await startShop(t, { targets: [target.url], timeouts: { headers: 1_000, body: 1_000, attempt: 1_000, total: 1_000 } })
  for (const [type, lasts] of [['text/event-stream', true], ['application/x-ndjson', false]] as const) {
    const answer = fetch(`${url}/shop`)
    await until(() => target.waiting.length === 1, 'it is at the target')
    const [stream] = target.waiting
    stream!.writeHead(200, { 'content-type': type }).write('data: one\n\n')
    const reader = (await answer).body!.getReader()
    await reader.read()
    clock.advance(60 * 60 * 1_000)
    if (lasts) {
      stream!.write('data: two\n\n')
      t.equal(Buffer.from((await reader.read()).value!).toString(), 'data: two\n\n')
      await reader.cancel()
    } else {
      await t.rejects(reader.read(), { message: 'terminated' })
    }
    await until(() => holding() === 0 && target.waiting.length === 0, 'the slot is free, and the target has heard of it')
  }
})

t.test('an event stream in answer to a POST that is still being sent', async t => {
  const target = await startTarget(t, 'a')
  target.server.removeAllListeners('request')
  target.server.on('request', (request, response) => {
    response.writeHead(200, eventStream).flushHeaders()
    request.on('data', chunk => { response.write(`data: ${String(chunk)}\n\n`) }).on('end', () => { response.end('data: bye\n\n') })
  })
  const { url, clock } = await startShop(t, { targets: [target.url], timeouts: { body: 1_000 } })
  const outgoing = request(`${url}/shop`, { method: 'POST' })
  outgoing.write('zero')
  const [answer] = await once(outgoing, 'response')
  let text = ''
  answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  for (const word of ['one', 'two']) {
    outgoing.write(word)
    await until(() => text.endsWith(`data: ${word}\n\n`), word)
    clock.advance(60_000)
  }
  outgoing.end()
  await until(() => text.endsWith('data: bye\n\n'), 'the end')
})

t.test('a gateway that closes ends event streams when their time is up', async t => {
  const target = await startPatient(t, 'a')
  const { app, url } = await startGateway(t, { drainMs: 0, upstreams: { shop: { targets: [target.url] } }, routes: { '/shop': 'shop' } }, { server: { forceCloseConnections: 'idle' } })
  const answer = fetch(`${url}/shop`)
  await until(() => target.waiting.length === 1, 'it is at the target')
  target.waiting[0]!.writeHead(200, eventStream).write('data: one\n\n')
  const reader = (await answer).body!.getReader()
  await reader.read()
  const cut = t.rejects(reader.read(), { message: 'terminated' })
  await app.close()
  await cut
  await until(() => target.waiting.length === 0, 'the target has heard of it')
})
