/**
 * Whether a load balancer in front should send requests here. It takes some seconds to notice that this gateway is about to stop: for so long the
 * readiness page says no while every request is still answered.
 */
import type { FastifyInstance } from 'fastify'

export class Readiness {
  #leaving = false

  /** `path`: of the page that says 200 or 503; undefined for none. */
  constructor (app: FastifyInstance, path: string | undefined) {
    if (path === undefined) return
    app.get(path, { logLevel: 'silent' }, async (_request, reply) =>
      await reply.code(this.#leaving ? 503 : 200).header('cache-control', 'no-store').send(this.#leaving ? 'stopping' : 'ready'))
  }

  /** The page says no from here on. Resolved when others have had `ms` to notice. */
  async leave (ms: number): Promise<void> {
    this.#leaving = true
    if (ms > 0) await new Promise(resolve => { setTimeout(resolve, ms) })
  }
}
