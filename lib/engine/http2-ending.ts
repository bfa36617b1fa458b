import type { ClientHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'

/**
 * How a response of HTTP/2 ends, which undici does not tell apart.
 *
 * - It takes trailers for the end as soon as they are here. What of the body waits for a slow reader at that moment would be lost, and the rest pass for
 *   the whole. Here it does not hear of them before the body has been read.
 * - It takes a stream that was reset, with a code that is no error (RFC 9113 §8.1), for one that has ended.
 */
export class Http2Ending {
  /** The stream was closed before its end had come. */
  cut = false

  /** @param resume as undici hands it over: the method of the response's stream, which is not to be had otherwise */
  constructor (resume: () => unknown) {
    // It flows as of now in any case, and the method returns it.
    const stream = resume()
    if (!(stream instanceof Readable)) return
    this.#keepTrailersBehindBody(stream)
    this.#noteCut(stream as ClientHttp2Stream)
  }

  #keepTrailersBehindBody (stream: Readable): void {
    const listeners = stream.listeners('trailers')
    stream.removeAllListeners('trailers')
    stream.once('trailers', (...fields) => {
      stream.prependOnceListener('end', () => { for (const hear of listeners) hear.apply(stream, fields) })
    })
  }

  #noteCut (stream: ClientHttp2Stream): void {
    const push = stream.push.bind(stream)
    // All of a short answer may be here by now.
    let ended = stream.endAfterHeaders || stream.closed || stream.state.remoteClose === 1
    // Node pushes the end when it comes, and in any case when the stream is closed.
    stream.push = (chunk, encoding) => {
      if (chunk === null && !ended) {
        ended = true
        this.cut = stream.closed
      }
      return push(chunk, encoding)
    }
  }
}
