import { missed, missedIn, p99In } from '../columns.js'
import { durationsOfMany, time } from '../settings.js'
import { pool } from './pool.js'

export const title = 'Load that rises to 1.74 times what was planned for'
export const shows = "Prequal's ramp: some machines have room left beyond their share, others do not, and who goes by turns overloads those"

/** What each target is promised, in cores of speed 1; on six machines of ten the neighbours are quiet, and it gets 2.6 times that. */
const promised = 1.6
const crowded = { cores: 4, speed: promised / 4 }
const roomy = { cores: 4, speed: 2.6 * promised / 4 }

const steps = Array.from({ length: 9 }, (_, i) => 0.75 * (10 / 9) ** i)

/** `lasts`: milliseconds of each step. */
export function ramp (count, lasts = 3_000) {
  return pool({
    gateways: count,
    warmUp: durationsOfMany.warmUp,
    targets: [{ count: 0.4 * count, ...crowded }, { count: 0.6 * count, ...roomy }],
    requests: { perSecond: 1, time: { ...time, spread: 'normal' } },
    phases: steps.map(step => ({ name: `${step.toFixed(2)} ×`, lasts, perSecond: step * promised * count / time.mean * 1000 }))
  })
}

export const cases = { '100 gateways, 100 targets': ramp(100) }

export const columns = [missed, missedIn('1.03 ×'), p99In('1.03 ×'), missedIn('1.74 ×'), p99In('1.74 ×')]
