/**
 * What recent answers say of each target: how long it takes, and how often it fails. An answer weighs less the older it is. What is known of a target
 * that is not asked fades, until it looks better than the others and is asked again: nobody is judged for ever by what was once true.
 */
import type { Target } from '../target.js'
import { carryOver } from './carry-over.js'

export interface EstimateRules {
  /** Milliseconds after which an answer weighs 1/e of what a new one does. */
  readonly window: number
  /** Milliseconds without an answer after which 1/e of what was known is left. */
  readonly forget: number
  /** Milliseconds that a failure costs at least. */
  readonly failurePenalty: number
}

/** What a failure costs at least, in medians of all targets' latencies. */
const PENALTY_IN_MEDIANS = 5
/** A failure weighs as one of so many attempts at least: a few in a row must be seen at once, however many good answers came before. */
const FAILURE_MEMORY = 20
/**
 * What time does to the estimates is worked out for all of them once in so many milliseconds, a few at each pick; where there are so many targets
 * that it would cost too much, for so many in a millisecond. Less often, and the same few look best for too long.
 */
const ROUND = 10
const MOST_A_MILLISECOND = 25
/**
 * What latencies fade towards, in medians. With one median, a target that was slow would never look better than others; with nothing, all would be
 * asked so often that many targets and few requests leave none to those that are known to be good.
 */
const FADED = 0.5
/** The median is that of so many targets at most, evenly spread over all. */
const MEDIAN_OF = 127

export class Estimates {
  /**
   * Milliseconds that one more request to a target is expected to cost, with those that it has in flight, for one unit of its weight. By index, as
   * everything here. Event streams and upgraded connections are not in flight for this.
   */
  scores = new Float64Array(0)
  /** Milliseconds that one request costs there, apart from those in flight, for one unit of weight. */
  #costs = new Float64Array(0)
  readonly #rules: EstimateRules
  #members: readonly Target[] = []
  /** Milliseconds; NaN before the first answer. */
  #latency = new Float64Array(0)
  /** Share of attempts that failed. */
  #failing = new Float64Array(0)
  /** How many attempts were heard of. */
  #heard = new Float64Array(0)
  /** When the last of these was heard of; before the first, when the target came. */
  #heardAt = new Float64Array(0)
  /** Median of the latencies that are known, in milliseconds; undefined before there are any. */
  #median: number | undefined
  #refreshedAt = -Infinity
  #cursor = 0

  constructor (rules: EstimateRules) {
    this.#rules = rules
  }

  /** What a failure costs, in milliseconds. */
  get penalty (): number {
    return Math.max(PENALTY_IN_MEDIANS * (this.#median ?? 0), this.#rules.failurePenalty)
  }

  /** Milliseconds to first byte, as of `now`; a newcomer begins with the median of all, and as long as nothing is known of anybody, it is 1. */
  latency (index: number, now: number): number {
    const median = this.#median ?? 1
    const latency = this.#latency[index]!
    const rest = FADED * median
    return rest + ((Number.isNaN(latency) ? median : latency) - rest) * this.#left(index, now)
  }

  /** Share of attempts that fail, 0 to 1, as of `now`. */
  failing (index: number, now: number): number {
    const failing = this.#failing[index]!
    return failing === 0 ? 0 : failing * this.#left(index, now)
  }

  /** Share of what was known that has not faded. */
  #left (index: number, now: number): number {
    const heardAt = this.#heardAt[index]!
    return heardAt === now ? 1 : Math.exp((heardAt - now) / this.#rules.forget)
  }

  /** Members or weights changed. What is known of those who stay is kept. */
  update (all: readonly Target[], now: number): void {
    const carried = carryOver(this.#members, all)
    this.#latency = carried(this.#latency, NaN)
    this.#failing = carried(this.#failing, 0)
    this.#heard = carried(this.#heard, 0)
    this.#heardAt = carried(this.#heardAt, now)
    this.#members = [...all]
    this.#cursor = 0
    this.#findMedian()
    this.#costs = new Float64Array(all.length)
    this.scores = new Float64Array(all.length)
    for (let index = 0; index < all.length; index++) this.#price(index, now)
  }

  /** An attempt took `ms` to its headers, or failed. */
  hear (index: number, what: number | 'failed', now: number): void {
    const latency = this.#latency[index]!
    const failing = this.failing(index, now)
    // Before there is an average to speak of, all attempts weigh the same.
    const weight = Math.max(1 - Math.exp((this.#heardAt[index]! - now) / this.#rules.window), 1 / ++this.#heard[index]!)
    const failureWeight = Math.max(weight, 1 / FAILURE_MEMORY)
    if (what === 'failed') {
      this.#failing[index] = failing + (1 - failing) * failureWeight
      if (!Number.isNaN(latency)) this.#latency[index] = this.latency(index, now)
    } else {
      // One that took longer than a failure costs is no worse than a failure: a long poll says little about a target's speed.
      const sample = Math.min(what, this.#median === undefined ? Infinity : this.penalty)
      this.#failing[index] = failing - failing * failureWeight
      this.#latency[index] = Number.isNaN(latency) ? sample : latency + (sample - latency) * weight
    }
    this.#heardAt[index] = now
    if (this.#median === undefined) this.#findMedian()
    this.#price(index, now)
  }

  /** Brings as many costs up to date as the time since the last call asks for. */
  refresh (now: number): void {
    const n = this.#members.length
    const due = Math.min(n, Math.floor((now - this.#refreshedAt) * Math.min(n / ROUND, MOST_A_MILLISECOND)))
    if (due < 1) return
    this.#refreshedAt = now
    for (let i = 0; i < due; i++) {
      this.#price(this.#cursor, now)
      if (++this.#cursor === n) {
        this.#cursor = 0
        this.#findMedian()
      }
    }
  }

  /** The number of requests in flight to a target has changed. */
  loaded ({ index, inFlight, streams }: Target): void {
    const others = inFlight - streams
    const score = this.#costs[index]! * (others + 1)
    // One that nothing has been heard of yet has its one request: a second would wait for who knows how long.
    this.scores[index] = others > 0 && this.#heard[index] === 0 ? score + this.penalty : score
  }

  #price (index: number, now: number): void {
    const target = this.#members[index]!
    this.#costs[index] = (this.latency(index, now) + this.failing(index, now) * this.penalty) / target.effectiveWeight
    this.loaded(target)
  }

  #findMedian (): void {
    const step = Math.ceil(this.#latency.length / MEDIAN_OF)
    const known: number[] = []
    for (let i = 0; i < this.#latency.length; i += step) if (!Number.isNaN(this.#latency[i]!)) known.push(this.#latency[i]!)
    this.#median = known.length === 0 ? undefined : known.sort((a, b) => a - b)[known.length >> 1]!
  }
}
