/** One HTTP/2 connection of a client: how many streams it may have, and what is buffered for it. */
import type { IncomingMessage } from 'node:http'
import type { Http2Server, ServerHttp2Stream, Settings } from 'node:http2'
import { constants } from 'node:http2'
import type { Server } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'

/** What an HTTP/2 server offers that does not say how many. */
const UNLIMITED = 4_294_967_295

/**
 * Lowers the number of concurrent streams that the server offers to `max`. Node refuses further streams by itself, also before a client has
 * acknowledged the setting.
 */
export function limitStreams (server: Server, max: number, log: FastifyBaseLogger): void {
  if (!('updateSettings' in server)) return
  const offered = offeredStreams(server as Http2Server)
  if (offered <= max) return
  log.warn({ offered, maxStreams: max }, 'the HTTP/2 server offers more concurrent streams than limits.maxStreams, which applies')
  ;(server as Http2Server).updateSettings({ maxConcurrentStreams: max })
}

/** Node keeps a server's settings under a symbol, and has no other way to read them. */
function offeredStreams (server: Http2Server): number {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'options')
  const { settings } = (server as unknown as Record<symbol, { settings?: Settings }>)[key!]!
  return settings?.maxConcurrentStreams ?? UNLIMITED
}

/** What the balanced requests of one connection have in common. */
export class ClientSession {
  /** Streams that are proxied. A set, because an error handler may proxy one of them once more. */
  readonly streams = new Set<object>()
  /** Bytes of their responses that the client has not taken. */
  bytes = 0
}

const sessions = new WeakMap<object, ClientSession>()

/**
 * The connection that a request over HTTP/2 came on, which counts its stream from now on. Undefined: there are too many streams already, and this one
 * is refused, which tells the client that the request was not processed. It happens only where a server's own limit was raised after its start, or
 * to a server that Fastify has added for a second address.
 */
export function enterSession (request: IncomingMessage, maxStreams: number): ClientSession | undefined {
  const { stream } = request as unknown as { stream: ServerHttp2Stream }
  let session = sessions.get(stream.session!)
  if (session === undefined) sessions.set(stream.session!, session = new ClientSession())
  if (session.streams.size >= maxStreams && !session.streams.has(stream)) {
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
    return undefined
  }
  session.streams.add(stream)
  const { streams } = session
  stream.once('close', () => { streams.delete(stream) })
  return session
}
