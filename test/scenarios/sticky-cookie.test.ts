/** What a user sees of affinity by a cookie that the gateway issues. */
import t from 'tap'
import { request as httpRequest } from 'node:http'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import fastifyCookie from '@fastify/cookie'
import fc from 'fast-check'
import type { AffinityCookieOptions, LoadBalancerOptions, UpstreamOptions } from '../../lib/index.js'
import { Browser, newClients } from '../helpers/browser.js'
import { FakeClock } from '../helpers/clock.js'
import { matchLines } from '../helpers/lines.js'
import { refusedUrl, startGateway, startTarget, type Ending, type Gateway, type TestTarget } from '../helpers/servers.js'

const SECRET = 'a secret of the gateway'
const routes = { '/': 'shop' }

interface Shop extends Gateway { targets: Record<string, TestTarget> }

/** A gateway with an upstream `shop` that turns its new clients over from target to target: `a`, `b` and `c`. */
async function startShop (t: Ending, cookie: AffinityCookieOptions = {}, options: Partial<UpstreamOptions> = {}, gateway: Parameters<typeof startGateway>[2] = {}): Promise<Shop> {
  const targets: Record<string, TestTarget> = {}
  for (const name of ['a', 'b', 'c']) targets[name] = await startTarget(t, name)
  const started = await startGateway(t, {
    upstreams: {
      shop: {
        targets: Object.values(targets).map(({ name, url }) => ({ id: name, url })),
        policy: 'round-robin',
        affinity: { cookie: { secret: SECRET, ...cookie } },
        ...options
      }
    },
    routes
  }, gateway)
  return { ...started, targets }
}

/** A client of this target. */
async function clientOf (url: string, target: string): Promise<Browser> {
  for (let i = 0; i < 20; i++) {
    const browser = new Browser(url)
    if ((await browser.get()).target === target) return browser
  }
  throw new Error(`nobody came to ${target}`)
}

// ---- staying --------------------------------------------------------------------------------------------------------------

t.test('a client stays with its target, and is sent the cookie once', async t => {
  const { url } = await startShop(t)
  const browser = new Browser(url)
  const first = await browser.get()
  matchLines(t, first.setCookie, [/^lb_shop=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/])
  for (let i = 0; i < 10; i++) {
    const next = await browser.get(`/orders/${i}`)
    t.equal(next.target, first.target)
    t.strictSame(next.setCookie, [])
    t.equal(next.headers.get('cache-control'), null)
  }
  t.strictSame(await newClients(url), ['a', 'b', 'c'], 'others go where they are sent')
})

t.test('a client stays with a target that drains; new clients go elsewhere', async t => {
  const { url, app } = await startShop(t)
  const browser = await clientOf(url, 'b')
  app.upstreams.get('shop')!.update('b', { state: 'drain' })
  t.strictSame(await browser.targets(), ['b'])
  t.strictSame(await newClients(url), ['a', 'c'])
})

t.test('a client stays with a target of weight 0; new clients go elsewhere', async t => {
  const { url, app } = await startShop(t)
  const browser = await clientOf(url, 'b')
  app.upstreams.get('shop')!.update('b', { weight: 0 })
  t.strictSame(await browser.targets(), ['b'])
  t.strictSame(await newClients(url), ['a', 'c'])
})

t.test('a client that found a backup stays there when the others are back', async t => {
  const backup = await startTarget(t, 'backup')
  const { url, app, targets } = await startShop(t)
  const shop = app.upstreams.get('shop')!
  shop.add({ id: 'backup', url: backup.url, tier: 1 })
  for (const name of Object.keys(targets)) shop.update(name, { state: 'maintenance' })
  const browser = await clientOf(url, 'backup')
  for (const name of Object.keys(targets)) shop.update(name, { state: 'ready' })
  t.strictSame(await browser.targets(), ['backup'])
  t.strictSame(await newClients(url), ['a', 'b', 'c'])
})

// ---- moving ---------------------------------------------------------------------------------------------------------------

t.test('when its target dies the client moves once, and one cookie names the target that served', async t => {
  const { url, targets } = await startShop(t, {}, { policy: 'first' })
  const browser = await clientOf(url, 'a')
  await targets.a!.kill()
  // The one that would be next is dead, too.
  await targets.b!.kill()
  const moved = await browser.get()
  t.equal(moved.status, 200)
  t.equal(moved.target, 'c')
  t.equal(moved.setCookie.length, 1)
  for (let i = 0; i < 6; i++) {
    const next = await browser.get()
    t.equal(next.target, 'c')
    t.strictSame(next.setCookie, [])
  }
})

t.test('a client that moved stays where it is when its old target comes back', async t => {
  const { url, targets } = await startShop(t)
  const browser = await clientOf(url, 'a')
  await targets.a!.kill()
  const { target } = await browser.get()
  const { server, port } = targets.a!
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.not(target, 'a')
  t.strictSame(await browser.targets(), [target])
})

t.test('a target that answers 503 does not keep the client that another one served', async t => {
  const { url, targets, app } = await startShop(t)
  let status = 200
  const ill = await startTarget(t, 'ill', (_seen, _request, response) => {
    response.statusCode = status
    response.end()
  })
  const shop = app.upstreams.get('shop')!
  shop.replace([{ id: 'ill', url: ill.url }])
  const browser = await clientOf(url, 'ill')
  shop.add({ id: 'a', url: targets.a!.url })
  status = 503
  const moved = await browser.get()
  t.strictSame([moved.status, moved.target, moved.setCookie.length], [200, 'a', 1])
  t.strictSame(await browser.targets(), ['a'])
})

t.test('nobody is tied to a target by its 503', async t => {
  const { url, app } = await startShop(t)
  const ill = await startTarget(t, 'ill', (_seen, _request, response) => {
    response.statusCode = 503
    response.end('ill')
  })
  app.upstreams.get('shop')!.replace([{ id: 'ill', url: ill.url }])
  const answer = await new Browser(url).get()
  t.equal(answer.body, 'ill', 'the answer of the target itself')
  t.strictSame(answer.setCookie, [])
})

t.test('in maintenance a target has no clients at all', async t => {
  const { url, app } = await startShop(t)
  const browser = await clientOf(url, 'b')
  app.upstreams.get('shop')!.update('b', { state: 'maintenance' })
  const moved = await browser.get()
  t.not(moved.target, 'b')
  t.equal(moved.setCookie.length, 1)
  t.strictSame(await browser.targets(), [moved.target])
})

t.test('a client whose target was taken out moves', async t => {
  const { url, app } = await startShop(t)
  const browser = await clientOf(url, 'b')
  await app.upstreams.get('shop')!.remove('b')
  const moved = await browser.get()
  t.not(moved.target, 'b')
  t.equal(moved.setCookie.length, 1)
})

t.test('with two upstreams a client has a target in each', async t => {
  const { targets } = await startShop(t)
  const two = { targets: Object.values(targets).map(({ url }) => url), policy: 'round-robin', affinity: { cookie: { secret: SECRET } } } as const
  const { url } = await startGateway(t, {
    upstreams: { shop: { ...two, targets: [...two.targets] }, api: { ...two, targets: [...two.targets] } },
    routes: { '/shop': 'shop', '/api': 'api' }
  })
  const browser = new Browser(url)
  t.equal((await browser.targets(6, '/shop')).length, 1)
  t.equal((await browser.targets(6, '/api')).length, 1)
  t.strictSame([...browser.jar.keys()], ['lb_shop', 'lb_api'])
})

// ---- no other target will do ----------------------------------------------------------------------------------------------

t.test("with onUnavailable: 'fail' a client whose target is not available gets 503, and its target again when that is back", async t => {
  const { url, app } = await startShop(t, {}, { affinity: { cookie: { secret: SECRET }, onUnavailable: 'fail' } })
  const shop = app.upstreams.get('shop')!
  const browser = await clientOf(url, 'b')
  shop.update('b', { state: 'maintenance' })
  const lost = await browser.get()
  t.equal(lost.status, 503)
  t.equal(JSON.parse(lost.body).code, 'FST_LB_AFFINITY_LOST')
  t.equal(lost.headers.get('retry-after'), '1')
  t.strictSame(lost.setCookie, [])
  t.strictSame(await newClients(url), ['a', 'c'])
  shop.update('b', { state: 'ready' })
  t.strictSame(await browser.targets(), ['b'])
})

t.test("with onUnavailable: 'fail' no other target is tried when it fails", async t => {
  const { url, targets } = await startShop(t, {}, { affinity: { cookie: { secret: SECRET }, onUnavailable: 'fail' } })
  const browser = await clientOf(url, 'b')
  const before = targets.a!.seen.length + targets.c!.seen.length
  await targets.b!.kill()
  const statuses = new Set<number>()
  for (let i = 0; i < 8; i++) {
    const { status, setCookie } = await browser.get()
    statuses.add(status)
    t.strictSame(setCookie, [])
  }
  t.strictSame([...statuses], [502, 503], 'first it fails, then it is ejected')
  t.equal(targets.a!.seen.length + targets.c!.seen.length, before)
})

// ---- the value ------------------------------------------------------------------------------------------------------------

t.test('the cookie says nothing about the target', async t => {
  const target = await startTarget(t, 'shop-7')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [{ id: 'shop-7', url: target.url }], affinity: { cookie: { secret: SECRET, maxIdle: 60_000 } } } },
    routes
  })
  const browser = new Browser(url)
  await browser.get()
  const value = browser.jar.get('lb_shop')!
  for (const text of [value, ...value.split('.').map(part => Buffer.from(part, 'base64url').toString('latin1'))]) {
    for (const telling of ['shop-7', '127.0.0.1', String(target.port)]) t.notOk(text.includes(telling))
  }
})

t.test('gateways with the same secret and targets know the clients of each other; one with another secret does not', async t => {
  const { url, targets } = await startShop(t)
  const options = (secret: string): LoadBalancerOptions => ({
    upstreams: {
      shop: {
        // In another order, at another weight: neither matters.
        targets: ['c', 'b', 'a'].map(id => ({ id, url: targets[id]!.url, weight: 7 })),
        policy: 'round-robin',
        affinity: { cookie: { secret } }
      }
    },
    routes
  })
  const second = await startGateway(t, options(SECRET))
  const foreign = await startGateway(t, options('another secret of theirs'))
  for (const id of ['a', 'b', 'c']) {
    const { jar } = await clientOf(url, id)
    const there = new Browser(second.url)
    there.jar.set('lb_shop', jar.get('lb_shop')!)
    const answer = await there.get()
    t.equal(answer.target, id)
    t.strictSame(answer.setCookie, [])
    const abroad = new Browser(foreign.url)
    abroad.jar.set('lb_shop', jar.get('lb_shop')!)
    t.equal((await abroad.get()).setCookie.length, 1, 'a client like any other')
  }
})

t.test('a new secret is put in front of the old one: clients stay, and are sent a new cookie once', async t => {
  const { url, targets } = await startShop(t)
  const before = await clientOf(url, 'b')
  const rotated = await startGateway(t, {
    upstreams: {
      shop: {
        targets: Object.values(targets).map(({ name, url }) => ({ id: name, url })),
        policy: 'round-robin',
        affinity: { cookie: { secret: ['the secret that comes next', SECRET] } }
      }
    },
    routes
  })
  const after = new Browser(rotated.url)
  after.jar.set('lb_shop', before.jar.get('lb_shop')!)
  const first = await after.get()
  t.equal(first.target, 'b')
  t.equal(first.setCookie.length, 1)
  t.not(after.jar.get('lb_shop'), before.jar.get('lb_shop'))
  const second = await after.get()
  t.equal(second.target, 'b')
  t.strictSame(second.setCookie, [])
})

t.test('without a secret the log has a warning', async t => {
  const stream = new PassThrough({ encoding: 'utf8' })
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], affinity: { cookie: {} } } }, routes }, {
    server: { logger: { level: 'warn', stream } }
  })
  const lines = String(stream.read()).trim().split('\n').map(line => JSON.parse(line))
  t.match(lines, [{ level: 40, upstream: 'shop', msg: /affinity\.cookie has no secret/ }])
  t.equal(lines.length, 1)
  t.strictSame(await new Browser(url).targets(), ['a'], 'it works all the same')
})

t.test('who did not come for maxIdle, or came first longer than maxLife ago, is a new client', async t => {
  const clock = new FakeClock()
  const { url } = await startShop(t, { maxIdle: 60_000, maxLife: 200_000 }, { now: clock.now, timers: clock })
  const browser = await clientOf(url, 'b')
  const course: Array<[string | null, number]> = []
  for (const passed of [30_000, 1, 60_000, 60_000, 49_999]) {
    clock.advance(passed)
    const { target, setCookie } = await browser.get()
    course.push([target, setCookie.length])
  }
  t.strictSame(course, [['b', 0], ['b', 1], ['b', 1], ['b', 1], ['b', 1]], 'sent again after half of maxIdle')
  clock.advance(1)
  t.equal((await browser.get()).setCookie.length, 1, 'the end of its life')
  const idle = await clientOf(url, 'b')
  clock.advance(60_001)
  const answer = await idle.get()
  t.equal(answer.setCookie.length, 1)
  t.strictSame(await idle.targets(), [answer.target])
})

// ---- garbage --------------------------------------------------------------------------------------------------------------

t.test('garbage, overlong, foreign and forged cookies make new clients, never errors', async t => {
  const shops = [await startShop(t), await startShop(t, { maxIdle: 60_000 })]
  const good = await Promise.all(shops.map(async ({ url }) => (await clientOf(url, 'a')).jar.get('lb_shop')!))
  // What may be in a header at all.
  const text = fc.string({ unit: fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })).map(code => String.fromCharCode(code)), maxLength: 60 })
  const piece = fc.oneof(text, fc.constantFrom('lb_shop=', '; ', '=', '.', 'x'.repeat(3_000), ...good, ...good[1]!.split('.')))
  const forged = good.flatMap(value => [`${value}x`, `x${value}`, value.slice(0, -1), `${value.slice(0, -1)}é`, `${value}.${value}`, `.${value}`, `${value}.`])
  await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 6 }).map(pieces => pieces.join('')), async cookie => {
    for (const { url } of shops) {
      const answer = await fetch(url, { headers: { cookie: `lb_shop=${cookie}` } })
      await answer.text()
      if (answer.status !== 200) throw new Error(`${answer.status} for ${cookie}`)
    }
  }), { numRuns: 300, examples: forged.map(value => [value]) })
})

// ---- what targets see -----------------------------------------------------------------------------------------------------

t.test('targets do not see the cookies of the gateway; all others reach them byte for byte', async t => {
  const target = await startTarget(t, 'a')
  const affinity = { cookie: { secret: SECRET } }
  const { url } = await startGateway(t, {
    upstreams: {
      shop: { targets: [target.url], affinity },
      api: { targets: [target.url], affinity: { cookie: { ...affinity.cookie, name: 'api.sticky' } } },
      plain: { targets: [target.url] }
    },
    routes: { '/shop': 'shop', '/plain': 'plain' }
  })
  const others = 'a=1; b="x, y";c=%3B;  d=voil\xc3\xa0; =; e'
  for (const path of ['/shop', '/plain']) {
    for (const [sent, seen] of [
      [others, others],
      [`lb_shop=x; ${others}`, others],
      [`${others}; api.sticky=y`, others],
      ['a=1; lb_shop=x; b=2; lb_plain=z; api.sticky=y', 'a=1; b=2; lb_plain=z'],
      ['lb_shop=x', undefined],
      ['lb_shop=x; api.sticky=y', undefined]
    ] as const) {
      const request = httpRequest(url + path, { headers: { cookie: sent } })
      request.end()
      const [response] = await once(request, 'response')
      response.resume()
      t.equal(target.seen.at(-1)!.headers.cookie, seen, sent)
    }
  }
})

// ---- what clients see -----------------------------------------------------------------------------------------------------

t.test('the cookie is Secure where the client came by https, as a trusted proxy says', async t => {
  for (const [trustProxy, proto, secure] of [[true, 'https', true], [true, 'http', false], [false, 'https', false]] as const) {
    const { url } = await startShop(t, {}, {}, { server: { trustProxy } })
    const { setCookie } = await new Browser(url).get('/', { 'x-forwarded-proto': proto })
    matchLines(t, setCookie, [secure ? /; Secure(;|$)/ : /^((?!Secure).)*$/])
  }
})

t.test('the attributes are those that are given', async t => {
  const { url } = await startShop(t, {
    name: '__Secure-gw', domain: 'shop.example', path: '/shop', maxAge: 3_600, sameSite: 'none', secure: true, httpOnly: false, partitioned: true, priority: 'high'
  })
  const { setCookie } = await new Browser(url).get()
  t.match(setCookie[0], /^__Secure-gw=[\w-]{22}; /)
  t.strictSame(setCookie[0]!.split('; ').slice(1).sort(), [
    'Domain=shop.example', 'Max-Age=3600', 'Partitioned', 'Path=/shop', 'Priority=High', 'SameSite=None', 'Secure'
  ])
})

t.test('a response with a new cookie is kept from shared caches; one without is passed on as it is', async t => {
  const { url, app } = await startShop(t)
  const cached = await startTarget(t, 'cached', (seen, _request, response) => {
    const cacheControl = new URL(seen.url, 'http://shop').searchParams.get('say')!
    if (cacheControl !== '') response.setHeader('cache-control', cacheControl)
    response.end('x')
  })
  app.upstreams.get('shop')!.replace([{ id: 'cached', url: cached.url }])
  for (const [said, heard] of [
    ['', 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['max-age=60', 'private, max-age=60'],
    ['private, max-age=60', 'private, max-age=60'],
    ['no-store', 'no-store']
  ] as const) {
    const browser = new Browser(url)
    const path = `/?say=${encodeURIComponent(said)}`
    t.equal((await browser.get(path)).headers.get('cache-control'), heard)
    t.equal((await browser.get(path)).headers.get('cache-control'), said === '' ? null : said)
  }
})

t.test('cookies of the target and of other plugins all stay', async t => {
  const { url, app } = await startShop(t, {}, {}, {
    before: async app => {
      await app.register(fastifyCookie)
      app.addHook('onRequest', async (_request, reply) => { reply.setCookie('plugin', '1') })
    }
  })
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    response.setHeader('set-cookie', ['x=1; Path=/', 'y=2', 'x=3'])
    response.end()
  })
  app.upstreams.get('shop')!.replace([{ id: 'a', url: target.url }])
  const { setCookie } = await new Browser(url).get()
  t.strictSame(setCookie.map(cookie => cookie.split('=')[0]).sort(), ['lb_shop', 'plugin', 'x', 'x', 'y'])
  t.ok(setCookie.includes('x=1; Path=/') && setCookie.includes('x=3'))
})

t.test('an error that the gateway makes has no cookie', async t => {
  const { url, app } = await startShop(t)
  const shop = app.upstreams.get('shop')!
  shop.replace([])
  const none = await new Browser(url).get()
  t.strictSame([none.status, none.setCookie, none.headers.get('cache-control')], [503, [], null])
  shop.replace([await refusedUrl()])
  const refused = await new Browser(url).get()
  t.strictSame([refused.status, refused.setCookie, refused.headers.get('cache-control')], [502, [], null])
})

t.test('a target cannot set a cookie of the name that the gateway uses', async t => {
  const lines: string[] = []
  const target = await startTarget(t, 'a', ({ url }, _request, response) => {
    response.setHeader('set-cookie', url === '/one' ? 'lb_shop=forged' : url === '/none' ? 'lb_shopping=own' : ['own=1; Path=/', ' lb_shop = forged; Path=/', 'lb_shop=', '=lb_shop=nameless', 'flag'])
    response.end()
  })
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], affinity: { cookie: { secret: SECRET } } }, plain: { targets: [target.url] } },
    routes: { '/': 'shop', '/plain': 'plain' }
  }, { server: { logger: { level: 'warn', stream: { write: line => { lines.push((JSON.parse(line) as { msg: string }).msg) } } } } })
  const cookies = async (path: string): Promise<string[]> => (await fetch(url + path)).headers.getSetCookie()
  const [first, ...rest] = await cookies('/x')
  t.strictSame([first, rest[0]], ['own=1; Path=/', 'flag'])
  t.match(rest[1], /^lb_shop=[\w-]{22}; /)
  t.match(await cookies('/one'), [/^lb_shop=[\w-]{22}; /])
  t.match(await cookies('/none'), ['lb_shopping=own', /^lb_shop=[\w-]{22}; /])
  t.strictSame(await cookies('/plain'), ['own=1; Path=/', 'flag'], 'nor in the responses of another upstream')
  t.strictSame(lines, Array(2).fill('a target sets a cookie with the name of an affinity cookie: it is dropped'), 'the operator is told once for each upstream')
})
