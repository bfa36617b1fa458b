/**
 * `async (request, reply) => { reply.balance() }` lacks a `return`. Fastify takes the `undefined` that the promise resolves to for an empty response
 * and sends it, before the target has answered. A reply that waits for a target does not send that.
 */
import type { FastifyReply } from 'fastify'

const kAwaited = Symbol('fastify-load-balancer.awaited')

/** Whether the response of the target, or an error in its place, is still to come. */
export interface Awaiting { readonly awaiting: boolean }

interface WaitingReply extends FastifyReply { [kAwaited]?: Awaiting }

/** `reply` waits for `awaited`. */
export function awaitResponse (reply: FastifyReply, awaited: Awaiting): void {
  (reply as WaitingReply)[kAwaited] = awaited
  reply.send = sendUnlessForgotten
}

function sendUnlessForgotten (this: WaitingReply, payload?: unknown): FastifyReply {
  if (payload === undefined && this[kAwaited]!.awaiting) return this
  return (Object.getPrototypeOf(this) as FastifyReply).send.call(this, payload)
}
