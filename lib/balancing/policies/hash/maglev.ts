import type { Later } from '../../policy.js'
import type { Target } from '../../target.js'
import { Background, type Work } from '../background.js'
import { hash32, mix } from './hashing.js'
import { MOST_PLACES, type Fits, type Placement } from './placement.js'

/** Slots of the table: a prime, so that every skip comes by all of them. */
export const SLOTS = 65_537
/** Makes a second hash of the first. */
const OTHER = 0x5bd1e995
/** Steps that are made without a pause. */
const SLICE = 16_384

interface Table { readonly slots: Uint32Array, readonly members: readonly Target[] }

/**
 * Maglev's look-up table (Eisenbud et al., NSDI 2016), with weights as Envoy has them. Shares are even to a percent up to some 650 targets. When
 * members change, a few keys of others move, too. The order of fallbacks is that of the slots that follow.
 */
export class Maglev implements Placement {
  readonly #table: Background<Table>

  constructor (later: Later) {
    this.#table = new Background(later)
  }

  update (all: readonly Target[]): void {
    this.#table.make(() => makeTable(all), false)
  }

  find (key: string, _targets: readonly Target[], fits: Fits): Target | undefined {
    const { slots, members } = this.#table.current!
    if (members.length === 0) return undefined
    let at = hash32(key) % SLOTS
    for (let i = MOST_PLACES; i > 0; i--) {
      const target = members[slots[at]!]!
      if (fits(target)) return target
      if (++at === SLOTS) at = 0
    }
    return undefined
  }
}

function * makeTable (all: readonly Target[]): Work<Table> {
  // Whoever is first has the first choice, so the order must be the same on all gateways.
  const members = all.filter(({ weight }) => weight > 0).sort((a, b) => a.id < b.id ? -1 : 1)
  const hashes = members.map(({ id }) => hash32(id))
  const offsets = hashes.map(hash => hash % SLOTS)
  const skips = hashes.map(hash => mix(hash ^ OTHER) % (SLOTS - 1) + 1)
  return { slots: yield * fill(SLOTS, offsets, skips, members.map(({ weight }) => weight)), members }
}

/**
 * Each in turn takes the next slot of its own sequence (`offset + j × skip`) that is free: the heaviest at every turn, others as often as their
 * weights ask for.
 */
export function * fill (size: number, offsets: readonly number[], skips: readonly number[], weights: readonly number[]): Work<Uint32Array> {
  const slots = new Uint32Array(size).fill(size)
  const next = Uint32Array.from(offsets)
  const due = new Float64Array(weights.length)
  const heaviest = Math.max(...weights)
  let rest = SLICE
  let free = weights.length === 0 ? 0 : size
  for (let turn = 1; free > 0; turn++) {
    for (let i = 0; i < weights.length && free > 0; i++) {
      if (--rest <= 0) {
        rest = SLICE
        yield
      }
      if (turn * weights[i]! < due[i]!) continue
      due[i]! += heaviest
      let slot = next[i]!
      while (slots[slot] !== size) {
        slot = (slot + skips[i]!) % size
        rest--
      }
      slots[slot] = i
      next[i] = (slot + skips[i]!) % size
      free--
    }
  }
  return slots
}
