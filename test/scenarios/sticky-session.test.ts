/** What a user sees of affinity by a session id of the application's own. */
import t from 'tap'
import type { AffinityOptions, UpstreamOptions } from '../../lib/index.js'
import { Browser } from '../helpers/browser.js'
import { FakeClock } from '../helpers/clock.js'
import { startGateway, startTarget, type Ending, type Gateway, type TestTarget } from '../helpers/servers.js'

interface App extends Gateway { targets: TestTarget[], clock: FakeClock }

/** An application of three servers, `a`, `b` and `c`, that begins a session at `/login`. New clients are turned over. */
async function startApp (t: Ending, affinity: AffinityOptions, options: Partial<UpstreamOptions> = {}): Promise<App> {
  let sessions = 0
  const targets = await Promise.all(['a', 'b', 'c'].map(name => startTarget(t, name, ({ url }, _request, response) => {
    if (url === '/login') response.setHeader('set-cookie', ['theme=dark', `sid=s${++sessions}; Path=/; HttpOnly`])
    if (url === '/token') response.setHeader('x-session', `t${++sessions}`)
    response.end()
  })))
  const clock = new FakeClock()
  const gateway = await startGateway(t, {
    upstreams: {
      app: {
        targets: targets.map(({ name, url }) => ({ id: name, url })),
        policy: 'round-robin',
        affinity,
        now: clock.now,
        timers: clock,
        ...options
      }
    },
    routes: { '/': 'app' }
  })
  return { ...gateway, targets, clock }
}

t.test('from the login on a client stays with the target that knows its session; the gateway sets no cookie', async t => {
  const { url } = await startApp(t, { session: { cookie: 'sid' } })
  const browser = new Browser(url)
  const login = await browser.get('/login')
  t.strictSame(login.setCookie, ['theme=dark', 'sid=s1; Path=/; HttpOnly'])
  t.equal(login.headers.get('cache-control'), null)
  t.strictSame(await browser.targets(), [login.target])
  t.equal((await new Browser(url).targets()).length, 3, 'who has no session is turned over')
})

t.test('targets see the cookie of the session', async t => {
  const { url, targets } = await startApp(t, { session: { cookie: 'sid' } })
  const browser = new Browser(url)
  const { target } = await browser.get('/login')
  await browser.get('/orders')
  t.equal(targets.find(({ name }) => name === target)!.seen.at(-1)!.headers.cookie, 'theme=dark; sid=s1')
})

t.test('a session that the gateway does not know belongs to the target that served it first', async t => {
  const { url } = await startApp(t, { session: { cookie: 'sid' } })
  const browser = new Browser(url)
  browser.jar.set('sid', 'from before the restart')
  t.equal((await browser.targets()).length, 1)
})

t.test('in a header', async t => {
  const { url } = await startApp(t, { session: { header: 'X-Session' } })
  const token = await fetch(`${url}/token`)
  const session = token.headers.get('x-session')!
  for (let i = 0; i < 6; i++) {
    const answer = await fetch(url, { headers: { 'x-session': session } })
    t.equal(answer.headers.get('x-target'), token.headers.get('x-target'))
  }
})

t.test('when its target dies a session moves once', async t => {
  const { url, targets } = await startApp(t, { session: { cookie: 'sid' } })
  const browser = new Browser(url)
  const { target } = await browser.get('/login')
  await targets.find(({ name }) => name === target)!.kill()
  const moved = await browser.get()
  t.equal(moved.status, 200)
  t.not(moved.target, target)
  t.strictSame(await browser.targets(), [moved.target])
})

t.test('a session stays with a target that drains', async t => {
  const { url, app } = await startApp(t, { session: { cookie: 'sid' } })
  const browser = new Browser(url)
  const { target } = await browser.get('/login')
  app.upstreams.get('app')!.update(target!, { state: 'drain' })
  t.strictSame(await browser.targets(), [target])
  t.notOk((await new Browser(url).targets()).includes(target))
})

t.test("with onUnavailable: 'fail' a session whose target is not available gets 503, and its target again when that is back", async t => {
  const { url, app } = await startApp(t, { session: { cookie: 'sid' }, onUnavailable: 'fail' })
  const browser = new Browser(url)
  const { target } = await browser.get('/login')
  app.upstreams.get('app')!.update(target!, { state: 'maintenance' })
  const lost = await browser.get()
  t.equal(lost.status, 503)
  t.equal(JSON.parse(lost.body).code, 'FST_LB_AFFINITY_LOST')
  app.upstreams.get('app')!.update(target!, { state: 'ready' })
  t.strictSame(await browser.targets(), [target])
})

t.test('a session is forgotten when nobody used it for the ttl', async t => {
  const { url, clock } = await startApp(t, { session: { cookie: 'sid' }, ttl: 60_000 })
  const browser = new Browser(url)
  const { target } = await browser.get('/login')
  const course = []
  for (const passed of [59_999, 59_999, 60_000]) {
    clock.advance(passed)
    course.push((await browser.get()).target)
  }
  t.strictSame(course.slice(0, 2), [target, target], 'each use counts')
  t.not(course[2], target, 'and then the turn of another target has come')
})

t.test('no more than max sessions are known; the one that was not used for longest is forgotten', async t => {
  const { url } = await startApp(t, { session: { cookie: 'sid' }, max: 2 })
  const browsers = [new Browser(url), new Browser(url), new Browser(url)]
  const homes = []
  for (const browser of browsers) homes.push((await browser.get('/login')).target)
  t.strictSame(new Set(homes).size, 3)
  t.equal((await browsers[2]!.get()).target, homes[2])
  t.equal((await browsers[1]!.get()).target, homes[1])
  t.equal((await browsers[0]!.targets()).length, 1, 'the first one begins anew')
  t.equal((await browsers[1]!.get()).target, homes[1])
})

t.test('a client that invents session ids does not push out a session that is in use', async t => {
  const { url } = await startApp(t, { session: { cookie: 'sid' }, max: 100 })
  const browser = new Browser(url)
  const login = await browser.get('/login')
  for (let i = 0; i < 300; i++) await (await fetch(url, { headers: { cookie: `sid=invented-${i}` } })).text()
  t.strictSame(await browser.targets(), [login.target])
})

t.test("learn: 'responses': only ids that a target has issued are learned, and those follow their client", async t => {
  const { app, url } = await startApp(t, { session: { header: 'x-session' }, learn: 'responses' })
  const ask = async (session: string, path = '/'): Promise<Response> => await fetch(url + path, { headers: { 'x-session': session } })
  const invented = new Set<string | null>()
  for (let i = 0; i < 6; i++) invented.add((await ask('invented')).headers.get('x-target'))
  t.equal(invented.size, 3, 'turned over')
  const begun = await ask('invented', '/token')
  const session = begun.headers.get('x-session')!
  const own = begun.headers.get('x-target')!
  for (let i = 0; i < 4; i++) t.equal((await ask(session)).headers.get('x-target'), own)
  app.upstreams.get('app')!.update(own, { state: 'maintenance' })
  const next = (await ask(session)).headers.get('x-target')
  t.not(next, own)
  for (let i = 0; i < 4; i++) t.equal((await ask(session)).headers.get('x-target'), next, 'where the client has moved to')
})
