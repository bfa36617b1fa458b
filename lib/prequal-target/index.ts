/**
 * The other side of the policy `prequal`, for targets that are Fastify servers: each response says how many requests the server has, and how long
 * they take it at present. Needs nothing of the gateway.
 */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { RecentLatencies } from './recent-latencies.js'

export interface PrequalTargetOptions {
  /** Response header fields, by the names that the gateway's `policy.headers` has. */
  headers?: {
    /** Requests that the server has, apart from the one that is answered. @default 'x-prequal-in-flight' */
    inFlight?: string
    /** Milliseconds from a request's arrival to its response's headers, as of now. @default 'x-prequal-latency' */
    latency?: string
  }
  /** Path that answers the gateway's questions (`policy.probes.path`); `false` for none. @default '/prequal' */
  path?: string | false
}

const kArrival = Symbol('fastify-load-balancer.arrival')

/** When a request came, how many others the server had then, and whether it was answered: an error may be sent in the place of an answer. */
interface Arrival { at: number, inFlight: number, answered: boolean }

interface CountedRequest extends FastifyRequest { [kArrival]: Arrival | null }

const plugin: FastifyPluginAsync<PrequalTargetOptions> = async (fastify, { headers = {}, path = '/prequal' }) => {
  const { inFlight: inFlightField = 'x-prequal-in-flight', latency: latencyField = 'x-prequal-latency' } = headers
  const now = (): number => performance.now()
  const latencies = new RecentLatencies(now)
  let inFlight = 0

  // A prefix around the plugin is one around its path.
  const question = path === false ? undefined : fastify.prefix + path
  fastify.decorateRequest(kArrival as never, null as never)

  fastify.addHook('onRequest', async (request, reply) => {
    // A question is no request, and a WebSocket is none that is answered.
    if ((question !== undefined && request.routeOptions.url === question) || request.headers.upgrade !== undefined) return
    (request as CountedRequest)[kArrival] = { at: now(), inFlight, answered: false }
    inFlight++
    // Also of a client that leaves, which `onResponse` would not hear of.
    reply.raw.once('close', () => { inFlight-- })
  })

  fastify.addHook('onSend', async (request, reply) => {
    const arrival = (request as CountedRequest)[kArrival]
    // A quick error is no quick answer.
    if (arrival?.answered === false && reply.statusCode < 500) {
      arrival.answered = true
      latencies.add(arrival.inFlight, now() - arrival.at)
    }
    const others = arrival === null ? inFlight : inFlight - 1
    reply.header(inFlightField, others).header(latencyField, latencies.estimate(others).toFixed(2))
  })

  if (path !== false) fastify.get(path, { logLevel: 'silent' }, async (_request, reply) => { await reply.code(204).send() })
}

export const prequalTarget = fp(plugin, { fastify: '5.x', name: 'fastify-load-balancer-prequal-target' })
export default prequalTarget
