import t from 'tap'
import { targetOption, targetsOption, type EngineTargetConfig } from '../../lib/engine/target-options.js'
import { checked } from '../../lib/options.js'
import { matchLines } from '../helpers/lines.js'

const target = (value: unknown): EngineTargetConfig => checked(targetOption, value, 'target')

function faultsOf (value: unknown): string[] {
  const faults: string[] = []
  targetOption(value, 'target', faults)
  return faults
}

t.test('a url alone is a target', async t => {
  t.strictSame(target('http://10.0.0.1:3000'), {
    id: 'http://10.0.0.1:3000',
    url: 'http://10.0.0.1:3000',
    address: undefined,
    weight: 1,
    tier: 0,
    tags: {},
    maxRequests: Infinity,
    ownLimit: undefined,
    origin: 'http://10.0.0.1:3000',
    basePath: '',
    socketPath: undefined,
    tls: {}
  })
})

t.test('a target can say everything', async t => {
  const tls = { ca: ['one', Buffer.from('two')], cert: 'c', key: Buffer.from('k'), servername: 'shop', rejectUnauthorized: false }
  t.match(target({ url: 'https://a', id: 'x', weight: 0, tier: 1, tags: { zone: 'eu', empty: '' }, limits: { maxRequests: Infinity }, tls }), {
    id: 'x', weight: 0, tier: 1, tags: { zone: 'eu', empty: '' }, ownLimit: Infinity, tls
  })
  t.equal(target({ url: 'https://a', limits: {} }).ownLimit, undefined)
})

t.test('a url is taken apart', async t => {
  for (const [url, id, origin, basePath, socketPath] of [
    ['http://shop', 'http://shop', 'http://shop', '', undefined],
    ['HTTP://Shop:80/', 'http://shop', 'http://shop', '', undefined],
    ['https://shop:8443/base', 'https://shop:8443', 'https://shop:8443', '/base', undefined],
    ['http://shop/base/of%20it/', 'http://shop', 'http://shop', '/base/of%20it', undefined],
    ['http://[::1]:3000', 'http://[::1]:3000', 'http://[::1]:3000', '', undefined],
    ['unix:/run/shop.sock', 'unix:/run/shop.sock', 'http://localhost', '', '/run/shop.sock'],
    ['unix:/run/shop.sock:/base/', 'unix:/run/shop.sock', 'http://localhost', '/base', '/run/shop.sock'],
    ['unix:/run/shop.sock:/', 'unix:/run/shop.sock', 'http://localhost', '', '/run/shop.sock']
  ] as const) {
    t.match(target(url), { id, url, origin, basePath }, url)
    t.equal(target(url).socketPath, socketPath)
  }
})

t.test('a target with an address has its id by that, and is its url in everything else', async t => {
  for (const [url, address, id] of [
    ['http://shop:3000/base', '10.0.0.1', 'http://10.0.0.1:3000'],
    ['https://shop', '10.0.0.1', 'https://10.0.0.1'],
    ['http://shop:80', '2001:DB8::1', 'http://[2001:db8::1]']
  ] as const) {
    const origin = new URL(url).origin
    t.match(target({ url, address }), { id, url, address, origin })
    t.match(target({ url, address, id: 'a' }), { id: 'a' })
  }
  t.strictSame(faultsOf({ url: 'http://shop', address: 'localhost' }), ['target.address: expected an IP address, got "localhost" (string)'])
  t.strictSame(faultsOf({ url: 'http://shop', address: 1 }), ['target.address: expected an IP address, got 1'])
  t.strictSame(faultsOf({ url: 'unix:/run/shop.sock', address: '::1' }), ['target.address: expected nothing, since the url is that of a socket'])
})

t.test('what is no url of a target is a fault that does not show credentials', async t => {
  for (const [url, shown = url] of [
    ['shop:3000'], ['10.0.0.1:3000'], ['//shop'], ['ftp://shop'], ['http://'], ['http://shop:99999'], ['nonsense'],
    ['http://shop/?a=1'], ['http://shop/#top'],
    ['unix:run/shop.sock'], ['unix:/run/shop.sock:base'], ['unix:/run/shop.sock?x'], ['unix:'],
    ['http://user:secret@shop', 'http://…@shop'], ['http://secret@shop/', 'http://…@shop/'], ['https:user:secret@shop', '…@shop'],
    ['http:\\\\user:secret@shop', 'http:\\\\…@shop'], ['ftp://user:se?cret@shop:x', 'ftp://…@shop:x']
  ] as const) {
    matchLines(t, faultsOf(url), [`target: expected a url: 'http://host:port', 'https://host:port' or 'unix:/path/to/socket', without query, fragment or credentials, got ${JSON.stringify(shown)} (string)`], url)
    matchLines(t, faultsOf({ url }), [/^target\.url: expected a url: /], url)
    t.notMatch(faultsOf(url).concat(faultsOf({ url })).join(), /secret|se\?cret/)
  }
})

t.test('every fault is told, with its path', async t => {
  for (const [value, ...faults] of [
    [undefined, 'target: expected an object, got nothing'],
    [3000, 'target: expected an object, got 3000'],
    [{}, 'target.url: expected a string that is not empty, got nothing'],
    ['', 'target.url: expected a string that is not empty, got "" (string)'],
    [{ url: 1 }, 'target.url: expected a string that is not empty, got 1'],
    [
      { url: 'http://a', id: '', weight: 257, tier: -1, tags: { zone: 1 }, limits: { maxRequests: 0 }, name: 'a' },
      'target.name: unknown option; known are url, id, address, weight, tier, tags, limits, tls',
      'target.id: expected a string that is not empty, got "" (string)',
      'target.weight: expected 0 to 256, got 257',
      'target.tier: expected 0 to 100, got -1',
      'target.tags.zone: expected a string, got 1',
      'target.limits.maxRequests: expected a whole number from 1, got 0'
    ],
    [{ url: 'http://a', weight: 1.5 }, 'target.weight: expected 0 to 256, got 1.5'],
    [{ url: 'http://a', limits: { queue: 1 } }, 'target.limits.queue: unknown option; known are maxRequests'],
    [
      { url: 'http://a', tls: { ca: 1, cert: ['x', 1], key: {}, servername: '', rejectUnauthorized: 'no' } },
      'target.tls.ca: expected PEM text or a Buffer, or an array of them, got 1',
      'target.tls.cert: expected PEM text or a Buffer, or an array of them, got an array',
      'target.tls.key: expected PEM text or a Buffer, or an array of them, got an object',
      'target.tls.servername: expected a string that is not empty, got "" (string)',
      'target.tls.rejectUnauthorized: expected true or false, got "no" (string)'
    ]
  ] as const) {
    t.strictSame(faultsOf(value), faults)
  }
})

t.test('ids are distinct', async t => {
  const faults: string[] = []
  const configs = targetsOption(['http://a', 'http://a/base', { url: 'http://b', id: 'http://a' }, 'wrong', { url: 'http://d' }], 'targets', faults)
  matchLines(t, faults, [
    'targets[1].id: expected an id of its own, got "http://a", which is the id of targets[0]',
    'targets[2].id: expected an id of its own, got "http://a", which is the id of targets[1]',
    /^targets\[3\]: expected a url: /
  ])
  t.equal(configs.length, 5)
})

t.test('a list without a name of its own has its places in brackets', async t => {
  const faults: string[] = []
  targetsOption(['http://a', 'http://a'], '', faults)
  t.strictSame(faults, ['[1].id: expected an id of its own, got "http://a", which is the id of [0]'])
  targetsOption('http://a', '', faults)
  t.equal(faults[1], 'options: expected an array of urls or targets, got "http://a" (string)')
})
