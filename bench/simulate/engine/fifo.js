/**
 * A target's capacity: so many cores, each of which works on one job at a time, first come, first served. `speed` 1 does a millisecond of work in a
 * millisecond, 0 stands still.
 */
export class Fifo {
  #clock
  #cores
  #speed = 1
  #running = new Set()
  #waiting = []
  /** The first of `#waiting` that has not been taken. */
  #head = 0
  #gone = 0

  constructor (clock, cores) {
    this.#clock = clock
    this.#cores = cores
  }

  get running () { return this.#running.size }
  get waiting () { return this.#waiting.length - this.#head - this.#gone }

  /** Has `job.work` done, and calls `job.worked()` then. */
  submit (job) {
    job.left = job.work
    if (this.#running.size < this.#cores) this.#start(job)
    else this.#waiting.push(job)
  }

  /** Nobody waits for this job any more. What is under way is finished all the same, as most servers do: they do not notice. */
  drop (job) {
    if (job.left === undefined || this.#running.has(job)) return
    job.left = undefined
    this.#gone++
  }

  /** Goes on at another speed. */
  change (speed) {
    for (const job of this.#running) this.#pause(job)
    this.#speed = speed
    for (const job of this.#running) this.#go(job)
  }

  /** The process has died: all its jobs, which are not done. */
  clear () {
    const lost = [...this.#running, ...this.#waiting.slice(this.#head).filter(job => job.left !== undefined)]
    for (const job of this.#running) this.#pause(job)
    this.#running.clear()
    this.#waiting = []
    this.#head = this.#gone = 0
    for (const job of lost) job.left = undefined
    return lost
  }

  #start (job) {
    job.startedAt = this.#clock.now()
    this.#running.add(job)
    this.#go(job)
  }

  #go (job) {
    job.since = this.#clock.now()
    if (this.#speed > 0) job.timer = this.#clock.after(job.left / this.#speed, this.#done, job)
  }

  #pause (job) {
    if (job.timer !== undefined) this.#clock.cancel(job.timer)
    job.timer = undefined
    job.left = Math.max(0, job.left - (this.#clock.now() - job.since) * this.#speed)
  }

  #done = job => {
    job.timer = job.left = undefined
    this.#running.delete(job)
    const next = this.#next()
    if (next !== undefined) this.#start(next)
    job.worked()
  }

  #next () {
    while (this.#head < this.#waiting.length) {
      const job = this.#waiting[this.#head++]
      if (this.#head > 1_000 && this.#head > this.#waiting.length / 2) {
        this.#waiting = this.#waiting.slice(this.#head)
        this.#head = 0
      }
      if (job.left !== undefined) return job
      this.#gone--
    }
    return undefined
  }
}
