/**
 * Keeps the targets of one upstream as a source says. Whatever becomes of the source, the last good set stays: a set that is wrong is told and passed
 * over, an iteration that throws is begun anew after a pause that grows (full jitter, up to 1 s at first, doubling to 30 s).
 */
import type { Upstream } from '../engine/upstream.js'
import type { DiscoverySnapshot, TargetFinder } from '../engine/upstream-snapshot.js'
import type { Log } from '../engine/log.js'
import { backoffDelay } from '../engine/retry.js'
import { FailureHold } from './hold.js'
import { Membership } from './membership.js'
import { Pauses } from '../engine/pauses.js'
import type { DiscoverySettings } from './source.js'

const BACKOFF = { base: 1_000, max: 30_000 }

/** Milliseconds that a server waits for the first good set before it starts without one. */
const FIRST_SET = 5_000

export class Discovery implements TargetFinder {
  readonly #upstream: Upstream
  readonly #settings: DiscoverySettings
  readonly #log: Log
  readonly #where: object
  readonly #membership: Membership
  readonly #hold: FailureHold
  readonly #closing = new AbortController()
  #iteration = new AbortController()
  #iterator: AsyncIterator<unknown> | undefined
  /** Iterations that have thrown since the last good set. */
  #restarts = 0
  #hasBegun!: () => void
  readonly #begun = new Promise<void>(resolve => { this.#hasBegun = resolve })
  /** What was told last, while it lasts: it is not told again and again. */
  #trouble: string | undefined
  /** The same of what is wrong with a part of it. */
  #partialTrouble: string | undefined
  #leftOut = ''
  #resolves = 0
  #failures = 0
  #lastSuccessAt: number | null = null
  #lastErrorAt: number | null = null
  #lastError: string | null = null

  constructor (upstream: Upstream, settings: DiscoverySettings, log: Log) {
    this.#upstream = upstream
    this.#settings = settings
    this.#log = log
    this.#where = { upstream: upstream.name, discovery: `${settings.kind} ${settings.place}`.trimEnd() }
    this.#membership = new Membership(upstream, settings.hold.obsolete)
    this.#hold = new FailureHold(settings.hold, upstream.clock, () => { void this.#letGo() })
  }

  /** Begins. Resolved with the first good set, when there will be none, and after 5 s at the latest. */
  async start (): Promise<void> {
    const timer = this.#upstream.clock.after(FIRST_SET, this.#hasBegun, undefined)
    void this.#run()
    await this.#begun
    this.#upstream.clock.cancel(timer)
  }

  /** Ends it. The targets stay as they are. What a source of the user's own still does then is not waited for. */
  close (): void {
    this.#closing.abort()
    this.#iteration.abort()
    this.#membership.close()
    this.#hold.end()
    this.#hasBegun()
    this.#endIterator().catch(error => { this.#log.warn({ ...this.#where, err: error }, 'discovery has thrown at its end') })
  }

  snapshot (): DiscoverySnapshot {
    return {
      kind: this.#settings.kind,
      place: this.#settings.place,
      resolves: this.#resolves,
      held: this.#membership.held,
      failures: this.#failures,
      lastSuccessAt: this.#lastSuccessAt,
      lastErrorAt: this.#lastErrorAt,
      lastError: this.#lastError
    }
  }

  async #run (): Promise<void> {
    const { clock, random } = this.#upstream
    const { signal } = this.#closing
    const pauses = new Pauses({ clock, signal })
    while (!signal.aborted) {
      this.#iteration = new AbortController()
      try {
        await this.#follow()
        if (signal.aborted) return
        this.#log.info(this.#where, 'discovery has ended, the targets stay as they are')
        this.#hasBegun()
        return
      } catch (error) {
        if (signal.aborted) return
        // What it has left behind may still be at work.
        this.#iteration.abort()
        this.#failed(error)
      }
      await pauses.pause(backoffDelay(this.#restarts++, BACKOFF, random))
    }
  }

  /** One iteration. */
  async #follow (): Promise<void> {
    const { signal } = this.#iteration
    const iterable = await this.#settings.source({ clock: this.#upstream.clock, signal, failed: this.#failed, partly: this.#partly })
    if (signal.aborted) return
    const iterator = iterable[Symbol.asyncIterator]()
    this.#iterator = iterator
    while (true) {
      const { done, value } = await iterator.next()
      if (done === true || signal.aborted) return
      await this.#take(value)
    }
  }

  async #take (found: unknown): Promise<void> {
    let leftOut: string[]
    try {
      leftOut = await this.#membership.become(found)
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failed(error)
      return
    }
    if (this.#closing.signal.aborted) return
    this.#hold.end()
    this.#resolves++
    this.#lastSuccessAt = this.#upstream.clock.now()
    this.#restarts = 0
    if (this.#trouble !== undefined) this.#log.info(this.#where, 'discovery works again')
    this.#trouble = undefined
    if (leftOut.length > 0 && leftOut.join() !== this.#leftOut) this.#log.warn({ ...this.#where, targets: leftOut }, 'targets were found that have ids of others, and are left out')
    this.#leftOut = leftOut.join()
    this.#hasBegun()
  }

  readonly #failed = (error: unknown): void => {
    const message = this.#count(error)
    this.#hold.failed(error)
    if (message !== this.#trouble) this.#log.warn({ ...this.#where, err: error }, 'discovery has failed, the last good set of targets stays')
    this.#trouble = message
  }

  readonly #partly = (error: unknown): void => {
    const message = error === undefined || this.#closing.signal.aborted ? undefined : this.#count(error)
    if (message !== undefined && message !== this.#partialTrouble) this.#log.warn({ ...this.#where, err: error }, 'a part of discovery has failed, its last good targets stay')
    this.#partialTrouble = message
  }

  #count (error: unknown): string {
    const message = error instanceof Error ? error.message : String(error)
    this.#failures++
    this.#lastErrorAt = this.#upstream.clock.now()
    this.#lastError = message
    return message
  }

  /** It has been failing for longer than what was found last is to be believed. */
  async #letGo (): Promise<void> {
    if (this.#membership.size === 0) return
    this.#log.warn(this.#where, 'discovery has failed for too long, its targets are removed')
    await this.#membership.leave()
  }

  async #endIterator (): Promise<void> {
    await this.#iterator?.return?.()
  }
}
