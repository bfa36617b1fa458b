/** What targets have said of themselves of late, and which of them that makes the best: Prequal's pool of probes. */
import type { Random } from '../clock.js'
import type { Target } from '../target.js'

export interface Sample {
  readonly target: Target
  /** Requests that it has, and those that were sent there because of this sample. */
  inFlight: number
  /** Milliseconds. */
  readonly latency: number
  readonly at: number
  /** Picks that it is still good for. */
  uses: number
}

export interface SampleRules {
  /** Share of reported in-flight figures, 0 to 1, at and below which a target is cold. */
  readonly quantile: number
  /** Samples at most. */
  readonly most: number
  /** Milliseconds. */
  readonly maxAge: number
  /** Samples that come for each pick. */
  readonly rate: number
}

/** The paper's δ: samples are used a little longer than they last on average. */
const SPARE = 1
/** Uses of a sample at most. A small pool would have each of them used until everybody has run to the same target. */
const MOST_USES = 2
/** Samples that are taken out, for each that comes: the oldest and the worst in turns. */
const REMOVAL = 1 / 4
/** In-flight figures that the quantile is of, and how often it is worked out. */
const FIGURES = 128
const EVERY = 64

export class Samples {
  readonly #rules: SampleRules
  readonly #random: Random
  /** Oldest first, one a target at most. */
  #samples: Sample[] = []
  /** In-flight figures as they came, round and round. */
  readonly #figures: number[] = []
  #figureAt = 0
  /** More in flight than this is hot. */
  #threshold = 0
  /** Removals that are due. */
  #due = 0
  #worstNext = false

  constructor (rules: SampleRules, random: Random) {
    this.#rules = rules
    this.#random = random
  }

  /** Those that are heard of, the one heard of longest ago first. */
  get targets (): Target[] { return this.#samples.map(({ target }) => target) }

  /** `targets`: how many may be picked. */
  add (target: Target, inFlight: number, latency: number, now: number, targets: number): void {
    const { most, rate } = this.#rules
    this.#note(inFlight / target.effectiveWeight)
    this.forget(target)
    const room = poolSize(most, targets)
    if (this.#samples.length >= room) this.#samples.splice(0, this.#samples.length - room + 1)
    if (room === 0) return
    const uses = Math.min(MOST_USES, reuse(rate, rate * REMOVAL, room, targets))
    const whole = Math.floor(uses)
    this.#samples.push({ target, inFlight, latency, at: now, uses: whole + (this.#random() < uses - whole ? 1 : 0) })
  }

  /** The best of those that are fresh and fit, used; undefined when there are not two. */
  take (now: number, fits: (target: Target) => boolean): Target | undefined {
    const samples = this.#samples
    while (samples.length > 0 && now - samples[0]!.at > this.#rules.maxAge) samples.shift()
    let best: Sample | undefined
    let fitting = 0
    for (const sample of samples) {
      if (!fits(sample.target)) continue
      fitting++
      if (best === undefined || isBetter(sample, best, this.#threshold)) best = sample
    }
    if (fitting < 2) return undefined
    best!.inFlight++
    if (--best!.uses === 0) samples.splice(samples.indexOf(best!), 1)
    this.#removeSome()
    return best!.target
  }

  /** What a target has said does not count any more. */
  forget (target: Target): void {
    const samples = this.#samples
    for (let i = 0; i < samples.length; i++) {
      if (samples[i]!.target !== target) continue
      samples.splice(i, 1)
      return
    }
  }

  /** Only what these have said counts. */
  keep (targets: ReadonlySet<Target>): void {
    this.#samples = this.#samples.filter(({ target }) => targets.has(target))
  }

  /** Samples that nobody would use stay until they are too old, and by then say little: some go before. */
  #removeSome (): void {
    this.#due += this.#rules.rate * REMOVAL
    while (this.#due >= 1 && this.#samples.length > 0) {
      this.#due--
      this.#samples.splice(this.#worstNext ? this.#worst() : 0, 1)
      this.#worstNext = !this.#worstNext
    }
  }

  #worst (): number {
    const samples = this.#samples
    let worst = 0
    for (let i = 1; i < samples.length; i++) if (isBetter(samples[worst]!, samples[i]!, this.#threshold)) worst = i
    return worst
  }

  #note (figure: number): void {
    this.#figures[this.#figureAt % FIGURES] = figure
    if (this.#figureAt++ % EVERY === 0 || this.#figureAt <= EVERY) this.#threshold = quantileOf(this.#figures, this.#rules.quantile)
  }
}

/** Cold before hot; among the cold the lowest latency, among the hot the fewest in flight: hot–cold lexicographic, for one unit of weight. */
export function isBetter (a: Sample, b: Sample, threshold: number): boolean {
  const loadA = a.inFlight / a.target.effectiveWeight
  const loadB = b.inFlight / b.target.effectiveWeight
  const hot = loadA > threshold
  if (hot !== (loadB > threshold)) return !hot
  return hot ? loadA < loadB : a.latency / a.target.effectiveWeight < b.latency / b.target.effectiveWeight
}

/** Samples that are kept of so many targets: with more than half of them, the best would be run to before others are heard of. */
export function poolSize (most: number, targets: number): number {
  return Math.min(most, Math.floor(targets / 2))
}

/**
 * Uses of a sample in a pool of `size`, so that on average the pool neither overflows nor runs dry; Infinity where the paper's formula has no answer,
 * which it has for many targets only. `rate`, `removal`: samples that come, and that are removed, for each pick.
 */
export function reuse (rate: number, removal: number, size: number, targets: number): number {
  const left = (1 - size / targets) * rate - removal
  return left > 0 ? Math.max(1, (1 + SPARE) / left) : Infinity
}

function quantileOf (figures: readonly number[], quantile: number): number {
  const sorted = Float64Array.from(figures).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))]!
}
