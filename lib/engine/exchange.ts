/**
 * One request of a client and all that is done for it: attempt → outcome → deliver, or the next attempt. Whoever waits (`Downstream`)
 * hears of one answer.
 */
import type { Duplex } from 'node:stream'
import type { Refusal } from '../balancing/picker.js'
import type { Clock, Timer } from '../balancing/clock.js'
import type { Outcome, Settlement } from '../balancing/outcome.js'
import type { PickContext } from '../balancing/policy.js'
import { Target } from '../balancing/target.js'
import { AffinityLostError, ClientClosedError, NoTargetError, OverloadedError, PolicyError } from '../errors.js'
import { Attempt } from './attempt.js'
import { contextOfRequest } from './channels.js'
import { DeadlineError, type Timeouts } from './timeouts.js'
import type { Downstream } from './downstream.js'
import { clientError, mayBeBetterElsewhere } from './failure.js'
import { rawHeader, type RawHeaders } from './headers.js'
import { hold, release } from './keep-alive.js'
import type { Waiting } from './queue.js'
import type { AttemptReport, Balancing } from './report.js'
import type { RequestBody } from './request-body.js'
import { backoffDelay, isIdempotent, maySendAgain, retryAfterMs, type Retry } from './retry.js'
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

/** Milliseconds of a `Retry-After` that are waited for. */
const LONGEST_RETRY_AFTER = 1_000

export class Exchange implements Waiting {
  readonly upstream: Upstream
  readonly request: ExchangeRequest
  readonly clock: Clock
  readonly timeouts: Timeouts
  readonly report: Balancing
  /** The asynchronous context that the request came in, for subscribers of the attempt channels. */
  readonly inContext = contextOfRequest()
  /** The target whose answer the client gets. */
  servedBy: Target | undefined
  readonly #context: PickContext
  readonly #downstream: Downstream
  readonly #retry: Retry | false
  /** Attempts that may still serve: one, or two when one is hedged. */
  #running: Attempt[] = []
  /** Attempts whose answer is not wanted: it is read and dropped. */
  readonly #discarded: Attempt[] = []
  #done = false
  #queued = false
  /** It keeps the process alive. With timers of the user's own, as in simulations, what passes for time is theirs. */
  readonly #holds: boolean
  readonly #startedAt: number
  /** Attempts begun, hedges included. */
  #attempts = 0
  readonly #tried: string[] = []
  /** Targets that asked not to be tried again soon. */
  readonly #barred: string[] = []
  /** When the targets that were tried allow another try. */
  #notBefore = 0
  /** Attempts that count, of `retry.attempts`. */
  #spent = 0
  /** Targets that could not be connected to. */
  #unreachable = 0
  /** How often all targets have been tried. */
  #rounds = 0
  /** A connection that ended as it was used again may still be excused, once. */
  #reusedFree = true
  /** What the client hears of the last attempt that failed, should there be no other. */
  #lastError: Error | undefined
  #backoff: Timer
  #hedge: Timer
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
    this.#holds = upstream.settings.timers === undefined
    this.#startedAt = this.clock.now()
    if (this.#holds) hold()
  }

  start (): void {
    this.request.body.watch(this.#bodyFailed)
    if (this.#done) return
    if (this.timeouts.total > 0) this.#total = this.clock.after(this.timeouts.total, onTotal, this)
    if (this.#retry !== false) {
      this.upstream.budget?.deposit(this.#startedAt)
      if (this.#retry.hedge !== false) this.#planHedge(this.#retry.hedge.after)
    }
    this.#next(this.#startedAt)
  }

  /** The client has left, or nobody wants the answer any more. */
  abort (outcome: 'client-aborted' | 'abandoned', error: Error): void {
    if (this.#done) return
    this.#finish(statusOf(error))
    this.#giveUp(outcome, error)
  }

  /** The request will never be whole: a target must not take what it has for all of it. */
  readonly #bodyFailed = (error: Error): void => {
    this.#finish(statusOf(error))
    this.#giveUp(error instanceof ClientClosedError ? 'client-aborted' : 'client-fault', error)
    this.#downstream.failed(error)
  }

  #giveUp (outcome: Outcome, error: Error): void {
    for (const attempt of this.#running.splice(0)) attempt.cancel(outcome, error)
  }

  /** This attempt serves; a second one is not needed any more. */
  #settleOn (attempt: Attempt): void {
    this.servedBy = attempt.target
    this.report.target = attempt.target.id
    this.clock.cancel(this.#total)
    this.clock.cancel(this.#hedge)
    if (this.#running.length === 1) return
    this.#leaveOut(attempt)
    this.#giveUp('abandoned', new Error('the other attempt was faster'))
    this.#running.push(attempt)
  }

  #leaveOut (attempt: Attempt): void {
    this.#running.splice(this.#running.indexOf(attempt), 1)
  }

  /** This attempt will not serve. True: another one is under way that may. */
  #leaveToOther (attempt: Attempt): boolean {
    this.#leaveOut(attempt)
    if (this.#running.length === 0) return false
    this.#tried.push(attempt.target.id)
    return true
  }

  // ---- what an attempt asks and tells ---------------------------------------------------------------------------------

  isBadStatus (status: number): boolean {
    return (this.#retry !== false && this.#retry.statuses.includes(status)) || this.upstream.isFailureStatus(status)
  }

  /** A response came with a status that may be had better elsewhere. True: it is not wanted, another attempt is on its way. */
  triesAnother (attempt: Attempt, headers: RawHeaders): boolean {
    if (this.#done || this.#retry === false || !this.#retry.statuses.includes(attempt.status!)) return false
    if (this.#leaveToOther(attempt)) return this.#discard(attempt)
    const after = rawHeader(headers, 'retry-after')
    if (this.#goOn(attempt, after === undefined ? undefined : retryAfterMs(after, this.clock.now()))) return this.#discard(attempt)
    this.#running.push(attempt)
    return false
  }

  #discard (attempt: Attempt): true {
    this.#discarded.push(attempt)
    return true
  }

  informed (status: number, headers: RawHeaders): void {
    if (!this.#done) this.#downstream.informed(status, headers)
  }

  responded (attempt: Attempt, status: number, headers: RawHeaders, statusText: string, resume: () => void): boolean {
    this.#settleOn(attempt)
    return this.#downstream.responded(status, headers, statusText, resume)
  }

  received (chunk: Buffer): boolean {
    return this.#downstream.received(chunk)
  }

  completed (status: number, trailers: RawHeaders, at: number): void {
    this.#finish(status, at)
    this.#downstream.completed(trailers)
  }

  upgraded (attempt: Attempt, status: number, headers: RawHeaders, socket: Duplex): (() => void) | void {
    this.#settleOn(attempt)
    this.#finish(status)
    return this.#downstream.upgraded(status, headers, socket)
  }

  /** The response broke off while it was delivered. */
  brokeOff (outcome: Outcome, error: Error): void {
    this.#fail(clientError(outcome, error))
  }

  attemptFailed (attempt: Attempt, outcome: Outcome, error: Error): void {
    if (this.#done || !this.#running.includes(attempt)) return
    this.#lastError = clientError(outcome, error)
    if (this.#leaveToOther(attempt)) return
    if (this.#retry === false || !mayBeBetterElsewhere(outcome, error) || !this.#goOn(attempt)) this.#fail(this.#lastError)
  }

  /** Every attempt tells how it ended, wanted or not. */
  ended (attempt: Attempt, settlement: Settlement, error: Error | undefined): void {
    const { outcome, status, durationMs } = settlement
    const record: AttemptReport = { target: attempt.target.id, outcome, durationMs }
    if (status !== undefined) record.status = status
    if (error !== undefined) record.error = error
    this.report.attempts.push(record)
    this.upstream.attemptEnded(attempt.target, settlement)
  }

  // ---- the next attempt -------------------------------------------------------------------------------------------------

  #next (now?: number): void {
    const picked = this.#pick()
    if (picked === undefined) return
    if (typeof picked !== 'string') this.#try(picked, false, now)
    else if (picked !== 'full' || !this.#joinQueue()) this.#fail(this.#refusal(picked))
  }

  /** Undefined: the user's policy has thrown, and with that the request is over. */
  #pick (): Target | Refusal | undefined {
    try {
      return this.upstream.balancer.pick(this.#context)
    } catch (error) {
      this.#fail(new PolicyError({ cause: error }))
      return undefined
    }
  }

  #try (target: Target, hedge = false, now = this.clock.now()): void {
    if (hedge) this.upstream.counters.hedges++
    else if (this.#attempts > 0) this.upstream.counters.retries++
    this.report.target = target.id
    const attempt = new Attempt(this, this.upstream.poolOf(target), this.upstream.balancer.begin(target), now)
    this.#running.push(attempt)
    attempt.run(++this.#attempts)
  }

  /** After an attempt that did not serve: begins or plans another one, when that is allowed. `retryAfter`: milliseconds its answer asks for. */
  #goOn (attempt: Attempt, retryAfter?: number): boolean {
    const retry = this.#retry as Retry
    const { progress } = attempt
    if (!maySendAgain(this.request.method, progress, retry.nonIdempotent)) return false
    if (attempt.blameless && this.#reusedFree) {
      // Nobody's fault, so it costs nothing, once, and the same target may have it.
      this.#reusedFree = false
      this.#next()
      return true
    }
    this.#tried.push(attempt.target.id)
    this.#context.tried = this.#tried
    if (retryAfter !== undefined) this.#respect(attempt.target.id, retryAfter)
    // Targets that could not be connected to cost nothing, the first time round.
    const free = !progress.started && this.#rounds === 0 && this.#unreachable++ < retry.unreachable
    if (!free && ++this.#spent >= retry.attempts) return false
    const picked = this.#pick()
    if (picked === undefined) return true
    if (typeof picked !== 'string') {
      if (!free && !this.#withdraw()) return false
      this.#try(picked)
      return true
    }
    // Waiting for a slot is better than an error, also than one that the target has sent.
    if (picked === 'full') return (free || this.#withdraw()) && this.#joinQueue()
    return picked === 'none' && (!free || ++this.#spent < retry.attempts) && this.#backOff(retry)
  }

  /** All have been tried: waits, and begins anew with those that did not ask for more time. */
  #backOff (retry: Retry): boolean {
    if (this.#tried.every(id => this.#barred.includes(id)) || !this.#withdraw()) return false
    this.#tried.length = 0
    this.#tried.push(...this.#barred)
    const wait = Math.max(backoffDelay(this.#rounds++, retry.backoff, this.upstream.random), this.#notBefore - this.clock.now())
    this.#backoff = this.clock.after(wait, onBackoff, this)
    return true
  }

  /** `Retry-After` binds only another request to the same target: short ones are waited for, for long ones it is left out. */
  #respect (target: string, retryAfter: number): void {
    if (retryAfter > LONGEST_RETRY_AFTER) this.#barred.push(target)
    else this.#notBefore = Math.max(this.#notBefore, this.clock.now() + retryAfter)
  }

  #withdraw (): boolean {
    return this.upstream.budget?.withdraw() ?? true
  }

  // ---- waiting for a slot -------------------------------------------------------------------------------------------------

  #joinQueue (): boolean {
    this.#queued = this.upstream.queue.join(this)
    if (this.#queued) this.upstream.counters.queued++
    return this.#queued
  }

  /** @internal A slot may be free. */
  proceed (): boolean {
    const picked = this.#pick()
    if (picked === undefined || picked === 'full') return false
    if (typeof picked === 'string') {
      this.#fail(this.#refusal(picked))
      return false
    }
    // Before the attempt begins: one that cannot be sent ends at once, and its slot is offered to whoever is in the queue.
    this.upstream.queue.leave(this)
    this.#try(picked)
    return true
  }

  /** @internal It has waited in the queue for too long. */
  expired (): void {
    this.#fail(this.#lastError ?? new OverloadedError())
  }

  // ---- hedging ------------------------------------------------------------------------------------------------------------

  #planHedge (after: number | 'p95'): void {
    const { method, body, upgrade } = this.request
    if (!isIdempotent(method) || !body.shareable || upgrade !== null) return
    const ms = after === 'p95' ? this.upstream.times?.quantile(0.95) : after
    if (ms !== undefined) this.#hedge = this.clock.after(ms, onHedge, this)
  }

  /** @internal The first attempt has had its time. */
  hedgeDue (): void {
    const [first] = this.#running
    const { balancer } = this.upstream
    if (first === undefined || balancer.panic) return
    this.#tried.push(first.target.id)
    this.#context.tried = this.#tried
    const picked = this.#pickHedge()
    // A target that health keeps out will do as the last one left, but not beside one that works.
    if (picked instanceof Target && picked.eligible && this.#withdraw()) this.#try(picked, true)
    // Should the first turn out to have met a connection that was about to end, the same target may have it once more.
    else this.#tried.pop()
  }

  /** The request does without a hedge where the user's policy throws: it has an attempt that may well serve. */
  #pickHedge (): Target | Refusal | undefined {
    try {
      return this.upstream.balancer.pick(this.#context)
    } catch (error) {
      this.upstream.fault(error, 'policy.pick')
      return undefined
    }
  }

  // ---- endings ------------------------------------------------------------------------------------------------------------

  /** @internal The wait before the next round is over. */
  backoffPassed (): void {
    if (!this.#done) this.#next()
  }

  /** @internal The deadline of the whole request has passed. */
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
    this.#finish(statusOf(error))
    this.#downstream.failed(error)
  }

  /** `status`: what the client got of it. `endedAt`: when that was, where it is known. */
  #finish (status: number, endedAt?: number): void {
    this.#done = true
    if (this.#holds) release()
    this.upstream.counters.ended(status, (endedAt ?? this.clock.now()) - this.#startedAt)
    this.clock.cancel(this.#total)
    this.clock.cancel(this.#backoff)
    this.clock.cancel(this.#hedge)
    if (this.#queued) this.upstream.queue.leave(this)
    // A response that is not wanted, and has not ended by now, would hold its slot for nothing.
    for (const attempt of this.#discarded) attempt.cancel('bad-status', new Error('the response was not wanted'))
    this.request.body.close()
  }
}

function statusOf (error: Error): number {
  return (error as { statusCode?: number }).statusCode ?? 500
}

function onTotal (exchange: Exchange): void { exchange.totalPassed() }
function onBackoff (exchange: Exchange): void { exchange.backoffPassed() }
function onHedge (exchange: Exchange): void { exchange.hedgeDue() }
