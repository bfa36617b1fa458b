/** The cookie that the gateway issues. What a browser sees of it is in the scenarios. */
import t from 'tap'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { asPrivate } from '../../lib/plugin/affinity-cookie.js'
import type { AffinityCookieOptions } from '../../lib/plugin/affinity-options.js'
import { affinityBench, type AffinityBench } from '../helpers/affinity.js'

const SECRET = 'a secret of the gateway'
const OLD_SECRET = 'the secret before that'

const bench = (cookie: AffinityCookieOptions = {}, options: Parameters<typeof affinityBench>[1] = {}): AffinityBench =>
  affinityBench({ cookie: { name: 'lb', secret: SECRET, ...cookie } }, options)

/** The value of the cookie that a stranger gets whom this target has served. */
function valueFor ({ read, served }: AffinityBench, target: string): string {
  return valueIn(served(read({}), target)['set-cookie'] as string)
}

function valueIn (cookie: string): string {
  return cookie.split(' ')[1]!
}

const hmac = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('base64url').slice(0, 22)

// ---- the value ------------------------------------------------------------------------------------------------------------

t.test('the value is 22 characters of an HMAC over the names of upstream and target', async t => {
  const lb = bench()
  t.equal(valueFor(lb, 'a'), hmac(SECRET, 'shop\0a'))
  t.equal(valueFor(lb, 'b'), hmac(SECRET, 'shop\0b'))
  t.equal(valueFor(bench({}, { name: 'api' }), 'a'), hmac(SECRET, 'api\0a'))
})

t.test('who brings it belongs to that target, and is not sent it again', async t => {
  const lb = bench()
  const visitor = lb.read({ cookie: `x=1; lb=${valueFor(lb, 'b')}` })
  t.equal(visitor.target, 'b')
  t.strictSame(lb.served(visitor, 'b', { 'cache-control': 'public' }), { 'cache-control': 'public' })
})

t.test('who was served by another target is sent the cookie of that one', async t => {
  const lb = bench()
  const headers = lb.served(lb.read({ cookie: `lb=${valueFor(lb, 'b')}` }), 'c')
  t.equal(valueIn(headers['set-cookie'] as string), hmac(SECRET, 'shop\0c'))
})

t.test('no request costs any crypto: a value is written out once', async t => {
  const lb = bench()
  for (let i = 0; i < 10; i++) for (const protocol of ['http', 'https']) lb.served(lb.read({}), 'a', {}, protocol)
  t.equal(lb.written(), 2, 'for http and for https')
})

t.test('targets that come later have a cookie, those that went have none, and those that return have the old one', async t => {
  const lb = bench()
  lb.upstream.add({ id: 'd', url: 'http://d.internal' })
  const value = valueFor(lb, 'd')
  t.equal(lb.read({ cookie: `lb=${value}` }).target, 'd')
  await lb.upstream.remove('d')
  t.equal(lb.read({ cookie: `lb=${value}` }).target, undefined)
  lb.upstream.add({ id: 'd', url: 'http://elsewhere.internal' })
  t.equal(lb.read({ cookie: `lb=${value}` }).target, 'd')
  const before = lb.written()
  valueFor(lb, 'd')
  t.equal(lb.written(), before + 1, 'nothing was kept of it')
})

t.test('a target that was taken out while it served is not named to anybody', async t => {
  const lb = bench()
  const gone = lb.upstream.targets.get('a')!
  await lb.upstream.remove('a')
  t.strictSame(lb.served(lb.read({}), gone, { 'cache-control': 'public' }), { 'cache-control': 'public' })
})

t.test("a target that a listener takes out before anybody has heard that it came is nobody's", async t => {
  const lb = bench()
  lb.upstream.once('target:removed', () => { void lb.upstream.remove('d') })
  lb.upstream.replace([{ id: 'b', url: 'http://b.internal' }, { id: 'd', url: 'http://d.internal' }])
  t.strictSame([...lb.upstream.targets.keys()], ['b'])
  t.equal(lb.read({ cookie: `lb=${hmac(SECRET, 'shop\0d')}` }).target, undefined)
  t.equal(lb.read({ cookie: `lb=${valueFor(lb, 'b')}` }).target, 'b')
})

// ---- secrets --------------------------------------------------------------------------------------------------------------

t.test('two gateways with one secret agree, two secrets do not', async t => {
  t.equal(valueFor(bench(), 'a'), valueFor(bench(), 'a'))
  const stranger = bench({ secret: OLD_SECRET })
  t.equal(stranger.read({ cookie: `lb=${valueFor(bench(), 'a')}` }).target, undefined)
})

t.test('while a secret is changed the old values count, and are sent anew', async t => {
  const old = valueFor(bench({ secret: OLD_SECRET }), 'b')
  const lb = bench({ secret: [SECRET, OLD_SECRET] })
  const visitor = lb.read({ cookie: `lb=${old}` })
  t.equal(visitor.target, 'b')
  const value = valueIn(lb.served(visitor, 'b')['set-cookie'] as string)
  t.equal(value, hmac(SECRET, 'shop\0b'))
  t.strictSame(lb.served(lb.read({ cookie: `lb=${value}` }), 'b'), {})
  await lb.upstream.remove('b')
  t.equal(lb.read({ cookie: `lb=${old}` }).target, undefined, 'also the old value of a target that is gone')
})

t.test('without a secret one is made up, and a warning says what that breaks', async t => {
  const [one, other] = [affinityBench({ cookie: {} }), affinityBench({ cookie: {} })]
  t.equal(one.warnings.length, 1)
  t.match(one.warnings[0], /no secret.*lose their target when this process restarts.*other processes/)
  const value = valueFor(one, 'a')
  t.equal(one.read({ cookie: `lb_shop=${value}` }).target, 'a', 'the default name is lb_ and the name of the upstream')
  t.equal(other.read({ cookie: `lb_shop=${value}` }).target, undefined)
  t.strictSame(bench().warnings, [])
})

// ---- times ----------------------------------------------------------------------------------------------------------------

const START = 1_700_000_000_000

t.test('with maxIdle or maxLife the value carries times, and a MAC over all', async t => {
  const lb = bench({ maxIdle: 60_000 })
  const signed = [hmac(SECRET, 'shop\0a'), START.toString(36), START.toString(36)].join('.')
  t.equal(valueFor(lb, 'a'), `${signed}.${hmac(SECRET, `shop\0${signed}`)}`)
})

t.test('maxIdle: who did not come for as long belongs to nobody', async t => {
  for (const maxIdle of [500, 60_000]) {
    const lb = bench({ maxIdle })
    const cookie = `lb=${valueFor(lb, 'a')}`
    lb.clock.advance(maxIdle)
    t.equal(lb.read({ cookie }).target, 'a')
    lb.clock.advance(1)
    const visitor = lb.read({ cookie })
    t.equal(visitor.target, undefined)
    t.ok('set-cookie' in lb.served(visitor, 'a'), 'a new one is sent, also when it is the same target again')
  }
})

t.test('maxIdle: whoever comes again after half of it is sent the cookie anew, and nobody before', async t => {
  const lb = bench({ maxIdle: 60_000 })
  const cookie = `lb=${valueFor(lb, 'a')}`
  lb.clock.advance(30_000)
  t.strictSame(lb.served(lb.read({ cookie }), 'a'), {})
  lb.clock.advance(1)
  const renewed = valueIn(lb.served(lb.read({ cookie }), 'a')['set-cookie'] as string)
  t.equal(renewed.split('.')[1], START.toString(36), 'the time of issue stays')
  t.equal(renewed.split('.')[2], (START + 30_001).toString(36))
  lb.clock.advance(60_000)
  t.equal(lb.read({ cookie: `lb=${renewed}` }).target, 'a')
  t.equal(lb.read({ cookie }).target, undefined)
})

t.test('maxLife: nobody belongs to a target for longer, however often they come', async t => {
  const lb = bench({ maxIdle: 10_000, maxLife: 60_000 })
  let value = valueFor(lb, 'a')
  for (let passed = 0; passed < 60_000; passed += 6_000) {
    lb.clock.advance(6_000)
    const visitor = lb.read({ cookie: `lb=${value}` })
    t.equal(visitor.target, 'a')
    value = valueIn(lb.served(visitor, 'a')['set-cookie'] as string)
  }
  lb.clock.advance(1)
  t.equal(lb.read({ cookie: `lb=${value}` }).target, undefined)
})

t.test('maxLife alone: the cookie is not sent again before its end', async t => {
  const lb = bench({ maxLife: 60_000 })
  const cookie = `lb=${valueFor(lb, 'a')}`
  lb.clock.advance(60_000)
  t.strictSame(lb.served(lb.read({ cookie }), 'a'), {})
  lb.clock.advance(1)
  t.equal(lb.read({ cookie }).target, undefined)
})

t.test('who moves to another target begins a new life', async t => {
  const lb = bench({ maxLife: 60_000 })
  const cookie = `lb=${valueFor(lb, 'a')}`
  lb.clock.advance(50_000)
  const moved = valueIn(lb.served(lb.read({ cookie }), 'b')['set-cookie'] as string)
  lb.clock.advance(60_000)
  t.equal(lb.read({ cookie: `lb=${moved}` }).target, 'b')
})

t.test('a gateway whose clock is behind takes the cookie of another', async t => {
  const [ahead, behind] = [bench({ maxIdle: 1_000, maxLife: 5_000 }), bench({ maxIdle: 1_000, maxLife: 5_000 })]
  ahead.clock.advance(60_000)
  t.equal(behind.read({ cookie: `lb=${valueFor(ahead, 'a')}` }).target, 'a')
})

t.test('while a secret is changed the old values with times count, and are sent anew with the time of their issue', async t => {
  const old = valueFor(bench({ secret: OLD_SECRET, maxLife: 60_000 }), 'b')
  const lb = bench({ secret: [SECRET, OLD_SECRET], maxLife: 60_000 })
  lb.clock.advance(40_000)
  const visitor = lb.read({ cookie: `lb=${old}` })
  t.equal(visitor.target, 'b')
  const [token, issued, seen] = valueIn(lb.served(visitor, 'b')['set-cookie'] as string).split('.')
  t.strictSame([token, issued, seen], [hmac(SECRET, 'shop\0b'), START.toString(36), (START + 40_000).toString(36)])
})

t.test('a value without times is no affinity where there should be some, nor the other way round', async t => {
  const [plain, timed] = [bench(), bench({ maxIdle: 60_000 })]
  t.equal(timed.read({ cookie: `lb=${valueFor(plain, 'a')}` }).target, undefined)
  t.equal(plain.read({ cookie: `lb=${valueFor(timed, 'a')}` }).target, undefined)
})

// ---- garbage --------------------------------------------------------------------------------------------------------------

const plain = bench()
const timed = bench({ maxIdle: 60_000 })
const valid = { plain: valueFor(plain, 'a'), timed: valueFor(timed, 'a') }

t.test('values that were tampered with are no affinity', async t => {
  const [token, issued, seen, mac] = valid.timed.split('.') as [string, string, string, string]
  const [otherToken] = valueFor(timed, 'b').split('.') as [string]
  for (const value of [
    '',
    '.',
    '...',
    token,
    `${token}.`,
    `${token}.${mac}`,
    `${token}.${issued}.${seen}`,
    `${token}.${issued}.${seen}.`,
    `${token}.${issued}.${seen}.${mac}x`,
    `${token}.${issued}.${seen}.${mac.slice(1)}`,
    `${token}.${issued}.${(START + 5_000).toString(36)}.${mac}`,
    `${token}.${(START + 5_000).toString(36)}.${seen}.${mac}`,
    `${otherToken}.${issued}.${seen}.${mac}`,
    `${otherToken}.${token}.${issued}.${seen}.${mac}`,
    `${token}.${issued}.${seen}.${mac.slice(0, -1)}é`,
    `${token}.${issued}.${seen}.${mac.slice(0, -2)}é`,
    ` "${valid.timed}"`
  ]) {
    t.equal(timed.read({ cookie: `lb=${value}` }).target, undefined, value)
  }
  t.equal(timed.read({ cookie: `lb=${valid.timed}` }).target, 'a')
})

t.test('of several cookies by the name, as of another path or domain, the first that means something counts', async t => {
  for (const [affinity, value] of [[plain, valid.plain], [timed, valid.timed]] as const) {
    for (const cookie of [`lb=of another time; lb=${value}`, `lb=; a=1; lb=${'x'.repeat(300)}; lb=${value}; lb=more`]) t.equal(affinity.read({ cookie }).target, 'a', cookie)
  }
})

t.test('a value that is longer than any of ours is not even looked at', async t => {
  t.equal(plain.read({ cookie: `lb=${'x'.repeat(100_000)}` }).target, undefined)
  t.equal(timed.read({ cookie: `lb=${valid.timed}${'x'.repeat(200)}` }).target, undefined)
})

const latin1 = fc.string({ unit: fc.integer({ min: 1, max: 0xff }).map(code => String.fromCharCode(code)), maxLength: 300 })

t.test('no cookie header whatever is an error, or an affinity it was not given', async () => {
  const piece = fc.oneof(latin1, fc.constantFrom('lb=', ';', '.', valid.plain, valid.timed, ...valid.timed.split('.')))
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
    const cookie = pieces.join('')
    for (const [affinity, value] of [[plain, valid.plain], [timed, valid.timed]] as const) {
      const { target } = affinity.read({ cookie })
      if (target !== undefined && !(target === 'a' && cookie.includes(value))) return false
    }
    return true
  }), { numRuns: 1_000 })
})

t.test('one changed character, and it is no affinity', async () => {
  for (const [affinity, value] of [[plain, valid.plain], [timed, valid.timed]] as const) {
    fc.assert(fc.property(fc.nat(value.length - 1), latin1.filter(text => text.length > 0), (at, text) => {
      const changed = value.slice(0, at) + text[0]! + value.slice(at + 1)
      return changed === value || affinity.read({ cookie: `lb=${changed}` }).target === undefined
    }), { numRuns: 500 })
  }
})

// ---- the response ---------------------------------------------------------------------------------------------------------

t.test('cookies of the target all stay, before ours', async t => {
  const lb = bench()
  const ours = lb.served(lb.read({}), 'a')['set-cookie'] as string
  t.type(ours, 'string')
  t.strictSame(lb.served(lb.read({}), 'a', { 'set-cookie': 'x=1' })['set-cookie'], ['x=1', ours])
  t.strictSame(lb.served(lb.read({}), 'a', { 'set-cookie': ['x=1', 'lb=theirs', 'y=2'] })['set-cookie'], ['x=1', 'lb=theirs', 'y=2', ours])
})

t.test('the attributes are those of a cookie that nobody else gets at, unless others are given', async t => {
  const attributesOf = (options: AffinityCookieOptions, protocol = 'http'): object => {
    const lb = bench(options)
    return JSON.parse((lb.served(lb.read({}), 'a', {}, protocol)['set-cookie'] as string).split(' ').slice(2).join(' '))
  }
  t.strictSame(attributesOf({}), { path: '/', httpOnly: true, sameSite: 'lax', secure: false })
  t.strictSame(attributesOf({}, 'https'), { path: '/', httpOnly: true, sameSite: 'lax', secure: true })
  t.strictSame(attributesOf({ secure: 'auto' }, 'https'), { path: '/', httpOnly: true, sameSite: 'lax', secure: true })
  t.strictSame(attributesOf({ secure: true }), { path: '/', httpOnly: true, sameSite: 'lax', secure: true })
  t.strictSame(attributesOf({ secure: false }, 'https'), { path: '/', httpOnly: true, sameSite: 'lax', secure: false })
  const all = { domain: 'example.org', path: '/shop', maxAge: 60, sameSite: 'none', httpOnly: false, partitioned: true, priority: 'high' } as const
  t.strictSame(attributesOf({ ...all, secure: true }), { ...all, secure: true })
})

t.test('a response with a new cookie is not for shared caches', async t => {
  for (const [before, after] of [
    [undefined, 'private'],
    ['', 'private'],
    ['no-cache', 'private, no-cache'],
    ['public', 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['max-age=60, Public', 'private, max-age=60'],
    ['private', 'private'],
    ['Private, max-age=60', 'Private, max-age=60'],
    ['max-age=60,no-store', 'max-age=60, no-store'],
    ['private="x-user"', 'private, private="x-user"'],
    ['x-private', 'private, x-private'],
    [['public', 'max-age=60'], 'private, max-age=60'],
    [['no-cache', 'no-store'], 'no-cache, no-store']
  ] as const) {
    t.equal(asPrivate(before as string[] | string | undefined), after, String(before))
  }
})
