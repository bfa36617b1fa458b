/**
 * A client that is answered before it has sent all of its body: the connection cannot be used again, but is not torn down either while the client
 * writes. To bytes that come to a closed socket the system answers with a reset, and a reset takes away the answer that the client has not read yet
 * (RFC 9112 §9.6; nginx: `lingering_close`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../balancing/clock.js'
import { systemClock } from '../engine/clock.js'

/** Milliseconds that such a client has to read the answer and close; nginx's `lingering_time`. */
const LINGER_MS = 30_000

/** Should this response end the connection before the request is complete, the client gets to read it. */
export function lingerAfter (request: IncomingMessage, response: ServerResponse, clock: Clock = systemClock): void {
  // Ahead of Node's own listener, which closes the connection.
  response.prependOnceListener('finish', () => {
    if (request.complete) return
    const { socket } = request
    socket.destroySoon = () => {
      delete (socket as Partial<Socket>).destroySoon
      if (request.complete) socket.destroySoon()
      else linger(socket, clock)
    }
  })
}

function linger (socket: Socket, clock: Clock): void {
  socket.end()
  // A body that nobody has read any further has stopped the socket, and only as long as Node's listeners are there does this set it going again.
  socket.resume()
  process.nextTick(() => {
    // What still comes is no request any more, and must not be taken for one.
    socket.removeAllListeners('data').removeAllListeners('end')
    socket.on('data', () => {}).on('end', () => { socket.destroy() })
  })
  const timer = clock.after(LINGER_MS, () => { socket.destroy() }, undefined)
  socket.once('close', () => { clock.cancel(timer) })
}
