/** How long targets stay that are not found any more, by time that stands still. */
import t from 'tap'
import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../helpers/clock.js'
import { discovering } from '../helpers/discovering.js'
import { startDns } from '../helpers/dns-server.js'
import { startTarget } from '../helpers/servers.js'
import { until } from '../helpers/wait.js'

const A = 'http://10.0.0.1'
const B = 'http://10.0.0.2'

t.test('DNS that answers with some of its records: nobody is removed, and clients keep their targets', async t => {
  const all = Array.from({ length: 20 }, (_, i) => `10.0.0.${i + 1}`)
  const random = seededRandom(1)
  const some = (): Array<{ A: string, ttl: number }> => all.map(A => ({ A, place: random() })).sort((a, b) => a.place - b.place).slice(0, 8).map(({ A }) => ({ A, ttl: 1 }))
  const dns = await startDns(t, { 'shop.internal': all.map(A => ({ A, ttl: 1 })) })
  const { upstream, discovery, clock } = discovering(t, { dns: 'shop.internal', servers: [dns.address] })
  await until(() => upstream.targets.size === 20, 'all of them')
  const before = [...upstream.targets.values()]
  let removed = 0
  upstream.on('target:removed', () => { removed++ })
  for (let second = 2; second <= 45; second++) {
    dns.zone['shop.internal'] = some()
    clock.advance(1_000)
    await until(() => discovery.snapshot().resolves === second, 'a look-up')
    t.equal(discovery.snapshot().held, 12)
    for (const { id } of before) t.equal(upstream.pick({ affinity: id }).id, id, 'a client stays with its target')
    t.equal(upstream.snapshot().targets.filter(({ available }) => available).length, 8, 'new clients go to those that are found')
  }
  t.equal(removed, 0)
  t.ok(before.every(target => upstream.targets.get(target.id) === target), 'with all that is known of them')

  // One that is gone for good goes when its time is over.
  dns.zone['shop.internal'] = all.slice(1).map(A => ({ A, ttl: 1 }))
  for (let second = 0; second <= 31; second++) {
    const { resolves } = discovery.snapshot()
    clock.advance(1_000)
    await until(() => discovery.snapshot().resolves > resolves, 'a look-up')
  }
  t.equal(removed, 1)
  t.notOk(upstream.targets.has('http://10.0.0.1'))
})

t.test('a name that does not exist any more has no targets after 30 s; one whose servers fail keeps them', async t => {
  const dns = await startDns(t, { 'shop.internal': [{ A: '10.0.0.1', ttl: 1 }] })
  const found = discovering(t, { dns: 'shop.internal', servers: [dns.address] })
  await found.has(A)
  dns.zone['shop.internal'] = 'SERVFAIL'
  found.clock.advance(1_000)
  await found.failed(1)
  for (let minute = 0; minute < 60; minute++) {
    const { failures } = found.discovery.snapshot()
    await until(() => {
      if (found.discovery.snapshot().failures === failures) found.clock.advance(100)
      return found.discovery.snapshot().failures > failures
    }, 'another failure')
  }
  t.equal(found.ids(), A)
  dns.zone['shop.internal'] = 'NXDOMAIN'
  await until(() => {
    if (!/NOTFOUND/.test(found.discovery.snapshot().lastError!)) found.clock.advance(100)
    return /NOTFOUND/.test(found.discovery.snapshot().lastError!)
  }, 'the answer')
  found.clock.advance(29_999)
  t.equal(found.ids(), A)
  found.clock.advance(1)
  await found.has('')
  t.equal(found.lines.at(-1), 'warn: discovery has failed for too long, its targets are removed')
  dns.zone['shop.internal'] = [{ A: '10.0.0.2', ttl: 1 }]
  await found.comesTo(B)
})

t.test('a name that has never existed has nothing that could be removed', async t => {
  const dns = await startDns(t)
  const found = discovering(t, { dns: 'shop.internal', servers: [dns.address], hold: { nx: 0 } })
  await found.failed(1)
  await until(() => {
    if (found.discovery.snapshot().failures === 1) found.clock.advance(10)
    return found.discovery.snapshot().failures > 1
  }, 'another failure')
  t.strictSame(found.lines, ['warn: discovery has failed, the last good set of targets stays: queryA ENOTFOUND shop.internal'])
})

t.test('a good answer in between begins the time anew', async t => {
  const dns = await startDns(t, { 'shop.internal': [{ A: '10.0.0.1', ttl: 1 }] })
  const found = discovering(t, { dns: 'shop.internal', servers: [dns.address], hold: { nx: '10s' } })
  await found.has(A)
  for (let i = 0; i < 3; i++) {
    dns.zone['shop.internal'] = []
    const { failures, resolves } = found.discovery.snapshot()
    found.clock.advance(1_000)
    await found.failed(failures + 1)
    dns.zone['shop.internal'] = [{ A: '10.0.0.1', ttl: 1 }]
    await until(() => {
      if (found.discovery.snapshot().resolves === resolves) found.clock.advance(10)
      return found.discovery.snapshot().resolves > resolves
    }, 'a good answer')
    t.equal(found.ids(), A)
  }
})

t.test('other sources: what they say is believed at once, and what they do not say not at all, unless it is said otherwise', async t => {
  const file = join(t.testdir({ targets: `- ${A}\n- ${B}\n` }), 'targets')
  const plain = discovering(t, { file, interval: 1_000, watch: false })
  const held = discovering(t, { file, interval: 1_000, watch: false, hold: { obsolete: 20_000, nx: 20_000, timeout: 30_000 } })
  for (const found of [plain, held]) await found.has(`${A} ${B}`)
  writeFileSync(file, `- ${B}\n`)
  await plain.comesTo(B)
  await held.comesTo(`${B} ${A}`)
  t.equal(held.upstream.targets.get(A)!.eligible, false)
  t.equal(held.upstream.pick({ affinity: A }).id, A)
  await held.comesTo(B)

  unlinkSync(file)
  await plain.comesTo(B)
  const since = held.clock.now()
  await held.comesTo('')
  t.ok(held.clock.now() - since >= 20_000)
  writeFileSync(file, `- ${A}\n`)
  await held.comesTo(A)
  writeFileSync(file, 'nonsense')
  await held.comesTo('')
  const nowhere = discovering(t, { file: join(file, 'targets'), watch: false, hold: { nx: 0 } })
  await nowhere.failed(1)
  t.match(nowhere.discovery.snapshot().lastError, /ENOTDIR/)
  t.equal(held.lines.at(-1), 'warn: discovery has failed for too long, its targets are removed')
  t.equal(plain.ids(), B)
})

t.test('a document that is gone is nothing after its time, as a name is', async t => {
  let status = 200
  const registry = await startTarget(t, 'registry', (_seen, _request, response) => {
    response.statusCode = status
    response.end(JSON.stringify([A]))
  })
  const found = discovering(t, { url: registry.url, interval: 1_000, timeout: 2_147_483_647, hold: { nx: 5_000 } })
  await found.has(A)
  status = 503
  found.clock.advance(1_000)
  await found.failed(1)
  status = 410
  await found.comesTo('')
  t.match(found.discovery.snapshot().lastError, 'status 410')
})

t.test('held for good; held until another server has its id, or somebody takes it out', async t => {
  const file = join(t.testdir({ targets: `- { id: a, url: ${A} }\n- { id: b, url: ${B} }\n` }), 'targets')
  const found = discovering(t, { file, interval: 1_000, watch: false, hold: { obsolete: Infinity } })
  await found.has('a b')
  writeFileSync(file, '[]')
  await until(() => {
    if (found.discovery.snapshot().held === 0) found.clock.advance(10)
    return found.discovery.snapshot().held === 2
  }, 'both are held')
  found.clock.advance(1_000_000_000)
  t.equal(found.ids(), 'a b')
  await found.upstream.remove('b')
  writeFileSync(file, '- { id: a, url: http://10.0.0.3 }\n')
  await until(() => {
    if (found.discovery.snapshot().held > 0) found.clock.advance(10)
    return found.discovery.snapshot().held === 0
  }, 'nobody is held')
  t.equal(found.ids(), 'a')
  t.ok(found.upstream.targets.get('a')!.eligible)
})

t.test('with probes, those who go are held once others are fit; and all go when nothing is found for too long', async t => {
  const dns = await startDns(t, { 'shop.internal': [{ A: '10.0.0.1', ttl: 1 }] })
  const found = discovering(t, { dns: 'shop.internal', servers: [dns.address], hold: { nx: 2_000 } }, { pending: true })
  const { balancer } = found.upstream
  await found.has(A)
  balancer.setHealth(balancer.byId.get(A)!, 'healthy')
  dns.zone['shop.internal'] = [{ A: '10.0.0.2', ttl: 1 }]
  found.clock.advance(1_000)
  await found.has(`${B} ${A}`)
  t.equal(found.upstream.pick().id, A)
  t.equal(found.discovery.snapshot().held, 0)
  balancer.setHealth(balancer.byId.get(B)!, 'healthy')
  t.equal(found.upstream.pick().id, B)
  t.equal(found.discovery.snapshot().held, 1)
  dns.zone['shop.internal'] = [{ A: '10.0.0.3', ttl: 1 }]
  found.clock.advance(1_000)
  await found.has(`http://10.0.0.3 ${B} ${A}`)
  dns.zone['shop.internal'] = []
  await until(() => {
    if (found.upstream.targets.size > 0) found.clock.advance(10)
    return found.upstream.targets.size === 0
  }, 'nobody is left')
  t.equal(found.discovery.snapshot().held, 0)
  t.equal(found.upstream.listenerCount('target:healthy'), 0)
})
