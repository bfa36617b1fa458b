/** The options of the plugin: what is wrong with them is told at registration, all of it, with its path. */
import t from 'tap'
import Fastify from 'fastify'
import fastifyCookie from '@fastify/cookie'
import fc from 'fast-check'
import loadBalancer from '../../lib/index.js'
import type { LoadBalancerOptions, UpstreamOptions } from '../../lib/index.js'
import { checked } from '../../lib/options.js'
import { setCookie } from '../../lib/plugin/set-cookie.js'
import type { WrittenAttributes } from '../../lib/plugin/affinity-cookie.js'
import { pluginOptions, upstreamOption } from '../../lib/plugin/options.js'
import { FakeClock } from '../helpers/clock.js'
import { matchLines } from '../helpers/lines.js'
import { startTarget } from '../helpers/servers.js'

function faultsOf (options: unknown, known: string[] = [], cookies: Record<string, string> = {}): string[] {
  const faults: string[] = []
  pluginOptions(name => known.includes(name), cookie => cookies[cookie])(options, '', faults)
  return faults
}

const shopFaults = (shop: unknown): string[] => faultsOf({ upstreams: { shop } })
const affinityFaults = (affinity: unknown): string[] => shopFaults({ affinity })
const cookieFaults = (cookie: unknown): string[] => affinityFaults({ cookie })

// ---- defaults -------------------------------------------------------------------------------------------------------------

t.test('no options at all are options', async t => {
  const cookie = { affinity: { cookie: { name: 'lb', secret: 'sixteen letters.' } } }
  t.ok(checked(pluginOptions(() => false), { upstreams: { shop: cookie } }, ''))
  t.strictSame(checked(pluginOptions(() => false), {}, ''), { upstreams: {}, routes: [], admin: false, metrics: false, shared: false, limits: { maxStreams: 128, maxBufferedPerConnection: 1_048_576, maxBuffered: 268_435_456 }, drainMs: 30_000 })
})

t.test('what is absent in an upstream has its default', async t => {
  const { policy, random, ...settings } = checked(upstreamOption, {}, '')
  t.equal(policy.name, 'least-requests')
  t.equal(random, Math.random)
  t.match(settings, {
    targets: [],
    affinity: false,
    health: { active: false, passive: { consecutiveFailures: 5 } },
    headers: { host: 'target' },
    retry: { attempts: 3 },
    timeouts: { connect: 2_000 },
    limits: {},
    slowStart: false,
    spill: 'gradual',
    panic: 'fail-open',
    panicThreshold: 0,
    pool: { connections: Infinity }
  })
  t.notOk('now' in settings || 'timers' in settings)
})

t.test('what is absent in an affinity has its default', async t => {
  t.strictSame(checked(upstreamOption, { affinity: { cookie: {} } }, '').affinity, { onUnavailable: 'redistribute', cookie: { maxIdle: 0, maxLife: 0 } })
  t.strictSame(checked(upstreamOption, { affinity: { session: { header: 'x-user' } } }, '').affinity, {
    onUnavailable: 'redistribute', session: { header: 'x-user' }, ttl: 600_000, max: 100_000, learn: 'all'
  })
  const secret = 'sixteen letters.'
  t.match(checked(upstreamOption, { affinity: { cookie: { secret } } }, '').affinity, { cookie: { secret: [secret] } })
})

t.test('what can be switched off is off with false', async t => {
  t.match(checked(upstreamOption, { affinity: false, health: { active: false, passive: false }, retry: false, slowStart: false }, ''), {
    affinity: false, health: { active: false, passive: false }, retry: false, slowStart: false
  })
})

t.test('a route is the name of an upstream, or an object with Fastify\'s route options', async t => {
  const options = { upstreams: { shop: {} }, routes: { '/': 'shop', '/shop/': 'shop', '/api': { upstream: 'shop', rewritePrefix: '', method: 'GET', bodyLimit: 10 } } }
  t.strictSame(checked(pluginOptions(() => false), options, '').routes, [
    { here: 'routes["/"]', prefix: '/', upstream: 'shop', rewritePrefix: undefined, split: undefined, options: {} },
    { here: 'routes["/shop/"]', prefix: '/shop', upstream: 'shop', rewritePrefix: undefined, split: undefined, options: {} },
    { here: 'routes["/api"]', prefix: '/api', upstream: 'shop', rewritePrefix: '', split: undefined, options: { method: 'GET', bodyLimit: 10 } }
  ])
})

// ---- faults ---------------------------------------------------------------------------------------------------------------

t.test('options that are none are a fault', async t => {
  for (const [options, got] of [[[], 'an array'], [null, 'null'], ['shop', '"shop" (string)'], [undefined, 'nothing']] as const) {
    t.strictSame(faultsOf(options), [`options: expected an object, got ${got}`])
  }
})

t.test('unknown options are told, with those that are known', async t => {
  t.strictSame(faultsOf({ upstream: {} }), ['upstream: unknown option; known are upstreams, routes, paths, admin, metrics, shared, limits, drainMs'])
  matchLines(t, shopFaults({ target: [] }), [/^upstreams\.shop\.target: unknown option; known are targets, policy, retry, .*affinity, health, headers, upgrades$/])
  matchLines(t, shopFaults({ upgrades: ['websocket', 'two words', 3, 'h2c', 'HTTP/2.0'] }), [
    /^upstreams\.shop\.upgrades\[1\]: expected a protocol, as/, /^upstreams\.shop\.upgrades\[2\]: expected a protocol, as/,
    /^upstreams\.shop\.upgrades\[3\]: expected a protocol that carries no other requests, got "h2c"/, /^upstreams\.shop\.upgrades\[4\]: expected a protocol that carries no other requests/
  ])
  matchLines(t, shopFaults({ health: { activ: {} } }), ['upstreams.shop.health.activ: unknown option; known are active, passive'])
  matchLines(t, shopFaults({ health: { active: { pfad: '/' } } }), [/^upstreams\.shop\.health\.active\.pfad: unknown option; known are type, path, /])
  matchLines(t, shopFaults({ headers: { hosts: '' } }), ['upstreams.shop.headers.hosts: unknown option; known are host'])
  matchLines(t, cookieFaults({ expires: 1 }), [/^upstreams\.shop\.affinity\.cookie\.expires: unknown option; known are name, secret, maxIdle, maxLife, domain, path, /])
  matchLines(t, affinityFaults({ cookie: {}, ttl: 1 }), ['upstreams.shop.affinity.ttl: unknown option; known are onUnavailable, cookie'])
  matchLines(t, affinityFaults({ session: { cookie: 'a' }, cookie: {} }), ['upstreams.shop.affinity.cookie: unknown option; known are onUnavailable, session, ttl, max'])
})

t.test('wrong types are told, with what was expected and what was there', async t => {
  t.strictSame(faultsOf({ upstreams: [], routes: 1, drainMs: '30 s' }), [
    'upstreams: expected an object, got an array',
    'routes: expected an object of prefixes, or an array of { prefix, upstream }, got 1',
    'drainMs: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got "30 s" (string)'
  ])
  for (const [shop, fault] of [
    ['http://a', 'upstreams.shop: expected an object, got "http://a" (string)'],
    [{ targets: 'http://a' }, 'upstreams.shop.targets: expected an array of urls or targets, got "http://a" (string)'],
    [{ health: true }, 'upstreams.shop.health: expected an object, got true'],
    [{ health: { active: 1 } }, 'upstreams.shop.health.active: expected an object, got 1'],
    [{ health: { passive: { consecutiveFailures: 0 } } }, 'upstreams.shop.health.passive.consecutiveFailures: expected a whole number from 1, got 0'],
    [{ headers: { host: 'client' } }, "upstreams.shop.headers.host: expected 'target' or 'preserve', got \"client\" (string)"],
    [{ affinity: 1 }, 'upstreams.shop.affinity: expected { cookie } or { session }, got 1'],
    [{ affinity: {} }, 'upstreams.shop.affinity: expected { cookie } or { session }, got an object'],
    [{ affinity: { cookie: 'lb' } }, 'upstreams.shop.affinity.cookie: expected an object, got "lb" (string)'],
    [{ affinity: { cookie: undefined } }, 'upstreams.shop.affinity.cookie: expected an object, got nothing'],
    [{ affinity: { cookie: {}, onUnavailable: 'die' } }, "upstreams.shop.affinity.onUnavailable: expected 'redistribute' or 'fail', got \"die\" (string)"],
    [{ affinity: { session: 'sid' } }, 'upstreams.shop.affinity.session: expected { cookie } or { header }, got "sid" (string)'],
    [{ affinity: { session: { cookie: 'a', header: 'b' } } }, 'upstreams.shop.affinity.session: expected { cookie } or { header }, got an object'],
    [{ affinity: { session: { query: 'a' } } }, 'upstreams.shop.affinity.session: expected { cookie } or { header }, got an object'],
    [{ affinity: { session: { header: 'a b' } } }, "upstreams.shop.affinity.session.header: expected a name of letters, digits and !#$%&'*+.^`|~-_, got \"a b\" (string)"],
    [{ affinity: { session: { cookie: 'a' }, ttl: 0 } }, 'upstreams.shop.affinity.ttl: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0'],
    [{ affinity: { session: { cookie: 'a' }, max: 0 } }, 'upstreams.shop.affinity.max: expected a whole number from 1, got 0']
  ] as const) {
    t.strictSame(shopFaults(shop), [fault])
  }
})

t.test('cookie attributes that could not be written are told', async t => {
  const at = 'upstreams.shop.affinity.cookie'
  for (const [cookie, fault] of [
    [{ name: 'a b' }, `${at}.name: expected a name of letters, digits and !#$%&'*+.^\`|~-_, got "a b" (string)`],
    [{ name: '' }, `${at}.name: expected a name of letters, digits and !#$%&'*+.^\`|~-_, got "" (string)`],
    [{ name: 'a=b' }, `${at}.name: expected a name of letters, digits and !#$%&'*+.^\`|~-_, got "a=b" (string)`],
    [{ name: 1 }, `${at}.name: expected a name of letters, digits and !#$%&'*+.^\`|~-_, got 1`],
    [{ maxIdle: -1 }, `${at}.maxIdle: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got -1`],
    [{ maxLife: NaN }, `${at}.maxLife: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got NaN`],
    [{ domain: 'a b' }, `${at}.domain: expected a domain, got "a b" (string)`],
    [{ domain: 'x; Path=/' }, `${at}.domain: expected a domain, got "x; Path=/" (string)`],
    [{ domain: 1 }, `${at}.domain: expected a domain, got 1`],
    [{ path: 'shop' }, `${at}.path: expected a path, as '/', got "shop" (string)`],
    [{ path: '/; Secure' }, `${at}.path: expected a path, as '/', got "/; Secure" (string)`],
    [{ path: null }, `${at}.path: expected a path, as '/', got null`],
    [{ maxAge: 1.5 }, `${at}.maxAge: expected seconds, a whole number from 0, or text such as "7d", got 1.5`],
    [{ maxAge: Infinity }, `${at}.maxAge: expected seconds, a whole number from 0, or text such as "7d", got Infinity`],
    [{ sameSite: 'Lax' }, `${at}.sameSite: expected true or false or 'lax' or 'strict' or 'none', got "Lax" (string)`],
    [{ secure: 'yes' }, `${at}.secure: expected true or false or 'auto', got "yes" (string)`],
    [{ httpOnly: 1 }, `${at}.httpOnly: expected true or false, got 1`],
    [{ partitioned: 'no' }, `${at}.partitioned: expected true or false, got "no" (string)`],
    [{ priority: 1 }, `${at}.priority: expected 'low' or 'medium' or 'high', got 1`]
  ] as const) {
    t.strictSame(cookieFaults(cookie), [fault])
  }
})

t.test('attributes that are no fault can be written', async () => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyCookie)
  const garbage = fc.string({ unit: 'binary' })
  const attribute = fc.oneof(
    fc.record({ name: fc.oneof(garbage, fc.stringMatching(/^[!-~]+$/)) }),
    fc.record({ domain: fc.oneof(garbage, fc.domain(), fc.domain().map(domain => `.${domain}`), fc.stringMatching(/^[a-z.-]+$/)) }),
    fc.record({ path: fc.oneof(garbage, fc.webPath(), garbage.map(text => `/${text}`)) }),
    fc.record({ maxAge: fc.oneof(fc.double(), fc.integer()) }),
    fc.record({
      sameSite: fc.constantFrom(true, false, 'lax', 'strict', 'none', undefined),
      secure: fc.boolean(),
      httpOnly: fc.boolean(),
      partitioned: fc.boolean(),
      priority: fc.constantFrom('low', 'medium', 'high', undefined)
    })
  )
  let written = 0
  fc.assert(fc.property(attribute, cookie => {
    if (cookieFaults(cookie).length > 0) return
    const { name = 'lb', ...attributes } = cookie as { name?: string }
    // As the other plugin writes them, which throws for what must not be in a field.
    t.equal(setCookie(name, 'x', attributes as WrittenAttributes), app.serializeCookie(name, 'x', attributes))
    written++
  }), { numRuns: 2_000 })
  t.ok(written > 500, `${written} of them`)
})

t.test('a secret is long enough, and never shown', async t => {
  const fault = 'upstreams.shop.affinity.cookie.secret: expected 16 characters or more, or an array of such strings, got something else'
  const long = 'correct horse battery staple'
  for (const secret of ['hunter2', '', [], [long, 'hunter2'], [[long]], 12345678901234567890n, { key: long }, null]) {
    const faults = cookieFaults({ secret })
    t.strictSame(faults, [fault])
    t.notMatch(faults[0], /hunter2|horse|1234/)
  }
  t.strictSame(cookieFaults({ secret: [long, 'another one of them'] }), [])
})

t.test('names of upstreams can be in cookies, paths and metrics', async t => {
  const upstreams = { shop: {}, 'shop-2.eu_west': {}, '': {}, 'a b': {}, 'a/b': {}, é: {} }
  t.strictSame(faultsOf({ upstreams }), ['', 'a b', 'a/b', 'é'].map(name => `upstreams["${name}"]: expected a name of letters, digits, '_', '.' and '-'`))
})

t.test('a name is taken once', async t => {
  t.strictSame(faultsOf({ upstreams: { shop: {}, api: {} } }, ['shop']), ['upstreams.shop: an upstream of this name is there already'])
})

t.test('each upstream has a cookie of its own', async t => {
  const cookie = (name?: string): UpstreamOptions => ({ affinity: { cookie: name === undefined ? {} : { name } } })
  t.strictSame(faultsOf({ upstreams: { a: cookie(), b: cookie('lb'), c: cookie('lb_b'), d: { affinity: false }, e: { affinity: { session: { cookie: 'lb' } } } } }), [])
  t.strictSame(faultsOf({ upstreams: { a: cookie(), b: cookie('lb'), c: cookie('lb'), d: cookie('lb_a') } }), [
    'upstreams.c.affinity.cookie.name: expected a name of its own, got "lb", which "b" has',
    'upstreams.d.affinity.cookie.name: expected a name of its own, got "lb_a", which "a" has'
  ])
  t.strictSame(faultsOf({ upstreams: { a: cookie('lb_old') } }, ['old'], { lb_old: 'old' }), [
    'upstreams.a.affinity.cookie.name: expected a name of its own, got "lb_old", which "old" has'
  ])
})

t.test('a route leads to an upstream that there is', async t => {
  t.strictSame(faultsOf({ routes: { '/shop': 'shop', '/api': { upstream: 'api' } } }, ['api']), ['routes["/shop"]: no upstream "shop"; there are none'])
  t.strictSame(faultsOf({ upstreams: { a: {}, b: {} }, routes: { '/shop': 'shop', '/c': 'constructor' } }), [
    'routes["/shop"]: no upstream "shop"; there are a, b',
    'routes["/c"]: no upstream "constructor"; there are a, b'
  ])
})

t.test('a route says what it can say, and what is the plugin\'s to set is told', async t => {
  const upstreams = { shop: {} }
  for (const [routes, ...faults] of [
    [{ shop: 'shop' }, "routes[\"shop\"]: expected a prefix that starts with '/' and has no '*', '?' or '#'"],
    [{ '/shop/*': 'shop' }, "routes[\"/shop/*\"]: expected a prefix that starts with '/' and has no '*', '?' or '#'"],
    [{ '/shop': 'shop', '/shop/': 'shop' }, 'routes["/shop/"]: "/shop" is there, too, and is the same'],
    [{ '/shop': { upstream: 'shop', config: { upstream: 'other' } } }, 'routes["/shop"].config.upstream: this is set by the plugin'],
    [{ '': 'shop' }, "routes[\"\"]: expected a prefix that starts with '/' and has no '*', '?' or '#'"],
    [{ '/shop': 1 }, 'routes["/shop"]: expected the name of an upstream, got 1'],
    [{ '/shop': {} }, 'routes["/shop"].upstream: expected the name of an upstream, got nothing'],
    [{ '/shop': { upstream: 'shop', rewritePrefix: 'v1' } }, "routes[\"/shop\"].rewritePrefix: expected a path as it is sent, as '/v1' or '/caf%C3%A9', or '', got \"v1\" (string)"],
    [{ '/shop': { upstream: 'shop', rewritePrefix: '/a b' } }, "routes[\"/shop\"].rewritePrefix: expected a path as it is sent, as '/v1' or '/caf%C3%A9', or '', got \"/a b\" (string)"],
    [{ '/shop': { upstream: 'shop', rewritePrefix: '/v1?a' } }, "routes[\"/shop\"].rewritePrefix: expected a path as it is sent, as '/v1' or '/caf%C3%A9', or '', got \"/v1?a\" (string)"],
    [{ '/shop': { upstream: 'shop', rewritePrefix: 1 } }, "routes[\"/shop\"].rewritePrefix: expected a path as it is sent, as '/v1' or '/caf%C3%A9', or '', got 1"],
    [{ '/shop': { upstream: 'shop', handler () {}, url: '/', path: '/' } },
      'routes["/shop"].handler: this is set by the plugin', 'routes["/shop"].url: this is set by the plugin', 'routes["/shop"].path: this is set by the plugin']
  ] as const) {
    t.strictSame(faultsOf({ upstreams, routes }), faults)
  }
  matchLines(t, faultsOf({ upstreams, routes: { '/shop': { upstream: 'shop', methods: ['GET'] } } }), [
    /^routes\["\/shop"\]\.methods: unknown option; known are upstream, rewritePrefix, split, method, config, constraints, /
  ])
})

t.test('faults that show only when options are looked at together are told with the others', async t => {
  const pool = { connections: 10 }
  matchLines(t, shopFaults({ pool, limits: { maxRequests: 11 } }), [/^upstreams\.shop\.limits\.maxRequests: expected at most pool\.connections \(10\), got 11; /])
  matchLines(t, shopFaults({ pool, limits: { maxRequests: 11 }, spill: 'soft', targets: [{ url: 'http://a', limits: { maxRequests: 12 } }] }), [
    "upstreams.shop.spill: expected 'gradual' or 'hard', got \"soft\" (string)",
    /^upstreams\.shop\.limits\.maxRequests: expected at most pool\.connections \(10\), got 11; /,
    /^upstreams\.shop\.targets\[0\]\.limits\.maxRequests: .* got 12; /
  ])
  matchLines(t, shopFaults({ pool: 1, limits: { maxRequests: 11 }, targets: ['x'] }), [/targets\[0\]: expected a url/, /pool: expected an object/], 'what cannot be compared is not')
})

// ---- at registration ------------------------------------------------------------------------------------------------------

const wrong = (url: string, clock: FakeClock): object => ({
  upstreams: {
    good: { targets: [url], now: clock.now, timers: clock, health: { active: {} }, affinity: { cookie: { secret: 'sixteen letters.' } } },
    shop: {
      targets: ['ftp://a', { url, weight: '2' }, { id: 'x', url }, { id: 'x', url: 'http://user:password@b' }],
      policy: 'fastest',
      afinity: {},
      affinity: { cookie: { secret: 'hunter2' } }
    },
    api: { targets: [url], affinity: { cookie: { name: 'lb_good' } } }
  },
  routes: { '/good': 'good', '/other': 'other' },
  metric: true
})

t.test('one error lists every fault, and nothing is half registered', async t => {
  const target = await startTarget(t, 'a')
  const clock = new FakeClock()
  const app = Fastify()
  t.teardown(() => app.close())
  const routes: string[] = []
  app.addHook('onRoute', ({ url }) => { routes.push(url) })
  const error = await Promise.resolve(app.register(loadBalancer, wrong(target.url, clock) as LoadBalancerOptions)).then(
    () => t.fail('it was registered'), (error: Error & { code: string, statusCode: number }) => error) as Error & { code: string, statusCode: number }
  t.match(error, { code: 'FST_LB_INVALID_OPTIONS', statusCode: 500 })
  matchLines(t, error.message.split('\n').sort(), [
    'metric: unknown option; known are upstreams, routes, paths, admin, metrics, shared, limits, drainMs',
    'routes["/other"]: no upstream "other"; there are good, shop, api',
    'upstreams.api.affinity.cookie.name: expected a name of its own, got "lb_good", which "good" has',
    /^upstreams\.shop\.affinity\.cookie\.secret: /,
    /^upstreams\.shop\.afinity: unknown option; /,
    /^upstreams\.shop\.policy: expected a policy: /,
    /^upstreams\.shop\.targets\[0\]: expected a url: .*, got "ftp:\/\/a" \(string\)$/,
    'upstreams.shop.targets[1].weight: expected 0 to 256, got "2" (string)',
    /^upstreams\.shop\.targets\[3\]\.url: expected a url: /
  ])
  t.notMatch(error.message, /hunter2|user|password/)
  t.notOk(app.hasDecorator('upstreams'))
  t.notOk(app.hasReplyDecorator('balance'))
  t.notOk(app.hasRequestDecorator('balancing'))
  t.strictSame(routes, [])
  t.equal(clock.pending, 0)
  t.equal(target.seen.length, 0)
})
