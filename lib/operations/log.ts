/** What changes about targets, as lines of the log. */
import type { FastifyBaseLogger } from 'fastify'
import type { Upstream, UpstreamEvents } from '../engine/upstream.js'

const LINES: Record<keyof UpstreamEvents, { level: 'info' | 'warn', text: string }> = {
  'target:added': { level: 'info', text: 'a target was added' },
  'target:removed': { level: 'info', text: 'a target was removed' },
  'target:changed': { level: 'info', text: 'a target was changed' },
  'target:healthy': { level: 'info', text: 'a target is healthy' },
  'target:unhealthy': { level: 'warn', text: 'a target is unhealthy' },
  'target:ejected': { level: 'warn', text: 'a target is ejected' },
  'target:restored': { level: 'info', text: 'a target is back' }
}

/** One line for each change of a target from now on: `{ upstream, target, reason, state, weight }`. */
export function logChanges (upstream: Upstream, log: FastifyBaseLogger): void {
  for (const [event, { level, text }] of Object.entries(LINES)) {
    upstream.on(event as keyof UpstreamEvents, message => {
      const target = upstream.targets.get(message.target)
      log[level]({ ...message, ...(target !== undefined && { state: target.state, weight: target.weight }) }, text)
    })
  }
}
