/** docs/discovery.md as it is written; its recipes have a test of their own. */
import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { startDns } from '../helpers/dns-server.js'
import { noRedis, startRedis } from '../helpers/redis-server.js'
import { startTarget } from '../helpers/targets.js'
import { until } from '../helpers/wait.js'
import { Guide } from './harness/guide.js'

const guide = new Guide('docs/discovery.md')

t.test('each kind of source finds what is there', { skip: noRedis }, async t => {
  const dns = await startDns(t, {
    'shop.internal': [{ A: '127.0.0.1' }],
    '_http._tcp.api.internal': [{ SRV: 'a.internal', port: 3000 }],
    'a.internal': [{ A: '127.0.0.2' }],
    'docs.internal': [{ A: '127.0.0.3' }]
  })
  const dir = t.testdir({ 'search.yaml': '' })
  writeFileSync(join(dir, 'search.yaml'), guide.block('{ id: b, url: http://10.0.0.2:3000, weight: 2').code)
  const registry = await startTarget(t, 'registry', (_seen, _request, response) => { response.end('["http://127.0.0.1:1"]') })
  const { port } = await startRedis(t)
  const places = { 'redis-cli': `redis-cli -p ${port}` }
  t.equal((await guide.shell('redis-cli HSET', places)).trim(), '2')
  const redis = new Redis({ port })
  t.teardown(() => { redis.disconnect() })
  const { app } = await guide.play(t, "discovery: { dns: 'shop.internal', port: 3000 }", {
    given: { redis },
    places: {
      '/etc/gateway/search.yaml': join(dir, 'search.yaml'),
      'http://registry.internal/cart': registry.url,
      "dns: 'shop.internal'": `servers: ['${dns.address}'], dns: 'shop.internal'`,
      "dns: '_http._tcp.api.internal'": `servers: ['${dns.address}'], dns: '_http._tcp.api.internal'`,
      "dns: 'docs.internal'": `servers: ['${dns.address}'], dns: 'docs.internal'`
    }
  })
  const ids = (name: string): string[] => [...app.upstreams.get(name)!.targets.keys()]
  await until(() => [...app.upstreams].every(({ targets }) => targets.size > 0), 'targets everywhere')
  t.strictSame(ids('shop'), ['http://127.0.0.1:3000'])
  t.strictSame(ids('api'), ['http://127.0.0.2:3000'])
  t.strictSame(ids('search'), ['http://10.0.0.1:3000', 'b'])
  t.strictSame(ids('cart'), ['http://127.0.0.1:1'])
  t.strictSame(ids('users'), ['a', 'b'])
  await redis.hdel('gateway:users', 'b')
  t.equal((await guide.shell('redis-cli PUBLISH', places)).trim(), '1')
  await until(() => ids('users').length === 1, 'the change is seen')
  t.equal(ids('mail').length, 1)
  t.strictSame(ids('docs'), ['https://mirror.example', 'http://127.0.0.3'])
})

t.test('hold times', async t => {
  const dns = await startDns(t, { 'shop.internal': [{ A: '127.0.0.1', ttl: 1 }, { A: '127.0.0.2', ttl: 1 }] })
  const file = join(t.testdir({ 'search.yaml': '- http://10.0.0.1:3000\n' }), 'search.yaml')
  const { app } = await guide.play(t, "hold: { obsolete: '1m', nx: '10s', timeout: '1h' }", {
    places: { '/etc/gateway/search.yaml': file, "dns: 'shop.internal'": `servers: ['${dns.address}'], dns: 'shop.internal'` }
  })
  const shop = app.upstreams.get('shop')!
  await until(() => shop.targets.size === 2, 'both')
  dns.zone['shop.internal'] = [{ A: '127.0.0.2', ttl: 1 }]
  await until(() => shop.snapshot().discovery!.held === 1, 'one is held')
  t.strictSame(shop.snapshot().targets.map(({ id, available }) => [id, available]), [['http://127.0.0.2:3000', true], ['http://127.0.0.1:3000', false]])
})

guide.testedIn('test/discovery/recipes.test.ts', '// kubernetes.js', '// consul.js', '// own.js')
guide.complete(t)
