/** A shop that grows from two targets to three, shrinks to one and has that replaced, under load: no client notices, whatever its targets are found by. */
import t from 'tap'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import type { DiscoveryOptions, UpstreamOptions } from '../../lib/index.js'
import { Feed } from '../helpers/discovering.js'
import { startDns } from '../helpers/dns-server.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startGateway, startTarget, type Ending, type TestTarget } from '../helpers/servers.js'
import { Load } from '../helpers/load.js'
import { until } from '../helpers/wait.js'

/** Where targets are found, and what is said there. */
interface Place {
  discovery: DiscoveryOptions
  say: (targets: TestTarget[]) => unknown
}

const urls = (targets: TestTarget[]): string => JSON.stringify(targets.map(({ url }) => url))

const places: Record<string, (t: Ending & { testdir: () => string }) => Promise<Place>> = {
  'DNS, by address': async t => {
    const { zone, address } = await startDns(t)
    return {
      // The port is filled in below: with addresses, all targets have the same.
      discovery: { dns: 'shop.internal', servers: [address], minTtl: 10, hold: { obsolete: 0 } },
      say: targets => { zone['shop.internal'] = targets.map(({ url }) => ({ A: new URL(url).hostname, ttl: 0 })) }
    }
  },
  'DNS, by SRV': async t => {
    const { zone, address } = await startDns(t)
    return {
      discovery: { dns: '_http._tcp.shop.internal', type: 'SRV', servers: [address], interval: 10, minTtl: 10, hold: { obsolete: 0 } },
      say: targets => {
        zone['_http._tcp.shop.internal'] = targets.map(({ name, port }) => ({ SRV: `${name}.internal`, port, weight: 1 }))
        for (const { name, url } of targets) zone[`${name}.internal`] = [{ A: new URL(url).hostname }]
      }
    }
  },
  file: async t => {
    const file = join(t.testdir(), 'targets.yaml')
    return {
      discovery: { file },
      say: targets => {
        writeFileSync(`${file}.tmp`, targets.map(({ url }) => `- ${url}\n`).join(''))
        renameSync(`${file}.tmp`, file)
      }
    }
  },
  url: async t => {
    let list = ''
    const registry = await startTarget(t, 'registry', (_seen, _request, response) => { response.end(list) })
    return { discovery: { url: registry.url, interval: 10 }, say: targets => { list = urls(targets) } }
  },
  'Redis, with ioredis': async t => {
    const { port, client } = await startRedis(t)
    const redis = new Redis({ port })
    t.teardown(() => { redis.disconnect() })
    return { discovery: { redis, key: 'shop', channel: 'changes' }, say: targets => client.multi().set('shop', urls(targets)).publish('changes', '').exec() }
  },
  'Redis, with node-redis': async t => {
    const { port, client } = await startRedis(t)
    const redis = createClient({ socket: { port, host: '127.0.0.1' } })
    t.teardown(() => { redis.destroy() })
    await redis.connect()
    return { discovery: { redis, key: 'shop', channel: 'changes' }, say: targets => client.multi().set('shop', urls(targets)).publish('changes', '').exec() }
  },
  'an iterable of the user\'s own': async () => {
    const feed = new Feed()
    return { discovery: feed, say: targets => { feed.put(targets.map(({ url }) => url)) } }
  }
}

for (const [name, start] of Object.entries(places)) {
  void t.test(name, { skip: name.startsWith('Redis') && noRedis }, async t => {
    // At addresses of their own, with one port.
    const a = await startTarget(t, 'a')
    const { port } = a
    const [b, c] = [await startTarget(t, 'b', undefined, { host: '127.0.0.2', port }), await startTarget(t, 'c', undefined, { host: '127.0.0.3', port })]
    const { discovery, say } = await start(t)
    if ('dns' in discovery && discovery.type !== 'SRV') discovery.port = port
    const options: UpstreamOptions = { discovery, health: { active: { interval: 100 } } }

    await say([a, b])
    const { app, url } = await startGateway(t, { upstreams: { shop: options }, routes: { '/': 'shop' } })
    const upstream = app.upstreams.get('shop')!
    const servedBy = (...targets: TestTarget[]): Promise<void> => until(() => {
      const there = upstream.snapshot().targets
      return there.length === targets.length && there.every(({ id, available }) => available && targets.some(({ url }) => url === id))
    }, targets.map(({ name }) => name).join(', '))
    await servedBy(a, b)
    const load = new Load(url)

    await say([a, b, c])
    await servedBy(a, b, c)
    await until(() => load.answers.c! > 20, 'traffic for c')

    await say([c])
    await servedBy(c)
    // What they had has ended, and their connections with it: they may be switched off.
    for (const gone of [a, b]) await until(() => gone.sockets.size === 0, `the end of ${gone.name}`)
    await Promise.all([a.kill(), b.kill()])

    // The last one is replaced by one that is announced before it is ready.
    let probes = 0
    const d = await startTarget(t, 'd', ({ headers }, _request, response) => {
      if (headers['x-forwarded-for'] === undefined) probes++
      response.statusCode = probes > 3 ? 200 : 503
      response.end('d')
    }, { host: '127.0.0.4', port })
    await say([d])
    await servedBy(d)
    await until(() => c.sockets.size === 0, 'the end of c')
    await c.kill()
    await until(() => load.answers.d! > 20, 'traffic for d')
    await load.stop()
    t.strictSame(load.errors, [])
    t.match(upstream.snapshot().discovery, { failures: 0, lastError: null })
  })
}
