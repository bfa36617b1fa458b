/** What is asked of the policies, with the figures that decide. Limits are in settings.js. */
import { nameOf } from '../contestants.js'
import * as settings from '../settings.js'
import { spread } from '../spread.js'
import * as antagonists from '../workloads/antagonists.js'
import { brownout } from '../workloads/brownout.js'
import * as fastFailure from '../workloads/fast-failure.js'
import * as gray from '../workloads/gray.js'
import * as ramp from '../workloads/ramp.js'
import { asked, hash } from '../workloads/zipf-keys.js'

const limits = settings.gates

const many = antagonists.cases['100 gateways, 100 targets']
const grayTarget = gray.cases['one of ten at a tenth']

export const gates = [
  ratio('gray target: p99 of adaptive beside the pool without it', 'p99', limits.gray,
    { description: grayTarget, policy: 'adaptive' },
    { description: gray.cases['without it'], policy: 'adaptive' }),

  ratio('gray target: p99.9 of adaptive beside the shortest delay', 'p999', limits.grayTail,
    { description: grayTarget, policy: 'adaptive' },
    { description: grayTarget, policy: 'oracle delay' }),

  ratio('antagonists, 100 × 100: p99 of adaptive beside the shortest queue', 'p99', limits.antagonists,
    { description: many, policy: 'adaptive' },
    { description: many, policy: 'oracle queue' }),

  ...['prequal', settings.prequalWithProbes].map(prequal => ({
    name: `antagonists, 100 × 100: p99 of adaptive below that of ${nameOf(prequal)} beyond what seeds do`,
    runs: { ours: { description: many, policy: 'adaptive' }, theirs: { description: many, policy: prequal } },
    judge ({ ours, theirs }) {
      const [a, b] = [ours, theirs].map(results => spread(results.map(result => result.p99)))
      return { figure: `${range(a)} beside ${range(b)} ms`, passes: a.most < b.least }
    }
  })),

  ...settings.loadAware.map(policy => atMost(`fast failure, with ejection: errors of ${policy}`, limits.fastFailure,
    { description: fastFailure.cases['always, with ejection'], policy })),

  atMost('fast failure, without ejection: errors of adaptive', limits.fastFailure,
    { description: fastFailure.cases['always, the policy alone'], policy: 'adaptive' }),

  ...['rendezvous', 'ketama', 'maglev'].map(method => ({
    name: `bounded load 1.25, Zipf 1.0, ${method}: busiest at most ${limits.bounded.momentary} × the mean, ${limits.bounded.atHome * 100} % at home`,
    runs: { keyed: { description: asked(1), policy: hash(method, 1.25) } },
    judge ({ keyed }) {
      const busiest = spread(keyed.map(result => result.busiest.momentary))
      const home = spread(keyed.map(result => result.atHome))
      return {
        figure: `${busiest.mean.toFixed(3)} ×, ${(home.mean * 100).toFixed(1)} %`,
        // A bound that is met exactly at every moment is on average more than itself, by what floating point adds.
        passes: busiest.most <= limits.bounded.momentary + 1e-9 && home.least >= limits.bounded.atHome
      }
    }
  })),

  ...settings.loadAware.map(policy => atMost(`ramp to 1.74 ×: errors of ${policy}`, 0,
    { description: ramp.cases['100 gateways, 100 targets'], policy })),

  ...['least-requests', 'adaptive'].map(policy => ({
    name: `brownout at load 0.8: answered by ${policy} from the second second on`,
    runs: { shaken: { description: brownout(0.8, {}), policy } },
    judge ({ shaken }) {
      const shares = spread(shaken.map(({ seconds }) => share(seconds.slice(11))))
      return { figure: `${percent(shares.least)} to ${percent(shares.most)}`, passes: shares.least >= limits.recovered }
    }
  }))
]

function ratio (name, metric, limit, ours, beside) {
  return {
    name: `${name}: at most ${limit} ×`,
    runs: { ours, beside },
    judge (results) {
      const [a, b] = [results.ours, results.beside].map(each => spread(each.map(result => result[metric])))
      return { figure: `${(a.mean / b.mean).toFixed(3)} × (${range(a)} beside ${range(b)} ms)`, passes: a.mean <= limit * b.mean }
    }
  }
}

function atMost (name, limit, run) {
  return {
    name: `${name}: ${limit === 0 ? 'none' : `at most ${percent(limit)}`}`,
    runs: { run },
    judge ({ run }) {
      const shares = spread(run.map(result => result.missedShare))
      return { figure: `${percent(shares.mean)} (${percent(shares.least)} to ${percent(shares.most)})`, passes: shares.mean <= limit }
    }
  }
}

function share (seconds) {
  const sum = what => seconds.reduce((total, second) => total + second[what], 0)
  return sum('good') / sum('came')
}

function percent (share) {
  return `${(share * 100).toFixed(2)} %`
}

function range ({ mean, least, most }) {
  return `${mean.toFixed(0)} (${least.toFixed(0)}–${most.toFixed(0)})`
}
