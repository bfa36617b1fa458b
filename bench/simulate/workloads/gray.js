import { pool, same } from './pool.js'
import { cores, time } from '../settings.js'

export const title = 'One gray target of ten'
export const shows = 'whether a target that answers everything ten times slower is felt'

const healthy = 9
/** In both cases the same: 0.7 of what the ten can do together. */
const perSecond = 0.7 * (healthy + 0.1) * cores / time.mean * 1000

export const cases = {
  'one of ten at a tenth': pool({ gateways: 4, targets: [same(healthy), same(1, { speed: 0.1 })], requests: { perSecond } }),
  'without it': pool({ gateways: 4, targets: [same(healthy)], requests: { perSecond } })
}
