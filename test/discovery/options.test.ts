/** The option `discovery`: what is wrong with it is told, with its path. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { discoveryOption } from '../../lib/discovery/options.js'
import { Feed } from '../helpers/discovering.js'

function faultsOf (value: unknown): string[] {
  const faults: string[] = []
  discoveryOption(value, 'discovery', faults)
  return faults
}

const client = { type () {}, get () {}, hgetall () {}, duplicate () {} }

t.test('each kind is known by its first option', async t => {
  const url = () => 'http://registry.internal/'
  for (const [value, kind, place] of [
    [{ dns: 'api.internal' }, 'dns', 'api.internal A'],
    [{ dns: '_http._tcp.api.internal.', type: 'SRV', interval: 1_000, host: 'shop.example' }, 'dns', '_http._tcp.api.internal. SRV'],
    [{ dns: 'api.internal', type: 'AAAA', port: 3000, protocol: 'https', path: '/v1', servers: ['10.0.0.2', '10.0.0.2:5353', '[::1]:53'], minTtl: 5_000, maxTtl: 5_000, timeout: 1 }, 'dns', 'api.internal AAAA'],
    [{ file: 'targets.yaml' }, 'file', 'targets.yaml'],
    [{ file: '/etc/targets.json', interval: 1, watch: false }, 'file', '/etc/targets.json'],
    [{ url: 'https://registry.internal/targets?token=secret#top' }, 'url', 'https://registry.internal/targets'],
    [{ url, headers: () => ({}), map: () => [], interval: 1, timeout: 1, maxBytes: 1, tls: { ca: 'PEM' } }, 'url', ''],
    [{ url: 'http://registry.internal', headers: { authorization: 'Bearer x' } }, 'url', 'http://registry.internal'],
    [{ redis: client, key: 'shop' }, 'redis', 'shop'],
    [{ redis: { ...client, hGetAll () {}, hgetall: undefined }, key: 'shop', channel: 'changes', interval: 1, timeout: 1 }, 'redis', 'shop'],
    [new Feed(), 'iterable', ''],
    [async function * () {}, 'iterable', '']
  ] as const) {
    t.strictSame(faultsOf(value), [])
    t.match(discoveryOption(value, 'discovery', []), { kind, place })
  }
})

t.test('every option is in the guide', async t => {
  const guide = readFileSync('docs/discovery.md', 'utf8')
  for (const value of [{ dns: 'a', x: 1 }, { file: 'a', x: 1 }, { url: 'http://a', x: 1 }, { redis: client, key: 'a', x: 1 }]) {
    const names = /known are (.*)$/.exec(faultsOf(value)[0]!)![1]!.split(', ')
    for (const name of names) t.match(guide, new RegExp(`^\\| .*\`${name}\``, 'm'), name)
  }
})

t.test('hold times are durations, or Infinity', async t => {
  t.match(discoveryOption({ dns: 'api', hold: { obsolete: '1m', timeout: Infinity } }, 'discovery', []), { hold: { obsolete: 60_000, nx: 30_000, timeout: Infinity } })
  t.match(discoveryOption({ dns: 'api' }, 'discovery', []), { hold: { obsolete: 30_000, nx: 30_000, timeout: Infinity } })
  for (const value of [{ file: 'a' }, { url: 'http://a' }, { redis: client, key: 'a' }, new Feed()]) t.match(discoveryOption(value, 'discovery', []), { hold: { obsolete: 0, nx: Infinity, timeout: Infinity } })
  t.strictSame(faultsOf({ file: 'a', hold: { obsolete: -1, nx: 'for ever', valid: 1 } }).map(fault => fault.split(',')[0]), [
    'discovery.hold.valid: unknown option; known are obsolete', 'discovery.hold.obsolete: expected milliseconds', 'discovery.hold.nx: expected milliseconds'
  ])
})

t.test('what is none of them is a fault', async t => {
  for (const [value, got] of [[[], 'an array'], [{}, 'an object'], [{ dns: undefined }, 'an object'], ['api.internal', '"api.internal" (string)'], [null, 'null'], [true, 'true'], [[['http://a']], 'an array']] as const) {
    t.strictSame(faultsOf(value), [`discovery: expected { dns }, { file }, { url }, { redis }, an AsyncIterable of sets of targets, or a function that returns one, got ${got}`])
  }
})

t.test('every fault is told, with its path', async t => {
  const aName = "expected a name, as 'api.internal', got"
  for (const [value, ...faults] of [
    [{ dns: '10.0.0.1' }, `discovery.dns: ${aName} "10.0.0.1" (string)`],
    [{ dns: '::1' }, `discovery.dns: ${aName} "::1" (string)`],
    [{ dns: 'a..b' }, `discovery.dns: ${aName} "a..b" (string)`],
    [{ dns: 'http://api.internal', host: 'a/b' }, `discovery.dns: ${aName} "http://api.internal" (string)`, `discovery.host: ${aName} "a/b" (string)`],
    [{ dns: 'a.b.'.repeat(64) }, `discovery.dns: ${aName} "a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.a.b.…" (string)`],
    [
      { dns: 'api', type: 'TXT', port: 0, protocol: 'ftp', path: 'v1', servers: ['dns.internal', 53], minTtl: 0, maxTtl: '1 s', timeout: 0, ttl: 1 },
      'discovery.ttl: unknown option; known are dns, type, port, protocol, path, host, servers, minTtl, maxTtl, interval, timeout, hold',
      'discovery.type: expected \'A\' or \'AAAA\' or \'SRV\', got "TXT" (string)',
      'discovery.port: expected 1 to 65535, got 0',
      'discovery.protocol: expected \'http\' or \'https\', got "ftp" (string)',
      'discovery.path: expected a path, as \'/v1\', got "v1" (string)',
      'discovery.servers[0]: expected the address of a DNS server, as \'10.0.0.2\' or \'[::1]:5353\', got "dns.internal" (string)',
      'discovery.servers[1]: expected the address of a DNS server, as \'10.0.0.2\' or \'[::1]:5353\', got 53',
      'discovery.minTtl: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'discovery.maxTtl: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got "1 s" (string)',
      'discovery.timeout: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0'
    ],
    [{ dns: 'api', type: 'SRV', port: 80 }, 'discovery.port: expected nothing, since SRV records say the port'],
    [{ dns: 'api', interval: 80 }, 'discovery.interval: expected nothing, since the records have a TTL; its bounds are minTtl and maxTtl'],
    [{ dns: 'api', minTtl: 300_001 }, 'discovery.minTtl: expected at most maxTtl (300000), got 300001'],
    [{ dns: 'api', path: '/v1?x' }, 'discovery.path: expected a path, as \'/v1\', got "/v1?x" (string)'],
    [{ file: 'targets.yaml', dns: 'api' }, 'discovery.file: unknown option; known are dns, type, port, protocol, path, host, servers, minTtl, maxTtl, interval, timeout, hold'],
    [
      { file: '', interval: 0, watch: 'yes', parse: 1 },
      'discovery.parse: unknown option; known are file, interval, watch, hold',
      'discovery.file: expected a string that is not empty, got "" (string)',
      'discovery.interval: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'discovery.watch: expected true or false, got "yes" (string)'
    ],
    [
      { url: 'registry', interval: 0, timeout: 0, headers: { 'a b': 'x' }, map: {}, maxBytes: 0, tls: { ca: 1 }, etag: true },
      'discovery.etag: unknown option; known are url, interval, timeout, headers, map, maxBytes, tls, hold',
      'discovery.url: expected a url, as \'http://registry.internal/targets\', or a function, got "registry" (string)',
      'discovery.interval: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'discovery.timeout: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'discovery.headers["a b"]: expected a header that can be sent, got a name or a value with characters that it must not have',
      'discovery.map: expected a function, got an object',
      'discovery.maxBytes: expected a whole number from 1, got 0',
      'discovery.tls.ca: expected PEM text or a Buffer, or an array of them, got 1'
    ],
    [{ url: 'ftp://a' }, 'discovery.url: expected a url, as \'http://registry.internal/targets\', or a function, got "ftp://a" (string)'],
    [{ url: 'http://me:secret@registry.internal' }, 'discovery.url: expected a url without credentials, which belong in headers'],
    [{ url: 'http://me@registry.internal' }, 'discovery.url: expected a url without credentials, which belong in headers'],
    [
      { redis: 'redis://10.0.0.1', key: '', channel: '', interval: 0, timeout: 0, prefix: 'x' },
      'discovery.prefix: unknown option; known are redis, key, channel, interval, timeout, hold',
      'discovery.redis: expected a client of ioredis or node-redis, got "redis://10.0.0.1" (string)',
      'discovery.key: expected a string that is not empty, got "" (string)',
      'discovery.channel: expected a string that is not empty, got "" (string)',
      'discovery.interval: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0',
      'discovery.timeout: expected milliseconds, 1 to 2147483647, or text such as "5s" or "500ms", got 0'
    ],
    [{ redis: null }, 'discovery.redis: expected a client of ioredis or node-redis, got null', 'discovery.key: expected a string that is not empty, got nothing'],
    [{ redis: { ...client, duplicate: undefined }, key: 'shop' }, 'discovery.redis: expected a client of ioredis or node-redis, got an object']
  ] as const) {
    t.strictSame(faultsOf(value), faults)
  }
})
