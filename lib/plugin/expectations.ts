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

/** A final answer that comes without it ends the connection, which is Node's doing: nobody could tell whether the body still follows. */
function continueWhenRead (request: IncomingMessage, response: ServerResponse): void {
  waiting.add(request)
  const goOn = (): void => {
    if (waiting.delete(request) && !response.headersSent && !response.destroyed) response.writeContinue()
  }
  request._read = function (size) {
    delete (request as Partial<IncomingMessage>)._read
    goOn()
    request._read(size)
  }
  // The client has not waited, and what is all here is not asked for.
  request.once('end', goOn)
}
