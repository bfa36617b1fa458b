/**
 * Interim responses of a target (RFC 9110 §15.2), for clients that can take them. They are written to the connection here: Node's `writeEarlyHints`
 * checks a `Link` with a pattern whose cost grows exponentially with its length, and has no counterpart for a 102 on HTTP/2.
 */
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { FastifyReply } from 'fastify'
import { endToEndHeaders, type Headers, type RawHeaders } from '../engine/headers.js'

/** Interim responses that a client gets of one request at most, those of all attempts taken together. */
const PASSED = 8

/** Bytes of the headers of an interim response; a longer one is dropped. */
const LONGEST = 8_192

/**
 * Headers that a client acts on before it has the final response (HTML, "process early hints"). Others would also reach it past the hook
 * `headers.response`, which may have good reasons to remove them.
 */
const HINTS = ['link', 'content-security-policy', 'referrer-policy']

/** Frames that wait for a client of HTTP/2, beyond which it is taken for one that does not read. All that is sent within one tick is among them. */
const WAITING_FRAMES = 64

export class InterimResponses {
  readonly #reply: FastifyReply
  #passed = 0

  constructor (reply: FastifyReply) {
    this.#reply = reply
  }

  /**
   * Passes a 102 or a 103 (RFC 8297) on. A 100 is the gateway's own business. What a client could not take at this moment is dropped: a target that
   * sends hints without end must not fill the memory.
   */
  pass (status: number, rawHeaders: RawHeaders): void {
    const { raw } = this.#reply
    if (this.#passed >= PASSED || raw.headersSent || raw.destroyed) return
    const headers = status === 102 ? {} : status === 103 ? hintsIn(rawHeaders) : undefined
    if (headers === undefined) return
    const written = this.#reply.request.raw.httpVersionMajor === 2
      ? writeToStream(raw as unknown as Http2ServerResponse, status, headers)
      : this.#reply.request.raw.httpVersion === '1.1' && writeToSocket(raw, status, headers)
    if (written) this.#passed++
  }
}

/** What a 103 hints at; undefined where that is nothing, or cannot be passed on. */
function hintsIn (rawHeaders: RawHeaders): Headers | undefined {
  if (rawHeaders.reduce((sum, { length }) => sum + length, 0) > LONGEST) return undefined
  const headers = endToEndHeaders(rawHeaders)
  const { link } = headers
  if (link === undefined || ![link].flat().every(looksLikeLinks)) return undefined
  return Object.fromEntries(HINTS.flatMap(name => headers[name] === undefined ? [] : [[name, headers[name]]]))
}

/** It begins with a reference in angle brackets (RFC 8288 §3). What follows is for the client to judge. */
function looksLikeLinks (value: string): boolean {
  return value.trimStart().startsWith('<') && value.includes('>')
}

function writeToSocket (raw: ServerResponse, status: number, headers: Headers): boolean {
  const { socket } = raw
  // A client that does not read gets no hints, and neither does one that has the response to an earlier request still to come: that one has the socket.
  if (socket === null || !socket.writable || socket.writableNeedDrain) return false
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map(one => `${name}: ${one}\r\n`))
  // The values come from a parser that lets no control characters through.
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]!}\r\n${lines.join('')}\r\n`, 'latin1')
  return true
}

function writeToStream ({ stream }: Http2ServerResponse, status: number, headers: Headers): boolean {
  // A stream that the client has reset is closed, but lasts as long as something of the request has not been read.
  if (stream.closed || stream.headersSent) return false
  // What the session writes does not pass through its socket, whose buffer is always empty.
  if (stream.session!.state.outboundQueueSize! > WAITING_FRAMES) return false
  stream.additionalHeaders({ ':status': status, ...headers })
  return true
}
