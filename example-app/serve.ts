/** One process that serves. */
import type { FastifyInstance } from 'fastify'
import type { GatewayConfig, ListenConfig } from './config.js'
import { buildGateway } from './gateway.js'

/** A gateway that listens: this process alone, or workers. */
export interface Running {
  /** Where: `http://127.0.0.1:3000`. */
  address: string
  /** Nothing new is accepted; resolved when the last request in flight is answered. */
  stop: () => Promise<void>
}

/** How often connections that have become idle are looked for while stopping. */
const IDLE_CHECK_MS = 50

export async function serve (config: GatewayConfig): Promise<Running> {
  const app = await buildGateway(config)
  await app.ready()
  try {
    return { address: await app.listen(config.listen), stop: () => stop(app) }
  } catch (error) {
    throw new Error(`cannot listen on ${config.listen.host}:${config.listen.port}: ${whyNot(error as NodeJS.ErrnoException, config.listen)}`)
  }
}

async function stop (app: FastifyInstance): Promise<void> {
  // A connection whose last request ends now would stay open for the keep-alive timeout, and the process with it.
  const timer = setInterval(() => { app.server.closeIdleConnections() }, IDLE_CHECK_MS)
  await app.close().finally(() => { clearInterval(timer) })
}

function whyNot ({ code, message }: NodeJS.ErrnoException, { port }: ListenConfig): string {
  return code === 'EADDRINUSE' ? `port ${port} is taken; PORT=${port + 1} would take another` : message
}
