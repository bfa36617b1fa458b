/** The admin API as whoever uses it sees it: over real sockets, with good and with bad intentions. */
import t from 'tap'
import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { networkInterfaces } from 'node:os'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { AdminOptions, Authorize, LoadBalancerOptions } from '../../lib/index.js'
import { schemas } from '../../lib/operations/admin/schemas.js'
import { rawClient } from '../helpers/raw-client.js'
import { refusedUrl, startGateway, startTarget, type Ending, type Gateway } from '../helpers/servers.js'
import { deferred, until } from '../helpers/wait.js'
import { ROOT } from '../helpers/root.js'

interface Answer { status: number, headers: IncomingHttpHeaders, body: string, json: <T = Record<string, unknown>>() => T }

interface Asking { method?: string, headers?: Record<string, string>, body?: unknown }

/** As any client may ask: nothing is added, normalised or left out. A body that is not text is sent as JSON. */
async function ask (url: string, path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const length = text === undefined ? {} : { 'content-length': String(Buffer.byteLength(text)) }
  const request = httpRequest({ host: hostname, port, path, method, headers: { ...length, ...headers }, agent: false })
  const responded = once(request, 'response')
  // Who is answered before all is sent may find the connection closed while sending.
  request.on('error', () => {})
  request.end(text)
  const [response] = await responded
  let answer = ''
  for await (const chunk of response) answer += String(chunk)
  return { status: response.statusCode, headers: response.headers, body: answer, json: () => JSON.parse(answer) }
}

const JSON_TYPE = { 'content-type': 'application/json' }

async function write (url: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return await ask(url, path, { method, headers: { ...JSON_TYPE, ...headers }, body })
}

const BIRCH = '/lb/upstreams/shop/target?id=birch'

interface Started extends Gateway { lines: Array<Record<string, unknown>> }

/** A gateway with two targets, and its log. */
async function start (t: Ending, admin: AdminOptions = { authorize: 'loopback' }, more: LoadBalancerOptions = {}, before?: (app: Gateway['app']) => unknown): Promise<Started> {
  const lines: Array<Record<string, unknown>> = []
  const [ash, birch] = [await startTarget(t, 'ash'), await startTarget(t, 'birch')]
  const gateway = await startGateway(t, {
    admin,
    upstreams: { shop: { targets: [{ id: 'ash', url: ash.url }, { id: 'birch', url: birch.url, weight: 2, tags: { zone: 'north' } }], policy: 'round-robin' } },
    routes: { '/': 'shop' },
    ...more
  }, {
    server: { logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Record<string, unknown>) } } } },
    ...(before !== undefined && { before })
  })
  return { ...gateway, lines }
}

// ---- registering it ---------------------------------------------------------------------------------------------------------

t.test('it is off by default', async t => {
  const { url } = await start(t, undefined, { admin: false })
  t.equal((await ask(url, '/lb/upstreams')).headers['x-target'] !== undefined, true, 'whatever is asked for goes to the targets')
})

t.test('who may use it must be said', async t => {
  const refused = async (admin: object, message: RegExp): Promise<void> => {
    await t.rejects(startGateway(t, { admin: admin as AdminOptions }), { code: 'FST_LB_INVALID_OPTIONS', message } as never)
  }
  await refused({}, /^admin\.authorize: expected a function that says who may, or 'loopback' for whoever is on this machine, got nothing$/)
  await refused({ authorize: 'anybody' }, /^admin\.authorize: expected a function/)
  await refused({ authorize: true, prefix: 'lb', open: 1 }, /^admin\.open: unknown option; known are prefix, authorize\nadmin\.prefix: expected a path, as '\/lb' or '\/internal\/lb', got "lb" \(string\)\nadmin\.authorize: /)
  for (const prefix of ['/', '/lb/', '/:any', '/*', '//', '/a?b', 7]) await refused({ authorize: 'loopback', prefix }, /^admin\.prefix: /)
  await refused('yes' as never, /^admin: expected an object/)
})

t.test('it is where it was put, and what is not there is not passed on to targets', async t => {
  const { url } = await start(t, { prefix: '/internal/lb', authorize: 'loopback' })
  t.equal((await ask(url, '/internal/lb/upstreams')).status, 200)
  t.equal((await ask(url, '/lb/upstreams')).status, 200, 'this is the shop')
  t.equal((await ask(url, '/lb/upstreams')).headers['x-target'] !== undefined, true)
  for (const path of ['/internal/lb/nothing', '/internal/lb/upstreams/shop/nothing', '/internal/lb/upstreams/']) {
    const { status, headers, json } = await ask(url, path)
    t.match([status, headers['x-target'], json()], [404, undefined, { statusCode: 404, code: 'FST_LB_ADMIN_NOT_FOUND', error: 'Not Found' }], path)
  }
  t.equal((await write(url, 'DELETE', '/internal/lb/')).status, 404)
  t.equal((await write(url, 'PUT', '/internal/lb/upstreams')).status, 404)
})

// ---- looking ----------------------------------------------------------------------------------------------------------------

t.test('upstreams and targets are shown as they are', async t => {
  const { url } = await start(t)
  for (let i = 0; i < 6; i++) t.equal((await ask(url, '/')).status, 200)
  const list = (await ask(url, '/lb/upstreams')).json<{ timeBounds: number[], upstreams: Array<{ name: string }> }>()
  t.strictSame(list.upstreams.map(({ name }) => name), ['shop'])
  t.equal(list.timeBounds[0], 1)
  const shop = (await ask(url, '/lb/upstreams/shop')).json()
  t.match(shop, { name: 'shop', policy: 'round-robin', panic: false, queued: 0, results: { '2xx': 6 }, retries: 0, duration: { count: 6 } })
  const birch = (await ask(url, BIRCH)).json()
  t.match(birch, {
    id: 'birch',
    weight: 2,
    tags: { zone: 'north' },
    state: 'ready',
    health: 'unchecked',
    standing: 'in',
    ejectedUntil: null,
    ejectionReason: null,
    available: true,
    inFlight: 0,
    requests: 4,
    failures: 0,
    outcomes: { success: 4 },
    maxRequests: null,
    connections: 1,
    lastFailure: null,
    firstByte: { count: 4 },
    lastProbe: null
  })
  t.strictSame((shop.targets as unknown[])[1], birch)
  const { headers } = await ask(url, '/lb/upstreams')
  t.match(headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' })
  t.match((await ask(url, '/lb/access')).json(), { name: null, write: true, process: { pid: process.pid } })
  t.equal((await ask(url, '/lb/upstreams', { method: 'HEAD' })).status, 200)
})

t.test('what is wrong with a target is told in words', async t => {
  const { url, app } = await startGateway(t, {
    admin: { authorize: 'loopback' },
    upstreams: {
      shop: { targets: [{ id: 'dead', url: await refusedUrl() }, { id: 'good', url: (await startTarget(t, 'good')).url }], policy: 'first' },
      probed: { targets: [{ id: 'dead', url: await refusedUrl() }], health: { active: {} }, limits: { maxRequests: 3 }, retry: false }
    },
    routes: { '/': 'shop' }
  })
  await app.ready()
  for (let i = 0; i < 5; i++) await ask(url, '/')
  const dead = (await ask(url, '/lb/upstreams/shop/target?id=dead')).json()
  t.match(dead, { standing: 'out', ejectionReason: '5 × connection refused', ejectedUntil: Number, ejections: 1, lastFailure: 'connection refused', available: false })
  const probed = (await ask(url, '/lb/upstreams/probed/target?id=dead')).json()
  t.match(probed, { health: 'unhealthy', maxRequests: 3, lastProbe: { passed: false, reason: 'connection refused', at: Number, durationMs: Number } })
})

t.test('what is not there is said to be not there', async t => {
  const { url } = await start(t)
  t.match((await ask(url, '/lb/upstreams/shpo')).json(), { statusCode: 404, message: 'no upstream "shpo"; there are shop' })
  t.match((await ask(url, '/lb/upstreams/shop/target?id=nobody')).json(), { statusCode: 404, message: 'no target "nobody" in shop' })
  t.match((await write(url, 'PATCH', '/lb/upstreams/shpo/target?id=ash', {})).status, 404)
  await write(url, 'DELETE', '/lb/upstreams/shop')
  t.match((await ask(url, '/lb/upstreams/shop')).json(), { message: 'no upstream "shop"; there are none' })
})

// ---- changing ---------------------------------------------------------------------------------------------------------------

t.test('a target is drained, weighed and put back; the log says who did it', async t => {
  const { url, app, lines } = await start(t, { authorize: () => 'olga' })
  const shop = app.upstreams.get('shop')!
  const drained = await write(url, 'PATCH', BIRCH, { state: 'drain' })
  t.match([drained.status, drained.json()], [200, { id: 'birch', state: 'drain', weight: 2 }])
  t.equal(shop.targets.get('birch')!.state, 'drain')
  await write(url, 'PATCH', BIRCH, { weight: 7, tier: 1, tags: { zone: 'south' } })
  t.match(shop.targets.get('birch'), { state: 'drain', weight: 7, tier: 1, tags: { zone: 'south' } })
  await write(url, 'PATCH', BIRCH, { state: 'maintenance', drainMs: 0 })
  await write(url, 'PATCH', BIRCH, { state: 'ready' })
  t.match(shop.snapshot().targets[1], { state: 'ready', weight: 7 })
  const said = lines.filter(({ by }) => by !== undefined)
  t.match(said[0], { by: 'olga', from: '127.0.0.1', upstream: 'shop', target: 'birch', change: { state: 'drain' }, msg: 'admin: a target was changed', reqId: String })
  t.equal(said.length, 4)
})

t.test('targets come, go and are replaced', async t => {
  const { url, app, lines } = await start(t)
  const shop = app.upstreams.get('shop')!
  const cedar = await startTarget(t, 'cedar')
  const added = await write(url, 'POST', '/lb/upstreams/shop/targets', { id: 'cedar', url: cedar.url, weight: 3, tls: { key: 'a secret' } })
  t.match([added.status, added.json()], [201, { id: 'cedar', weight: 3, state: 'ready' }])
  t.ok(shop.targets.has('cedar'))
  const removed = await write(url, 'DELETE', '/lb/upstreams/shop/target?id=cedar&drainMs=0')
  t.strictSame([removed.status, removed.json()], [202, { removed: 'cedar', inFlight: 0, drainMs: 0 }])
  t.notOk(shop.targets.has('cedar'))
  t.strictSame((await write(url, 'DELETE', BIRCH)).json(), { removed: 'birch', inFlight: 0, drainMs: 30_000 })
  const replaced = await write(url, 'PUT', '/lb/upstreams/shop/targets', ['http://127.0.0.1:1', { id: 'ash', url: shop.targets.get('ash')!.url, weight: 9 }])
  t.match([replaced.status, replaced.json()], [200, { targets: [{ id: 'http://127.0.0.1:1' }, { id: 'ash', weight: 9 }] }])
  const id = encodeURIComponent('http://127.0.0.1:1')
  t.equal((await write(url, 'PATCH', `/lb/upstreams/shop/target?id=${id}`, { weight: 4 })).json().weight, 4)
  t.match(lines.filter(({ msg }) => String(msg).startsWith('admin:')).map(({ msg }) => msg), [
    'admin: a target was added', 'admin: a target was taken out', 'admin: a target was taken out', 'admin: the targets were replaced', 'admin: a target was changed'
  ])
  t.notMatch(JSON.stringify(lines), /a secret/)
})

t.test('a target that is taken out may end what it has begun', async t => {
  const held = deferred()
  const slow = await startTarget(t, 'slow', async (_seen, _request, response) => {
    await held.promise
    response.end('whole')
  })
  const { url } = await startGateway(t, { admin: { authorize: 'loopback' }, upstreams: { shop: { targets: [{ id: 'slow', url: slow.url }] } }, routes: { '/': 'shop' } })
  const answer = ask(url, '/')
  await until(() => slow.seen.length === 1, 'it is at the target')
  t.strictSame((await write(url, 'DELETE', '/lb/upstreams/shop/target?id=slow')).json(), { removed: 'slow', inFlight: 1, drainMs: 30_000 })
  held.resolve()
  t.equal((await answer).body, 'whole')
})

t.test('upstreams come and go', async t => {
  const { url, app, lines } = await start(t)
  const added = await write(url, 'POST', '/lb/upstreams', { name: 'new', targets: ['http://127.0.0.1:1'], affinity: { cookie: { secret: 'sixteen or more characters' } } })
  t.match([added.status, added.json()], [201, { name: 'new', targets: [{ id: 'http://127.0.0.1:1' }] }])
  t.ok(app.upstreams.has('new'))
  t.strictSame((await write(url, 'DELETE', '/lb/upstreams/new?drainMs=10')).json(), { removed: 'new', inFlight: 0, drainMs: 10 })
  t.notOk(app.upstreams.has('new'))
  t.match(lines.find(({ msg }) => msg === 'admin: an upstream was added'), { upstream: 'new', options: ['targets', 'affinity'] })
  t.notMatch(JSON.stringify(lines), /sixteen or more/)
})

// ---- bad input --------------------------------------------------------------------------------------------------------------

t.test('bad input is refused with every fault named, and changes nothing', async t => {
  const { url, app } = await start(t)
  const TARGETS = '/lb/upstreams/shop/targets'
  const before = JSON.stringify(app.upstreams.get('shop')!.snapshot())
  const cases: Array<[method: string, path: string, body: unknown, faults: Array<string | RegExp>]> = [
    ['PATCH', BIRCH, { weight: '2', state: 'drained', tier: -1, tags: { zone: 1 }, wieght: 3, drainMs: -1 }, [
      'wieght: unknown option; known are weight, state, tier, tags, drainMs',
      'weight: expected 0 to 256, got "2" (string)',
      "state: expected 'ready' or 'drain' or 'maintenance', got \"drained\" (string)",
      'tier: expected 0 to 100, got -1',
      'tags.zone: expected a string, got 1',
      /^drainMs: expected milliseconds/
    ]],
    ['PATCH', BIRCH, { weight: null }, ['weight: expected 0 to 256, got null']],
    ['PATCH', BIRCH, { weight: 1.5 }, ['weight: expected 0 to 256, got 1.5']],
    ['PATCH', BIRCH, [], ['options: expected an object, got an array']],
    ['PATCH', BIRCH, undefined, ['options: expected an object, got nothing']],
    ['PATCH', BIRCH, 'null', ['options: expected an object, got null']],
    ['PATCH', '/lb/upstreams/shop/target', {}, ['query.id: expected a string that is not empty, got nothing']],
    ['PATCH', '/lb/upstreams/shop/target?id=ash&id=birch', {}, ['query.id: expected a string that is not empty, got an array']],
    ['PATCH', `${BIRCH}&name=ash`, {}, ['query.name: unknown option; known are id']],
    ['POST', TARGETS, { id: 'ash', url: 'ftp://x', colour: 'red' }, ['target.colour: unknown option; known are url, id, address, weight, tier, tags, limits, tls', /^target\.url: expected a url/]],
    ['POST', TARGETS, { id: 'ash', url: 'http://127.0.0.1:1' }, ['target.id: expected an id that is not in use, got "ash" (string)']],
    ['POST', TARGETS, 'http://127.0.0.1:1', []],
    ['POST', TARGETS, '"http://127.0.0.1:1"', ['body: expected an object with the url of a target']],
    ['PUT', TARGETS, { 0: 'http://127.0.0.1:1' }, ['targets: expected an array of urls or targets, got an object']],
    ['PUT', TARGETS, ['http://127.0.0.1:1', 'http://127.0.0.1:1', { url: 'http://127.0.0.1:2', weight: 300 }], [
      'targets[1].id: expected an id of its own, got "http://127.0.0.1:1", which is the id of targets[0]', 'targets[2].weight: expected 0 to 256, got 300'
    ]],
    ['PUT', TARGETS, undefined, ['targets: expected an array of urls or targets, got nothing']],
    ['DELETE', '/lb/upstreams/shop/target', undefined, ['query.id: expected a string that is not empty, got nothing']],
    ['DELETE', `${BIRCH}&drainms=1`, undefined, ['query.drainms: unknown option; known are id, drainMs']],
    ['DELETE', `${BIRCH}&drainMs=soon`, undefined, [/^query\.drainMs: expected milliseconds, 0 to 2147483647, or text such as "5s" or "500ms", got "soon"/]],
    ['DELETE', `${BIRCH}&drainMs=99999999999`, undefined, [/^query\.drainMs: /]],
    ['DELETE', '/lb/upstreams/shop?drainMs=-1', undefined, [/^query\.drainMs: /]],
    ['POST', '/lb/upstreams', { name: 'shop', polcy: 'random', targets: 'x' }, [/^shop\.polcy: unknown option/, /^shop\.targets: expected an array/, 'shop: an upstream of this name is there already']],
    ['POST', '/lb/upstreams', { targets: [] }, ['name: expected a string that is not empty, got nothing']],
    ['POST', '/lb/upstreams', { name: 'a/b' }, [/expected a name of letters, digits/]],
    ['POST', '/lb/upstreams', [], ['body: expected an object with a name and the options of an upstream']],
    ['PATCH', BIRCH, '{"weight": 1', []],
    ['PATCH', BIRCH, '{"__proto__": {"weight": 1}}', []],
    ['PATCH', BIRCH, '{"tags": {"constructor": {"prototype": {"x": 1}}}}', []]
  ]
  for (const [method, path, body, faults] of cases) {
    const { status, json } = await write(url, method, path, body)
    const answer = json<{ statusCode: number, code: string, message: string, faults?: string[] }>()
    t.equal(status, 400, `${method} ${path} ${JSON.stringify(body)}`)
    if (faults.length > 0) {
      t.match(answer, { statusCode: 400, code: 'FST_LB_INVALID_OPTIONS', faults })
      t.equal(answer.faults!.length, faults.length)
      t.equal(answer.message, answer.faults!.join('\n'))
    }
  }
  t.equal(JSON.stringify(app.upstreams.get('shop')!.snapshot()), before)
})

t.test('bodies are bounded, whether their length is told or not', async t => {
  const { url, app } = await start(t)
  t.equal((await write(url, 'PATCH', BIRCH, { tags: { zone: 'x'.repeat(70_000) } })).status, 413)
  t.equal((await write(url, 'POST', '/lb/upstreams/shop/targets', { url: `http://127.0.0.1:1/${'x'.repeat(70_000)}` })).status, 413)
  t.equal((await write(url, 'DELETE', BIRCH, 'x'.repeat(70_000))).status, 413)
  const many = Array.from({ length: 1_000 }, (_, i) => ({ id: `node-${i}`, url: `http://127.0.0.1:${1 + i}`, tags: { zone: 'x'.repeat(100) } }))
  t.equal((await write(url, 'PUT', '/lb/upstreams/shop/targets', [...many, 'x'.repeat(5_000_000)])).status, 413)
  t.equal(app.upstreams.get('shop')!.targets.size, 2)
  t.equal((await write(url, 'PUT', '/lb/upstreams/shop/targets', many)).status, 200, 'a thousand targets are not too many')

  const client = rawClient(t, url)
  client.send(`PATCH ${BIRCH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`)
  for (let i = 0; i < 20; i++) client.send(`10000\r\n${' '.repeat(65_536)}\r\n`)
  t.match(await client.expect(/\r\n/), /^HTTP\/1\.1 413 /)
})

t.test('names are whatever they are, everywhere', async t => {
  const { url, app, lines } = await start(t)
  const names = ['<img src=x onerror=alert(1)>', '../..', '..', 'a b&id=ash#?%', '"}\n\nevent: snapshot\ndata: {}\n\n', '__proto__', 'a\r\nset-cookie: x=1', '\u202eevil', '\u2028', 'x'.repeat(5_000)]
  for (const [i, id] of names.entries()) {
    const added = await write(url, 'POST', '/lb/upstreams/shop/targets', { id, url: `http://127.0.0.1:${1 + i}` })
    t.match([added.status, added.json()], [201, { id }])
    t.match(added.headers, { 'set-cookie': undefined, 'content-type': /^application\/json/ })
    const path = `/lb/upstreams/shop/target?${new URLSearchParams({ id })}`
    t.match((await ask(url, path)).json(), { id })
    t.match((await write(url, 'PATCH', path, { state: 'drain' })).json(), { id, state: 'drain' })
    t.equal((await write(url, 'DELETE', path)).status, 202)
  }
  t.strictSame([...app.upstreams.get('shop')!.targets.keys()], ['ash', 'birch'], 'each time that one, and no other')
  t.strictSame(lines.filter(({ msg }) => msg === 'admin: a target was taken out').map(({ target }) => target), names)
})

// ---- who may ----------------------------------------------------------------------------------------------------------------

/** As a browser with somebody's credentials: `olga` may write, `rita` may look. */
const byHeader: AdminOptions = {
  authorize: (request, { write }) => {
    const name = request.headers['x-user']
    return (name === 'olga' || (name === 'rita' && !write)) && name
  }
}

t.test('without credentials there is nothing', async t => {
  const { url, app, lines } = await start(t, byHeader)
  for (const [method, path, body] of [
    ['GET', '/lb/'], ['GET', '/lb'], ['GET', '/lb/main.js'], ['GET', '/lb/access'], ['GET', '/lb/upstreams'], ['GET', '/lb/upstreams/shop'], ['GET', BIRCH], ['GET', '/lb/events'], ['GET', '/lb/nothing'],
    ['POST', '/lb/upstreams', { name: 'x' }], ['DELETE', '/lb/upstreams/shop'], ['POST', '/lb/upstreams/shop/targets', { url: 'http://127.0.0.1:1' }],
    ['PUT', '/lb/upstreams/shop/targets', []], ['PATCH', BIRCH, { weight: 0 }], ['DELETE', BIRCH], ['OPTIONS', '/lb/upstreams'], ['POST', '/lb/nothing']
  ] as Array<[string, string, unknown]>) {
    const { status, json } = await write(url, method, path, body)
    t.match([status, json()], [403, { code: 'FST_LB_ADMIN_FORBIDDEN' }], `${method} ${path}`)
  }
  t.strictSame([...app.upstreams.get('shop')!.targets.keys()], ['ash', 'birch'])
  t.match(lines.find(({ msg }) => msg === 'admin: a change was refused'), { level: 40, by: null, from: '127.0.0.1' })
})

t.test('who may only look can do no more than that, and is told so', async t => {
  const { url, app } = await start(t, byHeader)
  const as = (name: string): Record<string, string> => ({ 'x-user': name })
  t.equal((await ask(url, '/lb/upstreams', { headers: as('rita') })).status, 200)
  t.match((await ask(url, '/lb/access', { headers: as('rita') })).json(), { name: 'rita', write: false })
  t.match((await ask(url, '/lb/access', { headers: as('olga') })).json(), { name: 'olga', write: true })
  t.match((await write(url, 'PATCH', BIRCH, { weight: 0 }, as('rita'))).json(), { statusCode: 403, message: 'Forbidden: you may not change anything' })
  t.equal((await write(url, 'DELETE', BIRCH, undefined, as('rita'))).status, 403)
  t.equal(app.upstreams.get('shop')!.targets.get('birch')!.weight, 2)
  t.equal((await write(url, 'PATCH', BIRCH, { weight: 0 }, as('olga'))).status, 200)
})

t.test('hooks of the user fit: errors of their own, answers of their own, nothing is permission', async t => {
  const asked: boolean[] = []
  const permissions: Array<(request: FastifyRequest, reply: FastifyReply) => unknown> = [
    () => { throw Object.assign(new Error('who are you?'), { statusCode: 401, headers: { 'www-authenticate': 'Basic realm="lb"' } }) },
    async (_request, reply) => await reply.redirect('/login'),
    () => undefined,
    async () => '',
    () => ({ name: 'olga' }),
    () => { throw new Error('the database is down at 10.0.0.1') },
    () => { throw Object.assign(new Error('odd'), { statusCode: 200 }) }
  ]
  const { url, lines } = await start(t, {
    authorize: (request, { write, reply }) => {
      asked.push(write)
      return permissions[Number(request.headers['x-case'])]!(request, reply) as boolean
    }
  })
  const answers = await Promise.all(permissions.map(async (_, i) => await ask(url, '/lb/upstreams', { headers: { 'x-case': String(i) } })))
  t.strictSame(answers.map(({ status }) => status), [401, 302, 403, 403, 403, 500, 500])
  t.match(answers[0], { headers: { 'www-authenticate': 'Basic realm="lb"' } })
  t.match(answers[0]!.json(), { message: 'who are you?' })
  t.equal(answers[1]!.headers.location, '/login')
  t.match(answers[5]!.json(), { message: 'Internal Server Error' })
  t.match(lines.find(({ msg }) => msg === 'admin: a request has failed'), { err: { message: 'the database is down at 10.0.0.1' } })
  t.ok(asked.every(write => !write))
})

t.test('the recipe for a user and a password, as the guide has it', async t => {
  const guide = readFileSync(`${ROOT}docs/admin.md`, 'utf8')
  const recipe = /```js\n(const users = [^]*?)```/.exec(guide)![1]!
  // eslint-disable-next-line no-new-func
  const authorize = new Function('process', 'createHash', 'timingSafeEqual', `${recipe}; return authorize`)({ env: { OLGA: 'p:w', RITA: 'secret' } }, createHash, timingSafeEqual) as Authorize
  const { url } = await start(t, { authorize })
  const as = (user: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(user).toString('base64')}` })
  const none = await ask(url, '/lb/upstreams')
  t.match([none.status, none.headers['www-authenticate']], [401, 'Basic realm="load balancer"'])
  for (const user of ['olga', 'olga:', 'olga:pw', 'nobody:p:w', ':', 'rita:p:w', '__proto__:x']) t.equal((await ask(url, '/lb/upstreams', { headers: as(user) })).status, 401, user)
  t.match((await ask(url, '/lb/access', { headers: as('olga:p:w') })).json(), { name: 'olga', write: true })
  t.match((await ask(url, '/lb/access', { headers: as('rita:secret') })).json(), { name: 'rita', write: false })
  t.equal((await write(url, 'PATCH', BIRCH, { weight: 1 }, as('rita:secret'))).status, 403)
  t.equal((await write(url, 'PATCH', BIRCH, { weight: 1 }, as('olga:p:w'))).status, 200)
})

t.test('whoever answers or fails when asked about changes may make none', async t => {
  const { url } = await start(t, {
    authorize: async (request, { write, reply }) => {
      if (!write) return true
      if (request.headers['x-case'] === 'redirect') await reply.redirect('/login')
      if (request.headers['x-case'] === 'status') reply.code(401)
      throw new Error('no')
    }
  })
  for (const how of ['', 'status']) {
    const { status, json } = await ask(url, '/lb/access', { headers: { 'x-case': how } })
    t.match([status, json()], [200, { write: false }], how)
  }
  t.equal((await ask(url, '/lb/access', { headers: { 'x-case': 'redirect' } })).status, 302)
})

t.test("'loopback' is this machine, asking for a loopback name, and nobody in between", async t => {
  const { url, app } = await start(t)
  const { port } = new URL(url)
  const statusFor = async (headers: Record<string, string>): Promise<number> => (await ask(url, '/lb/upstreams', { headers })).status
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost', 'LOCALHOST', `127.1.2.3:${port}`, `[::1]:${port}`]) t.equal(await statusFor({ host }), 200, host)
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example', 'evil.example:127.0.0.1', '10.0.0.1', 'localhost:80:80']) {
    t.equal(await statusFor({ host }), 403, host)
  }
  for (const name of ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via']) t.equal(await statusFor({ [name]: '127.0.0.1' }), 403, name)
  const nameless = rawClient(t, url)
  nameless.send('GET /lb/upstreams HTTP/1.0\r\n\r\n')
  t.match(await nameless.expect(/\r\n\r\n/), /^HTTP\/1\.1 403 /)
  const away = await app.inject({ url: '/lb/upstreams', remoteAddress: '10.0.0.7' })
  t.match([away.statusCode, away.json()], [403, { message: 'Forbidden: only this machine may' }])
  t.equal((await app.inject({ url: '/lb/upstreams', remoteAddress: '::ffff:127.0.0.1' })).statusCode, 200)
  t.equal((await app.inject({ url: '/lb/upstreams', remoteAddress: '127.0.0.1.evil' })).statusCode, 403)
})

t.test("'loopback' is not whoever has an address of this machine", async t => {
  const address = Object.values(networkInterfaces()).flat().find(address => address?.family === 'IPv4' && !address.internal)?.address
  if (address === undefined) return
  const { app } = await startGateway(t, { admin: { authorize: 'loopback' } })
  await app.close()
  const outside = Fastify({ forceCloseConnections: true })
  const { default: loadBalancer } = await import('../../lib/index.js')
  await outside.register(loadBalancer, { admin: { authorize: 'loopback' } })
  t.teardown(() => outside.close())
  const url = await outside.listen({ port: 0, host: address })
  t.equal((await ask(url, '/lb/upstreams', { headers: { host: 'localhost' } })).status, 403)
})

t.test('no foreign page can use what a browser knows of its user', async t => {
  const { url, app } = await start(t, { authorize: () => true })
  const { host } = new URL(url)
  const patch = async (headers: Record<string, string>): Promise<number> => (await write(url, 'PATCH', BIRCH, { weight: 3 }, headers)).status
  for (const headers of [{}, { origin: `http://${host}` }, { origin: `https://${host}` }, { 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }]) {
    t.equal(await patch(headers as Record<string, string>), 200, JSON.stringify(headers))
  }
  await write(url, 'PATCH', BIRCH, { weight: 2 })
  for (const headers of [
    { origin: 'https://evil.example' }, { origin: 'null' }, { origin: '' }, { origin: `http://${host}.evil.example` }, { origin: 'http://127.0.0.1' }, { origin: `http://evil.example@${host.replace('127', '128')}` },
    { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'odd' }, { origin: `http://${host}`, 'sec-fetch-site': 'cross-site' }
  ]) t.equal(await patch(headers as Record<string, string>), 403, JSON.stringify(headers))
  t.equal(await patch({ origin: `http://${host}`, host: 'not a host' }), 403)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'text/plain; application/json']) {
    const { status, json } = await write(url, 'PATCH', BIRCH, { weight: 3 }, { 'content-type': type })
    t.match([status, json()], [415, { code: 'FST_LB_ADMIN_MEDIA_TYPE', message: 'A change needs the header content-type: application/json' }], type)
  }
  t.equal((await ask(url, BIRCH, { method: 'DELETE' })).status, 415)
  t.equal((await write(url, 'PATCH', BIRCH, { weight: 2 }, { 'content-type': 'Application/JSON; charset=utf-8' })).status, 200)
  t.equal(app.upstreams.get('shop')!.targets.get('birch')!.weight, 2)
  t.equal((await ask(url, '/lb/upstreams', { headers: { origin: 'https://evil.example' } })).status, 403, 'not to look either, whatever CORS has been told')
  t.equal((await ask(url, '/lb/', { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } })).status, 200, 'a link may lead here')
  for (const path of ['/lb/events', '/lb/upstreams', '/lb/main.js']) {
    t.equal((await ask(url, path, { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } })).status, 403, `${path} as a picture of another page`)
  }
})

t.test('behind a trusted proxy, the origin is what the client asked for', async t => {
  const { app } = await startGateway(t, { admin: { authorize: () => true }, upstreams: { shop: { targets: ['http://127.0.0.1:1'] } } }, { server: { trustProxy: true } })
  const patch = async (origin: string): Promise<number> => (await app.inject({
    method: 'PATCH',
    url: '/lb/upstreams/shop/target?id=http%3A%2F%2F127.0.0.1%3A1',
    headers: { ...JSON_TYPE, origin, 'x-forwarded-host': 'lb.example', 'x-forwarded-proto': 'https' },
    payload: { weight: 2 }
  })).statusCode
  t.equal(await patch('https://lb.example'), 200)
  t.equal(await patch('https://evil.example'), 403)
})

// ---- beside what the user has --------------------------------------------------------------------------------------------------

t.test('parsers, validators, serializers and error handlers of the user change nothing here', async t => {
  const { url } = await start(t, { authorize: 'loopback' }, {}, app => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, _payload, done) => { done(null, 'nothing') })
    app.setValidatorCompiler(() => () => { throw new Error('not for you') })
    app.setSerializerCompiler(() => () => 'nothing')
    app.setErrorHandler((_error, _request, reply) => { void reply.code(418).send('tea') })
    app.addHook('onRequest', async (_request, reply) => { reply.header('content-security-policy', "default-src 'unsafe-inline'") })
  })
  const { status, headers, json } = await write(url, 'PATCH', BIRCH, { weight: 3 })
  t.match([status, json()], [200, { weight: 3 }])
  t.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
  t.equal((await write(url, 'PATCH', BIRCH, { weight: -1 })).status, 400)
})

t.test('every route says what it takes and what it gives, and gives that', async t => {
  const routes: Array<{ method: string | string[], url: string, schema: Record<string, unknown> | undefined }> = []
  const { url } = await start(t, undefined, {}, app => {
    app.addHook('onRoute', ({ method, url, schema }) => { routes.push({ method, url, schema: schema as Record<string, unknown> | undefined }) })
  })
  const api = routes.filter(({ url, schema }) => url.startsWith('/lb') && schema?.hide !== true)
  t.ok(api.length >= 11)
  for (const { method, url, schema } of api) t.match(schema, { summary: String, tags: ['load balancer'], response: Object }, `${String(method)} ${url}`)

  const validating = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } } })
  let faultsIn!: (schema: object, value: unknown) => unknown
  validating.get('/', async request => {
    faultsIn = (schema, value) => {
      const validate = request.compileValidationSchema(schema as never)
      return validate(value) === true ? null : validate.errors
    }
  })
  await validating.inject('/')
  await write(url, 'PATCH', BIRCH, { state: 'drain' })
  const answers: Array<[keyof typeof schemas, string]> = [['access', '/lb/access'], ['list', '/lb/upstreams'], ['show', '/lb/upstreams/shop'], ['showTarget', BIRCH]]
  const responseOf = (name: keyof typeof schemas, status: number): object => (schemas[name].schema.response as Record<string, object>)[status]!
  for (const [name, path] of answers) t.equal(faultsIn(responseOf(name, 200), (await ask(url, path)).json()), null, name)
  t.equal(faultsIn((schemas.show.schema.response as Record<string, object>)['4xx']!, (await ask(url, '/lb/upstreams/x')).json()), null)

  const bodies: Array<[keyof typeof schemas, string, string, unknown[]]> = [
    ['update', 'PATCH', BIRCH, [{}, { weight: 3 }, { weight: 257 }, { weight: '3' }, { state: 'maintenance' }, { state: 'out' }, { tier: 101 }, { tags: { a: 'b' } }, { tags: { a: 1 } }, { x: 1 }, [], null]],
    ['addTarget', 'POST', '/lb/upstreams/shop/targets', [{ url: 'http://127.0.0.1:9' }, {}, { url: 'http://127.0.0.1:10', limits: { maxRequests: 0 } }, { url: 'http://127.0.0.1:11', limits: { maxRequests: 1 } }, { url: 1 }]],
    ['replace', 'PUT', '/lb/upstreams/shop/targets', [['http://127.0.0.1:9'], [{ url: 'http://127.0.0.1:9', weight: 1 }], [1], {}, [{ weight: 1 }]]]
  ]
  for (const [name, method, path, values] of bodies) {
    for (const value of values) {
      const good = faultsIn(schemas[name].schema.body as object, value) === null
      const { status } = await write(url, method, path === BIRCH ? BIRCH : path, JSON.stringify(value))
      t.equal(status < 300, good, `${name} ${JSON.stringify(value)}`)
    }
  }
})
