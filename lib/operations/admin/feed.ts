/**
 * What listeners to `/events` get: first everything, as `snapshot`; then, every second, what has changed since, as `changes`; and what happens to
 * targets as it happens, under the names of the upstream's events. Read and put into text once for all of them, and not at all while nobody listens.
 *
 * A listener that does not keep up is sent nothing more until it has read what it has; then it gets what has changed since it was told last, and no
 * more than that.
 */
import type { Clock, Timer } from '../../balancing/clock.js'
import { TIME_BOUNDS } from '../../balancing/counters.js'
import type { Upstream } from '../../engine/upstream.js'
import { differences } from './differences.js'
import { eventText } from './event-stream.js'
import { History, type PastEvent } from './history.js'
import type { UpstreamRow } from './rows.js'

const EVERY_MS = 1_000
/** More at once would be no help to anybody; each has the process do work every second. */
export const MOST_LISTENERS = 32
/** After this long without reading, a listener is taken for dead. */
const PATIENCE_MS = 30_000
/** Whoever listens for so long has to ask again, and whether it still may is looked at again. */
const LIFE_MS = 15 * 60_000
/** Events in a second that are told one by one; the rest, up to as many as are remembered, comes with the changes. */
const MOST_EVENTS = 100

/** As much of an EventStream as is needed. */
export interface Channel {
  readonly blocked: boolean
  send (text: string): void
  end (): void
  cut (): void
}

interface Listener {
  readonly channel: Channel
  readonly since: number
  /** What it knows. */
  rows: UpstreamRow[]
  /** Events it has been told of, of all there ever were. */
  heard: number
  /** Since when it has been waited for. */
  blockedAt: number | undefined
}

export class Feed {
  readonly #read: () => UpstreamRow[]
  readonly #clock: Clock
  readonly #history = new History(event => { this.#happened(event) })
  readonly #listeners = new Map<Channel, Listener>()
  #rows: UpstreamRow[] = []
  #events = 0
  #closed = false
  #timer: Timer

  constructor (read: () => UpstreamRow[], clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** Its events are told, and remembered, from now on. */
  watch (upstream: Upstream): void {
    this.#history.watch(upstream)
  }

  /** There is room for no further listener. */
  get full (): boolean {
    return this.#listeners.size >= MOST_LISTENERS
  }

  add (channel: Channel): void {
    // It was still being asked whether it may when the others were told to go.
    if (this.#closed) {
      channel.end()
      return
    }
    if (this.#listeners.size === 0) {
      this.#rows = this.#read()
      this.#wait()
    }
    const now = this.#clock.now()
    this.#listeners.set(channel, { channel, since: now, rows: this.#rows, heard: this.#history.total, blockedAt: undefined })
    channel.send(eventText('snapshot', { at: Math.round(now), timeBounds: TIME_BOUNDS, upstreams: this.#rows, events: this.#history.events }))
  }

  remove (channel: Channel): void {
    this.#listeners.delete(channel)
    if (this.#listeners.size === 0) this.#clock.cancel(this.#timer)
  }

  close (): void {
    this.#closed = true
    this.#clock.cancel(this.#timer)
    for (const channel of this.#listeners.keys()) channel.end()
    this.#listeners.clear()
  }

  #wait (): void {
    this.#timer = this.#clock.after(EVERY_MS, () => { this.#tick() }, undefined)
  }

  #tick (): void {
    this.#wait()
    this.#events = 0
    this.#rows = this.#read()
    const now = this.#clock.now()
    // Nearly always all know the same.
    let told: { rows: UpstreamRow[], heard: number, text: string } | undefined
    for (const listener of this.#listeners.values()) {
      const { channel, since, rows, heard } = listener
      if (channel.blocked) {
        listener.blockedAt ??= now
        if (now - listener.blockedAt >= PATIENCE_MS) {
          channel.cut()
          // Whoever left before it was a listener does not tell that it has gone.
          this.remove(channel)
        }
      } else if (now - since >= LIFE_MS) {
        channel.end()
      } else {
        if (told?.rows !== rows || told.heard !== heard) told = { rows, heard, text: this.#changesSince(listener, now) }
        channel.send(told.text)
        listener.blockedAt = undefined
        listener.rows = this.#rows
        listener.heard = this.#history.total
      }
    }
  }

  #changesSince ({ rows, heard }: Listener, now: number): string {
    const events = this.#history.since(heard)
    return eventText('changes', { at: Math.round(now), ...differences(rows, this.#rows), ...(events.length > 0 && { events }) })
  }

  #happened (event: PastEvent): void {
    if (this.#listeners.size === 0 || ++this.#events > MOST_EVENTS) return
    const text = eventText(event.type, event)
    const { total } = this.#history
    for (const listener of this.#listeners.values()) {
      // Who has missed one gets the next in its turn.
      if (listener.channel.blocked || listener.heard < total - 1) continue
      listener.channel.send(text)
      listener.heard = total
    }
  }
}
