import t from 'tap'
import { atOnce } from '../../../../lib/balancing/policies/background.js'
import { fill, Maglev, SLOTS } from '../../../../lib/balancing/policies/hash/maglev.js'
import { hash32 } from '../../../../lib/balancing/policies/hash/hashing.js'
import { keysOf, manyServers, owners, placed, servers } from '../../../helpers/hashing.js'
import { tally } from '../../../helpers/core.js'

const filled = (...args: Parameters<typeof fill>): number[] => [...atOnce(fill(...args))]

t.test('The table of the paper, and what is left of it without its second backend', async t => {
  t.same(filled(7, [3, 0, 3], [4, 2, 1], [1, 1, 1]), [1, 0, 1, 0, 2, 2, 0])
  t.same(filled(7, [3, 3], [4, 1], [1, 1]).map(i => i === 1 ? 2 : 0), [0, 0, 0, 0, 2, 2, 2])
})

t.test('Weights 1 and 2 have as many slots as Envoy gives them', async t => {
  t.same(tally(filled(SLOTS, [17, 40_000], [1_000, 333], [1, 2]).map(String)), { 0: 21_846, 1: 43_691 })
})

t.test('Weights of any kind have their shares to a slot or two', async t => {
  const weights = [256, 1, 100, 3, 3, 77]
  const total = weights.reduce((a, b) => a + b)
  const counts = tally(filled(SLOTS, weights.map((_, i) => i * 9_999), weights.map((_, i) => i * 7_919 + 1), weights).map(String))
  weights.forEach((weight, i) => { t.ok(Math.abs(counts[i]! - SLOTS * weight / total) <= 2, `${weight}: ${counts[i]}`) })
})

t.test('A key has the slot of its hash', async t => {
  const all = servers({ a: 1, b: 1 })
  const keys = keysOf(5_000)
  const bySlot = new Map<number, unknown>()
  owners(new Maglev(run => { run() }), all, keys).forEach((owner, i) => {
    const slot = hash32(keys[i]!) % SLOTS
    if (bySlot.has(slot) && bySlot.get(slot) !== owner) t.fail(`slot ${slot} has two owners`)
    bySlot.set(slot, owner)
  })
})

t.test('All have the same number of keys, nearly', async t => {
  for (const [count, most] of [[10, 1.001], [100, 1.005], [1000, 1.02]] as const) {
    const all = manyServers(count)
    const shares = tally(owners(new Maglev(run => { run() }), all, keysOf(200_000)).map(target => target!.id))
    const largest = Math.max(...Object.values(shares)) * count / 200_000
    // Five standard deviations of as many keys by chance on top.
    t.ok(largest < most + 5 * Math.sqrt(count / 200_000), `${count}: ${largest}`)
  }
})

t.test('Without one of so many, hardly more keys than its own move', async t => {
  // The study's shares of slots that change, for murmur hashes, and a little for the chance of ours.
  for (const [count, extra] of [[10, 0.003], [100, 0.0075], [1000, 0.008]] as const) {
    const all = manyServers(count)
    const keys = keysOf(100_000)
    const before = owners(new Maglev(run => { run() }), all, keys)
    const after = owners(new Maglev(run => { run() }), placed(all.filter((_, i) => i !== 5)), keys)
    const strays = before.filter((owner, i) => owner!.id !== '10.0.0.5:8080' && owner !== after[i]).length / keys.length
    t.ok(strays < extra, `${count}: ${strays} moved without need`)
  }
})

t.test('The order in which targets are configured does not matter', async t => {
  const names = { 'c:1': 2, 'a:1': 1, 'b:1': 1 }
  const keys = keysOf(500)
  const there = owners(new Maglev(run => { run() }), servers(names), keys).map(target => target!.id)
  const elsewhere = owners(new Maglev(run => { run() }), servers({ 'a:1': 1, 'b:1': 1, 'c:1': 2 }), keys).map(target => target!.id)
  t.same(there, elsewhere)
})

t.test('A table without members has nobody', async t => {
  t.same(owners(new Maglev(run => { run() }), [], ['a']), [undefined])
  t.same(owners(new Maglev(run => { run() }), servers({ a: 0 }), ['a']), [undefined])
})
