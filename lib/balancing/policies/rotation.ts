import type { Target } from '../target.js'

/** Targets of one weight. Each pick adds the same to all of them, so the one that has waited longest is always the next of them: they take turns. */
interface Lane {
  readonly weight: number
  /** In the order of their turns. */
  readonly queue: Target[]
  head: number
}

/**
 * Smooth weighted round robin without a look at every target: only those that are next of their weight are compared, so that a pick costs as much as
 * there are different weights. The sequence is the same.
 */
export class Rotation {
  /** What each has, by index, but for what was added since the beginning; NaN for those who are not in it. */
  readonly #current: Float64Array
  readonly #lanes: Lane[] = []
  readonly #targets: readonly Target[]
  /** Their indexes as they were at the beginning: when the rotation ends, they may be others. */
  readonly #indexes: number[]
  /** The weights that it goes by: those of the targets may have changed since. */
  readonly #weights: number[]
  readonly #sum: number
  /** Picks since the beginning. */
  #picks = 0
  /** Who has had its next turn already. */
  readonly #owing = new Set<Target>()
  /** Where each stands among the targets, by index: of equals, the first is taken. */
  readonly #places: Uint32Array

  /** `current`: what each has so far, by index. */
  constructor (targets: readonly Target[], current: Float64Array) {
    this.#targets = targets
    this.#indexes = targets.map(({ index }) => index)
    this.#weights = targets.map(({ effectiveWeight }) => effectiveWeight)
    this.#current = new Float64Array(current.length).fill(NaN)
    this.#places = new Uint32Array(current.length)
    const byWeight = new Map<number, Target[]>()
    let sum = 0
    targets.forEach((target, place) => {
      const { index, effectiveWeight } = target
      this.#current[index] = current[index]!
      this.#places[index] = place
      sum += effectiveWeight
      const lane = byWeight.get(effectiveWeight)
      if (lane === undefined) byWeight.set(effectiveWeight, [target])
      else lane.push(target)
    })
    this.#sum = sum
    for (const [weight, queue] of byWeight) {
      // Those who have as much stay in their order.
      queue.sort((a, b) => this.#current[b.index]! - this.#current[a.index]!)
      this.#lanes.push({ weight, queue, head: 0 })
    }
  }

  next (): Target {
    while (true) {
      const target = this.#turn()
      if (!this.#owing.delete(target)) return target
    }
  }

  /** The next turn of this one is had. */
  charge (target: Target): void {
    if (this.has(target)) this.#owing.add(target)
  }

  has ({ index }: Target): boolean {
    return !Number.isNaN(this.#current[index]!)
  }

  /**
   * The one of these whose turn comes first and who has not had it already, charged for it; undefined where that is nobody, or one of them is not in
   * the rotation.
   */
  nextAmong (targets: readonly Target[]): Target | undefined {
    let best: Target | undefined
    let most = -Infinity
    for (const target of targets) {
      if (!this.has(target)) return undefined
      const value = this.#current[target.index]! + (this.#picks + 1) * target.effectiveWeight
      if (value > most && !this.#owing.has(target)) {
        most = value
        best = target
      }
    }
    if (best !== undefined) this.#owing.add(best)
    return best
  }

  /** Writes down what each has. Turns that are owed are had with that. */
  settle (current: Float64Array): void {
    for (const [i, target] of this.#targets.entries()) {
      const index = this.#indexes[i]!
      const effectiveWeight = this.#weights[i]!
      current[index] = this.#current[index]! + this.#picks * effectiveWeight - (this.#owing.has(target) ? this.#sum : 0)
      if (this.#owing.size > 0) current[index]! += this.#owing.size * effectiveWeight
    }
  }

  #turn (): Target {
    const picks = ++this.#picks
    let best = this.#lanes[0]!
    let first = best.queue[best.head]!
    let most = this.#current[first.index]! + picks * best.weight
    for (let i = 1; i < this.#lanes.length; i++) {
      const lane = this.#lanes[i]!
      const target = lane.queue[lane.head]!
      const value = this.#current[target.index]! + picks * lane.weight
      if (value > most || (value === most && this.#places[target.index]! < this.#places[first.index]!)) {
        most = value
        best = lane
        first = target
      }
    }
    this.#current[first.index]! -= this.#sum
    best.head = (best.head + 1) % best.queue.length
    return first
  }
}
