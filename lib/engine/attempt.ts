/**
 * One try of one request at one target: what undici calls while it runs. It owns the lease on the target (given back exactly once, in every
 * ending), its deadlines, and what is known of its progress.
 *
 * The handler is undici 7's own kind (`onConnect` … `onError`), which its core calls directly: the newer kind is wrapped around this one, and
 * would take away when the request was written, and the bytes of the headers.
 */
import { Readable, type Duplex } from 'node:stream'
import type { Timer } from '../balancing/clock.js'
import type { Lease } from '../balancing/lease.js'
import type { Outcome, Settlement } from '../balancing/outcome.js'
import type { Target } from '../balancing/target.js'
import { attemptEnds, attemptsAreHeard, attemptStarts, type AttemptMessage } from './channels.js'
import { DeadlineError, type Deadline } from './timeouts.js'
import { Countdown, type Owner } from './deadlines.js'
import type { Exchange, ExchangeRequest } from './exchange.js'
import { isRefusedStream, outcomeOf } from './failure.js'
import { faultyCoding, isEventStream, rawHeader, rawHeaders, type Headers, type RawHeaders } from './headers.js'
import { Http2Ending } from './http2-ending.js'
import { inWords } from './in-words.js'
import type { Connection, ConnectionAware, TargetPool } from './pool.js'
import { noBody } from './request-body.js'
import { UNASKED_CONTINUE } from './response-parser.js'
import type { Progress } from './retry.js'

/** Bytes of a response nobody wants that are read to keep its connection; beyond that the connection is dropped. */
const DISCARD_LIMIT = 65_536

/**
 * Interim responses of one attempt beyond which the target is taken for broken. Most programs send one or two; a `102` every second would reach this
 * after a quarter of an hour.
 */
const INTERIM_LIMIT = 1_000

/** Thrown at undici to stop a request that is about to start although it was given up. */
const GIVEN_UP = new Error('the attempt was given up before it started')

/**
 * - `waiting`: for a connection
 * - `sending`: on a connection, no final response yet
 * - `delivering`: its response goes to the client
 * - `discarding`: its response is read away
 * - `tunnel`: the connection was upgraded
 * - `ended`
 */
type Phase = 'waiting' | 'sending' | 'delivering' | 'discarding' | 'tunnel' | 'ended'

export class Attempt implements ConnectionAware, Owner {
  readonly target: Target
  /** The connection it is on; set by the pool. */
  connection?: Connection
  status: number | undefined
  /** It failed because an idle connection ended as it was used again, which servers are free to do: that says nothing about the target. */
  blameless = false
  readonly #exchange: Exchange
  readonly #pool: TargetPool
  readonly #lease: Lease
  readonly #startedAt: number
  #phase: Phase = 'waiting'
  /** What it sends. */
  #body: unknown
  /** It is, or was, on a connection. */
  #started = false
  /** All of the request was written. */
  #sent = false
  /** Something of a response was read. */
  #firstByte = false
  /** Its connection had carried a request before. */
  #reused = false
  #ttfbMs: number | undefined
  /** Its response is an event stream. */
  #lasting = false
  /** Interim responses that came. */
  #interims = 0
  /** Bytes that were read and dropped. */
  #discarded = 0
  #paused = false
  #resume: (() => void) | undefined
  #ending: Http2Ending | undefined
  #abort: ((reason: Error) => void) | undefined
  /** The target has said that it did nothing about it. */
  #refused = false
  /** `run` is sending it off. */
  #beginning = false
  #endedAt = 0
  /** What subscribers of the attempt channels are told; undefined when there were none at the start. */
  #message: AttemptMessage | undefined
  #deadline: Deadline = 'connect'
  readonly #countdown: Countdown
  #attemptTimer: Timer

  /** `startedAt`: now, by the upstream's clock. */
  constructor (exchange: Exchange, pool: TargetPool, lease: Lease, startedAt: number) {
    this.#exchange = exchange
    this.#pool = pool
    this.#lease = lease
    this.target = lease.target
    this.#startedAt = startedAt
    this.#countdown = new Countdown(exchange.upstream.deadlines, this)
  }

  /** `number`: 1 for the first of a request. */
  run (number: number): void {
    const { timeouts } = this.#exchange
    if (timeouts.attempt > 0) this.#attemptTimer = this.#exchange.clock.after(timeouts.attempt, onAttemptTimeout, this)
    this.#beginning = true
    if (attemptsAreHeard()) attemptStarts(this.#message = this.#describe(number), this.#exchange.inContext, () => { this.#send() })
    else this.#send()
    this.#beginning = false
    if (this.#phase === 'waiting') this.#setDeadline('connect', timeouts.connect, this.#startedAt)
  }

  #send (): void {
    const { request } = this.#exchange
    this.#body = request.body.open()
    this.#pool.dispatch({
      path: this.#pool.basePath + request.path,
      method: request.method,
      headers: request.headers,
      body: this.#body,
      query: request.query,
      upgrade: request.upgrade,
      // undici would close the connection after every HEAD, and after a DELETE with a body.
      reset: request.upgrade === null ? hasUnexpectedBody(request) : undefined,
      servername: this.#pool.servername
    } as never, this as never)
  }

  #describe (attempt: number): AttemptMessage {
    const { upstream, request } = this.#exchange
    return { upstream: upstream.name, target: this.target.id, url: this.target.url, method: request.method, path: this.#pool.basePath + request.path, attempt }
  }

  get progress (): Progress {
    const { body } = this.#exchange.request
    return { started: this.#started, written: this.#started && !body.untouched, replayable: body.replayable, refused: this.#refused }
  }

  get over (): boolean { return this.#phase === 'ended' }

  /** Gives it up; undici's own report of that is not heard any more. */
  cancel (outcome: Outcome, error: Error): void {
    const onConnection = this.#phase === 'sending' || this.#phase === 'delivering' || this.#phase === 'discarding'
    this.#end(outcome, error)
    if (!onConnection) return
    if (!this.connection!.multiplexed) this.connection!.drop(error)
    else if (!this.#dropBody()) this.#abort!(error)
  }

  /** On HTTP/2, undici leaves a stream open whose request has not ended. One whose body is gone is reset. False: it has ended. */
  #dropBody (): boolean {
    const body = this.#body
    if (!this.connection!.multiplexed || !(body instanceof Readable) || body.readableEnded) return false
    body.destroy()
    return true
  }

  // ---- what undici calls --------------------------------------------------------------------------------------------

  onConnect (abort: (reason: Error) => void): void {
    if (this.#phase === 'ended') throw GIVEN_UP
    this.#abort = abort
    this.#phase = 'sending'
    this.#started = true
    this.#reused = this.connection!.served++ > 0
    if (this.connection!.multiplexed) this.connection!.opening = this
    if (this.#exchange.request.body.atOnce) this.#countdown.set(0, 0)
    else this.#setDeadline('body', this.#exchange.timeouts.body, this.#now())
  }

  onBodySent (): void {
    this.#moved()
  }

  onRequestSent (): void {
    this.#sent = true
    if (this.#phase === 'sending') this.#setDeadline('headers', this.#exchange.timeouts.headers, this.#now())
    else if (this.#lasting) this.#countdown.set(0, 0)
  }

  onResponseStarted (): void {
    this.#firstByte = true
  }

  onHeaders (status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    if (status < 200) {
      this.onInterim(status, headers)
      return true
    }
    this.#exchange.clock.cancel(this.#attemptTimer)
    const now = this.#exchange.clock.now()
    this.status = status
    this.#ttfbMs = now - this.#startedAt
    this.#resume = resume
    if (this.connection!.multiplexed) this.#ending = new Http2Ending(resume)
    const fault = status > 599 ? `status ${status} is not of HTTP` : faultyCoding(headers)
    if (fault !== undefined) {
      this.cancel('malformed', new Error(fault))
      return false
    }
    this.#hear(status, headers)
    const bad = this.#exchange.isBadStatus(status)
    if (!bad) this.#lease.answered()
    if (bad && this.#exchange.triesAnother(this, headers)) {
      this.#phase = 'discarding'
    } else {
      this.#phase = 'delivering'
      const flowing = this.#exchange.responded(this, status, headers, statusText, this.#onResume)
      if (this.#phase !== 'delivering') return true
      this.#paused = !flowing
    }
    // They have no body, whatever their Content-Length says: undici would wait for it, and call it missing.
    if (status === 204 || status === 304) {
      this.#complete([])
      return true
    }
    this.#lasting = this.#phase === 'delivering' && isEventStream(headers)
    if (this.#lasting) this.#lease.lasts()
    // While the target does not read the request, the client is not read either, and could leave without being seen.
    this.#setDeadline('body', this.#lasting && this.#sent ? 0 : this.#exchange.timeouts.body, now)
    return !this.#paused
  }

  /** Interim responses come before the final one, and never extend the deadline for it. */
  onInterim (status: number, headers: RawHeaders): void {
    /* c8 ignore next -- between two frames of an HTTP/2 stream whose attempt has just been given up */
    if (this.#phase !== 'sending') return
    if (++this.#interims > INTERIM_LIMIT) this.cancel('malformed', new Error(`more than ${INTERIM_LIMIT} interim responses`))
    else if (status !== 100 && status !== UNASKED_CONTINUE) this.#exchange.informed(status, headers)
  }

  onData (chunk: Buffer): boolean {
    this.#moved()
    if (this.#phase === 'delivering') {
      this.#paused = !this.#exchange.received(chunk)
      return !this.#paused
    }
    if (this.#phase === 'discarding') {
      this.#discarded += chunk.length
      if (this.#discarded > DISCARD_LIMIT) this.cancel('bad-status', new Error('the response was not wanted'))
    }
    return true
  }

  /** `trailers`: on HTTP/2 an object. */
  onComplete (trailers: RawHeaders | Headers): void {
    // undici takes a reset for the end of a body whose length was not said.
    const error = this.#ending === undefined ? this.connection!.error : this.#ending.cut ? new Error('the stream was closed in mid-body') : null
    if (error === null) this.#complete(trailers)
    else this.onError(error)
  }

  #complete (trailers: RawHeaders | Headers): void {
    const delivering = this.#phase === 'delivering'
    this.#dropBody()
    this.#end(this.#exchange.isBadStatus(this.status!) ? 'bad-status' : 'success')
    if (delivering) this.#exchange.completed(this.status!, Array.isArray(trailers) ? trailers : rawHeaders(trailers), this.#endedAt)
  }

  onUpgrade (status: number, headers: RawHeaders, socket: Duplex): void {
    // undici has taken its listeners off; an unheard 'error' would end the process.
    socket.on('error', () => {})
    this.#cancelTimers()
    this.status = status
    this.#ttfbMs = this.#exchange.clock.now() - this.#startedAt
    const asked = this.#exchange.request.upgrade
    const got = rawHeader(headers, 'upgrade')
    // CONNECT asks for a tunnel without a protocol.
    if (asked !== null && got?.toLowerCase() !== asked.toLowerCase()) {
      this.cancel('malformed', new Error(`asked to upgrade to ${asked}, the target has changed to ${got}`))
      socket.destroy()
      return
    }
    this.#phase = 'tunnel'
    this.#hear(status, headers)
    this.#lease.lasts()
    this.#lease.answered()
    socket.once('close', () => {
      this.#pool.upgraded.delete(socket)
      this.#end('success')
    })
    this.#pool.upgraded.set(socket, () => { socket.destroy() })
    const cut = this.#exchange.upgraded(this, status, headers, socket)
    if (cut !== undefined && !socket.destroyed) this.#pool.upgraded.set(socket, cut)
  }

  onError (error: Error): void {
    if (this.#phase === 'ended') return
    const answered = this.status !== undefined
    this.#refused = isRefusedStream(error)
    const reused = this.#started ? this.#reused : this.connection !== undefined && this.connection.served > 0
    this.#reused = reused
    this.#end(outcomeOf(error, { started: this.#started, answered, reused }), error)
  }

  #hear (status: number, headers: RawHeaders): void {
    if (this.#lease.listening) this.#lease.heard({ status, ttfbMs: this.#ttfbMs!, header: name => rawHeader(headers, name) })
  }

  // ---- endings ------------------------------------------------------------------------------------------------------

  #end (outcome: Outcome, error?: Error): void {
    if (this.#phase === 'ended') return
    const phase = this.#phase
    this.#phase = 'ended'
    this.#endedAt = this.#exchange.clock.now()
    this.#cancelTimers()
    this.blameless = outcome === 'reset' && this.#reused && !this.#firstByte
    const settlement: Settlement = {
      outcome,
      status: this.status,
      ttfbMs: this.#ttfbMs,
      durationMs: this.#endedAt - this.#startedAt,
      endedAt: this.#endedAt,
      blameless: this.blameless,
      why: error === undefined ? undefined : inWords(error)
    }
    this.#lease.end(settlement)
    this.#exchange.ended(this, settlement, error)
    if (this.#message !== undefined) this.#publishEnd(this.#message, settlement, error)
    if (error === undefined) return
    if (phase === 'delivering') this.#exchange.brokeOff(outcome, error)
    else if (phase !== 'discarding') this.#exchange.attemptFailed(this, outcome, error)
  }

  #publishEnd (message: AttemptMessage, { outcome, status, durationMs }: Settlement, error: Error | undefined): void {
    message.outcome = outcome
    message.durationMs = durationMs
    if (status !== undefined) message.status = status
    if (error !== undefined) message.error = error
    attemptEnds(message)
  }

  // ---- deadlines ----------------------------------------------------------------------------------------------------

  /** While it is being sent off, no time passes: the clock need not be asked again. */
  #now (): number {
    return this.#beginning ? this.#startedAt : this.#exchange.clock.now()
  }

  #setDeadline (kind: Deadline, ms: number, now: number): void {
    this.#deadline = kind
    this.#countdown.set(ms, now)
  }

  /** Something of a body moved: its idle time begins anew. */
  #moved (): void {
    if (this.#deadline === 'body' && this.#countdown.running) this.#countdown.moveTo(this.#exchange.clock.now() + this.#exchange.timeouts.body)
  }

  #cancelTimers (): void {
    this.#countdown.stop()
    this.#exchange.clock.cancel(this.#attemptTimer)
  }

  /** @internal The deadline that was set last has passed. */
  deadlinePassed (): void {
    // Whoever waits for more of the request sees the client leave: both sides of such an exchange may be silent for as long as they like.
    if (this.#lasting && this.#exchange.request.body.starved) {
      this.#setDeadline('body', this.#exchange.timeouts.body, this.#now())
      return
    }
    const error = new DeadlineError(this.#deadline, this.#exchange.timeouts[this.#deadline])
    if (this.#deadline === 'connect') {
      this.cancel('connect-failure', error)
    } else {
      // The silence is the client's own when it does not read, or does not send.
      const clientIsSlow = this.#deadline === 'body' && (this.#paused || this.#lasting || (!this.#sent && this.#exchange.request.body.starved))
      this.cancel(clientIsSlow ? 'abandoned' : 'timeout', error)
    }
  }

  /** @internal The attempt as a whole has had its time. */
  attemptPassed (): void {
    this.cancel('timeout', new DeadlineError('attempt', this.#exchange.timeouts.attempt))
  }

  readonly #onResume = (): void => {
    if (!this.#paused) return
    this.#paused = false
    this.#moved()
    this.#resume!()
  }
}

/**
 * A target that leaves the body of a GET unread takes it for the next request (RFC 9110 §9.3.1, "request smuggling"): nobody else's must come after
 * it on that connection.
 */
function hasUnexpectedBody ({ method, body }: ExchangeRequest): boolean {
  return body !== noBody && (method === 'GET' || method === 'HEAD')
}

function onAttemptTimeout (attempt: Attempt): void {
  attempt.attemptPassed()
}
