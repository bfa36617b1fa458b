/**
 * The body of a request on its way to a target. Routes that are balanced claim it before Fastify parses it, whatever its type and size; what
 * another route has parsed is written down again.
 */
import type { FastifyRequest, preParsingHookHandler } from 'fastify'
import { stringify } from 'node:querystring'
import type { Readable } from 'node:stream'
import { BodyTooLargeError } from '../errors.js'
import { lingerAfter } from './linger.js'
import { refuseAmbiguousPath } from './paths.js'
import type { PathRules } from './request-path.js'
import type { Split } from './split.js'
import { refuseTrace } from './trace.js'
import { refuseAmbiguous } from './unambiguous.js'
import type { Upgrades } from './upgrades.js'

/** What a balanced route says, worked out when it is added. */
export interface BalancedRoute extends PathRules {
  /** Name of the upstream. */
  readonly upstream: string
  /** Bytes of a body at most; Infinity where the route sets no `bodyLimit`. */
  readonly bodyLimit: number
  /** It has a `handlerTimeout`. */
  readonly timed: boolean
  /** Groups of targets that its new clients are split among. */
  readonly split: Split | undefined
  readonly upgrades: Upgrades
}

export const kRoute = Symbol('fastify-load-balancer.route')
export const kPayload = Symbol('fastify-load-balancer.payload')
/** Set on a request whose `method` is to be answered with `GET`, once. */
export const kMasked = Symbol('fastify-load-balancer.masked')

export interface ClaimedRequest extends FastifyRequest {
  [kRoute]: BalancedRoute | null
  [kPayload]: Readable | Buffer | null
  [kMasked]: boolean | null
}

/** Classes of requests whose `method` can be masked. Every Fastify instance that decorates its requests has one. */
const maskable = new WeakSet<object>()

/**
 * Fastify reads `request.method` once to see whether there is a body to parse. That one time it is answered as if there was none. The property is
 * changed where the class has it: to put one on the request, and take it away again, would make each request an object of its own kind to V8, and
 * slow.
 */
function maskMethod (request: ClaimedRequest): void {
  const prototype = Object.getPrototypeOf(request) as object
  if (!maskable.has(prototype)) {
    maskable.add(prototype)
    Object.defineProperty(prototype, 'method', {
      configurable: true,
      enumerable: true,
      get (this: ClaimedRequest) {
        if (this[kMasked] !== true) return this.raw.method
        this[kMasked] = false
        return 'GET'
      }
    })
  }
  request[kMasked] = true
}

/** The hook of a balanced route: the last before parsing. */
export function claimBody (route: BalancedRoute): preParsingHookHandler {
  return (request, reply, payload, done) => {
    const claimed = request as ClaimedRequest
    refuseAmbiguous(request, reply)
    refuseAmbiguousPath(request, request.server.upstreams.paths)
    refuseTrace(request, reply)
    claimed[kRoute] = route
    if ((request.raw as { upgrade?: boolean }).upgrade === true) route.upgrades.adopt(request, reply)
    const body = hasBody(request)
    if (body && request.raw.httpVersionMajor === 1) lingerAfter(request.raw, reply.raw)
    if (Number(request.raw.headers['content-length']) > route.bodyLimit) {
      // Nobody is going to read what is still to come.
      if (request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
      done(new BodyTooLargeError())
      return
    }
    const parsed = request.method !== 'GET' && request.method !== 'HEAD'
    if (body) {
      claimed[kPayload] = payload as Readable
      if (parsed) request.body = payload
    }
    // Also where there is no body: a content type without one is for the target to judge.
    if (parsed) maskMethod(claimed)
    done(null, payload)
  }
}

function hasBody ({ raw }: FastifyRequest): boolean {
  const { headers } = raw
  // Fastify types its raw request as HTTP/1's; on HTTP/2 only the stream knows whether a body follows.
  if (raw.httpVersionMajor === 2) return (raw as unknown as { stream: { endAfterHeaders: boolean } }).stream.endAfterHeaders !== true
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] !== undefined && headers['content-length'] !== '0')
}

/**
 * There is a body, and nobody has read of it: its method has none that Fastify knows of, or its parser leaves it to others, as @fastify/multipart
 * does.
 */
export function isUnread (request: FastifyRequest): boolean {
  return request.body === undefined && hasBody(request) && !request.raw.readableDidRead
}

/** A body that a parser has made something of, written down again by its content type. Throws where there is no way back. */
export function rewritten (body: unknown, contentType: string | undefined): Buffer | string | Readable | null {
  if (body === undefined) return null
  if (typeof body === 'string' && !isJson(contentType)) return body
  if (Buffer.isBuffer(body)) return body
  if (isStream(body)) return body
  if (contentType === undefined || isJson(contentType)) return JSON.stringify(body)
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType) && isFlat(body as object)) return stringify(body as Record<string, string>)
  throw new TypeError(`a body of type ${contentType} that was parsed cannot be written down again; set config.upstream on the route, and it is passed on as it comes`)
}

function isJson (contentType: string | undefined): boolean {
  return contentType !== undefined && /^[^;]*[/+]json\s*(?:;|$)/i.test(contentType)
}

/** Of anything deeper, `stringify` would write nothing. */
function isFlat (form: object): boolean {
  return Object.values(form).flat().every(value => typeof value !== 'object')
}

function isStream (body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && typeof (body as Readable).pipe === 'function'
}
