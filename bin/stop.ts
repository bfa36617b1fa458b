/** The end of a server: nothing new is accepted, and what is in flight may end. */
import type { FastifyInstance } from 'fastify'

/** Milliseconds between looks for connections that have become idle. */
const IDLE_CHECK = 50

/** Resolved when the last request in flight is answered. */
export async function stop (app: FastifyInstance): Promise<void> {
  // A connection whose last request ends now would stay open for the keep-alive timeout, and the process with it.
  const timer = setInterval(() => { app.server.closeIdleConnections() }, IDLE_CHECK)
  await app.close().finally(() => { clearInterval(timer) })
}

/**
 * The first SIGTERM or SIGINT stops the server, once `left` is resolved, and ends the process with exit code 0; a second one does not wait.
 */
export function stopOnSignal (app: FastifyInstance, left: () => Promise<void>): void {
  let stopping = false
  const told = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    left().then(() => stop(app)).then(() => { process.exit(0) }, (error: unknown) => {
      app.log.fatal(error)
      process.exit(1)
    })
  }
  process.on('SIGTERM', told).on('SIGINT', told)
}
