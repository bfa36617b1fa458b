/** The policies that are compared: those that ship, with others that are written here to compare them with, and bounds that no gateway can reach. */
import { c3, reportQueue } from './baselines/c3.js'
import { leastTime } from './baselines/least-time.js'
import { peakEwma } from './baselines/peak-ewma.js'
import { shortestDelay } from './baselines/shortest-delay.js'
import { shortestQueue } from './baselines/shortest-queue.js'
import { reports } from './reports.js'
import { policies } from './shipped.js'

/**
 * - `make(world)`: what a user would give as `policy`. `world` has `gateways` (how many there are) and `serverOf(target)`, which is for bounds.
 * - `report(server, job, now)`: header fields that servers add to their answers
 */
const others = {
  'nginx least_time': { make: leastTime },
  'peak-ewma': { make: peakEwma },
  c3: { make: c3, report: reportQueue },
  'oracle queue': { make: shortestQueue },
  'oracle delay': { make: shortestDelay }
}

/** The policy of a gateway and what servers report for it. `policy`: a contestant's name, or a policy that ships, with options or without. */
export function contestant (policy, world) {
  if (!Object.hasOwn(others, policy)) return { policy, report: reports[policy.name ?? policy] }
  const { make, report } = others[policy]
  return { policy: make(world), report }
}

/** It ships. */
export function isOurs (policy) {
  return Object.hasOwn(policies, policy.name ?? policy)
}

/** It can be simulated: it is one of the others, or this package has it. */
export function exists (policy) {
  return Object.hasOwn(others, policy) || isOurs(policy)
}

/** As tables have it: `hash rendezvous 1.25` for `{ name: 'hash', method: 'rendezvous', maxLoadFactor: 1.25 }`, `prequal probes 3` for one with `probes: { perRequest: 3 }`. */
export function nameOf (policy) {
  if (typeof policy === 'string') return policy
  return Object.entries(policy).map(([key, value]) => typeof value === 'object' ? `${key} ${Object.values(value).join(' ')}` : value).join(' ')
}
