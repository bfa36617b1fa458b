/** What the gateway writes down: one line for a request, and one for a target that turns. */
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { LogLevel } from './config.js'

/** Every line says which process it is from. */
export const loggerOptions = (level: LogLevel): { level: LogLevel, base: object } => ({ level, base: { pid: process.pid } })

/** A log for what is not a server. */
export function createLog (level: LogLevel): FastifyBaseLogger {
  return Fastify({ logger: loggerOptions(level) }).log
}

/** One line at the end of a request, with its target, instead of Fastify's two or three. */
export class RequestLog extends LogController {
  override incomingRequest (): void {}

  override routeNotFound (): void {}

  override requestCompleted (error: Error | null | undefined, { log, method, url, balancing }: FastifyRequest, reply: FastifyReply): void {
    log.info({
      method,
      url,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      upstream: balancing?.upstream,
      target: balancing?.target,
      attempts: balancing?.attempts.length,
      error: error?.message
    }, 'request')
  }
}

/** Both ways at one level: who reads of a fall wants to read of the return. */
export function logTurns (app: FastifyInstance): void {
  for (const upstream of app.upstreams) {
    upstream.on('target:unhealthy', event => { app.log.warn(event, 'target is unhealthy') })
    upstream.on('target:ejected', event => { app.log.warn(event, 'target is ejected') })
  }
  // Targets that pass their first probe are no news.
  app.addHook('onReady', async () => {
    for (const upstream of app.upstreams) {
      upstream.on('target:healthy', event => { app.log.warn(event, 'target is healthy') })
      upstream.on('target:restored', event => { app.log.warn(event, 'target is restored') })
    }
  })
}
