/** One process that serves. */
import { Server as NetServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Readiness } from '../bin/readiness.js'
import { stop } from '../bin/stop.js'
import type { SharedOptions } from '../lib/index.js'
import { amend } from './amend.js'
import type { Amendment } from './changes.js'
import type { GatewayConfig, ListenConfig } from './config.js'
import { buildGateway } from './gateway.js'

/** A gateway that listens: this process alone, or workers. */
export interface Running {
  /** Where: `http://127.0.0.1:3000`. */
  address: string
  /** Nothing new is accepted; resolved when the last request in flight is answered. */
  stop: () => Promise<void>
}

export interface Serving extends Running {
  /** Takes over what can be changed while it serves. */
  amend: (amendment: Amendment) => void
  /** Others have taken its place: stops when its last client is gone. */
  leave: () => Promise<void>
}

/** Milliseconds between looks for connections that are left. */
const LOOK = 50

/** `shared`: what this process has in common with others. */
export async function serve (config: GatewayConfig, shared: SharedOptions | false = false): Promise<Serving> {
  const app = await buildGateway(config, shared)
  const readiness = new Readiness(app, config.readiness)
  let leaving = false
  app.addHook('onRequest', async (_request, reply) => { if (leaving) reply.raw.shouldKeepAlive = false })
  await app.ready()
  try {
    const address = await app.listen(config.listen)
    return {
      address,
      stop: async () => {
        await readiness.leave(config.shutdownDelay)
        await stop(app)
      },
      amend: amendment => { amend(app, amendment) },
      leave: async () => {
        leaving = true
        await lastClient(app, config.drainMs)
        await stop(app)
      }
    }
  } catch (error) {
    throw new Error(`cannot listen on ${config.listen.host}:${config.listen.port}: ${whyNot(error as NodeJS.ErrnoException, config.listen)}`)
  }
}

/**
 * Resolved when no connection is left, or `limitMs` have passed. Nothing new is accepted, but connections that are there may be used once more: a
 * client that sends a request on one just as it is closed would see an error. The response says that it was the last.
 */
function lastClient ({ server }: FastifyInstance, limitMs: number): Promise<void> {
  // Not http's `close`, which ends idle connections at once.
  NetServer.prototype.close.call(server)
  const end = performance.now() + limitMs
  return new Promise(resolve => {
    const timer = setInterval(() => {
      server.getConnections((_error, count) => {
        if (count > 0 && performance.now() < end) return
        clearInterval(timer)
        resolve()
      })
    }, LOOK)
  })
}

function whyNot ({ code, message }: NodeJS.ErrnoException, { port }: ListenConfig): string {
  return code === 'EADDRINUSE' ? `port ${port} is taken; PORT=${port + 1} would take another` : message
}
