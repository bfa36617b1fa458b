import { atHome, lasting, momentary } from '../columns.js'
import { pool, same } from './pool.js'

export const title = 'Keys, some of which are asked for much more often'
export const shows = 'what bounded load does to the busiest target, and how many requests leave their home for it'

/** As many at once all the time, so that the bound is always the same; and targets that are never the bottleneck, so that only keys decide. */
export function asked (exponent, gateways = 1) {
  return pool({ gateways, targets: [same(20, { cores: 1_000 })], requests: { concurrent: 200, keys: { count: 10_000, exponent } } })
}

export const cases = {
  'Zipf 0.8': asked(0.8),
  'Zipf 1.0': asked(1),
  'Zipf 1.0, 4 gateways': asked(1, 4),
  'Zipf 1.2': asked(1.2)
}

export const bounds = [undefined, 2, 1.5, 1.25, 1.1]

export const policies = [
  ...bounds.map(maxLoadFactor => hash('rendezvous', maxLoadFactor)),
  hash('ketama', 1.25),
  hash('maglev', 1.25)
]

export function hash (method, maxLoadFactor) {
  return { name: 'hash', method, ...(maxLoadFactor !== undefined && { maxLoadFactor }) }
}

export const columns = [atHome, momentary, lasting]
