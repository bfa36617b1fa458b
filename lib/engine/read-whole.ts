import type { Readable } from 'node:stream'
import type { Clock } from '../balancing/clock.js'
import type { Pace } from './body-rate.js'
import { ClientClosedError, GatewayTimeoutError, RequestTimeoutError } from '../errors.js'
import { Countdown, type Deadlines, type Owner } from './deadlines.js'
import { DeadlineError } from './timeouts.js'

/**
 * Reads a body of a known, small length whole; `done` is called once. More than `idleMs` (0: any time) of silence is an error, and so is a client that
 * falls behind its `pace`.
 */
export function readWhole (source: Readable, deadlines: Deadlines, idleMs: number, pace: Pace | undefined, done: Done): void {
  new WholeReader(source, deadlines, idleMs, pace, done).start()
}

type Done = (error: Error | undefined, body: Buffer) => void

class WholeReader implements Owner {
  readonly #source: Readable
  readonly #clock: Clock
  readonly #countdown: Countdown
  readonly #idleMs: number
  readonly #pace: Pace | undefined
  readonly #done: Done
  readonly #chunks: Buffer[] = []

  constructor (source: Readable, deadlines: Deadlines, idleMs: number, pace: Pace | undefined, done: Done) {
    this.#source = source
    this.#clock = deadlines.clock
    this.#countdown = new Countdown(deadlines, this)
    this.#idleMs = idleMs
    this.#pace = pace
    this.#done = done
  }

  start (): void {
    this.#countdown.set(this.#idleMs, this.#clock.now())
    this.#pace?.waits()
    // An error is followed by 'close'; the listener is there because an unheard 'error' would throw.
    this.#source.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', ignore)
  }

  /** @internal */
  deadlinePassed (): void {
    this.#finish(new GatewayTimeoutError({ cause: new DeadlineError('body', this.#idleMs) }))
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    if (this.#pace?.received(chunk.length) === false) {
      this.#finish(new RequestTimeoutError())
      return
    }
    this.#pace?.waits()
    if (this.#countdown.running) this.#countdown.moveTo(this.#clock.now() + this.#idleMs)
  }

  readonly #onEnd = (): void => { this.#finish(undefined) }
  readonly #onClose = (): void => { this.#finish(new ClientClosedError()) }

  #finish (error: Error | undefined): void {
    this.#countdown.stop()
    this.#source.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    this.#done(error, this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks))
  }
}

function ignore (): void {}
