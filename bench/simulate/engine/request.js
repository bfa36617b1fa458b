/** One request of a client: what it asks for, and what came of it. To the gateway it is whoever waits for the answer. */
export class Request {
  /** The gateway's exchange for it. */
  exchange
  #status = 0
  #done

  /**
   * @param work milliseconds on a core of speed 1
   * @param luck its number from 0 to 1 at servers that fail in part
   * @param key what hash policies go by, if anything
   * @param done called once, with whether it was answered well
   */
  constructor ({ arrivedAt, work, luck, key }, done) {
    this.arrivedAt = arrivedAt
    this.work = work
    this.luck = luck
    this.key = key
    this.#done = done
  }

  informed () {}

  responded (status) {
    this.#status = status
    return true
  }

  received () { return true }

  completed () { this.#done(this, this.#status < 500) }

  failed () { this.#done(this, false) }
}
