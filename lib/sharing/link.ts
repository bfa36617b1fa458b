/** The way to the store: whether it can be reached, and what is counted of that. */
import type { Log } from '../engine/log.js'
import { within, type WaitTools } from '../engine/within.js'
import type { SharedStore } from './store.js'

/** Milliseconds that the store has for an answer. */
const PATIENCE = 1_000

/** How sharing with other gateways goes, as this one sees it. */
export interface SharedSnapshot {
  /** The store has answered when it was asked last; null before the first answer. */
  up: boolean | null
  /** Calls that have failed, or took too long. */
  errors: number
  /** What the last one was, in words. */
  lastError: string | null
  /** Changes that were made here, and told. */
  told: number
  /** Changes that others have made. */
  heard: number
  /** Look-ups of sessions that were not known here, by what came of them: `late` took over 50 ms, or could not be asked for. */
  sessions: { found: number, unknown: number, late: number }
}

export class Link {
  readonly counts: SharedSnapshot = { up: null, errors: 0, lastError: null, told: 0, heard: 0, sessions: { found: 0, unknown: 0, late: 0 } }
  readonly store: SharedStore
  readonly #waiting: WaitTools
  readonly #log: Log

  constructor (store: SharedStore, waiting: WaitTools, log: Log) {
    this.store = store
    this.#waiting = waiting
    this.#log = log
  }

  get up (): boolean { return this.counts.up === true }

  /** What the store says to this. Where it fails, or takes a second, the store is lost. */
  async ask<T> (ask: (store: SharedStore) => Promise<T>): Promise<T> {
    try {
      return await within(PATIENCE, this.#waiting, async () => ask(this.store))
    } catch (error) {
      if (!this.#waiting.signal.aborted) this.lost(error)
      throw error
    }
  }

  /** It has answered. Returns whether it had been lost. */
  reached (): boolean {
    const wasLost = this.counts.up === false
    if (wasLost) this.#log.info({}, 'the shared store is back')
    this.counts.up = true
    return wasLost
  }

  lost (error: unknown): void {
    this.counts.errors++
    this.counts.lastError = error instanceof Error ? error.message : String(error)
    if (this.counts.up !== false) this.#log.warn({ err: error }, 'the shared store cannot be reached: traffic goes on, and what is changed meanwhile is told when it is back')
    this.counts.up = false
  }
}
