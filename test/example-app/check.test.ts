/** `--check`, and the dashboard's password, as a user has them. */
import t from 'tap'
import { get, startApp, startConfigured } from './helper.js'
import { startTarget } from '../helpers/servers.js'

t.test('what is right is said in a line', async t => {
  const target = await startTarget(t, 'a')
  const dir = t.testdir({ 'gateway.yaml': `upstreams:\n  shop: { targets: ["${target.url}"], health: { active: {} } }\nroutes: { /: shop }\n` })
  const app = startApp(t, ['--check', `${dir}/gateway.yaml`])
  t.same(await app.exited, { code: 0, signal: null })
  t.equal(app.stdout(), `${dir}/gateway.yaml is right: 1 upstream, 1 route, http://127.0.0.1:3000, 1 worker\n`)
  t.equal(app.stderr(), '')
  t.equal(target.sockets.size + target.seen.length, 0, 'and nobody has noticed')
})

t.test('every fault is told with its path', async t => {
  const dir = t.testdir({ 'gateway.yaml': 'workers: 0\ntls: { cert: absent.pem }\nadmin: {}\nupstreams:\n  shop: { targets: [a], retry: { attempts: 0 } }\nroutes: { /: shop, shop: shop }\n' })
  const app = startApp(t, ['--check', `${dir}/gateway.yaml`])
  t.same(await app.exited, { code: 1, signal: null })
  const [first, ...faults] = app.stderr().trimEnd().split('\n')
  t.equal(first, `${dir}/gateway.yaml has 6 faults:`)
  t.same(faults.map(fault => fault.trim().split(': ')[0]), [
    'tls.key', 'workers', 'admin', 'upstreams.shop.targets[0]', 'upstreams.shop.retry.attempts', 'routes["shop"]'
  ])
  t.equal(app.stdout(), '')
})

t.test('what only Fastify finds', async t => {
  const dir = t.testdir({ 'gateway.yaml': 'upstreams: { shop: {} }\nroutes: { "/shop/:a": shop, "/shop/:b": shop }\n' })
  const app = startApp(t, ['--check', `${dir}/gateway.yaml`])
  t.same(await app.exited, { code: 1, signal: null })
  t.match(app.stderr(), /gateway\.yaml has a fault:\n {2}Method [^]* already declared/)
})

t.test('the dashboard has a password', async t => {
  const app = await startConfigured(t, { admin: { user: 'ops', password: 'correct horse battery' } })
  const ask = (credentials?: string): ReturnType<typeof get> =>
    get(`${app.url}/lb/`, { headers: credentials === undefined ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } })
  t.match(await ask(), { status: 401, headers: { 'www-authenticate': /^Basic realm=/ } })
  for (const wrong of ['ops:wrong', 'root:correct horse battery', 'ops:', '']) t.equal((await ask(wrong)).status, 401, wrong)
  t.match(await ask('ops:correct horse battery'), { status: 200, body: /<title>Load balancer/ })
})
