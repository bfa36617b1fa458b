import type { Random } from '../clock.js'
import type { Target } from '../target.js'

/** Draws from several targets, each as likely as its weight says. */
export class WeightedDraw {
  readonly #random: Random
  #targets: readonly Target[] = []
  #table: AliasTable | undefined

  constructor (random: Random) {
    this.#random = random
  }

  /** The targets to draw from, once a pick. */
  among (targets: readonly Target[]): this {
    if (targets !== this.#targets) {
      this.#targets = targets
      this.#table = undefined
    } else {
      // An array seen twice is worth a table; the array of one request is not.
      this.#table ??= new AliasTable(targets.map(target => target.effectiveWeight))
    }
    return this
  }

  next (): Target {
    if (this.#table === undefined) return walk(this.#targets, this.#random())
    return this.#targets[this.#table.draw(this.#random(), this.#random())]!
  }

  /** Weights have changed. */
  forget (): void {
    this.#targets = []
  }
}

/** A draw without a table: along the weights until `point` (0 to 1) of their sum is passed. */
function walk (targets: readonly Target[], point: number): Target {
  let sum = 0
  for (const target of targets) sum += target.effectiveWeight
  let left = point * sum
  for (const target of targets) {
    left -= target.effectiveWeight
    if (left < 0) return target
  }
  return targets[targets.length - 1]!
}

/** Draws an index with a probability proportional to its weight, in constant time (Walker 1977; Vose, IEEE TSE 17(9), 1991). */
export class AliasTable {
  readonly chance: Float64Array
  readonly alias: Uint32Array

  constructor (weights: readonly number[]) {
    const n = weights.length
    const sum = weights.reduce((a, b) => a + b, 0)
    this.chance = Float64Array.from(weights, weight => weight * n / sum)
    this.alias = new Uint32Array(n)
    const small: number[] = []
    const large: number[] = []
    for (let i = 0; i < n; i++) (this.chance[i]! < 1 ? small : large).push(i)
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!
      const more = large.pop()!
      this.alias[less] = more
      this.chance[more]! -= 1 - this.chance[less]!
      ;(this.chance[more]! < 1 ? small : large).push(more)
    }
    // What is left differs from 1 by rounding only.
    for (const i of [...small, ...large]) this.chance[i] = 1
  }

  /** `a` and `b`: two random numbers, 0 <= n < 1. */
  draw (a: number, b: number): number {
    const i = Math.floor(a * this.chance.length)
    return b < this.chance[i]! ? i : this.alias[i]!
  }
}
