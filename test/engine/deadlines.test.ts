/** Deadlines, by a clock that stands still until it is told to move. */
import t from 'tap'
import { Readable } from 'node:stream'
import { FormData, request } from 'undici'
import { Countdown, Deadlines } from '../../lib/engine/deadlines.js'
import { FakeClock } from '../helpers/clock.js'
import { startRawTarget, startTarget } from '../helpers/servers.js'
import { failures, inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

const NONE = { connect: 0, headers: 0, body: 0, attempt: 0, total: 0 }
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

t.test('headers: from the last byte of the request', async t => {
  let arrived = 0
  const target = await startRawTarget(t, socket => socket.on('data', () => { arrived++ }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, headers: 300 }, retry: false })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => arrived === 1, 'the request is at the target')
  clock.advance(299)
  t.equal(inFlight(upstream), 1)
  clock.advance(1)
  await t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT', statusCode: 504, cause: { message: 'headers deadline of 300 ms passed' } })
  t.equal(inFlight(upstream), 0)
  t.equal(failures(upstream), 1)
  await until(() => target.sockets.size === 0, 'its connection is dropped')
})

t.test('headers: a target that hangs is left for another, for a GET', async t => {
  let arrived = 0
  const hanging = await startRawTarget(t, socket => socket.on('data', () => { arrived++ }))
  const good = await startTarget(t, 'good')
  const { upstream, clock } = await startUpstream(t, { targets: [hanging.url, good.url], policy: 'first', timeouts: { ...NONE, attempt: 300 } })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => arrived === 1, 'the request is at the target')
  clock.advance(300)
  const { body } = await answer
  t.equal(await body.text(), 'good')

  const post = request('http://shop/', { method: 'POST', body: 'x', dispatcher: upstream.dispatcher })
  await until(() => arrived === 2, 'the request is at the target')
  clock.advance(300)
  await t.rejects(post, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  t.equal(good.seen.length, 1)
})

t.test('body: silence between two chunks of the response', async t => {
  let send!: (text: string) => void
  const target = await startRawTarget(t, socket => {
    socket.once('data', () => socket.write(`${HEAD}Content-Length: 100\r\n\r\n`))
    send = text => socket.write(text)
  })
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, headers: 100, body: 1_000 } })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  let text = ''
  body.on('data', chunk => { text += String(chunk) })
  const failed = new Promise<Error>(resolve => body.once('error', resolve))
  for (let i = 1; i <= 5; i++) {
    clock.advance(900)
    send('x')
    await until(() => text.length === i, 'it is here')
  }
  clock.advance(999)
  t.equal(inFlight(upstream), 1)
  clock.advance(1)
  t.match(await failed, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  t.equal(failures(upstream), 1)
})

t.test('body: a slow upload that moves is not idle', async t => {
  let received = 0
  const target = await startTarget(t, 'a')
  target.server.on('request', request => request.on('data', (chunk: Buffer) => { received += chunk.length }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, headers: 500, body: 1_000 } })
  const source = new Readable({ read () {} })
  const answer = request('http://shop/', { method: 'POST', body: source, dispatcher: upstream.dispatcher })
  for (let i = 1; i <= 5; i++) {
    source.push('x')
    await until(() => received === i, 'it is there')
    clock.advance(900)
  }
  source.push(null)
  const { body } = await answer
  t.equal(await body.text(), 'a')
})

t.test('body: an upload that stands still is the client’s doing', async t => {
  let received = 0
  const target = await startRawTarget(t, socket => socket.on('data', chunk => { received += chunk.length }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, body: 1_000 } })
  const source = new Readable({ read () {} })
  const answer = request('http://shop/', { method: 'PUT', body: source, dispatcher: upstream.dispatcher })
  source.push('x')
  await until(() => received > 0, 'some is there')
  clock.advance(1_000)
  await t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  t.equal(failures(upstream), 0)
  t.equal(inFlight(upstream), 0)
})

t.test('body: a target that does not read is to blame', async t => {
  const target = await startRawTarget(t, socket => { socket.pause() })
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, body: 1_000 }, retry: false })
  let given = 0
  const source = new Readable({ read () { given += 65_536; this.push(Buffer.alloc(65_536)) } })
  const answer = request('http://shop/', { method: 'PUT', body: source, dispatcher: upstream.dispatcher })
  let last = -1
  let still = 0
  await until(() => { still = last === given ? still + 1 : 0; last = given; return given > 0 && still > 200 }, 'nothing moves any more')
  clock.advance(1_000)
  await t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  t.equal(failures(upstream), 1)
})

t.test('body: a client that does not read is not the target’s doing', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', () => {
    socket.write(`${HEAD}Content-Length: 100000000\r\n\r\n`)
    const send = (): void => { while (!socket.destroyed && socket.write(Buffer.alloc(65_536))); }
    socket.on('drain', send)
    send()
  }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, body: 1_000 } })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  body.on('error', () => {})
  const socket = [...target.sockets][0]!
  let last = -1
  let still = 0
  await until(() => { still = last === socket.bytesWritten ? still + 1 : 0; last = socket.bytesWritten; return still > 200 }, 'nothing moves any more')
  clock.advance(1_000)
  await until(() => inFlight(upstream) === 0, 'it is given up')
  t.equal(failures(upstream), 0)
})

t.test('body: none for event streams', async t => {
  const target = await startRawTarget(t, socket => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\ndata: x\n\n'))
  })
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, headers: 100, body: 1_000 } })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  clock.advance(3_600_000)
  t.equal(inFlight(upstream), 1)
  t.equal(clock.pending, 0)
  body.on('error', () => {}).destroy()
  await until(() => inFlight(upstream) === 0, 'it is given up')
})

t.test('total: covers attempts and the waits between them', async t => {
  let arrived = 0
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    arrived++
    socket.destroy()
  }))
  const { upstream, clock } = await startUpstream(t, {
    targets: [target.url],
    timeouts: { ...NONE, total: 1_000 },
    retry: { attempts: 100, backoff: { base: 600, max: 600 } },
    random: () => 0.999
  })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => arrived === 1 && clock.pending === 2, 'it waits for its second try')
  clock.advance(600)
  await until(() => arrived === 2 && clock.pending === 2, 'it waits for its third try')
  clock.advance(400)
  await t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT', cause: { message: 'total deadline of 1000 ms passed' } })
  t.equal(clock.pending, 0)
  t.equal(inFlight(upstream), 0)
})

t.test('total: gives up an attempt that runs, which is not the target’s fault', async t => {
  let arrived = 0
  const target = await startRawTarget(t, socket => socket.on('data', () => { arrived++ }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, total: 1_000 } })
  const answer = request('http://shop/', { dispatcher: upstream.dispatcher })
  await until(() => arrived === 1, 'the request is at the target')
  clock.advance(1_000)
  await t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  t.equal(failures(upstream), 0)
  t.equal(inFlight(upstream), 0)
})

t.test('total: does not touch a response that has begun', async t => {
  let finish!: () => void
  const target = await startRawTarget(t, socket => socket.once('data', () => {
    socket.write(`${HEAD}Content-Length: 2\r\n\r\no`)
    finish = () => socket.write('k')
  }))
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, total: 1_000 } })
  const { body } = await request('http://shop/', { dispatcher: upstream.dispatcher })
  clock.advance(5_000)
  finish()
  t.equal(await body.text(), 'ok')
})

t.test('connect: a connection that does not come about is left for another target, for any method, and a late one is not used', async t => {
  const late = await startTarget(t, 'late')
  const good = await startTarget(t, 'good')
  const { upstream, clock } = await startUpstream(t, { targets: [late.url, good.url], policy: 'first', timeouts: { ...NONE, connect: 150 } })
  const answer = request('http://shop/', { method: 'POST', body: 'x', dispatcher: upstream.dispatcher })
  // Nothing of the network has happened yet: the connection is still being made.
  clock.advance(150)
  t.equal(upstream.snapshot().targets[0]!.failures, 1)
  const { body } = await answer
  t.equal(await body.text(), 'good')
  await until(() => late.sockets.size === 1, 'the late connection is there')
  t.equal(late.seen.length, 0)
  // It is kept, and serves the next.
  let connections = 0
  late.server.on('connection', () => { connections++ })
  const next = await request('http://shop/', { dispatcher: upstream.dispatcher })
  t.equal(await next.body.text(), 'late')
  t.equal(connections, 0)
})

t.test('a target that falls silent on a connection it has used before is not given the same request again', async t => {
  const answers = ['a']
  const a = await startTarget(t, 'a', (_seen, _request, response) => { if (answers.length > 0) response.end(answers.pop()) })
  const b = await startTarget(t, 'b')
  const { upstream, clock } = await startUpstream(t, { targets: [a.url, b.url], policy: 'first', timeouts: { ...NONE, attempt: 300 } })
  const get = async (): Promise<string> => await (await request('http://shop/', { dispatcher: upstream.dispatcher })).body.text()
  t.equal(await get(), 'a')
  // The connection is put back a turn after its answer.
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
  const second = get()
  await until(() => a.seen.length === 2, 'the second is there')
  t.equal(a.sockets.size, 1, 'on the same connection')
  clock.advance(300)
  t.equal(await second, 'b')
  t.equal(a.seen.length, 2)
})

t.test('lengths that were asked for once are forgotten, whether they were met or not; there is one timer for each', async t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  let passed = 0
  for (let ms = 1; ms <= 100; ms++) {
    const countdown = new Countdown(deadlines, { deadlinePassed: () => { passed++ } })
    countdown.set(ms, clock.now())
    if (ms > 50) countdown.stop()
  }
  t.equal(deadlines.size, 50)
  clock.advance(100)
  t.equal(passed, 50)
  t.equal(deadlines.size, 0)

  // Each that is due sets another of the same length, as a request does that is tried again.
  const again = (left: number): void => { new Countdown(deadlines, { deadlinePassed: () => { if (left > 0) again(left - 1) } }).set(10, clock.now()) }
  again(5)
  for (let i = 0; i < 5; i++) {
    clock.advance(10)
    t.equal(clock.pending, 1)
  }
  clock.advance(10)
  t.equal(clock.pending, 0)
  t.equal(deadlines.size, 0)
})

t.test('one that is due may take the others of its length with it, and begin anew', async t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  const due: string[] = []
  const third = new Countdown(deadlines, { deadlinePassed: () => due.push('third') })
  const second = new Countdown(deadlines, { deadlinePassed: () => due.push('second') })
  const first = new Countdown(deadlines, {
    deadlinePassed: () => {
      due.push('first')
      second.stop()
      third.set(10, clock.now())
    }
  })
  for (const countdown of [first, second]) countdown.set(10, clock.now())
  clock.advance(10)
  t.strictSame(due, ['first'])
  t.equal(deadlines.size, 1)
  t.equal(clock.pending, 1)
  clock.advance(10)
  t.strictSame(due, ['first', 'third'])
  t.equal(deadlines.size, 0)
})

t.test('body: a target that does not read is to blame for a form, too', async t => {
  const target = await startRawTarget(t, socket => { socket.pause() })
  const { upstream, clock } = await startUpstream(t, { targets: [target.url], timeouts: { ...NONE, body: 1_000 }, retry: false })
  const form = new FormData()
  form.append('file', new Blob([Buffer.alloc(50_000_000)]))
  const answer = request('http://shop/', { method: 'POST', body: form, dispatcher: upstream.dispatcher })
  const given = t.rejects(answer, { code: 'FST_LB_GATEWAY_TIMEOUT' })
  await until(() => { clock.advance(100); return inFlight(upstream) === 0 }, 'it is given up')
  await given
  t.equal(failures(upstream), 1)
})
