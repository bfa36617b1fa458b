/**
 * Interim responses of HTTP/2 targets, which undici 7 does not listen for: hints would be lost, and a target that sends them without end would be heard
 * by nobody before its deadline. undici keeps its session on the socket; this file is the only one that knows of it.
 */
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { rawHeaders, type Headers, type RawHeaders } from './headers.js'

/** An attempt that is about to open its stream. */
export interface InterimListener { onInterim (status: number, headers: RawHeaders): void }

interface Session { request: (...args: unknown[]) => ClientHttp2Stream }

/**
 * To be called once undici has put its session on the socket. Where it has none there, as with HTTP/1.1, nothing changes.
 * @param take the attempt whose stream is opened now
 */
export function hearInterimResponses (socket: object, take: () => InterimListener | undefined): void {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'http2Session')
  if (symbol === undefined) return
  const session = (socket as Record<symbol, Session>)[symbol]!
  const { request } = session
  session.request = function (...args) {
    const listener = take()
    const stream = request.apply(session, args)
    if (listener !== undefined) stream.on('headers', ({ ':status': status, ...headers }: IncomingHttpHeaders) => { listener.onInterim(Number(status), rawHeaders(headers as Headers)) })
    return stream
  }
}
