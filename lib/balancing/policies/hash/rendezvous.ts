import type { Target } from '../../target.js'
import { hash32, mix } from './hashing.js'
import type { Fits, Placement } from './placement.js'

/**
 * Rendezvous hashing (Thaler and Ravishankar 1996): each target has a score for the key, and the highest takes it; the others, by their scores, are
 * its order of fallbacks. With weights, −w / ln u (Schindelhauer and Schomaker 2005): a weight that changes moves keys to or from that target only.
 * Looks at every target.
 */
export class Rendezvous implements Placement {
  #hashes = new Uint32Array(0)
  #weighted = false

  update (all: readonly Target[]): void {
    this.#hashes = Uint32Array.from(all, ({ id }) => hash32(id))
    const weights = new Set(all.map(({ weight }) => weight))
    weights.delete(0)
    this.#weighted = weights.size > 1
  }

  find (key: string, targets: readonly Target[], fits: Fits): Target | undefined {
    const hash = hash32(key)
    let best: Target | undefined
    let highest = -1
    for (const target of targets) {
      const draw = mix(hash ^ this.#hashes[target.index]!)
      // With equal weights the score rises with the draw, and the logarithm is saved.
      const score = this.#weighted ? scoreOf(draw, target.weight) : draw
      if (score > highest && fits(target)) {
        highest = score
        best = target
      }
    }
    return best
  }
}

/** `draw`: 32 bits. */
export function scoreOf (draw: number, weight: number): number {
  // Half a step off both ends: neither ln 0 nor ln 1.
  return -weight / Math.log((draw + 0.5) / 0x1_0000_0000)
}
