import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
import type { Buffered } from './buffered.js'

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
  readonly #buffered: Buffered
  #client: ServerResponse | undefined
  /** More has been asked for, and is not asked of the source yet. */
  #wanted = false

  /** `trailer`: names of the trailers that are going to follow. `buffered`: counts what waits here and behind it. */
  constructor (source: ResponseSource, trailer: string | undefined, buffered: Buffered) {
    super({ highWaterMark: BUFFERED })
    this.#source = source
    this.#trailer = trailer
    this.#buffered = buffered
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
    this.#wanted = true
    this.#ask()
  }

  /** False: no more for now. */
  receive (chunk: Buffer): boolean {
    const more = this.push(chunk)
    this.#count()
    return more && this.#hasRoom()
  }

  /** What is read here has been written to the client by the time that this returns, if only into its buffer. */
  override read (size?: number): unknown {
    const chunk = super.read(size) as unknown
    this.#count()
    if (this.#wanted) this.#ask()
    return chunk
  }

  #ask (): void {
    if (!this.#hasRoom()) return
    this.#wanted = false
    this.#source.resume()
  }

  /** A pipe is paused until its client has taken what was written. */
  #hasRoom (): boolean {
    return !this.#buffered.full || (this.readableLength === 0 && (this.#client === undefined || !this.isPaused()))
  }

  #count (): void {
    this.#buffered.set(this.readableLength + (this.#client?.writableLength ?? 0))
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    // On HTTP/2 Fastify ends a stream that breaks off as if it were whole.
    const stream = (this.#client as unknown as { stream?: ServerHttp2Stream } | undefined)?.stream
    if (error !== null) stream?.close(constants.NGHTTP2_INTERNAL_ERROR)
    this.#source.abandon()
    callback(error)
  }
}
