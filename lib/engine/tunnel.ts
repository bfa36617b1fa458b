/** An upgraded connection: bytes go both ways as they come, each way at the pace of its reader. */
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { Clock } from '../balancing/clock.js'
import { closeFrame, FrameBoundary, GOING_AWAY } from './websocket.js'

/** Milliseconds of silence after which the system asks whether the other side is still there: tunnels have no idle timeout. */
const KEEP_ALIVE_MS = 60_000

/** Milliseconds that a side has to read the last bytes and close, once the other is gone: clients may be far away, a target's slot is wanted. */
const CLIENT_LINGER_MS = 30_000
const TARGET_LINGER_MS = 2_000

export class Tunnel {
  readonly #client: Duplex
  readonly #target: Duplex
  readonly #clock: Clock
  /** How far the frames from the client, and those to it, have come; undefined when the protocol has none that we know. */
  readonly #fromClient: FrameBoundary | undefined
  readonly #toClient: FrameBoundary | undefined

  /** `early`: what the client has sent ahead of the upgrade. Both streams must be paused, or never have been read. */
  constructor (client: Duplex, target: Duplex, protocol: string, early: Buffer, clock: Clock) {
    this.#client = client
    this.#target = target
    this.#clock = clock
    if (protocol === 'websocket') {
      this.#fromClient = new FrameBoundary()
      this.#toClient = new FrameBoundary()
    }
    prepare(client as Socket)
    prepare(target as Socket)
    if (early.length > 0) {
      this.#fromClient?.pass(early)
      target.write(early)
    }
    forward(client, target, this.#fromClient)
    forward(target, client, this.#toClient)
    client.on('close', () => { this.#endSoon(target, TARGET_LINGER_MS) })
    target.on('close', () => { this.#endSoon(client, CLIENT_LINGER_MS) })
  }

  /** Ends it because the gateway or the target goes away. A WebSocket is told so, where its stream stands between two frames. */
  readonly cut = (): void => {
    if (this.#toClient?.betweenFrames === true && this.#client.writable) this.#client.write(closeFrame(GOING_AWAY, false))
    if (this.#fromClient?.betweenFrames === true && this.#target.writable) this.#target.write(closeFrame(GOING_AWAY, true))
    this.#endSoon(this.#client, CLIENT_LINGER_MS)
    this.#endSoon(this.#target, TARGET_LINGER_MS)
  }

  /** Nothing more will come for this side: it is told, and left to close by itself. */
  #endSoon (side: Duplex, lingerMs: number): void {
    if (side.destroyed) return
    side.end()
    const timer = this.#clock.after(lingerMs, destroy, side)
    side.once('close', () => { this.#clock.cancel(timer) })
  }
}

function forward (from: Duplex, to: Duplex, boundary: FrameBoundary | undefined): void {
  from.on('data', (chunk: Buffer) => {
    // Behind a close frame of our own nothing may follow. What comes is still read, so that the end of it is seen.
    if (to.writableEnded || to.destroyed) return
    boundary?.pass(chunk)
    if (!to.write(chunk)) from.pause()
  })
  from.on('end', () => { to.end() })
  // 'close' follows, and is what counts.
  from.on('error', () => {})
  to.on('drain', () => { from.resume() })
  // A reader that leaves will not drain: the rest is read to see the end.
  to.on('close', () => { from.resume() })
  from.resume()
}

function destroy (stream: Duplex): void {
  stream.destroy()
}

function prepare (socket: Socket): void {
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
}
