/**
 * `Expect: 100-continue` (RFC 9110 §10.1.1). Node would say "100 Continue" before a hook has run. Here it is said when somebody begins to read the
 * body: Fastify's parser, or the attempt that has a connection to a target. Whoever refuses the request before that saves the client its upload.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

const watched = new WeakSet<object>()
const waiting = new WeakSet<object>()

/** Once per server, however often the plugin is registered. */
export function watchExpectations (server: Server): void {
  if (watched.has(server)) return
  watched.add(server)
  server.on('checkContinue', (request, response) => {
    // Somebody else says it their way.
    if (server.listenerCount('checkContinue') > 1) return
    continueWhenRead(request, response)
    server.emit('request', request, response)
  })
}

/** The client waits to be told that its body is wanted. */
export function expectsContinue (request: IncomingMessage): boolean {
  return waiting.has(request)
}

function continueWhenRead (request: IncomingMessage, response: ServerResponse): void {
  const { shouldKeepAlive } = response
  waiting.add(request)
  // A client that gets another answer may send the body all the same, or not: nobody could tell where the next request begins.
  response.shouldKeepAlive = false
  request._read = function (size) {
    waiting.delete(request)
    delete (request as Partial<IncomingMessage>)._read
    if (!response.headersSent && !response.destroyed) {
      response.shouldKeepAlive = shouldKeepAlive
      response.writeContinue()
    }
    request._read(size)
  }
  // It has not waited, and all of its body is here.
  request.once('end', () => { response.shouldKeepAlive = shouldKeepAlive })
}
