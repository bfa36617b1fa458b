/** What the script and the process of the gateway say to each other. */

/** `begin`: measure from now. `end`: what was measured. `rest`: what is in flight. */
export type Question = 'begin' | 'end' | 'rest'

export interface Measured {
  /** MB of the heap and of buffers beyond idle, after garbage collection, at its highest. */
  held: number
  /** MB of the process beyond idle, at its highest. */
  rss: number
  /** Milliseconds that the event loop was late, at most. */
  stall: number
  /** Errors that nothing caught. */
  uncaught: string[]
}

export interface Rest { inFlight: number, queued: number }
