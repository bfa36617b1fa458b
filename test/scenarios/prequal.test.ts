/** Targets that say how they are. */
import t, { type Test } from 'tap'
import Fastify from 'fastify'
import type { PolicyOption } from '../../lib/index.js'
import { prequalTarget } from '../../lib/prequal-target/index.js'
import { startGateway } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

interface Talker { id: string, url: string, asked: () => number }

/** A target that says of itself what it is, or what the test says. */
async function talker (t: Test, id: string, says?: { inFlight: number, latency: number }): Promise<Talker> {
  let asked = 0
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(prequalTarget, {})
  app.addHook('onSend', async (request, reply) => {
    if (request.url === '/prequal') asked++
    if (says !== undefined) reply.header('x-prequal-in-flight', says.inFlight).header('x-prequal-latency', says.latency)
  })
  app.get('/', async () => id)
  return { id, url: await app.listen({ port: 0, host: '127.0.0.1' }), asked: () => asked }
}

async function behind (t: Test, targets: Talker[], policy: PolicyOption): Promise<() => Promise<string>> {
  const { url } = await startGateway(t, {
    upstreams: { shop: { targets: targets.map(({ id, url }) => ({ id, url })), policy } },
    routes: { '/': 'shop' }
  })
  return async () => {
    const answer = await fetch(url)
    t.equal(answer.headers.get('x-prequal-in-flight'), null)
    t.equal(answer.headers.get('x-prequal-latency'), null)
    return await answer.text()
  }
}

t.test('requests go to those that say they are quick; clients do not hear of it', async t => {
  const latencies = [90, 80, 3, 70, 60, 50, 4, 40]
  const targets = await Promise.all(latencies.map(async (latency, i) => await talker(t, `t${i}`, { inFlight: 0, latency })))
  // Of several gateways: without questions, one in a hundred does not come across the quick ones.
  const answers: string[] = []
  for (let gateway = 0; gateway < 5; gateway++) {
    const ask = await behind(t, targets, { name: 'prequal', quantile: 1, maxAge: 60_000 })
    for (let i = 0; i < 100; i++) answers.push(await ask())
  }
  const quick = answers.filter(id => id === 't2' || id === 't6').length
  // 125 by chance; less than 174 once in ten thousand.
  t.ok(quick > 165, `${quick} of 500`)
})

t.test('a fallback that listens is hidden as well', async t => {
  const targets = [await talker(t, 'a'), await talker(t, 'b')]
  const ask = await behind(t, targets, { name: 'hash', key: { header: 'x-none' }, fallback: 'prequal' })
  for (let i = 0; i < 6; i++) t.ok(['a', 'b'].includes(await ask()))
})

t.test('with probes, targets are asked, whether or not they get requests', async t => {
  const targets = await Promise.all([50, 40, 30, 2].map(async (latency, i) => await talker(t, `t${i}`, { inFlight: 0, latency })))
  const ask = await behind(t, targets, { name: 'prequal', quantile: 1, maxAge: 60_000, probes: { perRequest: 2, timeout: 5_000 } })
  let last = ''
  for (let i = 0; i < 40; i++) last = await ask()
  await until(() => targets.every(({ asked }) => asked() > 0), 'everybody is asked')
  t.ok(targets.some(({ id }) => id === last))
})

t.test('targets that say nothing are balanced all the same', async t => {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  app.get('/', async () => 'silent')
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const ask = await behind(t, [{ id: 'a', url, asked: () => 0 }, { id: 'b', url, asked: () => 0 }], { name: 'prequal', probes: {} })
  for (let i = 0; i < 10; i++) t.equal(await ask(), 'silent')
})
