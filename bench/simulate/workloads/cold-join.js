import { missed, p99In } from '../columns.js'
import { durations } from '../settings.js'
import { pool, same } from './pool.js'

export const title = 'A cold target joins five busy ones'
export const shows = 'slow start: for its first 10 s the new one has a fifth of its speed (caches, code that is not compiled)'

const joinsAt = durations.warmUp
const joining = {
  gateways: 4,
  targets: [same(5), same(1, { joinsAt, slowdowns: [{ at: joinsAt, lasts: 10_000, speed: 0.2 }] })],
  requests: { load: 0.75 },
  phases: [{ name: 'first 10 s', lasts: 10_000 }, { name: 'after that', lasts: 20_000 }]
}

export const cases = {
  'at once': pool(joining),
  'with slow start': pool({ ...joining, upstream: { slowStart: true } })
}

export const columns = [p99In('first 10 s'), p99In('after that'), missed]
