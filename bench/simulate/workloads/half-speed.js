import { pool, same } from './pool.js'

export const title = 'Half of the targets at half speed'
export const shows = 'whether gateways that were told of no weights find out'

export const cases = {
  'load 0.7, 4 gateways': pool({ gateways: 4, targets: [same(5), same(5, { speed: 0.5 })], requests: { load: 0.7 } })
}
