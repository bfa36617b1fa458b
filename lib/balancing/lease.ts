import type { Settlement } from './outcome.js'
import type { Answer } from './policy.js'
import type { Target } from './target.js'

/** Who gives leases, and hears what becomes of them: the Balancer. */
export interface Lessor {
  /** The policy wants to know of answers when their headers come. */
  readonly listening: boolean
  /** The headers of an answer are here. */
  hear (target: Target, answer: Answer): void
  /** The number of requests in flight to this target, or of those that last, has changed. */
  loaded (target: Target): void
  /** The headers of a good answer to a trial are here. */
  proven (target: Target): void
  /** The lease gives its slot back. */
  release (target: Target): void
  /** What an attempt has shown about its target. `trial`: it was the one that decides whether the target comes back. */
  record (target: Target, settlement: Settlement, trial: boolean): void
}

/** One attempt's hold on a target: its slot, until `end`, and the one chance of a trial. */
export class Lease {
  readonly target: Target
  readonly #lessor: Lessor
  #trial: boolean
  #heard = false
  #lasting = false
  #ended = false

  constructor (lessor: Lessor, target: Target, trial: boolean) {
    this.#lessor = lessor
    this.target = target
    this.#trial = trial
  }

  /** The policy wants to hear of answers; otherwise there is no need to build one. */
  get listening (): boolean { return this.#lessor.listening }

  /** Tells the policy that a response's headers are here, whatever the status. Where this is not called, the policy is told at the end. */
  heard (answer: Answer): void {
    this.#heard = true
    this.#lessor.hear(this.target, answer)
  }

  /** The response is an event stream, or the connection was upgraded. */
  lasts (): void {
    this.#lasting = true
    this.target.streams++
    this.#lessor.loaded(this.target)
  }

  /** The headers of a good response are here. That decides a trial: a long stream must not hold up recovery. */
  answered (): void {
    if (!this.#trial) return
    this.#trial = false
    this.#lessor.proven(this.target)
  }

  /** The attempt has ended, however it did: the slot is free and the outcome counts. A second call does nothing. */
  end (settlement: Settlement): void {
    if (this.#ended) return
    this.#ended = true
    const trial = this.#trial
    this.#trial = false
    if (this.#lasting) this.target.streams--
    this.#lessor.release(this.target)
    const { outcome, status, ttfbMs } = settlement
    if (!this.#heard && this.listening && ttfbMs !== undefined && (outcome === 'success' || outcome === 'bad-status')) {
      this.heard({ status: status ?? 200, ttfbMs, header: () => undefined })
    }
    this.#lessor.record(this.target, settlement, trial)
  }
}
