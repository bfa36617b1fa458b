/** Sessions of the application's own that are learned. */
import t from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import type { SessionPlace } from '../../lib/plugin/affinity-session.js'
import { affinityBench, type AffinityBench } from '../helpers/affinity.js'

const bench = (options: object = {}, session: SessionPlace = { cookie: 'sid' }): AffinityBench => affinityBench({ session, ...options })

const targetOf = (lb: AffinityBench, sid: string): string | undefined => lb.read({ cookie: `sid=${sid}` }).target

t.test('a session that a response begins belongs to the target that sent it', async t => {
  const lb = bench()
  const headers = { 'set-cookie': 'sid=s1; Path=/; HttpOnly' }
  t.strictSame(lb.served(lb.read({}), 'b', headers), { 'set-cookie': 'sid=s1; Path=/; HttpOnly' }, 'the response stays as it is')
  t.equal(targetOf(lb, 's1'), 'b')
  t.equal(targetOf(lb, 's2'), undefined)
})

t.test('a session that a request brings belongs to the target that served it', async t => {
  const lb = bench()
  lb.served(lb.read({ cookie: 'x=1; sid=s1' }), 'b')
  t.equal(targetOf(lb, 's1'), 'b')
})

t.test('a session whose client was served by another target belongs to that one', async t => {
  const lb = bench()
  lb.served(lb.read({ cookie: 'sid=s1' }), 'a')
  lb.served(lb.read({ cookie: 'sid=s1' }), 'b')
  t.equal(targetOf(lb, 's1'), 'b')
})

t.test('a new session in the response to an old one: both belong to the target', async t => {
  const lb = bench()
  lb.served(lb.read({ cookie: 'sid=s1' }), 'c', { 'set-cookie': 'sid=s2' })
  t.strictSame([targetOf(lb, 's1'), targetOf(lb, 's2')], ['c', 'c'])
})

t.test('of several cookies of that name in one response the last counts, as with browsers', async t => {
  const lb = bench()
  lb.served(lb.read({}), 'a', { 'set-cookie': ['sid=s1', 'x=1', 'sid=s2; Path=/'] })
  t.strictSame([targetOf(lb, 's1'), targetOf(lb, 's2')], [undefined, 'a'])
})

t.test('a response that takes the session away begins none', async t => {
  const lb = bench()
  lb.served(lb.read({}), 'a', { 'set-cookie': ['sid=; Max-Age=0', 'other=sid', 'x'] })
  t.equal(targetOf(lb, ''), undefined)
})

t.test('in a header, of the request or of the response, whatever its case', async t => {
  const lb = bench({}, { header: 'X-Session' })
  lb.served(lb.read({ 'x-session': 's1' }), 'a')
  lb.served(lb.read({}), 'b', { 'x-session': 's2' })
  lb.served(lb.read({}), 'c', { 'x-session': ['s3', 's4'] })
  t.strictSame(['s1', 's2', 's3', 's4'].map(s => lb.read({ 'x-session': s }).target), ['a', 'b', undefined, undefined])
  t.equal(lb.read({ cookie: 'X-Session=s1' }).target, undefined)
})

t.test('a session is forgotten when it was not used for the ttl; each use counts', async t => {
  const lb = bench({ ttl: 1_000 })
  lb.served(lb.read({ cookie: 'sid=s1' }), 'a')
  for (let i = 0; i < 5; i++) {
    lb.clock.advance(999)
    t.equal(targetOf(lb, 's1'), 'a')
  }
  lb.clock.advance(1_000)
  t.equal(targetOf(lb, 's1'), undefined)
})

t.test('long ids are remembered, and clients that make them up do not fill the memory with them', async t => {
  const lb = bench()
  const long = 'x'.repeat(4_096)
  lb.served(lb.read({ cookie: `sid=${long}` }), 'a')
  lb.served(lb.read({ cookie: `sid=${long}x` }), 'b')
  t.strictSame([targetOf(lb, long), targetOf(lb, `${long}x`)], ['a', undefined])

  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = held()
  for (let i = 0; i < 3_000; i++) {
    // As a header comes: one string, of which the id is a piece.
    const cookie = Buffer.from(`sid=session-of-a-client-${i}; padding=${'x'.repeat(10_000)}`).toString('latin1')
    lb.served(lb.read({ cookie }), 'a')
  }
  t.ok(held() - before < 5_000_000, 'not 10 KB each')
  t.equal(targetOf(lb, 'session-of-a-client-0'), 'a')
})

t.test('it is ten minutes unless another time is given', async t => {
  const lb = bench()
  lb.served(lb.read({ cookie: 'sid=s1' }), 'a')
  lb.clock.advance(599_999)
  t.equal(targetOf(lb, 's1'), 'a')
  lb.clock.advance(600_000)
  t.equal(targetOf(lb, 's1'), undefined)
})

t.test('beyond max the session that was not used for longest is forgotten', async t => {
  const lb = bench({ max: 2 })
  for (const session of ['s1', 's2']) lb.served(lb.read({ cookie: `sid=${session}` }), 'a')
  t.equal(targetOf(lb, 's1'), 'a', 'which is a use of it')
  lb.served(lb.read({ cookie: 'sid=s3' }), 'b')
  t.strictSame(['s1', 's2', 's3'].map(s => targetOf(lb, s)), ['a', undefined, 'b'])
})

t.test('a session whose target was taken out belongs to nobody, also where no other target would do', async t => {
  const lb = bench({ onUnavailable: 'fail' })
  lb.served(lb.read({ cookie: 'sid=s1' }), 'a')
  await lb.upstream.remove('a')
  t.equal(targetOf(lb, 's1'), undefined)
  lb.served(lb.read({ cookie: 'sid=s1' }), 'b')
  t.equal(targetOf(lb, 's1'), 'b')
})

t.test('an id of more than 4096 characters is not remembered', async t => {
  const lb = bench()
  for (const [length, target] of [[4_096, 'a'], [4_097, undefined]] as const) {
    const session = 'x'.repeat(length)
    lb.served(lb.read({ cookie: `sid=${session}` }), 'a')
    t.equal(targetOf(lb, session), target)
  }
})

t.test('no header whatever is an error', async () => {
  const lb = bench({ max: 10 })
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.array(fc.string({ unit: 'binary' })), (cookie, cookies) => {
    lb.served(lb.read({ cookie }), 'a', { 'set-cookie': cookies })
    lb.served(lb.read({ cookie: `sid=${cookie}` }), 'a', { 'set-cookie': cookies.map(text => `sid=${text}`) })
  }), { numRuns: 500 })
})
