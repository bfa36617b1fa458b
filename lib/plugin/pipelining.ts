/**
 * Pipelined requests of HTTP/1.1 connections. Node parses and serves them as fast as they come, so that a few bytes could start any number of requests.
 * Here a request is proxied when its response is the next one that the connection sends, and until then the connection is not read much further.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Bytes of later requests that are kept unparsed. One read of the socket may have been parsed before that. */
const READ_AHEAD = 65_536

/** Parts of a server's connection that Node's types do not have. */
interface ServerSocket extends Socket {
  /** Node has stopped reading, because the client does not read its responses. */
  _paused?: boolean
  server: Server & { httpAllowHalfOpen?: boolean }
  _readableState: { highWaterMark: number, ended: boolean }
}

const watched = new WeakSet<object>()
const readAheads = new WeakMap<Socket, ReadAhead>()
const waiting = new WeakSet<ServerResponse>()
/** Connections whose present response may never end. */
const lasting = new WeakSet<Socket>()

/** Bounds how far connections are read ahead, also while requests are still in hooks. Once per server, however often the plugin is registered. */
export function watchPipelining (server: Server): void {
  if (watched.has(server)) return
  watched.add(server)
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!isInTurn(request, response)) holdBack(request, response)
  })
}

/** The response is the next that its connection sends. On HTTP/2 every response is. */
export function isInTurn (request: IncomingMessage, response: ServerResponse): boolean {
  return request.httpVersionMajor !== 1 || response.socket !== null
}

/** Calls `run` when the requests before this one have had their responses; never, when the client leaves before that. */
export function whenInTurn (request: IncomingMessage, response: ServerResponse, run: () => void): void {
  // A server that Fastify has added for a second address is not watched.
  holdBack(request, response)
  response.once('socket', socket => {
    // Node also hands over a socket that has just closed. No event would say so again.
    if (!socket.destroyed) run()
  })
}

/**
 * The response that the connection sends now may never end. With more behind it than is read ahead, the gateway would not see the client leave, and the
 * response would hold its slot for good: such a connection is closed. No client that waits for events sends that much behind its request.
 */
export function mayNeverEnd (socket: Socket, response: ServerResponse): void {
  lasting.add(socket)
  response.once('close', () => { lasting.delete(socket) })
  readAheads.get(socket)?.closeIfFull()
}

/** The connection changes hands: whoever has it now reads it. */
export function stopHolding (socket: Socket): void {
  readAheads.get(socket)?.release()
  readAheads.delete(socket)
}

function holdBack ({ socket }: IncomingMessage, response: ServerResponse): void {
  if (waiting.has(response)) return
  waiting.add(response)
  let readAhead = readAheads.get(socket)
  if (readAhead === undefined) readAheads.set(socket, readAhead = new ReadAhead(socket as ServerSocket))
  readAhead.waitFor(response)
}

/** One connection, as long as responses wait for their turn. */
class ReadAhead {
  readonly #socket: ServerSocket
  /** Responses that are not next. */
  #waiting = 0

  constructor (socket: ServerSocket) {
    this.#socket = socket
  }

  waitFor (response: ServerResponse): void {
    response.once('socket', this.#onTurn)
    if (this.#waiting++ > 0) return
    const socket = this.#socket
    socket._readableState.highWaterMark = Math.max(socket._readableState.highWaterMark, READ_AHEAD)
    // With such a listener, a stream is read up to its high-water mark, and hands out nothing by itself: neither Node's pauses nor its resumes change
    // that. A connection that was just paused would hide that the client has left.
    socket.on('readable', this.#onReadable)
    // The body of the request before may have stopped the connection. Node would start it again by `resume`, which no longer does that.
    socket._read(READ_AHEAD)
  }

  readonly #onTurn = (): void => {
    if (--this.#waiting === 0) this.#goOn()
  }

  /** The last request that was parsed is next: it may have a body to come, and there is nothing else to wait for. */
  readonly #goOn = (): void => {
    // Node's parser takes nothing before 'drain'; Node's own listener for that comes first.
    if (this.#socket._paused === true) this.#socket.once('drain', this.#goOn)
    else this.release()
  }

  /** Without the listener, the stream flows again into Node's parser. */
  release (): void {
    this.#socket.off('readable', this.#onReadable)
  }

  closeIfFull (): void {
    const socket = this.#socket
    if (lasting.has(socket) && socket.readableLength >= socket.readableHighWaterMark) socket.destroy()
  }

  readonly #onReadable = (): void => {
    const socket = this.#socket
    this.closeIfFull()
    if (!socket._readableState.ended || socket.server.httpAllowHalfOpen === true) return
    // The client has left. Node ends the connection when it hears that, which it would not before it has parsed what is in between.
    socket.removeAllListeners('data')
    this.release()
    socket.resume()
  }
}
