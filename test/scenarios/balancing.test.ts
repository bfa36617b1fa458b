/** Who gets the requests. */
import t from 'tap'
import { request as undiciRequest } from 'undici'
import { startGateway, startTarget } from '../helpers/servers.js'

t.test('three targets with weights 5, 1, 1 are taken in the cycle a a b a c a a', async t => {
  const [a, b, c] = [await startTarget(t, 'a'), await startTarget(t, 'b'), await startTarget(t, 'c')]
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [{ url: a.url, weight: 5 }, b.url, c.url], policy: 'round-robin', random: () => 0 } },
    routes: { '/': 'shop' }
  })
  const served: string[] = []
  for (let i = 0; i < 14; i++) served.push(await (await fetch(url)).text())
  t.equal(served.join(' '), 'a a b a c a a a a b a c a a')
})

t.test('the default sends to who has the fewest requests in flight', async t => {
  const waiting: Array<() => void> = []
  const slow = await startTarget(t, 'slow', (_seen, _request, response) => { waiting.push(() => response.end('slow')) })
  const fast = await startTarget(t, 'fast')
  const { url } = await startGateway(t, { upstreams: { shop: { targets: [slow.url, fast.url] } }, routes: { '/': 'shop' } })
  const answers: Array<Promise<string>> = []
  // Once the slow one has a request, nobody else is sent there while it works.
  while (waiting.length === 0) {
    const answer = fetch(url).then(async answer => await answer.text())
    answers.push(answer)
    await Promise.race([answer, new Promise<void>(resolve => slow.server.once('request', () => { resolve() }))])
    await new Promise(resolve => setImmediate(resolve))
  }
  for (let i = 0; i < 20; i++) t.equal(await (await fetch(url)).text(), 'fast')
  for (const finish of waiting) finish()
  await Promise.all(answers)
})

t.test('fetch and undici.request through the dispatcher balance, too', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b', (seen, _request, response) => response.end(`b${seen.body.toString()}`))]
  const { app } = await startGateway(t, {
    upstreams: { shop: { targets: [a.url, `${b.url}/base`], policy: 'round-robin', random: () => 0 } }
  })
  const { dispatcher } = app.upstreams.get('shop')!
  t.equal(await (await fetch('http://shop/orders?x=1', { dispatcher } as object)).text(), 'a')
  t.equal(await (await fetch('http://shop/orders?x=2', { method: 'POST', body: ' with a body', dispatcher } as object)).text(), 'b with a body')
  t.equal(a.seen[0]!.url, '/orders?x=1')
  t.equal(b.seen[0]!.url, '/base/orders?x=2', 'the base path of a target is put before')
  t.equal(b.seen[0]!.headers.host, new URL(b.url).host)
  const { statusCode, body } = await undiciRequest('http://shop/again', { dispatcher })
  t.equal(statusCode, 200)
  t.equal(await body.text(), 'a')
})

t.test('a policy of the user’s own', async t => {
  const [a, b, c] = [await startTarget(t, 'a'), await startTarget(t, 'b'), await startTarget(t, 'c')]
  const settled: string[] = []
  let updates = 0
  const { url } = await startGateway(t, {
    upstreams: {
      shop: {
        targets: [{ id: 'a', url: a.url }, { id: 'b', url: b.url }, { id: 'c', url: c.url }],
        policy: ({ random, now }) => {
          t.type(random(), 'number')
          t.type(now(), 'number')
          return {
            pick: (targets, { hashKey, address }) => {
              t.equal(address, '127.0.0.1')
              return targets.find(({ id }) => id === hashKey) ?? targets[0]!
            },
            update: () => { updates++ },
            settle: ({ id }, { outcome, status, ttfbMs, durationMs }) => {
              t.ok(ttfbMs! > 0 && durationMs >= ttfbMs!)
              settled.push(`${id} ${outcome} ${String(status)}`)
            }
          }
        }
      }
    }
  }, {
    after: app => {
      app.get('/:to', (request, reply) => reply.balance('shop', { hashKey: (request.params as { to: string }).to }))
    }
  })
  t.equal(await (await fetch(`${url}/c`)).text(), 'c')
  t.equal(await (await fetch(`${url}/b`)).text(), 'b')
  t.equal(await (await fetch(`${url}/nobody`)).text(), 'a')
  t.strictSame(settled, ['c success 200', 'b success 200', 'a success 200'])
  t.equal(updates, 1)
})

t.test('tags choose among the targets', async t => {
  const [a, b] = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: [{ url: a.url, tags: { version: 'v1' } }, { url: b.url, tags: { version: 'v2' } }] } }
  }, {
    after: app => {
      app.get('/:version', (request, reply) => reply.balance('shop', { tags: request.params as Record<string, string> }))
    }
  })
  for (let i = 0; i < 5; i++) {
    t.equal(await (await fetch(`${url}/v1`)).text(), 'a')
    t.equal(await (await fetch(`${url}/v2`)).text(), 'b')
  }
  const nobody = await fetch(`${url}/v3`)
  t.equal(nobody.status, 503)
  t.equal(nobody.headers.get('retry-after'), '1')
  t.equal((await nobody.json() as { code: string }).code, 'FST_LB_NO_TARGET')
})

t.test('ten parallel requests to an upstream with pool.connections: 2 are all served, two at a time', async t => {
  let most = 0
  let now = 0
  const target = await startTarget(t, 'a', (_seen, _request, response) => {
    most = Math.max(most, ++now)
    setImmediate(() => {
      now--
      response.end('a')
    })
  })
  for (const options of [{ pool: { connections: 2 } }, { limits: { maxRequests: 2 } }]) {
    const { url } = await startGateway(t, { upstreams: { shop: { targets: [target.url], ...options } }, routes: { '/': 'shop' } })
    const statuses = await Promise.all(Array.from({ length: 10 }, async () => (await fetch(url)).status))
    t.strictSame(statuses, Array(10).fill(200))
  }
  t.equal(most, 2)
})
