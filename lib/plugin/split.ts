/** New clients of a route by shares among groups of targets, told apart by a tag: canary releases, blue and green. */
import type { Random } from '../balancing/clock.js'
import type { Target } from '../balancing/target.js'
import { checked, fault, func, isObject, object, oneOf, optional, string, type Check } from '../options.js'

/** Values of the tag, and how many new clients each gets in relation to the others: `{ v1: 90, v2: 10 }`. 0: no new ones. */
export type Shares = Record<string, number>

/** Shares, and by which tag. */
export interface SplitOptions {
  /** The tag that tells groups of targets apart. @default 'version' */
  tag?: string
  /** A function is asked for every request, so that shares can change at run time. */
  shares: Shares | (() => Shares)
  /** When nobody of a group can take its client: `any` other target does, or `none`, and the answer is 503. @default 'any' */
  fallback?: 'any' | 'none'
}

/** Shares, or shares with more to say. */
export type SplitOption = Shares | SplitOptions

interface SplitSettings { tag: string, shares: Shares | (() => Shares), fallback: 'any' | 'none' }

const sharesCheck: Check<Shares> = (value, path, faults) => {
  const shares = isObject(value) ? Object.values(value) : []
  if (!shares.every(share => typeof share === 'number' && share >= 0 && share < Infinity) || !shares.some(share => share as number > 0)) {
    fault(faults, path, 'numbers by version, as { v1: 90, v2: 10 }, of which one at least is above 0', value)
  }
  return value as Shares
}

const DEFAULTS = { tag: 'version', fallback: 'any' } as const

const settingsCheck = object<SplitSettings>({
  tag: optional(string, DEFAULTS.tag),
  shares: (value, path, faults) => typeof value === 'function' ? func<() => Shares>()(value, path, faults) : sharesCheck(value, path, faults),
  fallback: optional(oneOf('any', 'none'), DEFAULTS.fallback)
})

export const splitOption: Check<Split> = (value, path, faults) => {
  const isLong = isObject(value) && (isObject(value.shares) || typeof value.shares === 'function')
  return new Split(isLong ? settingsCheck(value, path, faults) : { ...DEFAULTS, shares: sharesCheck(value, path, faults) })
}

export class Split {
  readonly fallback: 'any' | 'none'
  readonly #tag: string
  readonly #shares: Shares | (() => Shares)
  /** What a function has given last, which has been looked at. */
  #given: Shares | undefined
  readonly #tags = new Map<string, Record<string, string>>()

  constructor ({ tag, shares, fallback }: SplitSettings) {
    this.fallback = fallback
    this.#tag = tag
    this.#shares = shares
  }

  /** The tags of the group that a client belongs to by its target `own`, or that is drawn for it; undefined where nobody is to have new clients. */
  tagsFor (own: Target | undefined, random: Random): Record<string, string> | undefined {
    const shares = this.#current()
    const version = own?.tags[this.#tag]
    if (version !== undefined && Object.hasOwn(shares, version)) return this.#tagsOf(version)
    const drawn = draw(shares, random)
    return drawn === undefined ? undefined : this.#tagsOf(drawn)
  }

  /** Values of the tag that get new clients although none of `targets` has them; shares by a function are not asked. */
  missing (targets: Iterable<Target>): Array<{ tag: string, value: string }> {
    if (typeof this.#shares === 'function') return []
    const there = new Set([...targets].map(({ tags }) => tags[this.#tag]))
    return Object.entries(this.#shares).filter(([value, share]) => share > 0 && !there.has(value)).map(([value]) => ({ tag: this.#tag, value }))
  }

  #current (): Shares {
    if (typeof this.#shares !== 'function') return this.#shares
    const given = this.#shares()
    if (given !== this.#given) this.#given = checked(sharesCheck, given, 'split.shares()')
    return given
  }

  #tagsOf (version: string): Record<string, string> {
    let tags = this.#tags.get(version)
    if (tags === undefined) this.#tags.set(version, tags = { [this.#tag]: version })
    return tags
  }
}

function draw (shares: Shares, random: Random): string | undefined {
  let sum = 0
  for (const name of Object.keys(shares)) sum += shares[name]!
  let point = random() * sum
  let last: string | undefined
  for (const name of Object.keys(shares)) {
    const share = shares[name]!
    if (share <= 0) continue
    last = name
    point -= share
    if (point < 0) return name
  }
  return last
}
