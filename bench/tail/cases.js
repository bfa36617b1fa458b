/** What the targets suffer and what is asked of them: fixed before the first run, as the simulator's settings are. Times are milliseconds. */
import { cores, deadline, time } from '../simulate/settings.js'

export { deadline }

const targets = 4

/** So many requests a second that the targets are at this share of what they can do by themselves. */
function rate (load, speed) {
  return load * speed * cores / time.mean * 1000
}

/**
 * `targets`: what each server of the simulator's kind is, and `from`, where in the cycle of its slowdown it begins, 0 to 1.
 */
export const cases = {
  gray: {
    title: 'one of four at a tenth of its speed',
    perSecond: rate(0.7, targets - 1 + 0.1),
    targets: Array.from({ length: targets }, (_, i) => ({ cores, speed: i === targets - 1 ? 0.1 : 1, slowdowns: [] }))
  },
  antagonists: {
    title: 'each of four at 0.3 of its speed for 2 s of every 10, one after the other',
    perSecond: rate(0.7, targets),
    targets: Array.from({ length: targets }, (_, i) => ({
      cores, speed: 1, slowdowns: [{ every: 10_000, lasts: 2_000, speed: 0.3, from: i / targets }]
    }))
  }
}

export const full = { rounds: 3, warmUp: 3_000, measured: 20_000 }
export const quick = { rounds: 1, warmUp: 3_000, measured: 10_000 }
/** Of when requests come and how much work they are: each gateway gets the same in a round. */
export const seed = 11
