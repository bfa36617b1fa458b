/** docs/many-gateways.md as it is written, with a real Redis and processes of their own. */
import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import { Redis } from 'ioredis'
import type { LoadBalancerOptions } from '../../lib/index.js'
import { freePort, noRedis, startRedis } from '../helpers/redis-server.js'
import { selfSigned } from '../helpers/certificates.js'
import { startTarget } from '../helpers/targets.js'
import { until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'
import { startWorkers } from './harness/workers.js'

const guide = new Guide('docs/many-gateways.md')
process.env.LB_SECRET = 'sixteen or more characters'

t.test('by Redis: what is drained on one gateway is drained on the other', { skip: noRedis }, async t => {
  const { port } = await startRedis(t)
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const places = { 'redis://10.0.0.9:6379': `redis://127.0.0.1:${port}`, 'http://10.0.0.1:3000': targets[0]!.url, 'http://10.0.0.2:3000': targets[1]!.url }
  const gateway = async (): Promise<Awaited<ReturnType<Guide['play']>>> => {
    const played = await guide.play(t, "new Redis('redis://10", { places, exports: ['client'], after: async app => { await guide.play(t, "app.get('/ready'", { given: { app }, listens: false }) } })
    t.teardown(() => { played.module.client.disconnect() })
    return played
  }
  const one = await gateway()
  const other = await gateway()
  one.upstream().update(targets[0]!.url, { state: 'drain' })
  await until(() => other.upstream().targets.get(targets[0]!.url)!.state === 'drain', 'the other has heard')
  t.equal(await other.get(), 'b')
  t.match(JSON.parse(await one.get('/ready')), { shared: { up: true, errors: 0, told: Number } })
  const shown = JSON.parse(guide.code('"sessions"')) as object
  t.strictSame(Object.keys(JSON.parse(await one.get('/ready')).shared).sort(), Object.keys(shown).sort())
})

t.test('by Redis with users and TLS: each user may do its own part, and nothing else', { skip: noRedis }, async t => {
  const acl = guide.code('user gateway on')
  const dir = t.testdir({ 'users.acl': acl })
  const { cert } = selfSigned(dir)
  writeFileSync(join(dir, 'redis-ca.crt'), cert)
  const tlsPort = await freePort()
  // What the page has for redis.conf, with the files of this test, and beside TLS a port in the clear for the test's own commands.
  const places: Record<string, string> = { '/etc/redis/users.acl': join(dir, 'users.acl'), '/etc/redis/redis.crt': join(dir, 'cert.pem'), '/etc/redis/redis.key': join(dir, 'key.pem'), 6380: String(tlsPort) }
  const conf = guide.code('tls-port').trim().split('\n').filter(line => line !== 'port 0').map(line => line.split(' '))
  const { port } = await startRedis(t, { options: conf.flatMap(([name, value]) => [`--${name}`, places[value!] ?? value!]), user: { username: 'deploy', password: 'deploy-password' } })

  process.env.REDIS_PASSWORD = 'gateway-password'
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const gateway = async (): Promise<Awaited<ReturnType<Guide['play']>>> => {
    const played = await guide.play(t, "username: 'gateway'", { places: { 'rediss://10.0.0.9:6380': `rediss://127.0.0.1:${tlsPort}`, 'redis-ca.crt': join(dir, 'redis-ca.crt'), 'http://10.0.0.1:3000': targets[0]!.url, 'http://10.0.0.2:3000': targets[1]!.url }, exports: ['client'] })
    t.teardown(() => { played.module.client.disconnect() })
    return played
  }
  const [one, other] = [await gateway(), await gateway()]
  one.upstream().update(targets[0]!.url, { state: 'drain' })
  await until(() => other.upstream().targets.get(targets[0]!.url)!.state === 'drain', 'the other has heard')
  t.match(one.app.upstreams.shared, { up: true, errors: 0 })

  const as = (username: string): Redis => {
    const client = new Redis({ port, username, password: `${username}-password`, retryStrategy: null })
    client.on('error', () => {})
    t.teardown(() => { client.disconnect() })
    return client
  }
  const users = { gateway: as('gateway'), discovery: as('discovery'), deploy: as('deploy') }
  const { loadBalancer } = await import('fastify-load-balancer' as string) as { loadBalancer: FastifyPluginAsync<LoadBalancerOptions> }
  await users.deploy.hset('gateway:users', 'a', targets[0]!.url)
  const finding = Fastify()
  t.teardown(() => finding.close())
  await finding.register(loadBalancer, { upstreams: { users: { discovery: { redis: users.discovery, key: 'gateway:users', channel: 'gateway:changes', interval: 1_000_000 } } } })
  await finding.ready()
  await users.deploy.hset('gateway:users', 'b', targets[1]!.url)
  await users.deploy.publish('gateway:changes', '')
  await until(() => finding.upstreams.get('users')!.targets.get('b') !== undefined, 'discovery has found the target that the deployment wrote')

  for (const [user, command, ...args] of [
    ['gateway', 'hset', 'gateway:users', 'b', 'http://evil.example'], ['gateway', 'hset', 'other-lb:changes', 'b', '{}'], ['gateway', 'hgetall', 'gateway:users'], ['gateway', 'publish', 'gateway:changes', ''], ['gateway', 'flushall'], ['gateway', 'config', 'get', '*'], ['gateway', 'eval', 'return 1', '0'], ['gateway', 'keys', '*'],
    ['discovery', 'hset', 'gateway:users', 'b', 'http://evil.example'], ['discovery', 'del', 'gateway:users'], ['discovery', 'hgetall', 'fastify-lb:changes'], ['discovery', 'publish', 'gateway:changes', ''],
    ['deploy', 'hset', 'fastify-lb:changes', 'b', '{}'], ['deploy', 'publish', 'fastify-lb:said', '{}'], ['deploy', 'acl', 'list']
  ] as Array<[keyof typeof users, string, ...string[]]>) await t.rejects(users[user].call(command, ...args), /NOPERM/, [user, command, ...args].join(' '))
  const stranger = new Redis({ port, retryStrategy: null, enableReadyCheck: false })
  stranger.on('error', () => {})
  t.teardown(() => { stranger.disconnect() })
  await t.rejects(stranger.hgetall('fastify-lb:changes'), /NOAUTH/)
})

t.test('by Redis: one prober for each target', { skip: noRedis }, async t => {
  const { client } = await startRedis(t)
  const { redis } = await import('fastify-load-balancer' as string) as { redis: unknown }
  const { get } = await guide.play(t, "probes: 'one' }", { given: { client, redis } })
  t.equal(await get(), '10.0.0.1')
})

t.test('workers: one secret although none was given', async t => {
  const targets = [await startTarget(t, 'a'), await startTarget(t, 'b')]
  const { urls } = await startWorkers(t, guide.file(t, '// workers.js', { 'http://10.0.0.1:3000': targets[0]!.url, 'http://10.0.0.2:3000': targets[1]!.url, 'i < 4': 'i < 2' }), 2)
  const [url] = urls.values()
  const first = await fetch(url!, { headers: { connection: 'close' } })
  const cookie = first.headers.get('set-cookie')!.split(';', 1)[0]!
  for (let i = 0; i < 6; i++) t.equal((await fetch(url!, { headers: { cookie, connection: 'close' } })).headers.get('x-target'), first.headers.get('x-target'))
})

t.test('metrics of all workers', async t => {
  const target = await startTarget(t, 'a')
  const { urls } = await startWorkers(t, guide.file(t, '// metrics.js', {
    'http://10.0.0.1:3000': target.url,
    "server.listen(9100, '127.0.0.1')": "server.listen(0, '127.0.0.1', () => { console.log(JSON.stringify({ pid: 0, msg: 'listening at http://127.0.0.1:' + server.address().port })) })"
  }), 3)
  const [worker] = [...urls].filter(([pid]) => pid !== 0).map(([, url]) => url)
  for (let i = 0; i < 4; i++) await (await fetch(worker!, { headers: { connection: 'close' } })).text()
  t.match(await (await fetch(urls.get(0)!)).text(), /^fastify_lb_requests_total\{upstream="shop",result="2xx"\} 4$/m)
})

guide.complete(t)
