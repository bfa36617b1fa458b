import { pool, same } from './pool.js'

export const title = 'All targets alike'
export const shows = 'what is lost by looking at two instead of all, and by not knowing what other gateways send'

const targets = [same(10)]

export const cases = {
  'load 0.9, 1 gateway': pool({ gateways: 1, targets, requests: { load: 0.9 } }),
  'load 0.9, 4 gateways': pool({ gateways: 4, targets, requests: { load: 0.9 } }),
  'load 0.9, 16 gateways': pool({ gateways: 16, targets, requests: { load: 0.9 } })
}
