/**
 * Corrections of undici 7's parser of HTTP/1.1 responses, which destroys connections over responses that RFC 9110 allows, and throws where a target
 * breaks off. Each connection (`Connection`) has a parser of its own, which keeps its state in public fields of the socket; this file is the only one
 * that knows of it.
 *
 * - A `100 Continue` that nobody asked for is an interim response like any other (RFC 9110 §15.2). undici takes it for the end of the connection, so
 *   a request that the target has processed would be answered 502.
 * - An interim response never ends the connection: the final one is still to come. The parser would refuse it behind a `Connection: close`, or behind an
 *   interim response of HTTP/1.0.
 * - A 304 may carry the `Content-Length` of the response that it stands for (RFC 9110 §8.6), and some servers send one with a 204. undici waits for
 *   that body, and gives the connection up.
 * - A target may reset the last response of a connection while the client does not read it. undici's parser, which is paused then, asserts that it is
 *   not. The assertion fails in an event of the socket, where nothing catches it, and so it would end the process.
 */
import { errors } from 'undici'

/** The status under which undici gets to see a `100 Continue`. No such interim response is registered, and no client is told of one. */
export const UNASKED_CONTINUE = 199

/** What is used of undici's `Parser` (lib/dispatcher/client-h1.js). */
interface Parser {
  ptr: number
  llhttp: { llhttp_set_lenient_keep_alive: (ptr: number, enabled: number) => void }
  contentLength: string
  paused: boolean
  finish: () => Error | null
  onHeadersComplete: (status: number, upgrade: boolean, shouldKeepAlive: boolean) => number
}

/** To be called once undici has put its parser on the socket. Where undici keeps none there, as with HTTP/2, nothing changes. */
export function correctParser (socket: object): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'parser')
  const parser = symbol === undefined ? undefined : (socket as Record<symbol, Parser | null>)[symbol]
  if (parser === undefined || parser === null) return
  const { onHeadersComplete, finish } = parser
  parser.onHeadersComplete = function (status, upgrade, shouldKeepAlive) {
    if (status === 304 || status === 204) this.contentLength = ''
    // The connection has no response after this one: undici closes it, as it was told.
    else if (status < 200) this.llhttp.llhttp_set_lenient_keep_alive(this.ptr, 1)
    return onHeadersComplete.call(this, status === 100 ? UNASKED_CONTINUE : status, upgrade, shouldKeepAlive)
  }
  parser.finish = function () {
    return this.paused ? new errors.SocketError('the connection was closed while the response was paused') : finish.call(this)
  }
}
