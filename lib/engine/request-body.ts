/**
 * The body of a request, which more than one attempt may need. Each attempt gets a body of its own from `open`; what the client sends
 * is read once, kept up to a limit, and replayed to the next attempt from there.
 */
import { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Pace } from './body-rate.js'
import { BadGatewayError, BadRequestError, BodyTooLargeError, ClientClosedError, RequestTimeoutError } from '../errors.js'

export interface RequestBody {
  /** The body for the next attempt. */
  open (): unknown
  /** Nothing of it has gone to the attempt that has it now. */
  readonly untouched: boolean
  /** `open` can give it whole once more. */
  readonly replayable: boolean
  /** Two attempts may have it at the same time. */
  readonly shareable: boolean
  /** It goes out in one write: there is no moment at which it could stand still. */
  readonly atOnce: boolean
  /** The client has not sent all of it, and the attempt that has it now waits for more. */
  readonly starved: boolean
  /** Calls `failed` when it turns out that there is no whole body: the client left, or sent too much. */
  watch (failed: (error: Error) => void): void
  /** It is not needed any more. */
  close (): void
}

/** A body that is there as a whole (or not at all). */
class WholeBody implements RequestBody {
  readonly #body: unknown
  constructor (body: unknown) { this.#body = body }
  open (): unknown { return this.#body }
  get untouched (): boolean { return false }
  get replayable (): boolean { return true }
  get shareable (): boolean { return true }
  get atOnce (): boolean { return this.#body === null || typeof this.#body === 'string' || ArrayBuffer.isView(this.#body) }
  get starved (): boolean { return false }
  watch (): void {}
  close (): void {}
}

export const noBody: RequestBody = new WholeBody(null)

/** Any body that undici takes. Streams and iterables can be read once only: of those, `replayLimit` bytes are kept. */
export function requestBody (body: unknown, replayLimit: number): RequestBody {
  if (body === null || body === undefined || body === '') return noBody
  if (body instanceof Readable) return new StreamBody(body, replayLimit, Infinity)
  if (canBeReadOnce(body)) return new StreamBody(Readable.from(body, { objectMode: false }), replayLimit, Infinity)
  return new WholeBody(body)
}

/** Asynchronous iterables, and iterators such as generators have: what has come out of them does not come again. */
function canBeReadOnce (body: unknown): body is AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (typeof body !== 'object' || body === null || 'stream' in body) return false
  return Symbol.asyncIterator in body || (body as Partial<Iterable<unknown>>)[Symbol.iterator]?.() === body
}

/**
 * A stream, kept up to `replayLimit` bytes. More than `maxLength` bytes are an error, `FST_LB_BODY_TOO_LARGE`, and so is a client that falls behind
 * its `pace`, `FST_LB_REQUEST_TIMEOUT`.
 */
export class StreamBody implements RequestBody {
  readonly #source: Readable
  readonly #replayLimit: number
  readonly #maxLength: number
  readonly #pace: Pace | undefined
  #kept: Buffer[] = []
  #keptBytes = 0
  #forgotten = false
  #length = 0
  #listening = false
  #ended = false
  #error: Error | undefined
  #failed: ((error: Error) => void) | undefined
  #view: View | undefined

  constructor (source: Readable, replayLimit: number, maxLength: number, pace?: Pace) {
    this.#source = source
    this.#replayLimit = replayLimit
    this.#maxLength = maxLength
    this.#pace = pace
    source.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
    // What somebody else has read is not to be had again: half of a body must not go out as a whole one.
    if (source.readableDidRead) this.#fail(new BadGatewayError({ cause: new Error('the body of the request has been read before') }))
    else if (source.destroyed) this.#onClose()
  }

  get untouched (): boolean {
    return this.#view !== undefined && !this.#view.readableDidRead && !this.#view.readableEnded
  }

  get replayable (): boolean { return !this.#forgotten && (this.#keptBytes <= this.#replayLimit || this.untouched) }

  get shareable (): boolean { return false }

  get atOnce (): boolean { return false }

  get starved (): boolean { return this.#view !== undefined && this.#view.waiting && !this.#ended }

  open (): Readable {
    this.#view = new View(this)
    return this.#view
  }

  watch (failed: (error: Error) => void): void {
    this.#failed = failed
    if (this.#error !== undefined) failed(this.#error)
  }

  /** @internal Gives `view` what there is, from where it stands. */
  fill (view: View): void {
    // One of an attempt that was given up may still ask, and would take from its successor.
    if (view !== this.#view) return
    view.waiting = false
    if (!this.#listening) {
      // Not before somebody wants to read: a client may wait to hear that (`Expect: 100-continue`).
      this.#listening = true
      this.#source.on('readable', this.#onReadable)
    }
    while (true) {
      let chunk = this.#kept[view.position]
      if (chunk === undefined) {
        chunk = this.#next(view)
        if (chunk === undefined) break
      }
      if (!this.#forgotten) view.position++
      if (!view.push(chunk)) return
    }
    if (this.#ended) {
      view.push(null)
    } else {
      view.waiting = true
      this.#pace?.waits()
    }
  }

  #next (view: View): Buffer | undefined {
    if (this.#error !== undefined) return undefined
    const chunk = this.#source.read() as Buffer | null
    if (chunk === null) return undefined
    this.#length += chunk.length
    if (this.#length > this.#maxLength) {
      this.#fail(new BodyTooLargeError())
      return undefined
    }
    if (this.#pace?.received(chunk.length) === false) {
      this.#fail(new RequestTimeoutError())
      return undefined
    }
    if (!this.#forgotten) {
      this.#kept.push(chunk)
      this.#keptBytes += chunk.length
      // While nothing has gone out, all of it is kept: the next attempt can still be the first that sends it. That is bounded by what a view buffers.
      if (this.#keptBytes > this.#replayLimit && !this.untouched) {
        this.#forgotten = true
        this.#kept = []
        view.position = 0
      }
    }
    return chunk
  }

  readonly #onReadable = (): void => {
    if (this.#view !== undefined && this.#view.waiting) this.fill(this.#view)
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#onReadable()
  }

  /** Ended early: the client left. A target must never take half of a body for a whole one. */
  readonly #onClose = (): void => {
    if (!this.#ended) this.#fail(new ClientClosedError())
  }

  /** A stream that a hook has put around the client's may fail by itself, on what the client sent. */
  readonly #onError = (cause: Error): void => {
    if (this.#source instanceof IncomingMessage) this.#onClose()
    else this.#fail(new BadRequestError({ cause }))
  }

  #fail (error: Error): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#failed?.(error)
  }

  close (): void {
    this.#source.off('readable', this.#onReadable).off('end', this.#onEnd).off('close', this.#onClose)
    this.#kept = []
    this.#view = undefined
    this.#failed = undefined
  }
}

/** What one attempt reads. Destroying it leaves the source as it is. */
class View extends Readable {
  /** How many of the kept chunks it has. */
  position = 0
  /** It has all there is so far and wants more. */
  waiting = false
  readonly #body: StreamBody

  constructor (body: StreamBody) {
    super({ highWaterMark: 65_536 })
    this.#body = body
  }

  override _read (): void {
    this.#body.fill(this)
  }
}
