import type { Target } from '../../target.js'

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2018; HAProxy `hash-balance-factor`): no target has more in flight than
 * `factor` times its share of all there is, the request at hand included, and there is always one that has less.
 */
export class BoundedLoad {
  readonly #factor: number
  #targets: readonly Target[] = []
  /** In flight at `#targets`, and their weights together. */
  #requests = 0
  #weight = 0
  /** How many of `#requests` each target has, by index; NaN for targets that may not be picked. */
  #counted = new Float64Array(0)

  constructor (factor: number) {
    this.#factor = factor
  }

  /** Membership or weights changed. */
  update (all: readonly Target[]): void {
    this.#counted = new Float64Array(all.length)
    this.#targets = []
  }

  /** The targets that may be picked, once a pick. */
  set (targets: readonly Target[]): void {
    if (targets === this.#targets) return
    this.#targets = targets
    this.#requests = 0
    this.#weight = 0
    this.#counted.fill(NaN)
    for (const { index, inFlight, weight } of targets) {
      this.#requests += this.#counted[index] = inFlight
      this.#weight += weight
    }
  }

  /** The number of requests in flight to a target has changed. */
  loaded ({ index, inFlight }: Target): void {
    const before = this.#counted[index]!
    if (Number.isNaN(before)) return
    this.#requests += inFlight - before
    this.#counted[index] = inFlight
  }

  admits ({ inFlight, weight }: Target): boolean {
    return inFlight === 0 || inFlight < capacity(this.#factor, this.#requests + 1, weight / this.#weight)
  }
}

/** Requests that a target may have at once: `requests` in all, `share` of them its own. */
export function capacity (factor: number, requests: number, share: number): number {
  return Math.ceil(factor * requests * share)
}
