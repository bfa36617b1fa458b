/** Targets by DNS: real packets from a server of the test's own, time that stands still. */
import t from 'tap'
import { discovering, type Discovering } from '../helpers/discovering.js'
import { startDns } from '../helpers/dns-server.js'
import { until } from '../helpers/wait.js'

/** Nothing is held, so that the pause is all that waits. */
const hold = { obsolete: 0, nx: Infinity }

/** Milliseconds to the next look-up. */
async function pause ({ clock }: Discovering): Promise<number> {
  await until(() => clock.pending === 1, 'the pause')
  const start = clock.now()
  while (clock.pending === 1) clock.advance(100)
  return clock.now() - start
}

// ---- addresses ------------------------------------------------------------------------------------------------------------

t.test('each address of the name is a target, which keeps the name', async t => {
  const dns = await startDns(t, { 'api.internal': [{ A: '10.0.0.2' }, { A: '10.0.0.1' }] })
  const found = discovering(t, { dns: 'api.internal', servers: [dns.address] })
  await found.has('http://10.0.0.1 http://10.0.0.2')
  t.match(found.upstream.targets.get('http://10.0.0.1')!.config, { url: 'http://api.internal:80', address: '10.0.0.1', origin: 'http://api.internal', weight: 1, tier: 0 })
  t.strictSame(dns.asked, ['A api.internal'])
})

t.test('port, protocol, base path and name can be said', async t => {
  const dns = await startDns(t, { 'api.internal': [{ A: '10.0.0.1' }] })
  for (const [options, id, url] of [
    [{ port: 3000 }, 'http://10.0.0.1:3000', 'http://api.internal:3000'],
    [{ protocol: 'https' }, 'https://10.0.0.1', 'https://api.internal:443'],
    [{ protocol: 'https', port: 8443, path: '/v1' }, 'https://10.0.0.1:8443', 'https://api.internal:8443/v1'],
    [{ host: 'shop.example' }, 'http://10.0.0.1', 'http://shop.example:80']
  ] as const) {
    const found = discovering(t, { dns: 'api.internal', servers: [dns.address], ...options })
    await found.has(id)
    t.equal(found.upstream.targets.get(id)!.url, url)
  }
})

t.test('a name may end with a dot, which its targets do not get to see', async t => {
  const dns = await startDns(t, { 'api.internal': [{ A: '10.0.0.1' }] })
  const found = discovering(t, { dns: 'api.internal.', servers: [dns.address] })
  await found.has('http://10.0.0.1')
  t.equal(found.upstream.targets.get('http://10.0.0.1')!.url, 'http://api.internal:80')
})

t.test('addresses of version 6', async t => {
  const dns = await startDns(t, { 'api.internal': [{ A: '10.0.0.1' }, { AAAA: '2001:db8::2' }, { AAAA: '2001:db8::1' }] })
  const found = discovering(t, { dns: 'api.internal', type: 'AAAA', port: 3000, servers: [dns.address] })
  await found.has('http://[2001:db8::1]:3000 http://[2001:db8::2]:3000')
  t.strictSame(dns.asked, ['AAAA api.internal'])
})

t.test('the order of an answer does not matter, and an address that comes twice is one target', async t => {
  const dns = await startDns(t, { 'api.internal': [{ A: '10.0.0.2', ttl: 1 }, { A: '10.0.0.1', ttl: 1 }, { A: '10.0.0.2', ttl: 1 }] })
  const found = discovering(t, { dns: 'api.internal', servers: [dns.address] })
  await found.resolved(1)
  t.equal(found.ids(), 'http://10.0.0.1 http://10.0.0.2')
  const before = found.upstream.targets.get('http://10.0.0.1')
  dns.zone['api.internal'] = [{ A: '10.0.0.1', ttl: 1 }, { A: '10.0.0.2', ttl: 1 }]
  t.equal(await pause(found), 1_000)
  await found.resolved(2)
  t.equal(found.ids(), 'http://10.0.0.1 http://10.0.0.2')
  t.equal(found.upstream.targets.get('http://10.0.0.1'), before)
})

t.test('more addresses than fit into a packet', async t => {
  const addresses = Array.from({ length: 100 }, (_, i) => `10.0.1.${i + 100}`)
  const dns = await startDns(t, { 'api.internal': addresses.map(A => ({ A })) })
  const found = discovering(t, { dns: 'api.internal', servers: [dns.address] })
  await found.has(addresses.map(address => `http://${address}`).join(' '))
  t.strictSame(dns.asked, ['A api.internal', 'A api.internal'], 'the second time over TCP')
})

// ---- when -----------------------------------------------------------------------------------------------------------------

t.test('the name is looked up again when the shortest TTL is over, within bounds', async t => {
  const dns = await startDns(t)
  for (const [ttls, ms, bounds] of [
    [[7, 30], 7_000, {}], [[0], 1_000, {}], [[86_400], 300_000, {}],
    [[7], 10_000, { minTtl: 10_000 }], [[7], 5_000, { maxTtl: 5_000 }]
  ] as const) {
    dns.zone['api.internal'] = ttls.map((ttl, i) => ({ A: `10.0.0.${i + 1}`, ttl }))
    const found = discovering(t, { dns: 'api.internal', servers: [dns.address], ...bounds })
    await found.resolved(1)
    t.equal(await pause(found), ms, `TTLs of ${ttls.join(' and ')} s`)
    await found.resolved(2)
    found.discovery.close()
  }
})

// ---- failures -------------------------------------------------------------------------------------------------------------

t.test('no addresses, no such name, a failure and a refusal leave the last good set, and are told', async t => {
  const dns = await startDns(t, { 'api.internal': [{ A: '10.0.0.1', ttl: 1 }] })
  const found = discovering(t, { dns: 'api.internal', servers: [dns.address], hold })
  await found.resolved(1)
  const answers = { ENODATA: [], ENOTFOUND: 'NXDOMAIN', ESERVFAIL: 'SERVFAIL', EREFUSED: 'REFUSED', EFORMERR: 'FORMERR' } as const
  for (const [i, [code, answer]] of Object.entries(answers).entries()) {
    dns.zone['api.internal'] = typeof answer === 'string' ? answer : []
    await pause(found)
    await found.failed(i + 1)
    t.equal(found.ids(), 'http://10.0.0.1')
    t.equal(found.lines.at(-1), `warn: discovery has failed, the last good set of targets stays: queryA ${code} api.internal`)
  }
  dns.zone['api.internal'] = [{ A: '10.0.0.2' }]
  await pause(found)
  await found.has('http://10.0.0.2')
  t.equal(found.lines.at(-1), 'info: discovery works again')
  t.match(found.discovery.snapshot(), { kind: 'dns', place: 'api.internal A', resolves: 2, failures: 5 })
})

t.test('a server that does not answer is given up, and the next one is asked', async t => {
  const [silent, dns] = [await startDns(t, { 'api.internal': 'silent' }), await startDns(t, { 'api.internal': [{ A: '10.0.0.1' }] })]
  const found = discovering(t, { dns: 'api.internal', servers: [silent.address, dns.address], timeout: 100 })
  await found.has('http://10.0.0.1')
  t.strictSame([silent.asked.length, dns.asked.length], [1, 1])
  const alone = discovering(t, { dns: 'api.internal', servers: [silent.address], timeout: 50 })
  await alone.failed(1)
  t.match(alone.discovery.snapshot().lastError, /^queryA E(?:TIMEOUT|CONNREFUSED) api\.internal$/)
})

t.test('an end in the middle of a look-up ends it', async t => {
  const dns = await startDns(t, { 'api.internal': 'silent' })
  const found = discovering(t, { dns: 'api.internal', servers: [dns.address], timeout: 60_000 })
  await until(() => dns.asked.length === 1, 'the question')
  found.discovery.close()
  await until(found.begun, 'the beginning')
  t.strictSame(found.lines, [])
  t.match(found.discovery.snapshot(), { failures: 0 })
})

t.test('without servers, those of the system are to be asked', async t => {
  // But not for this name, which is no business of DNS (RFC 7686 §2): nothing leaves the machine.
  const found = discovering(t, { dns: 'shop.onion' })
  await found.failed(1)
  t.equal(found.discovery.snapshot().lastError, 'queryA ENOTFOUND shop.onion')
})

// ---- SRV ------------------------------------------------------------------------------------------------------------------

t.test('SRV: addresses of each server, with its port; the name without the service', async t => {
  const dns = await startDns(t, {
    '_http._tcp.api.internal': [{ SRV: 'one.internal', port: 3001, weight: 10 }, { SRV: 'two.internal', port: 3002, weight: 20 }, { SRV: 'three.internal', port: 3003, priority: 5 }],
    'one.internal': [{ A: '10.0.0.1' }],
    'two.internal': [{ A: '10.0.0.2' }, { A: '10.0.0.3' }, { AAAA: '2001:db8::2' }],
    'three.internal': [{ AAAA: '2001:db8::3' }]
  })
  const found = discovering(t, { dns: '_http._tcp.api.internal', type: 'SRV', servers: [dns.address] })
  await found.resolved(1)
  t.strictSame(found.upstream.snapshot().targets.map(({ id, url, weight, tier }) => [id, url, weight, tier]), [
    ['http://10.0.0.1:3001', 'http://api.internal:3001', 10, 0],
    ['http://10.0.0.2:3002', 'http://api.internal:3002', 20, 0],
    ['http://10.0.0.3:3002', 'http://api.internal:3002', 20, 0],
    ['http://[2001:db8::3]:3003', 'http://api.internal:3003', 1, 1]
  ])
})

t.test('SRV: looked up again after the interval, or when an address has had its time', async t => {
  const dns = await startDns(t, { 'api.internal': [{ SRV: 'one.internal', port: 3000, ttl: 1 }], 'one.internal': [{ A: '10.0.0.1', ttl: 60 }] })
  const found = discovering(t, { dns: 'api.internal', type: 'SRV', servers: [dns.address] })
  await found.resolved(1)
  t.equal(await pause(found), 10_000)
  dns.zone['one.internal'] = [{ A: '10.0.0.1', ttl: 3 }]
  await found.resolved(2)
  t.equal(await pause(found), 3_000)
  const rarely = discovering(t, { dns: 'api.internal', type: 'SRV', servers: [dns.address], interval: 2_000 })
  await rarely.resolved(1)
  t.equal(await pause(rarely), 2_000)
})

t.test('SRV: a server without an address is left out; one whose address cannot be found out keeps the last one, and the others go on', async t => {
  const dns = await startDns(t, {
    'api.internal': [{ SRV: 'one.internal', port: 3000 }, { SRV: 'two.internal', port: 3000 }, { SRV: 'one.internal', port: 3000, priority: 9 }],
    'one.internal': [{ A: '10.0.0.1', ttl: 1 }],
    'two.internal': [{ A: '10.0.0.2', ttl: 1 }]
  })
  const found = discovering(t, { dns: 'api.internal', type: 'SRV', servers: [dns.address], hold: { ...hold, timeout: 60_000 } })
  await found.has('http://10.0.0.1:3000 http://10.0.0.2:3000')
  t.equal(found.upstream.targets.get('http://10.0.0.1:3000')!.tier, 0, 'one that comes twice has the better place')
  dns.zone['two.internal'] = 'SERVFAIL'
  dns.zone['one.internal'] = [{ A: '10.0.0.3', ttl: 1 }]
  await pause(found)
  await found.has('http://10.0.0.2:3000 http://10.0.0.3:3000')
  t.match(found.discovery.snapshot(), { failures: 1, lastError: 'queryA ESERVFAIL two.internal' })
  await pause(found)
  await found.resolved(3)
  t.strictSame(found.lines, ['warn: a part of discovery has failed, its last good targets stay: queryA ESERVFAIL two.internal'], 'which is told once')
  for (let i = 0; i < 60; i++) {
    await pause(found)
    await found.resolved(4 + i)
  }
  t.equal(found.ids(), 'http://10.0.0.3:3000', 'but not for longer than hold.timeout')
  dns.zone['two.internal'] = []
  dns.zone['three.internal'] = 'SERVFAIL'
  dns.zone['api.internal'] = [...dns.zone['api.internal'] as [], { SRV: 'three.internal', port: 3000 }]
  await pause(found)
  await until(() => found.lines.length === 2, 'a line')
  t.match(found.lines[1], /ESERVFAIL three\.internal$/, 'one that was never found out is left out')
  t.equal(found.ids(), 'http://10.0.0.3:3000')
  dns.zone['three.internal'] = []
  await pause(found)
  const { failures, resolves } = found.discovery.snapshot()
  await found.resolved(resolves + 1)
  t.equal(found.discovery.snapshot().failures, failures)
  dns.zone['one.internal'] = 'NXDOMAIN'
  await pause(found)
  await found.failed(failures + 1)
  t.equal(found.discovery.snapshot().lastError, 'querySrv api.internal: none of its servers has an address')
  t.equal(found.ids(), 'http://10.0.0.3:3000')
  dns.zone['one.internal'] = dns.zone['two.internal'] = 'SERVFAIL'
  dns.zone['three.internal'] = 'NXDOMAIN'
  found.discovery.close()
  const fresh = discovering(t, { dns: 'api.internal', type: 'SRV', servers: [dns.address], hold })
  await fresh.failed(1)
  t.equal(fresh.discovery.snapshot().lastError, 'queryA ESERVFAIL one.internal, queryA ESERVFAIL two.internal')
})

t.test('SRV: a service that is said not to be there leaves the last good set', async t => {
  const dns = await startDns(t, { 'api.internal': [{ SRV: '.', port: 0 }] })
  const found = discovering(t, { dns: 'api.internal', type: 'SRV', servers: [dns.address] })
  await found.failed(1)
  t.match(found.discovery.snapshot(), { lastError: 'querySrv api.internal: none of its servers has an address' })
  t.strictSame(dns.asked, ['SRV api.internal'])
})
