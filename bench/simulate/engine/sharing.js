import { EventQueue } from './event-queue.js'

/**
 * A target's capacity, shared: all jobs run at once and divide the cores among them, none of which can use more than one (an event loop, or threads
 * without a limit). All run at the same rate, so one counter of work done tells for each job when it will be finished.
 */
export class Sharing {
  #clock
  #cores
  #speed = 1
  /** Milliseconds of work that a job has had which was there from the start. */
  #done = 0
  #since = 0
  /** Jobs, by the value of `#done` at which they are finished. */
  #jobs = new EventQueue()
  #timer

  constructor (clock, cores) {
    this.#clock = clock
    this.#cores = cores
  }

  get running () { return this.#jobs.size }
  get waiting () { return 0 }

  submit (job) {
    this.#advance()
    job.startedAt = this.#clock.now()
    job.left = this.#jobs.plan(this.#done + job.work, undefined, job)
    this.#plan()
  }

  /** It is under way, and is finished all the same. */
  drop () {}

  change (speed) {
    this.#advance()
    this.#speed = speed
    this.#plan()
  }

  clear () {
    const lost = []
    while (this.#jobs.size > 0) lost.push(this.#jobs.take().arg)
    this.#plan()
    return lost
  }

  get #rate () { return this.#speed * Math.min(1, this.#cores / this.#jobs.size) }

  #advance () {
    const now = this.#clock.now()
    if (this.#jobs.size > 0) this.#done += (now - this.#since) * this.#rate
    this.#since = now
  }

  #plan () {
    if (this.#timer !== undefined) this.#clock.cancel(this.#timer)
    this.#timer = undefined
    if (this.#jobs.size === 0 || this.#speed === 0) return
    this.#timer = this.#clock.after(Math.max(0, this.#jobs.next - this.#done) / this.#rate, this.#finish, undefined)
  }

  #finish = () => {
    this.#timer = undefined
    const finishedAt = this.#jobs.next
    this.#advance()
    // Rounding must not leave a rest that needs no time.
    this.#done = Math.max(this.#done, finishedAt)
    const { arg: job } = this.#jobs.take()
    this.#plan()
    job.worked()
  }
}
