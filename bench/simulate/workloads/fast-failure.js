import { attempts, missed, p99 } from '../columns.js'
import { durations, loadAware } from '../settings.js'
import { pool, same } from './pool.js'

export const title = 'A target that fails fast'
export const shows = 'whether a target that answers 503 within a millisecond draws the traffic to itself'

/** So that every error is seen: neither retries nor, in the second kind, ejection. */
const withoutRetries = { retry: false }
const policyAlone = { retry: false, health: { passive: false } }

/** It begins where measuring begins: the errors until somebody notices are in the figures. */
const from = durations.warmUp

function failing (share, upstream) {
  return pool({ gateways: 4, targets: [same(9), same(1, { failures: { share, from } })], requests: { load: 0.6 }, upstream })
}

function common (share) {
  return pool({ gateways: 4, targets: [same(10, { failures: { share, from } })], requests: { load: 0.6 }, upstream: policyAlone })
}

export const cases = {
  'always, with ejection': failing(1, withoutRetries),
  'half of the time, with ejection': failing(0.5, withoutRetries),
  'always, the policy alone': failing(1, policyAlone),
  'half of the time, the policy alone': failing(0.5, policyAlone),
  '2 % of the time, the policy alone': failing(0.02, policyAlone),
  'always, as shipped': failing(1, {}),
  'all of them, 2 % of the time': common(0.02),
  'all of them, 20 % of the time': common(0.2)
}

/** Ours, and what they are told apart from. */
export const policies = ['random', 'round-robin', ...loadAware, 'nginx least_time', 'oracle queue']

export const columns = [missed, p99, attempts]
