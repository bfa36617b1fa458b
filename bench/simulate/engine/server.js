import { Fifo } from './fifo.js'
import { Sharing } from './sharing.js'

/**
 * The machine behind a target: a capacity, and what goes wrong with it. A job is `{ work, luck, answered(status), broke() }`; `luck` is the
 * request's own number from 0 to 1, which decides whether it fails at a server that fails in part. It is told when it arrived, and how many
 * others it found.
 */
export class Server {
  /** It refuses connections. */
  down = false
  /** Jobs it has been sent and has not answered, those on their way included: what a gateway that knows everything would go by. */
  committed = 0
  #clock
  #capacity
  #spec
  /** By what its speed is multiplied at present, one factor for each thing that slows it down. */
  #factors = []
  #speed

  constructor (clock, spec) {
    this.#clock = clock
    this.#spec = spec
    this.#capacity = new (spec.discipline === 'sharing' ? Sharing : Fifo)(clock, spec.cores)
    this.slow()
  }

  get cores () { return this.#spec.cores }
  /** Of one core, now: 1 does a millisecond of work in a millisecond. */
  get speed () { return this.#speed }
  get running () { return this.#capacity.running }
  get waiting () { return this.#capacity.waiting }

  receive (job) {
    if (this.down) return job.broke()
    job.arrivedAt = this.#clock.now()
    job.found = this.running + this.waiting
    const { failures } = this.#spec
    if (failures !== undefined && job.luck < failures.share && this.#within(failures)) {
      this.#clock.after(failures.after, fail, { job, status: failures.status })
    } else {
      this.#capacity.submit(job)
    }
  }

  /** Nobody waits for this job's answer any more. */
  drop (job) {
    this.#capacity.drop(job)
  }

  /** Works at this share of its speed from now on, until `recover` with the same factor. Without one, speed is made anew. */
  slow (factor) {
    if (factor !== undefined) this.#factors.push(factor)
    this.#speed = this.#factors.reduce((product, factor) => product * factor, this.#spec.speed)
    this.#capacity.change(this.#speed)
  }

  recover (factor) {
    this.#factors.splice(this.#factors.indexOf(factor), 1)
    this.slow()
  }

  /** The process ends; what it was doing is lost. */
  crash () {
    this.down = true
    for (const job of this.#capacity.clear()) job.broke()
  }

  restart () {
    this.down = false
  }

  #within ({ from = 0, until = Infinity }) {
    return this.#clock.now() >= from && this.#clock.now() < until
  }
}

function fail ({ job, status }) {
  job.answered(status)
}
