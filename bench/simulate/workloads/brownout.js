import { attempts, goodIn } from '../columns.js'
import { durations } from '../settings.js'
import { pool, same } from './pool.js'

export const title = 'A brownout, and what retries make of it'
export const shows = 'whether the pool is well again when its targets are: retries without a budget keep it down, and so may ejection, which takes capacity away'

const phases = [
  { name: 'before', lasts: 5_000 },
  { name: 'brownout', lasts: 5_000 },
  { name: 'first second', lasts: 1_000 },
  { name: 'then', lasts: 19_000 }
]

/** All targets at 0.3 of their speed for 5 s; an attempt has 500 ms, a client 1,500. */
export function brownout (load, upstream) {
  const { warmUp } = durations
  return pool({
    gateways: 4,
    warmUp,
    phases,
    targets: [same(10, { slowdowns: [{ at: warmUp + 5_000, lasts: 5_000, speed: 0.3 }] })],
    requests: { load, deadline: 1_500 },
    upstream: { timeouts: { attempt: 500 }, ...upstream }
  })
}

const kinds = {
  'no retries': { retry: false },
  'retries without a budget': { retry: { budget: false } },
  'as shipped': {},
  'as shipped, no ejection': { health: { passive: false } }
}

export const cases = Object.fromEntries([0.6, 0.7, 0.8].flatMap(load =>
  Object.entries(kinds).map(([kind, upstream]) => [`load ${load}, ${kind}`, brownout(load, upstream)])
))

export const policies = ['least-requests', 'adaptive']

export const columns = [...phases.map(({ name }) => goodIn(name)), attempts]
