/** Probes without a gateway: single ones, and an upstream whose targets are probed by a clock of the test's own. */
import { Upstream } from '../../lib/engine/upstream.js'
import { targetOption, type TargetOptions } from '../../lib/engine/target-options.js'
import type { ProbeDivision } from '../../lib/health/division.js'
import { probe, type RunningProbe } from '../../lib/health/probe.js'
import { probeOptions, type ProbeOptions } from '../../lib/health/probe-options.js'
import { Prober } from '../../lib/health/prober.js'
import { checked } from '../../lib/options.js'
import { upstreamOption, type UpstreamOptions } from '../../lib/plugin/options.js'
import { FakeClock } from './clock.js'
import type { Ending } from './servers.js'
import { until } from './wait.js'

/** One probe of one target. */
export function probeOf (target: string | TargetOptions, options: ProbeOptions = {}, http2 = false): RunningProbe {
  const config = checked(targetOption, target, 'target')
  return probe(config, checked(probeOptions, options, 'active'), config.tls, http2)
}

export interface Probing {
  upstream: Upstream
  prober: Prober
  clock: FakeClock
  /** Milliseconds of each pause between probes so far, of all targets, in their order. */
  pauses: number[]
  /** Resolved when so many probes have been judged since the beginning. */
  judged: (probes: number) => Promise<void>
  /** The health of all targets, in their order. */
  health: () => string[]
}

/** The timeout of its probes: no pause is as long. */
export const TIMEOUT = 2_000

/** An upstream and its prober, which is not started. Chance is always in the middle unless `random` says otherwise. */
export function probing (t: Ending, options: UpstreamOptions, active: ProbeOptions = {}, division?: ProbeDivision): Probing {
  const clock = new FakeClock()
  const pauses: number[] = []
  const settings = checked(upstreamOption, {
    random: () => 0.5,
    ...options,
    now: clock.now,
    timers: {
      after: <A>(ms: number, run: (arg: A) => void, arg: A) => {
        if (ms !== TIMEOUT) pauses.push(ms)
        return clock.after(ms, run, arg)
      },
      cancel: clock.cancel
    }
  }, 'shop')
  const probes = checked(probeOptions, { timeout: TIMEOUT, ...active }, 'active')
  const upstream = new Upstream('shop', settings, { ejection: false, initialHealth: probes.initial === 'pending' ? 'pending' : 'unchecked', fault: error => { throw error } })
  const prober = new Prober(upstream, probes, division)
  t.teardown(() => prober.close())
  return {
    upstream,
    prober,
    clock,
    pauses,
    judged: probes => until(() => pauses.length >= probes, `${probes} probes`),
    health: () => upstream.snapshot().targets.map(target => target.health)
  }
}
