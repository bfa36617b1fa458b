/** nginx's answers, as they were recorded from it, and what follows from them. */
import fc from 'fast-check'
import t from 'tap'
import { atOnce } from '../../../../lib/balancing/policies/background.js'
import { Ketama, makeRing, serverOf } from '../../../../lib/balancing/policies/hash/ketama.js'
import type { Target } from '../../../../lib/balancing/target.js'
import { manyServers, owners, placed, servers } from '../../../helpers/hashing.js'

const ringOf = (all: Target[]) => atOnce(makeRing(all))

function answers (all: Target[], keys: string[]): Array<string | undefined> {
  return owners(new Ketama(run => { run() }), all, keys).map(target => target?.id)
}

t.test('A server is hashed as nginx has it written', async t => {
  const written: Record<string, string> = {
    'http://127.0.0.1:7777': '127.0.0.1\x007777',
    'http://127.0.0.1:80/base': '127.0.0.1\x0080',
    'https://api.internal': 'api.internal\0',
    'HTTP://Api.Internal/': 'Api.Internal\0',
    'http://[::1]:8080': '[::1]\x008080',
    'http://[::1]/base:9': '[::1]\0',
    'unix:/run/app.sock': '/run/app.sock\0',
    'unix:/run/app.sock:/base': '/run/app.sock\0'
  }
  for (const [url, server] of Object.entries(written)) t.equal(serverOf(url), server, url)
})

t.test('The points of two servers are nginx’s', async t => {
  const all = servers({ '127.0.0.1:7777': 1, '127.0.0.1:7778': 1 })
  const { hashes, owners } = ringOf(all)
  t.equal(hashes.length, 320)
  t.same([...hashes.slice(0, 3)].map((hash, i) => [hash, all[owners[i]!]!.id]), [
    [1475464, '127.0.0.1:7777'], [14414652, '127.0.0.1:7778'], [29299196, '127.0.0.1:7778']
  ])
  const first = hashes.filter((_, i) => owners[i] === 0)
  for (const point of [842782624, 66278312, 1921422695, 3166719452]) t.ok(first.includes(point), String(point))
})

t.test('Points are sorted, however many there are', async t => {
  for (const count of [1, 2, 3, 50, 1000]) {
    const { hashes } = ringOf(manyServers(count))
    t.equal(hashes.length, 160 * count)
    t.ok(hashes.every((hash, i) => i === 0 || hash >= hashes[i - 1]!), String(count))
  }
})

t.test('Keys go where nginx sends them', async t => {
  const two = servers({ '127.0.0.1:7777': 1, '127.0.0.1:7778': 1 })
  t.same(answers(two, ['/some/path', '/some/longer/path', '/sad/zaidoon', '/g', '/pingora/team/is/cool/and/this/is/a/long/uri', '/i/am/not/confident/in/this/code']),
    [7778, 7777, 7778, 7777, 7778, 7777].map(port => `127.0.0.1:${port}`))

  const heavy = servers(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`10.0.0.${i + 1}:443`, 100])))
  t.same(answers(heavy, [
    '/81fa1d251d605775d647b5b55565e71526d4cef6', '/2fec328e6ccdda6a7edf329f9f780e546ea183b4', '/19fb835d90883a6263ec4279c6da184e3f1a79b2',
    '/d9c4bc3cc4517c629e8f4c911c2fd8baf260ae65', '/fe5199bdfeee5cd431ae7e9f77f178164f9995a0'
  ]), [7, 5, 4, 1, 9].map(host => `10.0.0.${host}:443`))

  const three = servers({ '10.0.0.1:8080': 1, '10.0.0.2:8080': 1, '10.0.0.3:8080': 1 })
  t.same(answers(three, ['user:1', 'user:2', 'user:3', 'user:42', 'session-abc', '/index.html']), [2, 1, 1, 3, 3, 1].map(host => `10.0.0.${host}:8080`))
})

t.test('Who leaves takes nobody else’s keys along', async t => {
  const all = servers({ '1.1.1.1:80': 1, '1.0.0.1:80': 1, '1.0.0.255:80': 1 })
  const keys = Array.from({ length: 10 }, (_, i) => `test${i}`)
  const before = ['1.0.0.1', '1.1.1.1', '1.1.1.1', '1.1.1.1', '1.1.1.1', '1.0.0.255', '1.1.1.1', '1.0.0.255', '1.1.1.1', '1.0.0.1'].map(host => `${host}:80`)
  t.same(answers(all, keys), before)
  const after = [...before]
  after[5] = '1.0.0.1:80'
  after[7] = '1.1.1.1:80'
  t.same(answers(placed(all.slice(0, 2)), keys), after, 'when it is removed')
  const ketama = new Ketama(run => { run() })
  ketama.update(placed(servers({ '1.1.1.1:80': 1, '1.0.0.1:80': 1, '1.0.0.255:80': 1 })))
  t.same(keys.map(key => ketama.find(key, [], ({ id }) => id !== '1.0.0.255:80')?.id), after, 'and when it is not available')
})

t.test('The arcs of three servers are those that were worked out', async t => {
  const { hashes, owners } = ringOf(servers({ '10.0.0.1:8080': 1, '10.0.0.2:8080': 1, '10.0.0.3:8080': 1 }))
  const arcs = [0, 0, 0]
  hashes.forEach((hash, i) => { arcs[owners[i]!]! += (hash - (i === 0 ? hashes[hashes.length - 1]! - 2 ** 32 : hashes[i - 1]!)) / 2 ** 32 })
  t.same(arcs.map(arc => arc.toFixed(4)), ['0.3096', '0.3175', '0.3730'])
})

t.test('Any hash belongs to the next point from it on, and after the last to the first', async t => {
  const all = manyServers(7)
  const ring = ringOf(all)
  const { hashes, owners } = ring
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), hash => {
    const at = hashes.findIndex(point => point >= hash)
    return ring.find(hash, () => true) === all[owners[at === -1 ? 0 : at]!]
  }), { numRuns: 2_000, seed: 1 })
  for (const hash of [0, hashes[0]!, hashes[0]! + 1, hashes[1119]!, 0xffffffff]) {
    const at = hashes.findIndex(point => point >= hash)
    t.equal(ring.find(hash, () => true), all[owners[at === -1 ? 0 : at]!], String(hash))
  }
})

t.test('Two targets at one address have keys each', async t => {
  const [a, b, c] = servers({ a: 1, b: 1, c: 1 }) as [Target, Target, Target]
  for (const target of [a, b, c]) target.config = { ...target.config, url: `http://10.0.0.1:80/${target.id}` }
  const keys = Array.from({ length: 3000 }, (_, i) => `key:${i}`)
  for (const target of [a, b, c]) {
    const share = answers([a, b, c], keys).filter(id => id === target.id).length / 3000
    t.ok(share > 0.25 && share < 0.45, `${target.id}: ${share}`)
  }
})

t.test('Weights beyond all measure make no ring beyond all measure', async t => {
  const all = manyServers(1000)
  for (const target of all) target.config = { ...target.config, weight: 256 }
  t.equal(ringOf(all).hashes.length, 256_000 * 15)
})

t.test('A ring without points has nobody', async t => {
  t.same(answers([], ['a']), [undefined])
  t.same(answers(servers({ '10.0.0.1:80': 0 }), ['a']), [undefined])
})
