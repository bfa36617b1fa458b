import type { Target } from '../../target.js'

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2018; HAProxy `hash-balance-factor`): no target has more in flight than `factor` times
 * its share of all there is, the request at hand included, and there is always one that has less.
 */
export class BoundedLoad {
  readonly #factor: number
  #targets: readonly Target[] = []
  /** Of `#targets`; not worked out before somebody has anything in flight. */
  #requests = -1
  #weight = 0

  constructor (factor: number) {
    this.#factor = factor
  }

  /** The targets that may be picked, once a pick. */
  set (targets: readonly Target[]): void {
    this.#targets = targets
    this.#requests = -1
  }

  admits (target: Target): boolean {
    return target.inFlight === 0 || target.inFlight < this.#capacity(target.weight)
  }

  #capacity (weight: number): number {
    if (this.#requests === -1) {
      this.#requests = 1
      this.#weight = 0
      for (const target of this.#targets) {
        this.#requests += target.inFlight
        this.#weight += target.weight
      }
    }
    return capacity(this.#factor, this.#requests, weight / this.#weight)
  }
}

/** Requests that a target may have at once: `requests` in all, `share` of them its own. */
export function capacity (factor: number, requests: number, share: number): number {
  return Math.ceil(factor * requests * share)
}
