/** Requests that come at a steady pace to targets that take their time, in time that is made up: for policies that learn from what happens. */
import type { Target } from '../../lib/balancing/target.js'
import type { Core } from './core.js'
import { idOf } from './core.js'

export interface Traffic {
  /** Milliseconds from one request to the next. */
  every: number
  /** Milliseconds that requests come for. */
  during: number
  /** What a target does with a request: how long until its headers, and with which status; `null` never answers. */
  answer: (target: Target) => { ms: number, status?: number } | null
}

/** The ids of who was picked, in their order. All that were begun are answered when this returns, unless they never are. */
export function run (core: Core, { every, during, answer }: Traffic): string[] {
  const { balancer, clock } = core
  const picked: string[] = []
  for (let at = 0; at < during; at += every) {
    const target = balancer.pick()
    picked.push(idOf(target))
    if (typeof target !== 'string') {
      const lease = balancer.begin(target)
      const what = answer(target)
      if (what !== null) {
        clock.after(what.ms, ({ ms, status = 200 }) => {
          lease.end({ outcome: status >= 502 ? 'bad-status' : 'success', status, ttfbMs: ms, durationMs: ms })
        }, what)
      }
    }
    clock.advance(every)
  }
  return picked
}
