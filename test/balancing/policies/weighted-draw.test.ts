import t from 'tap'
import { AliasTable } from '../../../lib/balancing/policies/weighted-draw.js'
import { seededRandom } from '../../helpers/clock.js'

function rounded (numbers: ArrayLike<number>): number[] {
  return Array.from(numbers, number => Math.round(number * 1e9) / 1e9)
}

t.test('The alias table of weights 1, 2, 3, 4 is the one of the algorithm', async t => {
  const table = new AliasTable([1, 2, 3, 4])
  t.same(rounded(table.chance), [0.4, 0.8, 1, 0.8])
  t.equal(table.alias[0], 3)
  t.equal(table.alias[1], 3)
  t.equal(table.alias[3], 2)
})

t.test('A draw takes the column, or its alias above the chance of the column', async t => {
  const table = new AliasTable([1, 2, 3, 4])
  t.equal(table.draw(0, 0), 0)
  t.equal(table.draw(0.24, 0.39), 0)
  t.equal(table.draw(0.24, 0.41), 3)
  t.equal(table.draw(0.25, 0.79), 1)
  t.equal(table.draw(0.49, 0.81), 3)
  t.equal(table.draw(0.5, 0.999), 2)
  t.equal(table.draw(0.75, 0.79), 3)
  t.equal(table.draw(0.999, 0.81), 2)
})

t.test('In any alias table, each weight has exactly its share', async t => {
  const random = seededRandom(11)
  for (let run = 0; run < 50; run++) {
    const weights = Array.from({ length: 1 + Math.floor(random() * 40) }, () => 0.01 + random() * 256)
    const { chance, alias } = new AliasTable(weights)
    const shares = new Array<number>(weights.length).fill(0)
    weights.forEach((_, i) => {
      shares[i]! += chance[i]!
      shares[alias[i]!]! += 1 - chance[i]!
    })
    const sum = weights.reduce((a, b) => a + b)
    t.same(rounded(shares), rounded(weights.map(weight => weight * weights.length / sum)))
  }
})

t.test('Equal weights need no alias', async t => {
  t.same([...new AliasTable([3, 3, 3]).chance], [1, 1, 1])
})
