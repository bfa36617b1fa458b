/** The same key at the same target. */
import t, { type Test } from 'tap'
import type { FastifyRequest } from 'fastify'
import { request as undiciRequest } from 'undici'
import type { HashKey, PolicyOption } from '../../lib/index.js'
import { startGateway, startTarget, type Gateway } from '../helpers/servers.js'

type Ending = Parameters<typeof startTarget>[0]

interface Shop extends Gateway {
  /** Who answers. */
  ask: (path: string, headers?: Record<string, string>) => Promise<string>
}

/** Four targets behind a policy; the last one's answers say who served. */
async function shop (t: Ending, policy: PolicyOption, server = {}): Promise<Shop> {
  const names = ['a', 'b', 'c', 'd']
  const targets = await Promise.all(names.map(async id => ({ id, url: (await startTarget(t, id)).url })))
  const gateway = await startGateway(t, { upstreams: { shop: { targets, policy } }, routes: { '/': 'shop' } }, {
    server,
    after: app => { app.get('/own/:user', (request, reply) => reply.balance('shop', { hashKey: (request.params as { user: string }).user })) }
  })
  return { ...gateway, ask: async (path, headers = {}) => await (await fetch(gateway.url + path, { headers })).text() }
}

const users = Array.from({ length: 12 }, (_, i) => `user-${i}`)

/** Each user's requests go to one target, and not all users' to the same. */
async function follows (t: Test, ask: (user: string, visit: number) => Promise<string>): Promise<void> {
  const homes = new Set<string>()
  for (const user of users) {
    const answers = new Set([await ask(user, 1), await ask(user, 2), await ask(user, 3)])
    t.equal(answers.size, 1, user)
    for (const answer of answers) homes.add(answer)
  }
  t.ok(homes.size > 1, `${[...homes].join(', ')}`)
}

const cases: Array<[what: string, key: HashKey, visit: (user: string, visit: number) => { path: string, headers?: Record<string, string> }]> = [
  ['a header', { header: 'X-User' }, user => ({ path: '/', headers: { 'x-user': user } })],
  ['a cookie', { cookie: 'sid' }, (user, visit) => ({ path: '/', headers: { cookie: `other=${visit}; sid=${user}` } })],
  ['a parameter of the query', { query: 'user' }, (user, visit) => ({ path: `/?visit=${visit}&user=${user}&user=${visit}` })],
  ['the path', 'path', (user, visit) => ({ path: `/${user}?visit=${visit}` })],
  ['path and query', 'url', user => ({ path: `/?${user}` })],
  ['what a function makes of the request', request => String(request.headers['x-user']).toUpperCase(), (user, visit) => ({ path: '/', headers: { 'x-user': visit === 1 ? user : user.toUpperCase() } })]
]

for (const [what, key, visit] of cases) {
  for (const method of ['rendezvous', 'ketama', 'maglev'] as const) {
    t.test(`${what}, by ${method}`, async t => {
      const { ask } = await shop(t, { name: 'hash', method, key })
      await follows(t, async (user, n) => {
        const { path, headers } = visit(user, n)
        return await ask(path, headers)
      })
    })
  }
}

t.test('the client’s address, as Fastify trusts it', async t => {
  const { ask } = await shop(t, 'hash', { trustProxy: true })
  await follows(t, async (user, visit) => await ask(`/${visit}`, { 'x-forwarded-for': `10.1.${user.slice(5)}.1` }))
})

t.test('path and query: another query is another key', async t => {
  const { ask } = await shop(t, { name: 'hash', key: 'url' })
  const answers = await Promise.all(users.map(async user => await ask(`/same?${user}`)))
  t.ok(new Set(answers).size > 1)
})

t.test('what a handler gives outranks the policy’s own key', async t => {
  const { ask } = await shop(t, { name: 'hash', key: { header: 'x-user' } })
  await follows(t, async (user, visit) => await ask(`/own/${user}`, { 'x-user': `${visit}` }))
})

t.test('requests without the key are balanced by the fallback', async t => {
  for (const key of [{ header: 'x-user' }, { cookie: 'sid' }, { query: 'user' }, () => undefined] satisfies Array<HashKey>) {
    const { ask } = await shop(t, { name: 'hash', key, fallback: 'round-robin' })
    const answers = [await ask('/'), await ask('/?x=1'), await ask('/', { 'x-user': '' }), await ask('/', { cookie: 'sid=' })]
    t.same(answers.sort(), ['a', 'b', 'c', 'd'])
  }
})

t.test('a key that is no text is taken for one; a key that cannot be read is the handler’s fault', async t => {
  const { ask, url } = await shop(t, {
    name: 'hash',
    key: (({ query }: FastifyRequest) => {
      if ((query as { bad?: string }).bad !== undefined) throw new Error('no key')
      return (query as { n?: string }).n === undefined ? null : Number((query as { n: string }).n)
    }) as never
  })
  await follows(t, async user => await ask(`/?n=${user.slice(5)}`))
  t.ok('abcd'.includes(await ask('/')))
  t.equal((await fetch(`${url}/?bad=1`)).status, 500)
})

t.test('a target that dies: its users move, together, each to the same one; nobody sees an error, and nobody else moves', async t => {
  const targets = new Map(await Promise.all(['a', 'b', 'c', 'd'].map(async id => [id, await startTarget(t, id)] as const)))
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [...targets].map(([id, { url }]) => ({ id, url })), policy: { name: 'hash', key: { header: 'x-user' } } } },
    routes: { '/': 'shop' }
  })
  const ask = async (user: string): Promise<string> => {
    const answer = await fetch(url, { headers: { 'x-user': user } })
    t.equal(answer.status, 200)
    return await answer.text()
  }
  const before = new Map<string, string>()
  for (const user of users) before.set(user, await ask(user))
  await targets.get('b')!.kill()
  for (const user of users) {
    const [first, second] = [await ask(user), await ask(user)]
    t.equal(first, second)
    if (before.get(user) === 'b') t.not(first, 'b')
    else t.equal(first, before.get(user))
  }
})

t.test('through the dispatcher there is no key, and the fallback decides', async t => {
  const { app } = await shop(t, { name: 'hash', fallback: 'round-robin' })
  const { dispatcher } = app.upstreams.get('shop')!
  const answers: string[] = []
  for (let i = 0; i < 4; i++) answers.push(await (await undiciRequest('http://shop/', { dispatcher })).body.text())
  t.same(answers.sort(), ['a', 'b', 'c', 'd'])
})
