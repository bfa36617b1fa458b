/** The simulator itself: pools simple enough to be known exactly. When one of these falls short, no other figure means anything. */
import * as settings from '../settings.js'
import { spread } from '../spread.js'
import { central, single, supermarket } from '../theory.js'

/** Without a network, and clients that wait for ever; `requests` come in all. */
function plain ({ count = 1, cores = 1, discipline = 'fifo' }, load, requests, more = {}) {
  const perMs = load * count * cores / settings.time.mean
  return {
    network: 0,
    warmUp: 0.05 * requests / perMs,
    measured: requests / perMs,
    targets: [{ count, cores, discipline }],
    requests: { load, time: settings.time, deadline: 0, ...more }
  }
}

function formula (name, description, policy, expected) {
  return {
    name,
    // A mean that is to be right within a few percent needs all its requests.
    whole: true,
    runs: { simulated: { description, policy } },
    judge ({ simulated }) {
      const mean = spread(simulated.map(result => result.mean)).mean / settings.time.mean
      const off = mean / expected - 1
      return { figure: `${mean.toFixed(3)} beside ${expected.toFixed(3)}, ${off < 0 ? '' : '+'}${(off * 100).toFixed(1)} %`, passes: Math.abs(off) <= settings.gates.formulas }
    }
  }
}

const within = `within ${settings.gates.formulas * 100} % of`
/** In order, this would be 2.17. */
const constant = { ...settings.time, spread: 'constant' }

export const gates = [
  formula(`M/M/1, load 0.7: mean ${within} 1 / (1 - load)`, plain({ count: 20 }, 0.7, 400_000), 'random', single(0.7)),
  { ...formula(`M/M/1, load 0.9: mean ${within} 1 / (1 - load)`, plain({ count: 20 }, 0.9, 1_000_000), 'random', single(0.9)), long: true },
  formula(`M/M/40, load 0.9: mean ${within} Erlang's`, plain({ cores: 40 }, 0.9, 400_000), 'random', central(0.9, 40)),
  formula(`M/D/1, shared, load 0.7: mean ${within} 1 / (1 - load)`, plain({ count: 20, discipline: 'sharing' }, 0.7, 400_000, { time: constant }), 'random', single(0.7)),
  formula(`two choices of 100, load 0.7: mean ${within} the supermarket model's`, plain({ count: 100 }, 0.7, 400_000), 'power-of-two', supermarket(0.7, 2)),
  { ...formula(`two choices of 100, load 0.9: mean ${within} the supermarket model's`, plain({ count: 100 }, 0.9, 1_000_000), 'power-of-two', supermarket(0.9, 2)), long: true },
  {
    name: 'shortest queue of 10 × 4 cores, load 0.9: mean no better than M/M/40',
    whole: true,
    runs: { simulated: { description: plain({ count: 10, cores: 4 }, 0.9, 400_000), policy: 'oracle queue' } },
    judge ({ simulated }) {
      const mean = spread(simulated.map(result => result.mean)).mean / settings.time.mean
      const bound = central(0.9, 40)
      return { figure: `${mean.toFixed(3)} beside ${bound.toFixed(3)}`, passes: mean > bound * (1 - settings.gates.formulas / 3) }
    }
  }
]
