/** What has happened to targets lately: whoever opens the dashboard after an incident wants to know what it was. */
import type { TargetState } from '../../balancing/target.js'
import type { Upstream, UpstreamEvent, UpstreamEvents } from '../../engine/upstream.js'

/** An event of an upstream, with its time. */
export interface PastEvent extends UpstreamEvent {
  /** `target:ejected`, … */
  type: keyof UpstreamEvents
  /** Milliseconds since the epoch. */
  at: number
  /** As it is after the event; absent when the target is gone. */
  state?: TargetState
  weight?: number
}

/** Events remembered. */
const LENGTH = 100

const TYPES: Record<keyof UpstreamEvents, true> = {
  'target:added': true,
  'target:removed': true,
  'target:changed': true,
  'target:healthy': true,
  'target:unhealthy': true,
  'target:ejected': true,
  'target:restored': true
}

export class History {
  /** The oldest first. */
  readonly events: PastEvent[] = []
  /** How many there ever were. */
  total = 0
  readonly #told: (event: PastEvent) => void

  /** `told` hears of each event as it happens. */
  constructor (told: (event: PastEvent) => void) {
    this.#told = told
  }

  /** Those after the first `heard` of all there ever were, as far as they are remembered. */
  since (heard: number): PastEvent[] {
    return heard === this.total ? [] : this.events.slice(Math.max(0, this.events.length - (this.total - heard)))
  }

  watch (upstream: Upstream): void {
    for (const type of Object.keys(TYPES) as Array<keyof UpstreamEvents>) {
      upstream.on(type, event => {
        const target = upstream.targets.get(event.target)
        this.#add({ type, at: Math.round(upstream.clock.now()), ...event, ...(target !== undefined && { state: target.state, weight: target.weight }) })
      })
    }
  }

  #add (event: PastEvent): void {
    this.total++
    this.events.push(event)
    if (this.events.length > LENGTH) this.events.shift()
    this.#told(event)
  }
}
