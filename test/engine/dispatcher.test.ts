/** The upstream as an undici dispatcher: both kinds of handlers that there are. */
import t from 'tap'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { interceptors, request, fetch as undiciFetch, type Dispatcher } from 'undici'
import { startRawTarget, startTarget } from '../helpers/servers.js'
import { failures, inFlight, startUpstream } from '../helpers/upstreams.js'
import { until } from '../helpers/wait.js'

t.test('interceptors can be composed around it', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const dispatcher = upstream.dispatcher.compose(interceptors.responseError())
  t.equal((await request('http://shop/', { dispatcher })).statusCode, 200)
})

t.test('both fetches: bodies of every kind, answers, errors', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => {
    response.setHeader('x-type', seen.headers['content-type'] ?? '')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end(seen.body)
  })
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const { dispatcher } = upstream
  for (const fetchIt of [fetch, undiciFetch] as Array<typeof fetch>) {
    const post = async (body: unknown): Promise<[string, string | null]> => {
      const answer = await fetchIt('http://shop/', { method: 'POST', body, duplex: 'half', dispatcher } as object)
      return [await answer.text(), answer.headers.get('x-type')]
    }
    t.strictSame(await post('text'), ['text', 'text/plain;charset=UTF-8'])
    t.strictSame(await post(Buffer.from('bytes')), ['bytes', ''])
    t.strictSame(await post(new Blob(['blob'], { type: 'x/y' })), ['blob', 'x/y'])
    t.strictSame(await post(new URLSearchParams({ a: '1' })), ['a=1', 'application/x-www-form-urlencoded;charset=UTF-8'])
    t.strictSame((await post(new Blob(['stream']).stream()))[0], 'stream')
    const cookies = (await fetchIt('http://shop/', { dispatcher } as object)).headers.getSetCookie()
    t.strictSame(cookies, ['a=1', 'b=2'])
  }
  const form = new FormData()
  form.append('a', '1')
  t.match(await (await fetch('http://shop/', { method: 'POST', body: form, dispatcher } as object)).text(), /name="a"/)
  t.equal(inFlight(upstream), 0)
})

t.test('undici.request: strings, buffers, typed arrays, generators; query', async t => {
  const target = await startTarget(t, 'a', (seen, _request, response) => { response.end(seen.body) })
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const generator = async function * (): AsyncGenerator<string> { yield 'gen'; yield 'erated' }
  for (const [body, text] of [['string', 'string'], [Buffer.from('buffer'), 'buffer'], [new Uint8Array([104, 105]), 'hi'], [generator(), 'generated'], ['', ''], [null, '']]) {
    const { body: answer } = await request('http://shop/', { method: 'PUT', body: body as string, query: { a: 1 }, dispatcher: upstream.dispatcher })
    t.equal(await answer.text(), text)
  }
  t.equal(target.seen[0]!.url, '/?a=1')
})

/** A handler of the new kind that notes what it is told. */
class Recorder implements Dispatcher.DispatchHandler {
  readonly told: string[] = []
  controller!: Dispatcher.DispatchController
  bytes = 0

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.controller = controller
    this.told.push('start')
  }

  onResponseStart (_controller: Dispatcher.DispatchController, status: number, headers: Record<string, unknown>): void {
    this.told.push(`${status} ${String(headers['x-name'] ?? '')}`)
  }

  onResponseData (_controller: Dispatcher.DispatchController, chunk: Buffer): void { this.bytes += chunk.length }
  onResponseEnd (controller: Dispatcher.DispatchController, trailers: Record<string, unknown>): void { this.told.push(`end ${JSON.stringify(trailers)} ${String(controller.rawTrailers)}`) }
  onResponseError (_controller: Dispatcher.DispatchController, error: Error): void { this.told.push(`error ${(error as NodeJS.ErrnoException).code ?? error.message}`) }
  onRequestUpgrade (): void { this.told.push('upgrade') }
}

const get = { path: '/', method: 'GET' as const }

t.test('a handler of the new kind hears of interim answers, the answer, its trailers', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    socket.write('HTTP/1.1 103 Early Hints\r\nx-name: early\r\n\r\nHTTP/1.1 200 OK\r\nx-name: final\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-trailer: t\r\n\r\n')
  }))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const recorder = new Recorder()
  upstream.dispatcher.dispatch(get, recorder)
  await until(() => recorder.told.length === 4, 'the end')
  t.strictSame(recorder.told, ['start', '103 early', '200 final', 'end {"x-trailer":"t"} x-trailer,t'])
  t.notOk(recorder.controller.aborted)
  t.equal(recorder.controller.reason, null)
})

t.test('it can pause, resume and abort', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
    const send = (): void => { while (!socket.destroyed && socket.write(Buffer.alloc(65_536))); }
    socket.on('drain', send)
    send()
  }))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const recorder = new Recorder()
  upstream.dispatcher.dispatch(get, recorder)
  await until(() => recorder.bytes > 0, 'data')
  recorder.controller.pause()
  t.ok(recorder.controller.paused)
  let last = -1
  let still = 0
  await until(() => { still = last === recorder.bytes ? still + 1 : 0; last = recorder.bytes; return still > 100 }, 'a pause')
  recorder.controller.resume()
  recorder.controller.resume()
  await until(() => recorder.bytes > last, 'more')
  recorder.controller.abort(new Error('enough'))
  recorder.controller.abort(new Error('again'))
  t.ok(recorder.controller.aborted)
  t.match(recorder.controller.reason, { message: 'enough' })
  t.strictSame(recorder.told, ['start', '200 ', 'error enough'])
  t.equal(inFlight(upstream), 0)
})

t.test('it can abort at once, before anybody is asked', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const recorder = new Recorder()
  recorder.onRequestStart = controller => { controller.abort(new Error('no')) }
  upstream.dispatcher.dispatch(get, recorder)
  t.strictSame(recorder.told, ['error no'])
  t.equal(upstream.snapshot().targets[0]!.requests, 0)
})

t.test('it can abort when it sees the headers', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const recorder = new Recorder()
  recorder.onResponseStart = controller => { controller.abort(new Error('not this')) }
  upstream.dispatcher.dispatch(get, recorder)
  await until(() => recorder.told.length === 2, 'the end')
  t.strictSame(recorder.told, ['start', 'error not this'])
  t.equal(inFlight(upstream), 0)
})

t.test('it can take an upgrade', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n')))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const recorder = new Recorder()
  upstream.dispatcher.dispatch({ ...get, upgrade: 'echo' }, recorder)
  await until(() => recorder.told.includes('upgrade'), 'the upgrade')
  t.strictSame(recorder.told, ['start', 'upgrade'])
})

t.test('a handler of the old kind hears of interim answers', async t => {
  const target = await startRawTarget(t, socket => socket.on('data', () => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  }))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const infos: number[] = []
  const { statusCode } = await request('http://shop/', { dispatcher: upstream.dispatcher, onInfo: ({ statusCode }) => infos.push(statusCode) })
  t.equal(statusCode, 200)
  t.strictSame(infos, [103])
})

t.test('closing it is the upstream’s business', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  await upstream.dispatcher.close()
  await upstream.dispatcher.destroy()
  await new Promise<void>(resolve => upstream.dispatcher.destroy(null, resolve))
  t.equal((await request('http://shop/', { dispatcher: upstream.dispatcher })).statusCode, 200)
})

t.test('a body that has broken off already reaches nobody', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const body = new PassThrough()
  body.destroy()
  const recorder = new Recorder()
  upstream.dispatcher.dispatch({ path: '/', method: 'POST', body }, recorder)
  t.strictSame(recorder.told, ['start', 'error FST_LB_CLIENT_CLOSED'])
  t.equal(upstream.snapshot().targets[0]!.requests, 0)
})

t.test('what a handler throws ends its request, with its own error, and is no fault of the target', async t => {
  const target = await startTarget(t, 'a')
  const tunnelling = await startRawTarget(t, socket => socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n')))
  const hinting = await startRawTarget(t, socket => socket.once('data', () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')))
  const cases: Array<['onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onRequestUpgrade', string, object]> = [
    ['onRequestStart', target.url, {}],
    ['onResponseStart', target.url, {}],
    ['onResponseStart', hinting.url, {}],
    ['onResponseData', target.url, {}],
    ['onResponseEnd', target.url, {}],
    ['onRequestUpgrade', tunnelling.url, { upgrade: 'echo' }]
  ]
  for (const [moment, url, how] of cases) {
    const { upstream } = await startUpstream(t, { targets: [url] })
    const recorder = new Recorder()
    recorder[moment] = () => { throw new Error(`not ${moment}`) }
    upstream.dispatcher.dispatch({ ...get, ...how }, recorder)
    await until(() => recorder.told.at(-1) === `error not ${moment}`, 'its own error')
    await until(() => inFlight(upstream) === 0, 'the slot is free')
    t.equal(failures(upstream), 0, moment)
  }
  await until(() => tunnelling.sockets.size === 0 && hinting.sockets.size === 0, 'their connections are closed')
})

t.test('who gives up when all is over changes nothing', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const recorder = new Recorder()
  upstream.dispatcher.dispatch(get, recorder)
  await until(() => recorder.told.length === 3, 'the end')
  recorder.controller.abort(new Error('too late'))
  t.strictSame(recorder.told, ['start', '200 ', 'end {} '])
  t.notOk(recorder.controller.aborted)
})

t.test('a request that ends before it has begun took no time', async t => {
  const target = await startTarget(t, 'a')
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  await t.rejects(request('http://shop/', { dispatcher: upstream.dispatcher, signal: AbortSignal.abort() }))
  const body = new PassThrough()
  body.destroy()
  await t.rejects(request('http://shop/', { method: 'PUT', body, dispatcher: upstream.dispatcher }))
  t.match(upstream.counters.duration, { count: 2, sum: 0 })
})

t.test('CONNECT: a tunnel, without a protocol', async t => {
  const target = await startRawTarget(t, socket => socket.once('data', chunk => {
    t.match(String(chunk), /^CONNECT elsewhere:1 /)
    socket.write('HTTP/1.1 200 Connected\r\n\r\n')
    socket.on('data', chunk => socket.write(chunk))
  }))
  const { upstream } = await startUpstream(t, { targets: [target.url] })
  const { socket } = await upstream.dispatcher.connect({ origin: 'http://shop', path: 'elsewhere:1' })
  socket.write('ping')
  t.equal(String((await once(socket, 'data'))[0]), 'ping')
  t.equal(inFlight(upstream), 1)
  socket.destroy()
  await until(() => inFlight(upstream) === 0, 'the slot is free')
  t.equal(failures(upstream), 0)
})

t.test('a generator is sent again as a whole, or not at all', async t => {
  const dying = await startTarget(t, 'dying', (_seen, request) => request.socket.destroy())
  const good = await startTarget(t, 'good')
  const generator = function * (): Generator<string> { yield 'gen'; yield 'erated' }
  for (const [body, sent] of [[generator(), 'generated'], [['an', ' array'], 'an array']] as const) {
    const { upstream } = await startUpstream(t, { targets: [dying.url, good.url], policy: 'first' })
    await (await request('http://shop/', { method: 'PUT', body: body as never, dispatcher: upstream.dispatcher })).body.text()
    t.strictSame([dying.seen.at(-1)!.body.toString(), good.seen.at(-1)!.body.toString()], [sent, sent])
  }
})
