/** docs/admin.md as it is written. */
import t from 'tap'
import { startTarget } from '../helpers/targets.js'
import { startGateway } from './harness/gateway.js'
import { Guide } from './harness/guide.js'
import { readPage } from './harness/pages.js'

const guide = new Guide('docs/admin.md')

t.test('it is asked and changed with curl', async t => {
  const upstreams = { shop: { targets: [{ id: 'http://10.0.0.1:3000', url: 'http://127.0.0.1:1' }] } }
  const { url } = await guide.play(t, "authorize: 'loopback'", { given: { upstreams } })
  const places = { 'localhost:3000': url.slice('http://'.length) }
  t.match(JSON.parse(await guide.shell('curl localhost:3000/lb/upstreams/shop', places)), { name: 'shop', targets: [{ state: 'ready' }] })
  t.match(JSON.parse(await guide.shell('curl -X PATCH', places)), { state: 'drain' })
})

t.test('every field of an answer is on the page, or in the snapshots that it leads to', async t => {
  const target = await startTarget(t, 'a')
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [target.url], health: { active: {} }, affinity: { cookie: {} } } }, routes: { '/shop': 'shop' }, admin: { authorize: 'loopback' }
  })
  await (await fetch(`${url}/shop`)).text()
  const all = await (await fetch(`${url}/lb/upstreams`)).json() as { upstreams: [Record<string, any>] }
  const [shop] = all.upstreams
  const fields = [all, shop, shop.duration, shop.affinity, shop.targets[0], shop.targets[0].lastProbe].flatMap(part => Object.keys(part as object))
  t.ok(fields.length > 40)
  const code = [...(readPage('docs/admin.md').text + readPage('docs/types.md').text).matchAll(/`([^`\n]+)`/g)].map(([, text]) => text).join(' ')
  t.strictSame(fields.filter(name => !new RegExp(`\\b${name}\\b`).test(code)), [])
})

const status = async (url: string, headers: Record<string, string>, write = false): Promise<number> => {
  const options = write ? { method: 'PATCH', body: '{"weight":1}', headers: { 'content-type': 'application/json', ...headers } } : { headers }
  return (await fetch(`${url}/lb/upstreams/shop${write ? '/target?id=a' : ''}`, options)).status
}

const upstreams = { shop: { targets: [{ id: 'a', url: 'http://127.0.0.1:1' }] } }

t.test('with @fastify/basic-auth', async t => {
  const { default: basicAuth } = await import('@fastify/basic-auth')
  const { url } = await startGateway(t, { upstreams, admin: { authorize: async (request, access) => await authorize(request, access) } }, {
    before: async app => {
      await app.register(basicAuth, { validate: async (user, password) => { if (user !== 'olga' || password !== 'pw') throw new Error('no') }, authenticate: true })
      app.get('/ready', async () => 'yes')
      const { module } = await guide.play(t, 'app.basicAuth', { given: { app }, listens: false, exports: ['authorize'] })
      authorize = module.authorize
    }
  })
  t.equal(await status(url, {}), 401)
  t.equal(await status(url, { authorization: `Basic ${btoa('olga:pw')}` }), 200)
})

let authorize: (...args: unknown[]) => Promise<any>

t.test('with @fastify/jwt: a role may write', async t => {
  const { default: jwt } = await import('@fastify/jwt')
  const { module } = await guide.play(t, 'jwtVerify', { listens: false, exports: ['authorize'] })
  const { url, app } = await startGateway(t, { upstreams, admin: { authorize: module.authorize } }, {
    before: async app => { await app.register(jwt, { secret: 'a secret of some length' }) }
  })
  const as = (role: string): Record<string, string> => ({ authorization: `Bearer ${app.jwt.sign({ sub: 'olga', role })}` })
  t.equal(await status(url, {}), 401)
  t.equal(await status(url, as('reader')), 200)
  t.equal(await status(url, as('reader'), true), 403)
  t.equal(await status(url, as('operator'), true), 200)
})

t.test('behind a proxy that signs people on', async t => {
  const { module } = await guide.play(t, 'x-auth-groups', { listens: false, exports: ['authorize'] })
  const { app } = await startGateway(t, { upstreams, admin: { authorize: module.authorize } })
  const ask = async (remoteAddress: string, headers: Record<string, string>, method: 'GET' | 'PATCH' = 'GET'): Promise<number> => (await app.inject({
    method,
    url: `/lb/upstreams/shop${method === 'PATCH' ? '/target?id=a' : ''}`,
    remoteAddress,
    headers: { ...headers, ...(method === 'PATCH' && { 'content-type': 'application/json' }) },
    ...(method === 'PATCH' && { payload: { weight: 1 } })
  })).statusCode
  t.equal(await ask('10.0.0.2', { 'x-auth-user': 'olga' }), 200)
  t.equal(await ask('10.0.0.3', { 'x-auth-user': 'olga' }), 403)
  t.equal(await ask('10.0.0.2', {}), 403)
  t.equal(await ask('10.0.0.2', { 'x-auth-user': 'olga' }, 'PATCH'), 403)
  t.equal(await ask('10.0.0.2', { 'x-auth-user': 'olga', 'x-auth-groups': 'dev,ops' }, 'PATCH'), 200)
})

guide.testedIn('test/operations/admin.test.ts', 'const users = new Map')
guide.complete(t)
