/** Targets in Redis: a real server, both clients that people have. Time stands still. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { LONGEST_TIMEOUT } from '../../lib/options.js'
import { discovering, type Discovering } from '../helpers/discovering.js'
import { clients } from '../helpers/redis-clients.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { refusedUrl } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const A = 'http://10.0.0.1'
const B = 'http://10.0.0.2'

/** Lets the pause pass. */
async function goOn ({ clock }: Discovering): Promise<void> {
  await until(() => clock.pending === 1, 'the pause')
  while (clock.pending === 1) clock.advance(1_000)
}

for (const [name, connect] of Object.entries(clients)) {
  void t.test(name, { skip: noRedis }, async t => {
    const server = await startRedis(t)
    const client = await connect(t, server)
    const redis = server.client

    t.test('a hash of urls and targets by id, in the order of the ids', async t => {
      await redis.hset('hash', { b: B, a: `{ "url": "${A}", "weight": 2, "tags": { "zone": "eu" } }` })
      const found = discovering(t, { redis: client, key: 'hash' })
      await found.has('a b')
      t.match(found.upstream.targets.get('a'), { url: A, weight: 2, tags: { zone: 'eu' } })
      t.match(found.upstream.targets.get('b'), { url: B, weight: 1 })
      await redis.hdel('hash', 'a')
      await goOn(found)
      await found.has('b')
      t.match(found.discovery.snapshot(), { kind: 'redis', place: 'hash', resolves: 2, failures: 0 })
    })

    t.test('a list of targets as JSON', async t => {
      await redis.set('list', JSON.stringify([A, { id: 'b', url: B }]))
      const found = discovering(t, { redis: client, key: 'list', interval: 2_000 })
      await found.has(`${A} b`)
      await redis.set('list', JSON.stringify({ targets: [A] }))
      await goOn(found)
      await found.has(A)
      await redis.set('list', '[]')
      await goOn(found)
      await found.has('')
    })

    t.test('what is wrong or gone leaves the last good set, and is told', async t => {
      await redis.set('wrong', JSON.stringify([A]))
      const found = discovering(t, { redis: client, key: 'wrong' })
      await found.has(A)
      for (const [change, fault] of [
        [() => redis.del('wrong'), 'there is no such key'],
        [() => redis.set('wrong', '[nonsense'), /not valid JSON/],
        [() => redis.set('wrong', '3'), 'document: expected a list of targets, or an object with that list under targets, got 3'],
        [() => redis.set('wrong', JSON.stringify([{ url: B, weight: -1 }])), 'targets[0].weight: expected 0 to 256, got -1'],
        [() => redis.multi().del('wrong').rpush('wrong', A).exec(), 'expected a hash or a string, got a list'],
        [
          () => redis.multi().del('wrong').hset('wrong', { a: '{nonsense', b: B, c: '{,}' }).exec(),
          /^\["a"\]: expected a url, or a target as JSON: .*\n\["c"\]: expected a url, or a target as JSON: /
        ],
        [() => redis.multi().del('wrong').hset('wrong', { a: '{"url":"ftp://a"}', b: 'b' }).exec(), /^targets\[0\]\.url: expected a url.*\ntargets\[1\]\.url: expected a url/]
      ] as const) {
        await change()
        const { failures } = found.discovery.snapshot()
        await goOn(found)
        await found.failed(failures + 1)
        t.match(found.discovery.snapshot().lastError, fault)
        t.equal(found.ids(), A)
      }
    })

    t.test('what is published is seen at once', async t => {
      await redis.set('told', JSON.stringify([A]))
      const found = discovering(t, { redis: client, key: 'told', channel: 'changes', interval: LONGEST_TIMEOUT })
      await found.has(A)
      await until(() => found.discovery.snapshot().resolves > 1, 'the look that follows a subscription')
      await redis.set('told', JSON.stringify([B]))
      await redis.publish('changes', 'anything')
      await found.has(B)
      t.strictSame(found.lines, [])
    })

    t.test('it listens no more once it has ended, and the client stays', async t => {
      const listeners = async (): Promise<unknown> => (await redis.pubsub('NUMSUB', 'ending'))[1]
      const found = discovering(t, { redis: client, key: 'told', channel: 'ending' })
      while (await listeners() !== 1);
      found.discovery.close()
      while (await listeners() !== 0);
      t.equal(await client.get('told'), JSON.stringify([B]))
    })

    t.test('a Redis that dies leaves the last good set; when it is back, it is looked at again, and listened to', async t => {
      await redis.set('mortal', JSON.stringify([A]))
      const found = discovering(t, { redis: client, key: 'mortal', channel: 'changes' })
      await found.has(A)
      await until(() => found.discovery.snapshot().resolves > 1, 'the look that follows a subscription')
      await server.kill()
      await until(() => {
        found.clock.advance(1_000)
        return found.discovery.snapshot().failures >= 3
      }, 'failures')
      t.equal(found.ids(), A)
      t.equal(found.lines.filter(line => line.startsWith('warn')).length, new Set(found.lines).size, 'each failure is told once')

      await server.restart()
      await redis.set('mortal', JSON.stringify([B]))
      await found.comesTo(B)
      t.equal(found.lines.at(-1), 'info: discovery works again')
      await until(() => found.clock.pending === 1, 'the pause')
      await redis.set('mortal', JSON.stringify([A]))
      while (Number(await redis.publish('changes', '')) === 0);
      await found.has(A)
    })
  })
}

t.test('ioredis: a client without a queue of its own, or that connects late, is listened with', { skip: noRedis }, async t => {
  const server = await startRedis(t)
  await server.client.set('told', JSON.stringify([A]))
  for (const options of [{ enableOfflineQueue: false }, { lazyConnect: true }]) {
    const client = new Redis({ port: server.port, ...options })
    t.teardown(() => { client.disconnect() })
    if (client.status !== 'wait') await until(() => client.status === 'ready', 'the connection')
    const found = discovering(t, { redis: client, key: 'told', channel: 'changes', interval: LONGEST_TIMEOUT })
    await found.has(A)
    await server.client.set('told', JSON.stringify([B]))
    while (Number(await server.client.publish('changes', '')) === 0);
    await found.has(B)
    found.discovery.close()
    await server.client.set('told', JSON.stringify([A]))
  }
})

t.test('a client that is not connected has failed, and nothing else', async t => {
  const client = createClient()
  const found = discovering(t, { redis: client, key: 'shop' })
  await found.failed(1)
  t.match(found.discovery.snapshot(), { lastError: 'The client is closed' })
})

t.test('a Redis that does not answer is asked once, however long it takes', { skip: noRedis }, async t => {
  const server = await startRedis(t)
  const client = await clients.ioredis!(t, server)
  await server.client.set('shop', JSON.stringify([A]))
  await client.get('shop')
  server.hang()
  const found = discovering(t, { redis: client, key: 'shop', timeout: 500 })
  await until(() => {
    found.clock.advance(500)
    return found.discovery.snapshot().failures === 3
  }, 'failures')
  t.equal(found.discovery.snapshot().lastError, 'no answer within 500 ms')
  server.goOn()
  t.match(await server.client.info('commandstats'), /^cmdstat_type:calls=1,/m)
  await found.comesTo(A)
})

t.test('node-redis: one that never gets a connection to listen with can be ended', async t => {
  const server = new URL(await refusedUrl())
  const client = createClient({ socket: { port: Number(server.port), host: '127.0.0.1', reconnectStrategy: false } })
  client.on('error', () => {})
  const found = discovering(t, { redis: client, key: 'shop', channel: 'changes' })
  await found.failed(1)
  found.discovery.close()
  await turn()
  t.match(found.discovery.snapshot(), { failures: 1 })
})
