/** What SRV records become: priorities by rank, weights in proportion. */
import t from 'tap'
import { serversOf } from '../../lib/discovery/srv.js'

const weights = (...weights: number[]): number[] => serversOf(weights.map((weight, i) => ({ name: `s${i}`, port: 80, priority: 10, weight }))).map(({ weight }) => weight)

t.test('weights that fit stay as they are', async t => {
  for (const fitting of [[1], [1, 2, 3], [256, 1], [33, 33, 33]]) t.strictSame(weights(...fitting), fitting)
})

t.test('weights that do not fit are made smaller in proportion, and none becomes nothing', async t => {
  t.strictSame(weights(65_535, 32_768, 1), [256, 128, 1])
  t.strictSame(weights(300, 600), [128, 256])
})

t.test('0 is equal among its like, and next to nothing beside others', async t => {
  t.strictSame(weights(0, 0), [1, 1])
  t.strictSame(weights(0, 1, 2), [1, 128, 256])
  t.strictSame(weights(0, 65_535), [1, 256])
})

t.test('priorities become tiers by their rank, each with weights of its own', async t => {
  const record = (name: string, priority: number, weight: number) => ({ name, port: 80, priority, weight })
  t.strictSame(serversOf([record('c', 65_535, 0), record('a', 5, 2), record('b', 20, 1_024), record('d', 20, 512)]), [
    { name: 'a', port: 80, tier: 0, weight: 2 },
    { name: 'b', port: 80, tier: 1, weight: 256 },
    { name: 'd', port: 80, tier: 1, weight: 128 },
    { name: 'c', port: 80, tier: 2, weight: 1 }
  ])
  t.strictSame(serversOf([]), [])
})
