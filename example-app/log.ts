/** What the gateway writes down: one line for a request. Of targets that turn the plugin tells. */
import Fastify, { LogController, type FastifyBaseLogger, type FastifyReply, type FastifyRequest } from 'fastify'
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
