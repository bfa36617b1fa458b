import { kept } from './kept.js'

/**
 * nginx's `least_time header` (open source since 1.31.0), in its own arithmetic: an average of whole milliseconds of good answers (a twentieth of each new one), halved for each `fail_timeout`
 * without a pick, rounded up to the next 20 ms so that near-equal servers take turns, times the requests in flight. Smooth round robin among equals.
 */
const FAIL_TIMEOUT_S = 10
const LONGEST_MS = 5_000
const STEP_MS = 20

export function leastTime () {
  return ({ now }) => {
    const { of, update } = kept(() => ({ average: 0, checked: 0, current: 0 }))

    function expected (target, seconds) {
      const { average, checked } = of(target)
      const idle = seconds - checked
      let ms = idle > FAIL_TIMEOUT_S ? Math.floor(average / 2 ** Math.floor(idle / (FAIL_TIMEOUT_S + 1))) : average
      ms = ms > LONGEST_MS ? LONGEST_MS : ms + STEP_MS - ms % STEP_MS
      return ms * (1 + target.inFlight) / target.effectiveWeight
    }

    return {
      update,
      pick (targets) {
        const seconds = Math.floor(now() / 1000)
        let least = Infinity
        let equals = []
        for (const target of targets) {
          const own = expected(target, seconds)
          if (own > least) continue
          if (own < least) equals = []
          least = own
          equals.push(target)
        }
        const best = equals.length === 1 ? equals[0] : takeTurns(equals)
        const peer = of(best)
        if (seconds - peer.checked > FAIL_TIMEOUT_S) peer.checked = seconds
        return best
      },
      settle (target, { outcome, ttfbMs }) {
        if (outcome !== 'success') return
        const peer = of(target)
        const ms = Math.round(ttfbMs)
        peer.average = peer.average === 0 ? ms : Math.trunc(0.5 + 0.05 * ms + 0.95 * peer.average)
      }
    }

    function takeTurns (targets) {
      let total = 0
      let best
      for (const target of targets) {
        const peer = of(target)
        peer.current += target.effectiveWeight
        total += target.effectiveWeight
        if (best === undefined || peer.current > of(best).current) best = target
      }
      of(best).current -= total
      return best
    }
  }
}
