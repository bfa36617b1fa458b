/** The upstream as an undici `Dispatcher`, for `fetch`, `undici.request` and whatever else takes one. */
import type { Duplex } from 'node:stream'
import { Dispatcher } from 'undici'
import { ClientClosedError } from '../errors.js'
import type { Downstream } from './downstream.js'
import { Exchange } from './exchange.js'
import { allHeaders, type RawHeaders } from './headers.js'
import { requestBody } from './request-body.js'
import type { Upstream } from './upstream.js'

/**
 * A dispatcher of the `undici` package, and by its type one of the global `fetch`, too. That one's type is of the undici that is built into Node,
 * which `@types/node` takes from elsewhere: by structure the two differ, in use they do not. With `lib: ["dom"]`, `fetch` has the browser's type,
 * which knows no `dispatcher`: use undici's own `fetch` there.
 */
export type FetchDispatcher = Dispatcher & (RequestInit extends { dispatcher?: infer D } ? NonNullable<D> : unknown)

export class UpstreamDispatcher extends Dispatcher {
  readonly #upstream: Upstream

  constructor (upstream: Upstream) {
    super()
    this.#upstream = upstream
  }

  override dispatch (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { settings } = this.#upstream
    // undici's type has both kinds of handlers in one; only what is there tells them apart.
    const downstream = handler.onRequestStart === undefined
      ? new LegacyDownstream(handler as unknown as LegacyHandler)
      : new HandlerDownstream(handler as ModernHandler)
    const exchange = new Exchange(this.#upstream, {
      method: options.method,
      path: options.path,
      headers: options.headers,
      body: requestBody(options.body, settings.retry === false ? 0 : settings.retry.replayLimit),
      query: options.query,
      upgrade: typeof options.upgrade === 'string' ? options.upgrade : null
    }, {}, downstream, settings.timeouts, settings.retry)
    downstream.begin(exchange)
    if (!downstream.aborted) exchange.start()
    return true
  }

  /** Closing is the upstream's business: the dispatcher has nothing of its own to close. */
  // undici declares these as overloads, with a promise or with a callback; `any` is what fits both.
  override close (callback?: () => void): any {
    if (callback === undefined) return Promise.resolve()
    queueMicrotask(callback)
  }

  override destroy (...args: any[]): any {
    return this.close(args.find(arg => typeof arg === 'function'))
  }
}

/**
 * What a handler throws ends its request, as it does with undici's own dispatchers: it is told of its own error, and the target is not to blame.
 */
abstract class DispatchDownstream implements Downstream {
  aborted = false
  reason: Error | null = null
  #exchange!: Exchange
  /** The handler has heard of the end. */
  #over = false

  /** Tells the handler that its request is under way, with the means to give it up. */
  begin (exchange: Exchange): void {
    this.#exchange = exchange
    this.#careful(() => { this.tellStart() })
  }

  readonly abort = (reason?: Error): void => {
    if (this.#over) return
    this.aborted = true
    this.reason = reason ?? new ClientClosedError()
    this.#exchange.abort('client-aborted', new ClientClosedError({ cause: this.reason }))
    this.failed(this.reason)
  }

  informed (status: number, headers: RawHeaders): void {
    this.#careful(() => { this.tellInterim(status, headers) })
  }

  responded (status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean {
    return this.#careful(() => this.tellHeaders(status, headers, statusText, resume)) ?? true
  }

  received (chunk: Buffer): boolean {
    return this.#careful(() => this.tellData(chunk)) ?? true
  }

  completed (trailers: RawHeaders): void {
    this.#over = true
    try {
      this.tellEnd(trailers)
    } catch (error) {
      this.tellError(error as Error)
    }
  }

  failed (error: Error): void {
    this.#over = true
    this.tellError(error)
  }

  upgraded (status: number, headers: RawHeaders, socket: Duplex): void {
    this.#over = true
    try {
      this.tellUpgrade(status, headers, socket)
    } catch (error) {
      socket.destroy()
      this.tellError(error as Error)
    }
  }

  #careful<T> (tell: () => T): T | undefined {
    try {
      return tell()
    } catch (error) {
      this.abort(error as Error)
      return undefined
    }
  }

  protected abstract tellStart (): void
  protected abstract tellInterim (status: number, headers: RawHeaders): void
  protected abstract tellHeaders (status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean
  protected abstract tellData (chunk: Buffer): boolean
  protected abstract tellEnd (trailers: RawHeaders): void
  protected abstract tellError (error: Error): void
  protected abstract tellUpgrade (status: number, headers: RawHeaders, socket: Duplex): void
}

type ModernHandler = Required<Pick<Dispatcher.DispatchHandler, 'onRequestStart'>> & Dispatcher.DispatchHandler

/** A handler of the kind that undici documents. This is also the controller such a handler steers with. */
class HandlerDownstream extends DispatchDownstream implements Dispatcher.DispatchController {
  paused = false
  rawHeaders: RawHeaders = []
  rawTrailers: RawHeaders = []
  readonly #handler: ModernHandler
  #resume: (() => void) | undefined

  constructor (handler: ModernHandler) {
    super()
    this.#handler = handler
  }

  protected tellStart (): void { this.#handler.onRequestStart(this, {}) }

  pause (): void { this.paused = true }

  resume (): void {
    if (!this.paused) return
    this.paused = false
    this.#resume?.()
  }

  protected tellInterim (status: number, headers: RawHeaders): void {
    this.rawHeaders = headers
    this.#handler.onResponseStart?.(this, status, allHeaders(headers))
  }

  protected tellHeaders (status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean {
    this.#resume = resume
    this.rawHeaders = headers
    this.#handler.onResponseStart?.(this, status, allHeaders(headers), statusText)
    return !this.paused
  }

  protected tellData (chunk: Buffer): boolean {
    this.#handler.onResponseData?.(this, chunk)
    return !this.paused
  }

  protected tellEnd (trailers: RawHeaders): void {
    this.rawTrailers = trailers
    this.#handler.onResponseEnd?.(this, allHeaders(trailers))
  }

  protected tellError (error: Error): void { this.#handler.onResponseError?.(this, error) }

  protected tellUpgrade (status: number, headers: RawHeaders, socket: Duplex): void {
    this.rawHeaders = headers
    this.#handler.onRequestUpgrade?.(this, status, allHeaders(headers), socket)
  }
}

interface LegacyHandler {
  onConnect? (abort: (reason?: Error) => void, context: object | null): void
  onHeaders? (status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean | undefined
  onData? (chunk: Buffer): boolean | undefined
  onComplete? (trailers: RawHeaders): void
  onError? (error: Error): void
  onUpgrade? (status: number, headers: RawHeaders, socket: Duplex): void
}

/** A handler of the kind that undici 6 and 7 use inside: `fetch` of Node 20 and 22, and undici's own `request`. */
class LegacyDownstream extends DispatchDownstream {
  readonly #handler: LegacyHandler

  constructor (handler: LegacyHandler) {
    super()
    this.#handler = handler
  }

  protected tellStart (): void { this.#handler.onConnect?.(this.abort, null) }
  protected tellInterim (status: number, headers: RawHeaders): void { this.#handler.onHeaders?.(status, headers, () => {}, '') }

  protected tellHeaders (status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean {
    return this.#handler.onHeaders?.(status, headers, resume, statusText) !== false
  }

  protected tellData (chunk: Buffer): boolean { return this.#handler.onData?.(chunk) !== false }
  protected tellEnd (trailers: RawHeaders): void { this.#handler.onComplete?.(trailers) }
  protected tellError (error: Error): void { this.#handler.onError?.(error) }
  protected tellUpgrade (status: number, headers: RawHeaders, socket: Duplex): void { this.#handler.onUpgrade?.(status, headers, socket) }
}
