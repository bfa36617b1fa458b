/** What changes about targets, as lines of the log. */
import type { FastifyBaseLogger } from 'fastify'
import type { Upstream, UpstreamEvents } from '../engine/upstream.js'
import type { Doubt } from '../options.js'

const WORDS: Record<keyof UpstreamEvents, string> = {
  'target:added': 'a target was added',
  'target:removed': 'a target was removed',
  'target:changed': 'a target was changed',
  'target:healthy': 'a target is healthy',
  'target:unhealthy': 'a target is unhealthy',
  'target:ejected': 'a target is ejected',
  'target:restored': 'a target is back'
}

/**
 * One line for each change of a target from now on: `{ upstream, target, reason, state, weight }`. A fall is a warning, and so is the return from it:
 * who reads of the one wants to read of the other. That a target passes its first probe is no more than information. And a line when panic begins, and
 * when it ends.
 */
export function logChanges (upstream: Upstream, log: FastifyBaseLogger): void {
  const fallen = new Set<string>()
  const lookAtPanic = panicWatch(upstream, log)
  for (const event of Object.keys(WORDS) as Array<keyof UpstreamEvents>) {
    upstream.on(event, message => {
      const { target: id } = message
      const falls = event === 'target:unhealthy' || event === 'target:ejected'
      const returns = event === 'target:healthy' || event === 'target:restored'
      const level = falls || (returns && fallen.delete(id)) ? 'warn' : 'info'
      if (falls) fallen.add(id)
      if (event === 'target:removed') fallen.delete(id)
      const target = upstream.targets.get(id)
      log[level]({ ...message, state: target?.state, weight: target?.weight }, WORDS[event])
      if (falls || returns) lookAtPanic()
    })
  }
}

/** Targets from which on it takes milliseconds to find out whether panic has begun, and milliseconds from one look to the next then. */
const MANY = 1_000
const BETWEEN_LOOKS = 250

/**
 * A function that looks, soon, whether panic has begun or ended: once for all that changes in the same moment. Of 100,000 targets, each of which passes
 * its first probe at a moment of its own, not 100,000 times.
 */
function panicWatch (upstream: Upstream, log: FastifyBaseLogger): () => void {
  const consequence = upstream.settings.panic === 'fail-open' ? 'health is ignored' : 'requests are refused'
  let panicking = false
  let due = false
  const look = (): void => {
    due = false
    const { panic, all } = upstream.balancer
    // Before all first probes are over there is no telling.
    if (panic === panicking || (panic && all.some(({ health }) => health === 'pending'))) return
    panicking = panic
    log.warn({ upstream: upstream.name }, panic ? `panic: too few targets are eligible, ${consequence}` : 'the panic is over')
  }
  return () => {
    if (due) return
    due = true
    if (upstream.balancer.all.length < MANY) queueMicrotask(look)
    else upstream.clock.after(BETWEEN_LOOKS, look, undefined)
  }
}

/** A line for each duration that its writer may have meant as seconds. */
export function logDoubts (log: FastifyBaseLogger, doubts: Doubt[]): void {
  for (const { option, value } of doubts) {
    log.warn({ option, value }, `numbers are milliseconds: write '${value}s' if you mean seconds, or '${value}ms' if this is right`)
  }
}
