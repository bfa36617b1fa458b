/** What is known of the upstreams: the rows as they were last told, and what has become of them while the page was open. */

/**
 * @typedef {{ count: number, p50: number | null, p99: number | null, classes: number[] }} Times
 * @typedef {{ passed: boolean, reason: string, at: number, durationMs: number }} Probe
 * @typedef {{
 *   id: string, url: string, weight: number, effectiveWeight: number, tier: number, tags: Record<string, string>, state: string, health: string, standing: string,
 *   ejectedUntil: number | null, ejectionReason: string | null, ejections: number, available: boolean, inFlight: number, maxRequests: number | null, streams: number,
 *   connections: number, requests: number, failures: number, outcomes: Record<string, number>, lastFailure: string | null, firstByte: Times, lastProbe: Probe | null
 * }} TargetRow
 * @typedef {{
 *   name: string, policy: string, panic: boolean, queued: number, results: Record<string, number>, retries: number, retriesRefused: number, hedges: number,
 *   duration: Times
 * }} UpstreamHead
 * @typedef {{ type: string, at: number, upstream: string, target: string, reason?: string, state?: string, weight?: number }} PastEvent
 * @typedef {{ at: number, timeBounds: number[], upstreams: Array<UpstreamHead & { targets: TargetRow[] }>, events: PastEvent[] }} Snapshot
 * @typedef {{ at: number, names?: string[], events?: PastEvent[], upstreams: Array<Partial<UpstreamHead> & { name: string, ids?: string[], targets: Array<Partial<TargetRow> & { id: string }> }> }} Changes
 */

/** Seconds that a sparkline shows, which is once a second. */
export const SAMPLES = 60
/** Quantiles are of this many milliseconds at least, and of twice as many at most. */
const WINDOW_MS = 30_000

/** How fast a number grows, and how fast it has grown in the last minute. */
export class Growth {
  perSecond = 0
  /** The newest last; NaN before the first. */
  samples = new Float32Array(SAMPLES).fill(NaN)
  #total = NaN

  /**
   * @param {number} total
   * @param {number} seconds since the last time
   */
  add (total, seconds) {
    // Less than before: it has begun anew.
    this.perSecond = seconds > 0 && total >= this.#total ? (total - this.#total) / seconds : 0
    this.#total = total
    this.samples.copyWithin(0, 1)
    this.samples[SAMPLES - 1] = this.perSecond
  }

  /** It has grown within the last minute. */
  get lately () {
    return this.samples.some(sample => sample > 0)
  }
}

/** Quantiles of the last half minute or so, from counts that only ever grow. */
export class RecentTimes {
  /** @type {Times} */
  #now = { count: 0, p50: null, p99: null, classes: [] }
  /** @type {number[]} */
  #older = []
  /** @type {number[]} */
  #newer = []
  #turnedAt = 0

  /**
   * @param {Times} times
   * @param {number} at
   */
  add (times, at) {
    if (this.#newer.length === 0 || times.count < this.#now.count) {
      this.#older = this.#newer = times.classes
      this.#turnedAt = at
    } else if (at - this.#turnedAt >= WINDOW_MS) {
      this.#older = this.#newer
      this.#newer = times.classes
      this.#turnedAt = at
    }
    this.#now = times
  }

  /**
   * Milliseconds that a share `q` took at most; `stale`: there was nothing lately, so it is of all since the start.
   * @param {'p50' | 'p99'} name
   * @param {number[]} bounds
   * @returns {{ ms: number | null, stale: boolean }}
   */
  quantile (name, bounds) {
    const recent = this.#now.classes.map((counted, i) => counted - this.#older[i])
    const total = recent.reduce((sum, counted) => sum + counted, 0)
    if (total === 0) return { ms: this.#now[name], stale: true }
    let left = (name === 'p50' ? 0.5 : 0.99) * total
    const i = recent.findIndex(counted => (left -= counted) <= 0)
    const from = bounds[i - 1] ?? 0
    return { ms: from + ((bounds[i] ?? from) - from) * (1 + left / recent[i]), stale: false }
  }
}

export class Target {
  requests = new Growth()
  errors = new Growth()
  times = new RecentTimes()

  /**
   * @param {Upstream} upstream
   * @param {TargetRow} row
   */
  constructor (upstream, row) {
    this.upstream = upstream
    this.row = row
  }

  /**
   * @param {number} at
   * @param {number} seconds
   */
  sample (at, seconds) {
    this.requests.add(this.row.requests, seconds)
    this.errors.add(this.row.failures, seconds)
    this.times.add(this.row.firstByte, at)
  }
}

export class Upstream {
  /** In their configured order. @type {Target[]} */
  targets = []
  /** @type {Map<string, Target>} */
  byId = new Map()
  requests = new Growth()
  errors = new Growth()
  retries = new Growth()
  times = new RecentTimes()

  /** @param {UpstreamHead} head */
  constructor (head) {
    this.head = head
  }

  /**
   * @param {Array<Partial<TargetRow> & { id: string }>} rows
   * @param {string[] | undefined} ids
   */
  update (rows, ids) {
    for (const changes of rows) {
      const known = this.byId.get(changes.id)
      if (known === undefined) this.byId.set(changes.id, new Target(this, /** @type {TargetRow} */ (changes)))
      else known.row = { ...known.row, ...changes }
    }
    if (ids === undefined) return
    this.targets = ids.map(id => /** @type {Target} */ (this.byId.get(id)))
    this.byId = new Map(this.targets.map(target => [target.row.id, target]))
  }

  /**
   * @param {number} at
   * @param {number} seconds
   */
  sample (at, seconds) {
    const { results, retries, duration } = this.head
    this.requests.add(Object.values(results).reduce((sum, ended) => sum + ended, 0), seconds)
    this.errors.add(results['5xx'] ?? 0, seconds)
    this.retries.add(retries, seconds)
    this.times.add(duration, at)
    for (const target of this.targets) target.sample(at, seconds)
  }
}

export class Model {
  /** @type {Map<string, Upstream>} */
  upstreams = new Map()
  /** Upper bounds of the classes of times, in milliseconds. @type {number[]} */
  timeBounds = []
  #at = NaN
  #receivedAt = 0

  /** The server's time, in milliseconds since the epoch. */
  get now () {
    return this.#at + performance.now() - this.#receivedAt
  }

  /** @param {Snapshot} snapshot */
  replace ({ at, timeBounds, upstreams }) {
    this.timeBounds = timeBounds
    this.change({ at, names: upstreams.map(({ name }) => name), upstreams: upstreams.map(row => ({ ...row, ids: row.targets.map(({ id }) => id) })) })
  }

  /** @param {Changes} changes */
  change ({ at, names, upstreams }) {
    for (const { ids, targets, ...head } of upstreams) {
      let upstream = this.upstreams.get(head.name)
      if (upstream === undefined) this.upstreams.set(head.name, upstream = new Upstream(/** @type {UpstreamHead} */ (head)))
      else upstream.head = { ...upstream.head, ...head }
      upstream.update(targets, ids)
    }
    if (names !== undefined) this.upstreams = new Map(names.map(name => [name, /** @type {Upstream} */ (this.upstreams.get(name))]))
    const seconds = Number.isNaN(this.#at) ? 0 : (at - this.#at) / 1_000
    this.#at = at
    this.#receivedAt = performance.now()
    for (const upstream of this.upstreams.values()) upstream.sample(at, seconds)
  }

  /**
   * A target was changed just now: that need not wait for the next second.
   * @param {PastEvent} event
   */
  changed ({ upstream: name, target: id, state, weight }) {
    const target = this.upstreams.get(name)?.byId.get(id)
    if (target !== undefined) target.row = { ...target.row, state: /** @type {string} */ (state), weight: /** @type {number} */ (weight) }
  }
}
