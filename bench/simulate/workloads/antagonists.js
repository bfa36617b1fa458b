import { durationsOfMany } from '../settings.js'
import { pool, same } from './pool.js'

export const title = 'Neighbours take the processor for 2 s of every 10'
export const shows = "Prequal's setting: slowness that moves from target to target, seen by many gateways that each send little"

/** A fifth of the time at 0.3 of its speed, each in its own fifth. */
const slowdowns = [{ every: 10_000, lasts: 2_000, speed: 0.3 }]

/** As many gateways and targets, at a load that does not count the neighbours. */
export function crowd (gateways, targets, load, more = {}) {
  return pool({ gateways, targets: [same(targets, { slowdowns })], requests: { load }, ...more })
}

export const cases = {
  '4 gateways, 20 targets': crowd(4, 20, 0.7),
  '20 gateways, 20 targets': crowd(20, 20, 0.7),
  '100 gateways, 100 targets': crowd(100, 100, 0.7, durationsOfMany)
}
