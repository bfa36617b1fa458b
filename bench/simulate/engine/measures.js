/** What is counted in a simulation, phase by phase. A request belongs to the phase it came in. */

/** How often the load of the targets is looked at, in milliseconds. */
const SAMPLE_MS = 50

export class Measures {
  #phases
  #start
  #seconds
  #deadline
  /** Of measured requests: those without an ending so far. */
  open = 0

  /** @param deadline milliseconds that a request which was not answered well counts as having taken */
  constructor (phases, start, deadline) {
    this.#deadline = deadline
    this.#start = start
    let from = start
    this.#phases = phases.map(({ name, lasts }) => {
      const phase = { name, from, until: from + lasts, came: 0, errors: 0, late: 0, times: [] }
      from = phase.until
      return phase
    })
    this.#seconds = Array.from({ length: Math.ceil((from - start) / 1000) }, () => ({ came: 0, good: 0 }))
  }

  get end () { return this.#phases.at(-1).until }

  came ({ arrivedAt }) {
    const phase = this.#phaseAt(arrivedAt)
    if (phase === undefined) return
    this.open++
    phase.came++
    this.#secondAt(arrivedAt).came++
  }

  /** `ending`: `good`, `error`, or `late` when the client has left. */
  ended ({ arrivedAt }, ending, now) {
    const phase = this.#phaseAt(arrivedAt)
    if (phase === undefined) return
    this.open--
    if (ending === 'good') {
      phase.times.push(now - arrivedAt)
      this.#secondAt(arrivedAt).good++
    } else if (ending === 'error') {
      phase.errors++
    } else {
      phase.late++
    }
  }

  #phaseAt (time) {
    return this.#phases.find(phase => time >= phase.from && time < phase.until)
  }

  #secondAt (time) {
    return this.#seconds[Math.floor((time - this.#start) / 1000)]
  }

  /** By phase, and of all phases together. */
  result () {
    const phases = this.#phases.map(phase => this.#summary(phase))
    const total = { name: 'all', times: this.#phases.flatMap(phase => phase.times) }
    for (const what of ['came', 'errors', 'late']) total[what] = this.#phases.reduce((sum, phase) => sum + phase[what], 0)
    return { ...this.#summary(total), phases, seconds: this.#seconds }
  }

  #summary ({ name, came, errors, late, times }) {
    // Who has no answer at the end has missed it, too: to leave these out makes a policy that lets them wait for ever look best.
    const missed = came - times.length
    const sorted = Float64Array.from(times).sort()
    const at = share => {
      const rank = Math.ceil(share * came) - 1
      return rank < sorted.length ? sorted[Math.max(0, rank)] ?? NaN : this.#deadline
    }
    return {
      name,
      requests: came,
      errors,
      late: late + (missed - errors - late),
      missed,
      missedShare: came === 0 ? 0 : missed / came,
      mean: (sorted.reduce((sum, time) => sum + time, 0) + missed * (missed === 0 ? 0 : this.#deadline)) / came,
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      p999: at(0.999)
    }
  }
}

/** How evenly the targets are loaded, looked at again and again. */
export class Evenness {
  #servers
  #sums
  #samples = 0
  #ratios = 0

  constructor (servers) {
    this.#servers = servers
    this.#sums = new Float64Array(servers.length)
  }

  watch (clock, from, until) {
    const look = () => {
      this.#look()
      if (clock.now() < until) clock.after(SAMPLE_MS, look, undefined)
    }
    clock.at(from, look, undefined)
  }

  #look () {
    let most = 0
    let all = 0
    this.#servers.forEach(({ committed }, i) => {
      this.#sums[i] += committed
      all += committed
      most = Math.max(most, committed)
    })
    if (all === 0) return
    this.#samples++
    this.#ratios += most * this.#servers.length / all
  }

  /** `momentary`: most in flight at one target ÷ mean of all, averaged over time; `lasting`: the same of what each has on average. */
  result () {
    const mean = this.#sums.reduce((sum, value) => sum + value, 0) / this.#sums.length
    return { momentary: this.#ratios / this.#samples, lasting: Math.max(...this.#sums) / mean }
  }
}

/** How often a key is served where it belongs: by the target that an idle gateway with the same policy picks for it. */
export class Homes {
  #idle
  #of = new Map()
  #served = 0
  #atHome = 0

  constructor (idle) {
    this.#idle = idle
  }

  served (key, id) {
    let home = this.#of.get(key)
    if (home === undefined) this.#of.set(key, home = this.#idle.pick({ hashKey: key }).id)
    this.#served++
    if (id === home) this.#atHome++
  }

  get share () { return this.#atHome / this.#served }
}
