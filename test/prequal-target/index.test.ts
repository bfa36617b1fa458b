/** What a target says of itself. */
import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import { prequalTarget, type PrequalTargetOptions } from '../../lib/prequal-target/index.js'
import type { Ending } from '../helpers/servers.js'
import { deferred, until } from '../helpers/wait.js'

async function target (t: Ending, options: PrequalTargetOptions, routes: (app: FastifyInstance) => void): Promise<{ app: FastifyInstance, url: string }> {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(prequalTarget, options)
  routes(app)
  return { app, url: await app.listen({ port: 0, host: '127.0.0.1' }) }
}

t.test('Each response says how many others there are, and how long they take', async t => {
  const slow = deferred()
  let waiting = 0
  const { url } = await target(t, {}, app => {
    app.get('/', async () => 'here')
    app.get('/slow', async () => {
      waiting++
      await slow.promise
      return 'at last'
    })
  })
  const first = await fetch(url)
  t.equal(first.headers.get('x-prequal-in-flight'), '0')
  t.match(first.headers.get('x-prequal-latency'), /^\d+\.\d\d$/)
  const answers = [fetch(`${url}/slow`), fetch(`${url}/slow`)]
  await until(() => waiting === 2, 'two at once')
  t.equal((await fetch(url)).headers.get('x-prequal-in-flight'), '2')
  slow.resolve()
  for (const answer of await Promise.all(answers)) t.match(answer.headers.get('x-prequal-in-flight'), /^[01]$/)
})

t.test('Questions are answered, and are no requests themselves', async t => {
  const { app, url } = await target(t, {}, app => { app.get('/', async () => 'here') })
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(`${url}/prequal`)
    t.equal(answer.status, 204)
    t.equal(answer.headers.get('x-prequal-in-flight'), '0')
    t.equal(answer.headers.get('x-prequal-latency'), '0.00')
  }
  t.equal((await app.inject('/')).headers['x-prequal-in-flight'], '0')
})

t.test('Names and path may be others, and there may be no path', async t => {
  const { url } = await target(t, { headers: { inFlight: 'X-RIF', latency: 'X-Took' }, path: '/load' }, () => {})
  const answer = await fetch(`${url}/load`)
  t.equal(answer.headers.get('x-rif'), '0')
  t.equal(answer.headers.get('x-took'), '0.00')
  const silent = await target(t, { path: false }, app => { app.get('/', async () => 'here') })
  t.equal((await fetch(`${silent.url}/prequal`)).status, 404)
  t.equal((await fetch(silent.url)).headers.get('x-prequal-in-flight'), '0')
})

t.test('Clients that leave are not in flight any more', async t => {
  let waiting = 0
  const { url } = await target(t, {}, app => {
    app.get('/', async () => 'here')
    app.get('/never', async () => {
      waiting++
      await new Promise(() => {})
    })
  })
  const abort = new AbortController()
  const answer = fetch(`${url}/never`, { signal: abort.signal })
  await until(() => waiting === 1, 'it is there')
  t.equal((await fetch(url)).headers.get('x-prequal-in-flight'), '1')
  abort.abort()
  await t.rejects(answer)
  const others = async (): Promise<string | null> => (await fetch(url)).headers.get('x-prequal-in-flight')
  for (let i = 0; await others() !== '0'; i++) if (i === 1_000) t.fail('it is still in flight')
})

t.test('A quick error is no quick answer, and an answer that becomes an error counts once', async t => {
  const { app } = await target(t, {}, app => {
    app.get('/bad', async (_request, reply) => { await reply.code(500).send('no') })
    app.get('/breaks', { onSend: async (_request, reply) => { if (reply.statusCode === 200) throw new Error('after all') } }, async () => 'well')
  })
  t.equal((await app.inject('/bad')).headers['x-prequal-latency'], '0.00')
  const broken = await app.inject('/breaks')
  t.equal(broken.statusCode, 500)
  t.equal(broken.headers['x-prequal-in-flight'], '0')
})

t.test('A request for another protocol is none that is answered', async t => {
  const { app } = await target(t, {}, app => { app.get('/', async () => 'here') })
  const answer = await app.inject({ url: '/', headers: { connection: 'upgrade', upgrade: 'websocket' } })
  t.equal(answer.headers['x-prequal-in-flight'], '0')
  t.equal(answer.headers['x-prequal-latency'], '0.00')
})

t.test('Behind a prefix, questions are no requests either', async t => {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(async scope => { await scope.register(prequalTarget) }, { prefix: '/api' })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(`${url}/api/prequal`)
    t.equal(answer.status, 204)
    t.equal(answer.headers.get('x-prequal-latency'), '0.00')
  }
})
