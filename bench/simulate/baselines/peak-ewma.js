import { kept } from './kept.js'

/**
 * The better of two, by the average of its latency times its requests in flight (Finagle `PeakEwma`, tower's and linkerd's balancer): the average jumps
 * up at once, comes down with a time constant of 10 s, and does so whenever it is looked at; a target not heard of yet has 30 ms (linkerd). It goes
 * by whatever is answered, good or bad.
 */
const TAU = 10_000
const UNKNOWN = 30

export function peakEwma () {
  return ({ random, now }) => {
    const { of, update } = kept(() => ({ average: UNKNOWN, at: now() }))

    function observe (entry, value) {
      const time = now()
      const kept = Math.exp(-(time - entry.at) / TAU)
      entry.average = value > entry.average ? value : entry.average * kept + value * (1 - kept)
      entry.at = time
      return entry.average
    }

    const load = target => observe(of(target), 0) * (target.inFlight + 1)

    return {
      update,
      pick (targets) {
        const a = Math.floor(random() * targets.length)
        const b = (a + 1 + Math.floor(random() * (targets.length - 1))) % targets.length
        return load(targets[a]) <= load(targets[b]) ? targets[a] : targets[b]
      },
      settle (target, { status, durationMs }) {
        if (status !== undefined) observe(of(target), durationMs)
      }
    }
  }
}
