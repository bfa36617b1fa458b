/** Options of any kind either do or are refused with `FST_LB_INVALID_OPTIONS`, each fault with its path; nothing else is thrown, and nothing is left behind. */
import t from 'tap'
import fc from 'fast-check'
import Fastify from 'fastify'
import loadBalancer from '../../lib/index.js'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { startGateway, startTarget } from '../helpers/servers.js'
import { fuzz } from './wire/fuzz.js'

/** Every option there is, as it might be given. Nobody listens on port 1. */
const OPTIONS = {
  drainMs: 0,
  upstreams: {
    shop: {
      targets: ['http://127.0.0.1:1', { id: 'b', url: 'http://127.0.0.1:1/base', weight: 2, tier: 1, tags: { zone: 'a' }, limits: { maxRequests: 3 }, tls: { servername: 'b' } }],
      policy: { name: 'round-robin' },
      affinity: { cookie: { name: 'shop', secret: ['sixteen or more characters'], maxIdle: 1, maxLife: 1, domain: 'x.example', path: '/', maxAge: 1, sameSite: 'lax', secure: true, httpOnly: true }, onUnavailable: 'fail' },
      health: { active: { path: '/', interval: 60_000, timeout: 10, rise: 1, fall: 1, jitter: 0, expect: { status: '200-399', body: 'ok' }, initial: 'available' }, passive: { consecutiveFailures: 1, window: 1_000, maxEjected: 0.5 } },
      retry: { attempts: 2, statuses: [503], nonIdempotent: false, replayLimit: 1, budget: { ratio: 0.1, minPerSecond: 1 }, backoff: { base: 1, max: 2 }, hedge: { after: 'p95' } },
      timeouts: { connect: 1, headers: 1, body: 1, attempt: 1, total: 1 },
      limits: { maxRequests: 2, queue: { size: 1, timeout: 1 } },
      slowStart: { window: 1, aggression: 1, floor: 0.1 },
      spill: 'hard',
      panic: 'fail-closed',
      panicThreshold: 0.5,
      pool: { connections: 3, keepAliveTimeout: 1, tls: { rejectUnauthorized: true } },
      headers: { host: 'preserve', forwarded: 'x', via: true }
    },
    api: { targets: [], affinity: { session: { cookie: 'sid' }, ttl: 1, max: 1 }, policy: 'least-requests' }
  },
  routes: { '/shop': 'shop', '/api/': { upstream: 'api', rewritePrefix: '/v1', method: ['GET'], bodyLimit: 10, config: { a: 1 } } }
}

const junk = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, undefined, NaN, Infinity, -Infinity, -0, -1, 0.5, 2 ** 53, '', ' ', '\0', '日本', '__proto__', {}, [], [null], [[]], { length: 3 }, { __proto__: null }, 'constructor', 10n, Symbol('x'), () => {}, new Date(NaN), /x/, new Map(), Buffer.from('x'), Promise.resolve(), 'http://127.0.0.1:1', 'http://127.0.0.1:99999', 'http://[', 'unix:/', '//x', 'x'.repeat(100_000)),
  fc.anything({ maxDepth: 2, withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true, withTypedArray: true })
)

/** `value` with what is at one place in it, picked by `at`, taken out, given another name, or put junk for. */
function changed (value: unknown, at: number, kind: 'put' | 'remove' | 'rename' | 'add', junk: unknown): unknown {
  if (typeof value !== 'object' || value === null) return junk
  const entries = Object.entries(value)
  const i = Math.floor(at * (entries.length + 1))
  if (i === entries.length) return kind === 'add' ? rebuilt(value, [...entries, ['nope', junk]]) : junk
  const [key, child] = entries[i]!
  const deeper = at * (entries.length + 1) - i
  if (typeof child === 'object' && child !== null && deeper < 0.9) return rebuilt(value, entries.with(i, [key, changed(child, deeper / 0.9, kind, junk)]))
  if (kind === 'remove') return rebuilt(value, entries.toSpliced(i, 1))
  if (kind === 'rename') return rebuilt(value, entries.with(i, [String(junk === undefined ? 'x' : typeof junk === 'symbol' ? 'y' : JSON.stringify(key)), child]))
  return rebuilt(value, entries.with(i, [key, junk]))
}

function rebuilt (like: object, entries: Array<[string, unknown]>): unknown {
  return Array.isArray(like) ? entries.map(entry => entry[1]) : Object.fromEntries(entries)
}

const changes = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.constantFrom('put', 'put', 'remove', 'rename', 'add'), junk), { minLength: 1, maxLength: 3 })
const like = (options: unknown): fc.Arbitrary<unknown> => changes.map(changes => changes.reduce((value: unknown, [at, kind, junk]) => changed(value, at, kind, junk), options))

/** What it throws, if it does, is of one kind, and says where. */
function check (error: unknown, codes: string[] = []): void {
  const { code, message } = error as { code?: string, message: string }
  if (code !== undefined && codes.includes(code)) return
  if (code !== 'FST_LB_INVALID_OPTIONS') throw error
  for (const line of message.split('\n')) {
    if (!/^\S.*: \S|^no (?:upstream|target) /.test(line)) throw new Error(`not a path and a fault: ${JSON.stringify(line)}`)
  }
}

t.test('options of the plugin', async t => {
  let registered = 0
  await register(OPTIONS)
  await fuzz(t, 250, like(OPTIONS), async options => {
    try {
      await register(options)
      registered++
    } catch (error) {
      check(error)
    }
  })
  t.ok(registered > 20, `${registered} of them were good`)
})

async function register (options: unknown): Promise<void> {
  const app = Fastify()
  try {
    await app.register(loadBalancer, options as LoadBalancerOptions)
    await app.ready()
  } finally {
    await app.close()
  }
}

t.test('what is asked of upstreams that run, and of one request', async t => {
  const target = await startTarget(t, 'a')
  const { app } = await startGateway(t, { upstreams: { shop: { targets: [{ id: 'a', url: target.url }] } } }, {
    after: app => { app.get('/', (request, reply) => reply.balance('shop', (request as { given?: object }).given)) },
    before: app => {
      app.decorateRequest('given', null)
      app.addHook('onRequest', async request => { Object.assign(request, { given }) })
    }
  })
  let given: unknown
  const upstream = app.upstreams.get('shop')!
  const target2 = OPTIONS.upstreams.shop.targets[1]
  const calls: Record<string, (options: never) => unknown> = {
    'upstreams.add': options => { app.upstreams.add('other', options) },
    'upstreams.remove': options => app.upstreams.remove('none', options),
    add: options => { upstream.add(options) },
    update: options => { upstream.update('a', options) },
    replace: options => { upstream.replace([{ id: 'a', url: target.url }, options]) },
    remove: options => upstream.remove('b', options),
    pick: options => { upstream.pick(options) }
  }
  const forms: Record<string, unknown> = { 'upstreams.add': OPTIONS.upstreams.shop, add: target2, replace: target2, update: { weight: 1, state: 'ready', tier: 0, tags: { a: 'b' } }, pick: { hashKey: 'x', affinity: 'a', address: '::1', tags: {}, tried: ['a'] } }
  const call = fc.constantFrom(...Object.keys(calls)).chain(name => fc.tuple(fc.constant(name), like(forms[name] ?? { drainMs: 0 })))
  await fuzz(t, 300, call, async ([name, options]) => {
    try {
      await calls[name]!(options as never)
    } catch (error) {
      check(error, ['FST_LB_NO_TARGET'])
    }
    upstream.replace([{ id: 'a', url: target.url, weight: 1, tier: 0, tags: {} }])
    upstream.update('a', { state: 'ready' })
    if (app.upstreams.has('other')) await app.upstreams.remove('other', { drainMs: 0 })
  })
  await fuzz(t, 150, like({ path: '/x', hashKey: 'x', tags: {}, timeouts: { headers: 1_000, total: 1_000 }, retry: { attempts: 1 } }), async options => {
    given = options
    const { statusCode, body } = await app.inject('/')
    if (statusCode === 500) check(JSON.parse(body))
    else if (![200, 400, 503, 504].includes(statusCode)) throw new Error(body)
  })
  given = undefined
  t.equal((await app.inject('/')).body, 'a', 'and the gateway works')
})
