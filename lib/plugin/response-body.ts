import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'

/** Where a response body comes from. */
export interface ResponseSource {
  /** More is wanted. */
  resume (): void
  /** No more is wanted, although there may be more. */
  abandon (): void
}

/**
 * Bytes that wait for a slow client before the target is not read any more. Less than two reads of 64 KB, and a body of that size would stop and
 * start its connection, which costs as much again as passing it on.
 */
const BUFFERED = 131_072

/** A response body that is passed on as it comes. */
export class ResponseBody extends Readable {
  readonly #source: ResponseSource
  readonly #trailer: string | undefined
  #client: ServerResponse | undefined

  /** `trailer`: names of the trailers that are going to follow. */
  constructor (source: ResponseSource, trailer: string | undefined) {
    super({ highWaterMark: BUFFERED })
    this.#source = source
    this.#trailer = trailer
    // It may break off while a hook of the user still runs, and nobody listens yet: that must not end the process.
    this.on('error', () => {})
  }

  /** Fastify pipes into the raw response once its headers are set. */
  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    this.#client = destination as unknown as ServerResponse
    // Only where they can follow: Node throws when there is a length.
    if (this.#trailer !== undefined && !this.#client.headersSent && !this.#client.hasHeader('content-length')) this.#client.setHeader('trailer', this.#trailer)
    return super.pipe(destination, options)
  }

  override _read (): void {
    // Headers go out when they are here, not with the first byte of the body, which may be a long time coming.
    if (this.#client !== undefined && !this.#client.headersSent && this.readableLength === 0) this.#client.flushHeaders?.()
    this.#source.resume()
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    // On HTTP/2 Fastify ends a stream that breaks off as if it were whole.
    const stream = (this.#client as unknown as { stream?: ServerHttp2Stream } | undefined)?.stream
    if (error !== null) stream?.close(constants.NGHTTP2_INTERNAL_ERROR)
    this.#source.abandon()
    callback(error)
  }
}
