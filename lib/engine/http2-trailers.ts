import { Readable } from 'node:stream'

/**
 * undici takes the trailers of HTTP/2 for the end of a response as soon as they are here. What of the body waits for a slow reader at that moment would
 * be lost, and the rest pass for the whole. Here undici does not hear of them before the body has been read.
 * @param resume as undici hands it over: the method of the response's stream, which is not to be had otherwise
 */
export function keepTrailersBehindBody (resume: () => unknown): void {
  // It flows as of now in any case, and the method returns it.
  const stream = resume()
  if (!(stream instanceof Readable)) return
  const listeners = stream.listeners('trailers')
  stream.removeAllListeners('trailers')
  stream.once('trailers', (...fields) => {
    stream.prependOnceListener('end', () => { for (const hear of listeners) hear.apply(stream, fields) })
  })
}
