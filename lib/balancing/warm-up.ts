/** The targets of an upstream that warm up, and their weights meanwhile. */
import type { Clock } from './clock.js'
import { slowStartFactor, type SlowStart } from './slow-start.js'
import type { Target } from './target.js'

/** Weights are brought up to date this many times in the window of slow start: policies build tables from them. */
const STEPS = 100

export class WarmUp {
  readonly #slowStart: SlowStart
  readonly #clock: Pick<Clock, 'now'>
  readonly #targets = new Set<Target>()
  #steppedAt = 0

  constructor (slowStart: SlowStart, clock: Pick<Clock, 'now'>) {
    this.#slowStart = slowStart
    this.#clock = clock
  }

  begin (target: Target): void {
    target.warmingSince = this.#clock.now()
    this.#targets.add(target)
    this.renew()
  }

  forget (target: Target): void {
    this.#targets.delete(target)
  }

  /** The next step is due at once: weights have changed. */
  renew (): void {
    this.#steppedAt = -Infinity
  }

  /** Brings the weights up to date, when it is time to. Returns whether it was. */
  step (): boolean {
    if (this.#targets.size === 0) return false
    const now = this.#clock.now()
    if (now - this.#steppedAt < this.#slowStart.window / STEPS) return false
    this.#steppedAt = now
    for (const target of this.#targets) {
      const factor = slowStartFactor(now - target.warmingSince!, this.#slowStart)
      target.effectiveWeight = target.weight * factor
      if (factor < 1) continue
      target.warmingSince = undefined
      this.#targets.delete(target)
    }
    return true
  }
}
