/** Gateways and one Redis: a real one, and both clients that people have. */
import t from 'tap'
import { redis } from '../../lib/index.js'
import { Load } from '../helpers/load.js'
import { clients } from '../helpers/redis-clients.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startTarget } from '../helpers/servers.js'
import { allHave, allUp, sharingGateway } from '../helpers/sharing.js'
import { until } from '../helpers/wait.js'

const A = { id: 'a', url: 'http://10.0.0.1' }
const B = { id: 'b', url: 'http://10.0.0.2' }
const C = { id: 'c', url: 'http://10.0.0.3' }

for (const [name, connect] of Object.entries(clients)) {
  void t.test(name, { skip: noRedis }, async t => {
    const server = await startRedis(t)
    const client = await connect(t, server)
    const gateway = (prefix: string) => sharingGateway(t, redis(client, { prefix }), { targets: [A, B] })

    t.test('what is changed on one gateway is seen on the other within a second', async t => {
      const [one, two] = [await gateway('changes'), await gateway('changes')]
      await allUp([one, two])
      const both = [one, two]

      one.shop.update('a', { state: 'drain', weight: 3 })
      await allHave(both, 'a drain 3, b ready 1')
      two.shop.update('a', { state: 'ready' })
      await allHave(both, 'a ready 3, b ready 1')
      one.shop.add({ ...C, address: '10.0.0.33', weight: 2, tags: { zone: 'eu' }, tier: 1, limits: { maxRequests: 7 }, tls: { servername: 'c' } })
      await allHave(both, 'a ready 3, b ready 1, c ready 2')
      t.match(two.shop.targets.get('c')!.config, { tags: { zone: 'eu' }, tier: 1, maxRequests: 7, tls: { servername: 'c' } })
      two.shop.update('c', { tier: 0, tags: { zone: 'us' } })
      await until(() => one.shop.targets.get('c')!.tier === 0, 'the tier')
      t.strictSame(one.shop.targets.get('c')!.tags, { zone: 'us' })
      await two.shop.remove('b')
      await allHave(both, 'a ready 3, c ready 2')
      one.shop.replace([C, { ...B, weight: 5 }])
      await allHave(both, 'c ready 1, b ready 5')
      await one.shop.remove('c', { drainMs: 0 })
      one.shop.add(A)
      await allHave(both, 'b ready 5, a ready 1')

      const { told, heard } = two.app.upstreams.shared!
      t.strictSame([one.app.upstreams.shared!.heard, two.app.upstreams.shared!.heard], [told, one.app.upstreams.shared!.told], 'and nobody tells what he has heard')
      t.equal(heard > told, true)

      t.test('and on a gateway that starts later', async t => {
        const three = await gateway('changes')
        t.equal(three.state(), 'b ready 5, a ready 1', 'as soon as it listens')
        t.strictSame(three.warnings, [])
      })

      t.test('not on those with another prefix', async t => {
        t.equal((await gateway('others')).state(), 'a ready 1, b ready 1')
      })
    })

    t.test('Redis is killed under load and comes back empty: no request fails, no change is lost', async t => {
      const targets = await Promise.all(['a', 'b', 'c'].map(name => startTarget(t, name)))
      const [a, b, c] = targets.map(({ name, url }) => ({ id: name, url })) as [typeof A, typeof B, typeof C]
      const gateways = await Promise.all([1, 2].map(() => sharingGateway(t, redis(client, { prefix: 'mortal' }), { targets: [a, b], policy: 'random' })))
      const [one, two] = gateways as [typeof gateways[0], typeof gateways[0]]
      await allUp(gateways)
      one.shop.update('a', { weight: 2 })
      await allHave(gateways, 'a ready 2, b ready 1')

      const loads = gateways.map(({ url }) => new Load(url))
      t.teardown(() => Promise.all(loads.map(load => load.stop())))
      await until(() => loads.every(({ answers }) => answers.a! > 10), 'traffic')
      await server.kill()
      one.shop.update('a', { state: 'drain' })
      two.shop.add(c)
      await allUp(gateways, false)
      one.shop.update('b', { weight: 4 })
      // Of two that know nothing of each other the later wins: by the clocks.
      const { now } = Date
      const then = now()
      await until(() => now() > then + 1, 'a moment')
      two.shop.update('b', { weight: 5 })
      await until(() => loads[1]!.answers.c! > 10, 'traffic goes on, and by what was changed')
      t.equal(one.state(), 'a drain 2, b ready 4')

      await server.restart()
      await allHave(gateways, 'a drain 2, b ready 5, c ready 1', 5_000)
      await until(() => loads[0]!.answers.c! > 10, 'traffic for what was added on the other')
      for (const load of loads) {
        await load.stop()
        t.strictSame(load.errors, [])
      }
      const later = await sharingGateway(t, redis(client, { prefix: 'mortal' }), { targets: [a, b] })
      t.equal(later.state(), 'a drain 2, b ready 5, c ready 1')
      for (const { warnings, app } of gateways) {
        t.strictSame(warnings.filter(line => line.startsWith('the shared store')), ['the shared store cannot be reached: traffic goes on, and what is changed meanwhile is told when it is back'])
        t.ok(app.upstreams.shared!.errors > 0)
        t.type(app.upstreams.shared!.lastError, 'string')
      }
    })
  })
}

t.test('wrong options are told, all of them', async t => {
  const message = (run: () => unknown): string => {
    try {
      run()
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  t.equal(message(() => redis({} as never, { prefix: 3, probe: 'one' } as never)), [
    'shared: redis(client): expected a client of ioredis or node-redis, got an object',
    'shared: redis(client, options).probe: unknown option; known are prefix, probes',
    'shared: redis(client, options).prefix: expected a string that is not empty, got 3'
  ].join('\n'))
  // Enough for discovery.
  const reader = { async type () {}, async get () {}, async hgetall () {}, duplicate () {} }
  t.equal(message(() => redis(reader as never)), 'shared: redis(client): expected a client of ioredis or node-redis, got an object')
})
