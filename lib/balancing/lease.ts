import type { Balancer } from './balancer.js'
import type { Settlement } from './outcome.js'
import type { Answer } from './policy.js'
import type { Target } from './target.js'

/** One attempt's hold on a target: its slot, until `end`, and the one chance of a trial. */
export class Lease {
  readonly target: Target
  readonly #balancer: Balancer
  #trial: boolean
  #heard = false
  #lasting = false
  #ended = false

  constructor (balancer: Balancer, target: Target, trial: boolean) {
    this.#balancer = balancer
    this.target = target
    this.#trial = trial
  }

  /** The policy wants to hear of answers; otherwise there is no need to build one. */
  get listening (): boolean { return this.#balancer.listening }

  /** Tells the policy that a response's headers are here, whatever the status. Where this is not called, the policy is told at the end. */
  heard (answer: Answer): void {
    this.#heard = true
    this.#balancer.hear(this.target, answer)
  }

  /** The response is an event stream, or the connection was upgraded. */
  lasts (): void {
    this.#lasting = true
    this.target.streams++
    this.#balancer.loaded(this.target)
  }

  /** The headers of a good response are here. That decides a trial: a long stream must not hold up recovery. */
  answered (): void {
    if (!this.#trial) return
    this.#trial = false
    this.#balancer.proven(this.target)
  }

  /** The attempt has ended, however it did: the slot is free and the outcome counts. A second call does nothing. */
  end (settlement: Settlement): void {
    if (this.#ended) return
    this.#ended = true
    const trial = this.#trial
    this.#trial = false
    if (this.#lasting) this.target.streams--
    this.#balancer.release(this.target)
    const { outcome, status, ttfbMs } = settlement
    if (!this.#heard && this.listening && ttfbMs !== undefined && (outcome === 'success' || outcome === 'bad-status')) {
      this.heard({ status: status ?? 200, ttfbMs, header: () => undefined })
    }
    this.#balancer.record(this.target, settlement, trial)
  }
}
