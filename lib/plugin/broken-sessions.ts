/**
 * HTTP/2 connections that have sent broken frames. Node 20 says goodbye to them (GOAWAY), sends nothing more, and leaves them open, with the requests
 * that are in flight. Later versions close them. There is no event for it: such a session is found by a ping that it does not send, although its socket
 * would take it.
 */
import type { Http2Server, ServerHttp2Session } from 'node:http2'
import type { Server } from 'node:net'
import type { Clock, Timer } from '../balancing/clock.js'
import { systemClock } from '../engine/clock.js'

/** The first version that closes them by itself. */
const FIRST_TO_CLOSE = 22

/** Milliseconds between two looks at all sessions. A broken one is closed at the third at the latest. */
const SWEEP_MS = 2_000

/** What is known of a session: it writes, or it was pinged, or it was found well and has not written since. */
type Knowledge = 'writing' | 'pinged' | 'well'

interface Seen { written: number, knowledge: Knowledge }

const NODE = Number.parseInt(process.versions.node, 10)

const watched = new WeakSet<object>()

/** Closes such connections. Once per server, however often the plugin is registered. */
export function closeBrokenSessions (server: Server, clock: Clock = systemClock, node = NODE): void {
  if (node >= FIRST_TO_CLOSE || !('updateSettings' in server) || watched.has(server)) return
  watched.add(server)
  const sweep = new Sweep(clock)
  ;(server as Http2Server).on('session', session => { sweep.watch(session) })
}

class Sweep {
  readonly #clock: Clock
  readonly #sessions = new Map<ServerHttp2Session, Seen>()
  #timer: Timer

  constructor (clock: Clock) {
    this.#clock = clock
  }

  watch (session: ServerHttp2Session): void {
    if (this.#sessions.size === 0) this.#timer = this.#clock.after(SWEEP_MS, sweepAll, this)
    this.#sessions.set(session, { written: -1, knowledge: 'writing' })
    session.once('close', () => {
      this.#sessions.delete(session)
      if (this.#sessions.size === 0) this.#clock.cancel(this.#timer)
    })
  }

  /** @internal */
  all (): void {
    this.#timer = this.#clock.after(SWEEP_MS, sweepAll, this)
    for (const [session, seen] of this.#sessions) look(session, seen)
  }
}

function sweepAll (sweep: Sweep): void { sweep.all() }

function look (session: ServerHttp2Session, seen: Seen): void {
  // One that is about to close, or not connected yet.
  if (session.destroyed || session.connecting) return
  const { bytesWritten } = session.socket
  const moved = bytesWritten !== seen.written
  seen.written = bytesWritten
  if (seen.knowledge === 'pinged') {
    if (!moved && isStuck(session)) session.destroy()
    seen.knowledge = 'well'
  } else if (moved) {
    seen.knowledge = 'writing'
  } else if (seen.knowledge === 'writing') {
    seen.knowledge = 'pinged'
    session.ping(() => {})
  }
}

/** There is something to send, and a socket that has nothing else to do: unlike that of a client that does not read. */
function isStuck (session: ServerHttp2Session): boolean {
  const { _handle: handle } = session.socket as unknown as { _handle: { writeQueueSize: number } }
  return session.state.outboundQueueSize! > 0 && handle.writeQueueSize === 0
}
