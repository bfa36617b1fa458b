import { ejections, missed, p99, p999 } from '../columns.js'
import { pool, same } from './pool.js'

export const title = 'A target that is up for a second and down for a second'
export const shows = 'ejection that backs off, and what is left for retries'

const flapping = { gateways: 4, targets: [same(9), same(1, { outages: { up: 1_000, down: 1_000 } })], requests: { load: 0.6 } }

export const cases = {
  'without retries': pool({ ...flapping, upstream: { retry: false } }),
  'as shipped': pool(flapping)
}

export const columns = [missed, p99, p999, ejections]
