import t from 'tap'
import { spreadNames, times } from '../../bench/simulate/engine/distributions.js'
import { stream } from '../../bench/simulate/engine/random.js'
import { simulate } from '../../bench/simulate/engine/simulation.js'
import { scenarioOf } from '../../bench/simulate/scenario.js'
import { central, single, supermarket } from '../../bench/simulate/theory.js'

const digits = (value: number, places: number) => Number(value.toFixed(places))

t.test("Erlang's formula, by known values", async t => {
  t.same([[10, 0.7], [10, 0.9], [10, 0.95], [20, 0.9], [100, 0.95], [4, 0.9]].map(([k, load]) => digits(central(load, k), 3)),
    [1.074, 1.669, 2.651, 1.275, 1.101, 2.969])
  t.equal(digits(central(0.7, 1), 9), digits(single(0.7), 9))
})

t.test('The supermarket model, by known values', async t => {
  t.same([[0.7, 2], [0.9, 2], [0.99, 2], [0.9, 3], [0.9, 5]].map(([load, draws]) => digits(supermarket(load, draws), 4)),
    [1.6145, 2.6141, 5.432, 2.0279, 1.6329])
})

t.test('Every spread has the mean that was asked for', async t => {
  for (const spread of spreadNames) {
    const next = times({ spread, mean: 20, alpha: 2.5, share: 0.1, ratio: 31, sigma: 0.5 }, stream(1, spread))
    let sum = 0
    for (let i = 0; i < 200_000; i++) sum += next()
    t.ok(Math.abs(sum / 200_000 - 20) < 0.4, `${spread}: ${sum / 200_000}`)
  }
})

/** Mean time in system, in units of the mean work. */
function meanOf (description: object, policy: unknown) {
  const time = { mean: 1 }
  const result = simulate(scenarioOf({ network: 0, warmUp: 500, requests: { load: 0.7, deadline: 0, time }, ...description }), policy, 1)
  t.equal(result.missed, 0)
  return result.mean
}

// 100,000 requests each: the standard error is below 2 %. `npm run simulate -- gates` has the long form.
t.test('Random over single cores is M/M/1', async t => {
  const mean = meanOf({ targets: [{ count: 20, cores: 1 }], measured: 7_000 }, 'random')
  t.ok(Math.abs(mean / single(0.7) - 1) < 0.05, `${mean}`)
})

t.test('One target of many cores is M/M/k', async t => {
  const mean = meanOf({ targets: [{ cores: 10 }], measured: 14_000 }, 'random')
  t.ok(Math.abs(mean / central(0.7, 10) - 1) < 0.03, `${mean}`)
})

t.test('The shortest queue is better than chance and no better than one queue for all', async t => {
  const mean = meanOf({ targets: [{ count: 10, cores: 2 }], measured: 7_000 }, 'oracle queue')
  t.ok(mean > central(0.7, 20) && mean < 1.1 * central(0.7, 20), `${mean}`)
})
