import type { Target } from '../target.js'

/** Answers quickly whether a target is one of those that may be picked, for policies that keep tables over all. */
export class Among {
  #targets: readonly Target[] = []
  /** The array that `#places` was made for. */
  #marked: readonly Target[] | undefined
  /** The targets of that array by their indexes. */
  #places: Array<Target | undefined> = []

  /** The targets that may be picked, once a pick. */
  set (targets: readonly Target[]): this {
    // An array seen twice is worth the marks; the array of one request is not.
    if (targets === this.#targets && targets !== this.#marked) {
      this.#marked = targets
      this.#places = []
      for (const target of targets) this.#places[target.index] = target
    }
    this.#targets = targets
    return this
  }

  has (target: Target): boolean {
    return this.#targets === this.#marked ? this.#places[target.index] === target : this.#targets.includes(target)
  }

  /** Indexes have changed. */
  forget (): void {
    this.#marked = undefined
    this.#targets = []
  }
}
