import { pool, same } from './pool.js'

export const title = 'Targets that stop for 200 ms every 5 s'
export const shows = 'how fast a policy sees what latencies do not tell yet (garbage collection, compaction)'

export const cases = {
  'load 0.7, 4 gateways': pool({
    gateways: 4,
    targets: [same(10, { slowdowns: [{ every: 5_000, lasts: 200, speed: 0 }] })],
    requests: { load: 0.7 }
  })
}
