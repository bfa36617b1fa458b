import t from 'tap'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { Deadlines } from '../../lib/engine/deadlines.js'
import { readWhole } from '../../lib/engine/read-whole.js'
import { noBody, requestBody, StreamBody, type RequestBody } from '../../lib/engine/request-body.js'
import { FakeClock } from '../helpers/clock.js'
import { until } from '../helpers/wait.js'

/** Reads `bytes` of what an attempt would read, then gives it up. */
async function readSome (body: RequestBody, bytes: number): Promise<string> {
  const view = body.open() as Readable
  let got = ''
  view.on('data', chunk => { got += String(chunk) })
  await until(() => got.length >= bytes, `${bytes} bytes`)
  view.destroy()
  return got
}

t.test('what is there as a whole can be had any number of times', async t => {
  for (const body of ['text', Buffer.from('bytes'), new Blob(['blob'])]) {
    const whole = requestBody(body, 0)
    t.equal(whole.open(), body)
    t.equal(whole.open(), body)
    t.ok(whole.replayable)
    t.notOk(whole.untouched, 'it is written as soon as there is a connection')
    t.notOk(whole.starved)
    whole.watch(() => {})
    whole.close()
  }
  for (const nothing of [null, undefined, '']) t.equal(requestBody(nothing, 0), noBody)
  t.equal(noBody.open(), null)
})

t.test('a stream is replayed from what was kept, and goes on from there', async t => {
  const source = new PassThrough()
  source.write('first ')
  const body = requestBody(source, 100)
  t.equal(await readSome(body, 6), 'first ')
  source.write('second ')
  t.equal(await readSome(body, 13), 'first second ')
  t.ok(body.replayable)
  source.end('third')
  t.equal(await text(body.open() as Readable), 'first second third')
  t.equal(await text(body.open() as Readable), 'first second third', 'also when it has ended')
  t.notOk(body.untouched)
  body.close()
})

t.test('beyond the limit it can be had once: only while nothing of it has been read', async t => {
  const body = requestBody(Readable.from([Buffer.alloc(60, 'a'), Buffer.alloc(60, 'b')], { objectMode: false }), 100)
  const untouched = body.open() as Readable
  // This is what undici does to see whether it has ended.
  untouched.read(0)
  await turn()
  t.ok(body.untouched)
  t.ok(body.replayable, 'all of it is still there')
  untouched.destroy()
  const whole = await text(body.open() as Readable)
  t.equal(whole.length, 120)
  t.notOk(body.replayable)
})

t.test('what does not fit is forgotten, not held in memory', async t => {
  const chunk = Buffer.alloc(65_536)
  let given = 0
  const source = new Readable({ read () { this.push(given++ < 3_000 ? Buffer.from(chunk) : null) } })
  const body = requestBody(source, 1_000)
  const view = body.open() as Readable
  let bytes = 0
  let most = 0
  const before = process.memoryUsage().arrayBuffers
  for await (const piece of view) {
    bytes += (piece as Buffer).length
    if (given % 100 === 0) {
      globalThis.gc?.()
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    }
  }
  t.equal(bytes, 3_000 * 65_536)
  t.ok(most < 100_000_000, `${most} bytes of 196,608,000 were held`)
})

t.test('it knows when it waits for the client', async t => {
  const source = new PassThrough()
  const body = requestBody(source, 100)
  t.notOk(body.starved)
  const view = body.open() as Readable
  view.resume()
  await turn()
  t.ok(body.starved)
  source.end()
  await turn()
  t.notOk(body.starved)
  t.ok(view.readableEnded)
  t.notOk(body.untouched, 'an empty body has been sent when its end has')
})

t.test('it tells, once, when it breaks off, also when that has happened already', async t => {
  const source = new PassThrough()
  const body = requestBody(source, 100)
  const told: string[] = []
  body.watch(error => told.push((error as NodeJS.ErrnoException).code!))
  const view = body.open() as Readable
  view.resume()
  source.destroy()
  await until(() => told.length > 0, 'it tells')
  await turn()
  t.strictSame(told, ['FST_LB_CLIENT_CLOSED'])
  t.notOk(view.readableEnded, 'half of it must not look like all of it')

  const late = requestBody(source, 100)
  late.watch(error => told.push(error.message))
  t.equal(told.length, 2)
})

t.test('more than may come is an error, and a client that leaves then is none', async t => {
  const source = new PassThrough()
  const body = new StreamBody(source, 100, 10)
  const told: string[] = []
  body.watch(error => told.push((error as NodeJS.ErrnoException).code!))
  source.write('0123456789')
  t.equal(await readSome(body, 10), '0123456789')
  const view = body.open() as Readable
  view.resume()
  source.write('x')
  await until(() => told.length > 0, 'it tells')
  source.write('y')
  source.destroy()
  await turn()
  await turn()
  t.strictSame(told, ['FST_LB_BODY_TOO_LARGE'])
})

t.test('a body that is closed leaves its source alone', async t => {
  const source = new PassThrough()
  const body = requestBody(source, 100)
  body.watch(() => t.fail('nobody wants to know'))
  body.close()
  source.destroy(new Error('gone'))
  await turn()
  await turn()
  t.pass()
})

t.test('a short body is read whole, and not waited for for ever', async t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock)
  const read = async (source: Readable): Promise<[string | undefined, string]> => await new Promise(resolve => {
    readWhole(source, deadlines, 1_000, undefined, (error, body) => { resolve([(error as NodeJS.ErrnoException | undefined)?.code, body.toString()]) })
  })
  t.strictSame(await read(Readable.from([Buffer.from('one')], { objectMode: false })), [undefined, 'one'])
  t.strictSame(await read(Readable.from([Buffer.from('one'), Buffer.from('two')], { objectMode: false })), [undefined, 'onetwo'])
  const broken = new PassThrough()
  const result = read(broken)
  broken.write('half')
  await turn()
  broken.destroy(new Error('gone'))
  t.strictSame(await result, ['FST_LB_CLIENT_CLOSED', 'half'])

  const silent = new PassThrough()
  const late = read(silent)
  clock.advance(999)
  silent.write('some')
  await turn()
  clock.advance(999)
  t.equal(clock.pending, 1, 'what comes begins the wait anew')
  clock.advance(1)
  t.strictSame(await late, ['FST_LB_GATEWAY_TIMEOUT', 'some'])
  const patient = new PassThrough()
  readWhole(patient, deadlines, 0, undefined, () => t.fail('nobody has limited it'))
  clock.advance(1_000_000)
  t.equal(clock.pending, 0)
})

t.test('what somebody has read before is not to be had, least of all as if it were all', async t => {
  const source = new PassThrough()
  source.end('one piece')
  source.resume()
  await until(() => source.readableEnded, 'its end')
  const told: string[] = []
  requestBody(source, 100).watch(error => told.push((error as NodeJS.ErrnoException).code!))
  t.strictSame(told, ['FST_LB_BAD_GATEWAY'])
})

t.test('a stream that fails on what the client sent makes a bad request', async t => {
  const source = new PassThrough()
  const body = requestBody(source, 100)
  const told: string[] = []
  body.watch(error => told.push((error as NodeJS.ErrnoException).code!))
  source.destroy(new Error('incorrect header check'))
  await until(() => told.length > 0, 'it tells')
  t.strictSame(told, ['FST_LB_BAD_REQUEST'])
})

t.test('an attempt that was given up takes nothing from the one after it', async t => {
  const chunks = Array.from({ length: 8 }, (_, i) => Buffer.alloc(30_000, String(i)))
  const body = requestBody(Readable.from(chunks, { objectMode: false }), 100_000)
  const first = body.open() as Readable
  first.read(0)
  await until(() => first.readableLength >= 60_000, 'it has as much as it takes')
  first.read(1)
  const second = body.open() as Readable
  let got = ''
  second.on('data', chunk => {
    got += String(chunk)
    first.read()
  })
  await until(() => second.readableEnded, 'its end')
  t.ok(got === chunks.join(''), `${got.length} bytes of 240000`)
})
