import type { Chance } from './ejection.js'
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
  /** The headers of a good answer are here, from a target that was ejected when the attempt began. */
  proven (target: Target, chance: Chance): void
  /** The lease gives its slot back. */
  release (target: Target): void
  /** What an attempt has shown about its target. `chance`: the target was ejected when it began. */
  record (target: Target, settlement: Settlement, chance: Chance | undefined): void
}

/** One attempt's hold on a target: its slot, until `end`, and the one chance to end its ejection. */
export class Lease {
  readonly target: Target
  readonly #lessor: Lessor
  #chance: Chance | undefined
  #heard = false
  #lasting = false
  #ended = false

  constructor (lessor: Lessor, target: Target, chance: Chance | undefined) {
    this.#lessor = lessor
    this.target = target
    this.#chance = chance
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
    const chance = this.#chance
    if (chance === undefined) return
    this.#chance = undefined
    this.#lessor.proven(this.target, chance)
  }

  /** The attempt has ended, however it did: the slot is free and the outcome counts. A second call does nothing. */
  end (settlement: Settlement): void {
    if (this.#ended) return
    this.#ended = true
    const chance = this.#chance
    this.#chance = undefined
    if (this.#lasting) this.target.streams--
    this.#lessor.release(this.target)
    const { outcome, status, ttfbMs } = settlement
    if (!this.#heard && this.listening && ttfbMs !== undefined && (outcome === 'success' || outcome === 'bad-status')) {
      this.heard({ status: status ?? 200, ttfbMs, header: () => undefined })
    }
    this.#lessor.record(this.target, settlement, chance)
  }
}
