import { time } from '../settings.js'
import { pool, same } from './pool.js'

export const title = 'Some requests take much longer'
export const shows = 'whether a policy takes a heavy request for a slow target'

const targets = [same(10)]

export const cases = {
  'Pareto, 1.5': pool({ gateways: 4, targets, requests: { load: 0.7, time: { ...time, spread: 'pareto', alpha: 1.5 } } }),
  '5 or 155 ms': pool({ gateways: 4, targets, requests: { load: 0.7, time: { ...time, spread: 'bimodal', share: 0.1, ratio: 31 } } })
}
