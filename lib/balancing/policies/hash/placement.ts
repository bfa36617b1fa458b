import type { Target } from '../../target.js'

/** Whether a target will do for the request at hand. */
export type Fits = (target: Target) => boolean

/** Which target a key belongs to. Every key has an order of its own over all targets, of which a look-up takes the first that will do. */
export interface Placement {
  /** Members or weights changed; health did not. */
  update (all: readonly Target[]): void
  /** The first of `targets` in the order of `key` that fits; undefined where none was found among the first few hundred places. */
  find (key: string, targets: readonly Target[], fits: Fits): Target | undefined
}

/**
 * Places of a table that are looked at for one key. More would be needed only where next to nobody is available, and then it is quicker to look at
 * those.
 */
export const MOST_PLACES = 256
