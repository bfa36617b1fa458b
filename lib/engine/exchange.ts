/**
 * One request of a client and all that is done for it: attempt → outcome → deliver, or the next attempt. Whoever waits (`Downstream`)
 * hears of one answer.
 */
import type { Duplex } from 'node:stream'
import type { Refusal } from '../balancing/balancer.js'
import type { Clock, Timer } from '../balancing/clock.js'
import type { Outcome, Settlement } from '../balancing/outcome.js'
import type { PickContext } from '../balancing/policy.js'
import type { Target } from '../balancing/target.js'
import { AffinityLostError, ClientClosedError, NoTargetError, OverloadedError } from '../errors.js'
import { Attempt } from './attempt.js'
import { DeadlineError, type Timeouts } from './deadlines.js'
import type { Downstream, RawHeaders } from './downstream.js'
import { clientError, mayBeBetterElsewhere } from './failure.js'
import type { RequestBody } from './request-body.js'
import { backoffDelay, maySendAgain, type Retry } from './retry.js'
import type { Upstream } from './upstream.js'

export interface ExchangeRequest {
  readonly method: string
  readonly path: string
  readonly headers: unknown
  readonly body: RequestBody
  readonly query: Record<string, unknown> | undefined
  /** Protocol to upgrade to, or null. */
  readonly upgrade: string | null
}

/** One attempt, as `request.balancing` shows it. */
export interface AttemptReport {
  /** Id of the target. */
  target: string
  outcome: Outcome
  status?: number
  error?: Error
  durationMs: number
}

/** What has been done for a request so far. */
export interface Balancing {
  /** Name of the upstream. */
  upstream: string
  /** Id of the target that has the request, or had it last; null before the first. */
  target: string | null
  /** Attempts that have ended. */
  attempts: AttemptReport[]
}

export class Exchange {
  readonly upstream: Upstream
  readonly request: ExchangeRequest
  readonly clock: Clock
  readonly timeouts: Timeouts
  readonly report: Balancing
  /** The target whose answer the client gets. */
  servedBy: Target | undefined
  readonly #context: PickContext
  readonly #downstream: Downstream
  readonly #retry: Retry | false
  #current: Attempt | undefined
  #done = false
  #tried: string[] = []
  /** Attempts that count, of `retry.attempts`. */
  #spent = 0
  /** How often all targets have been tried. */
  #rounds = 0
  #reusedFree = true
  #lastError: Error | undefined
  #backoff: Timer
  #total: Timer

  constructor (upstream: Upstream, request: ExchangeRequest, context: PickContext, downstream: Downstream, timeouts: Timeouts, retry: Retry | false) {
    this.upstream = upstream
    this.request = request
    this.clock = upstream.clock
    this.timeouts = timeouts
    this.report = { upstream: upstream.name, target: null, attempts: [] }
    this.#context = context
    this.#downstream = downstream
    this.#retry = retry
  }

  start (): void {
    this.request.body.watch(this.#bodyFailed)
    if (this.#done) return
    if (this.timeouts.total > 0) this.#total = this.clock.after(this.timeouts.total, onTotal, this)
    this.#next()
  }

  /** The client has left, or nobody wants the answer any more. */
  abort (outcome: 'client-aborted' | 'abandoned', error: Error): void {
    if (this.#done) return
    this.#finish()
    this.#current?.cancel(outcome, error)
  }

  /** The request will never be whole: a target must not take what it has for all of it. */
  readonly #bodyFailed = (error: Error): void => {
    if (this.#done) return
    this.#current?.cancel(outcomeOfBody(error), error)
    this.#fail(error)
  }

  // ---- what an attempt asks and tells ---------------------------------------------------------------------------------

  isBadStatus (status: number): boolean {
    return (this.#retry !== false && this.#retry.statuses.includes(status)) || this.upstream.isFailureStatus(status)
  }

  /** A response came with a status that may be had better elsewhere. True: it is not wanted, another attempt is on its way. */
  triesAnother (attempt: Attempt): boolean {
    if (this.#done || this.#retry === false || !this.#retry.statuses.includes(attempt.status!)) return false
    return this.#goOn(attempt)
  }

  informed (status: number, headers: RawHeaders): void {
    if (!this.#done) this.#downstream.informed(status, headers)
  }

  responded (attempt: Attempt, status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean {
    this.clock.cancel(this.#total)
    this.servedBy = attempt.target
    return this.#downstream.responded(status, headers, statusText, resume)
  }

  received (chunk: Buffer): boolean {
    return this.#downstream.received(chunk)
  }

  completed (trailers: RawHeaders): void {
    this.#finish()
    this.#downstream.completed(trailers)
  }

  upgraded (attempt: Attempt, status: number, headers: RawHeaders, socket: Duplex): void {
    this.servedBy = attempt.target
    this.#finish()
    this.#downstream.upgraded(status, headers, socket)
  }

  /** The response broke off while it was delivered. */
  brokeOff (outcome: Outcome, error: Error): void {
    this.#fail(clientError(outcome, error))
  }

  attemptFailed (attempt: Attempt, outcome: Outcome, error: Error): void {
    if (this.#done) return
    this.#lastError = clientError(outcome, error)
    if (this.#retry === false || !mayBeBetterElsewhere(outcome, error) || !this.#goOn(attempt)) this.#fail(this.#lastError)
  }

  /** Every attempt tells how it ended, wanted or not. */
  ended (attempt: Attempt, { outcome, status, durationMs }: Settlement, error: Error | undefined): void {
    const record: AttemptReport = { target: attempt.target.id, outcome, durationMs }
    if (status !== undefined) record.status = status
    if (error !== undefined) record.error = error
    this.report.attempts.push(record)
    this.upstream.attemptEnded(attempt.target)
  }

  // ---- the next attempt -------------------------------------------------------------------------------------------------

  #next (): void {
    const picked = this.upstream.balancer.pick(this.#context)
    if (typeof picked === 'string') this.#fail(this.#refusal(picked))
    else this.#try(picked)
  }

  #try (target: Target): void {
    this.report.target = target.id
    this.#current = new Attempt(this, this.upstream.poolOf(target), this.upstream.balancer.begin(target))
    this.#current.run()
  }

  /** After an attempt that did not serve: begins or plans another one, when that is allowed. */
  #goOn (attempt: Attempt): boolean {
    const retry = this.#retry as Retry
    const { progress } = attempt
    if (!maySendAgain(this.request.method, progress, retry.nonIdempotent)) return false
    if (attempt.blameless && this.#reusedFree && attempt.status === undefined) {
      // Nobody's fault, so it costs nothing, once, and the same target may have it.
      this.#reusedFree = false
      this.#next()
      return true
    }
    this.#tried.push(attempt.target.id)
    this.#context.tried = this.#tried
    // Targets that could not be connected to cost nothing, the first time round.
    const counts = progress.started || this.#rounds > 0
    if (counts && ++this.#spent >= retry.attempts) return false
    const picked = this.upstream.balancer.pick(this.#context)
    if (typeof picked !== 'string') {
      this.#try(picked)
      return true
    }
    if (picked !== 'none' || (!counts && ++this.#spent >= retry.attempts)) return false
    this.#tried.length = 0
    this.#backoff = this.clock.after(backoffDelay(this.#rounds++, retry.backoff, this.upstream.random), onBackoff, this)
    return true
  }

  /** @internal */
  backoffPassed (): void {
    if (!this.#done) this.#next()
  }

  /** @internal */
  totalPassed (): void {
    const passed = new DeadlineError('total', this.timeouts.total)
    this.abort('abandoned', passed)
    this.#downstream.failed(clientError('abandoned', passed))
  }

  #refusal (refusal: Refusal): Error {
    if (this.#lastError !== undefined) return this.#lastError
    switch (refusal) {
      case 'none': return new NoTargetError()
      case 'full': return new OverloadedError()
      case 'affinity-lost': return new AffinityLostError()
    }
  }

  #fail (error: Error): void {
    if (this.#done) return
    this.#finish()
    this.#downstream.failed(error)
  }

  #finish (): void {
    this.#done = true
    this.clock.cancel(this.#total)
    this.clock.cancel(this.#backoff)
    this.request.body.close()
  }
}

function outcomeOfBody (error: Error): Outcome {
  return error instanceof ClientClosedError ? 'client-aborted' : 'client-fault'
}

function onTotal (exchange: Exchange): void { exchange.totalPassed() }
function onBackoff (exchange: Exchange): void { exchange.backoffPassed() }
