/** `reply.balance()`: from a Fastify request to a proxied one, through reply-from. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fastifyReplyFrom from '@fastify/reply-from'
import { timeoutFields, type TimeoutOptions, type Timeouts } from '../engine/timeouts.js'
import { retryFields, retryOptions, type Retry, type RetryOptions } from '../engine/retry.js'
import { tagsOption } from '../engine/target-options.js'
import { UnknownUpstreamError } from '../errors.js'
import { checked, defaultsOf, object, oneOf, optional, partial, refuse, string, switchable, type Check } from '../options.js'
import { isUnread, kPayload, kRoute, rewritten, type BalancedRoute, type ClaimedRequest } from './body.js'
import { awaitResponse } from './forgotten-return.js'
import { Proxied, type ClientResponse } from './proxied.js'
import type { ProxiedOptions } from './proxied-options.js'
import type { Entry, Upstreams } from './registry.js'
import { isAmbiguous, refuseAmbiguousPath, type PathMode } from './paths.js'
import { originForm, ownPath, prefixIn, refusedPath, targetPath, withoutSlash } from './request-path.js'
import { refuseTrace } from './trace.js'
import { refuseAmbiguous } from './unambiguous.js'

/** What can be said of one request. */
export interface BalanceOptions {
  /**
   * Path to ask the target for; the query is kept where it has none of its own. It obeys the plugin's option `paths` like the path of a client, and is
   * refused with 400 where it is no path, or leads above the base path of the target. @default the request's
   */
  path?: string
  /** What hash policies go by. @default what their own `key` makes of the request */
  hashKey?: string | undefined
  /** Only targets that carry these tags. Outranks the route's `split`. @default {} */
  tags?: Record<string, string>
  /** When none of those can take the request: `any` other target, or `none`, and the answer is 503. @default 'none' */
  fallback?: 'any' | 'none'
  /** Deadlines of this request; what is absent is the upstream's. @default {} */
  timeouts?: TimeoutOptions
  /** Retries of this request; what is absent is the upstream's. `budget` and `hedge` are the upstream's alone. @default {} */
  retry?: Omit<RetryOptions, 'budget' | 'hedge'> | false
}

/** The budget, and the times that hedging goes by, are the upstream's. */
const { budget, hedge, ...ownRetryFields } = retryFields

/** '' is nothing, as a client may well send it in a header. */
const anyText: Check<string | undefined> = (value, path, faults) => value === '' ? undefined : string(value, path, faults)

/** With durations as milliseconds. */
type GivenOptions = Omit<BalanceOptions, 'timeouts'> & { timeouts?: Partial<Timeouts> }

const balanceOptions = object<GivenOptions>({
  path: optional(string),
  hashKey: optional(anyText),
  tags: optional(tagsOption),
  fallback: optional(oneOf('any', 'none')),
  timeouts: optional(partial(timeoutFields)),
  retry: optional(switchable(partial(ownRetryFields), false))
} as never)

const NOTHING: GivenOptions = Object.freeze({})

export const kProxied = Symbol('fastify-load-balancer.proxied')

interface BalancedRequest extends ClaimedRequest { [kProxied]: Proxied | null }

type From = (this: FastifyReply, source: string, options: object) => FastifyReply

/** reply-from only ever sees this address: the exchange knows the real ones. */
const BASE = 'http://upstream'

const asItCame = {
  getUpstream: () => BASE,
  queryString: () => '',
  rewriteRequestHeaders (request: FastifyRequest): object {
    const proxied = (request as BalancedRequest)[kProxied]!
    proxied.prepare()
    // Its own copy of the headers is not used: it lacks what hooks have set, where the client names that in `Connection`. It would copy what it is
    // given once more, so it gets nothing but the way back to us, which travels under a symbol.
    return { [kProxied]: proxied }
  }
}

/** Where a parser has been at the body, `payload` has it written down again: reply-from must not do that, too. */
const asParsed = { ...asItCame, body: null }

/** What reply-from takes for an HTTP client. */
const client = {
  request ({ headers }: { headers: { [kProxied]: Proxied } }, callback: (error: null, answer: ClientResponse) => void): void {
    headers[kProxied].start(callback)
  }
}

/**
 * reply-from's function, taken by registering it on a stand-in, so that nothing of it shows where the user may register it.
 */
export function takeFrom (): From {
  let from: From | undefined
  const standIn = {
    decorateReply (_name: string, decorated: From) { from = decorated },
    addHook () {},
    onClose () {}
  }
  // It is no Fastify instance, but has all that reply-from asks of one.
  fastifyReplyFrom(standIn as unknown as FastifyInstance, {
    undici: client as never,
    retryMethods: [],
    disableRequestLogging: true
  }, () => {})
  return from!
}

export function balance (from: From, upstreamsOf: (reply: FastifyReply) => Upstreams) {
  return function balance (this: FastifyReply, name?: string, options: BalanceOptions = NOTHING): FastifyReply {
    const request = this.request as BalancedRequest
    const route = request[kRoute]
    // Where the body was claimed, that has been looked at.
    if (route === null) {
      refuseAmbiguous(request, this)
      refuseTrace(request, this)
    }
    const upstreams = upstreamsOf(this)
    const upstream = name ?? route?.upstream ?? request.routeOptions.config.upstream
    const entry = upstream === undefined ? undefined : upstreams.entry(upstream)
    if (entry === undefined) throw new UnknownUpstreamError(String(upstream))
    const given = options === NOTHING ? NOTHING : checked(balanceOptions, options, 'balance')
    if (route === null && given.path === undefined) refuseAmbiguousPath(request, upstreams.paths)
    const { connect } = entry.upstream.settings.timeouts
    if (given.timeouts?.connect !== undefined && connect > 0 && (given.timeouts.connect === 0 || given.timeouts.connect > connect)) {
      refuse([`balance.timeouts.connect: expected at most the upstream's (${connect}), which its connections go by, got ${given.timeouts.connect}`])
    }
    if (request[kProxied] !== null) {
      // An error handler tries elsewhere: what the first try had to say is not true of the second.
      this.removeHeader('retry-after')
      this.removeHeader('connection')
    }
    if (request[kPayload] === null && isUnread(request)) request[kPayload] = request.raw
    // A hook that was added behind ours may have had the body parsed after all.
    if (request[kPayload] !== null && request.body !== undefined && !isAsItCame(request)) request[kPayload] = null
    const parsed = request[kPayload] === null && request.body !== undefined
    const proxied = request[kProxied] = new Proxied(this, entry, proxiedOptions(request, route, entry, given))
    awaitResponse(this, proxied)
    return from.call(this, '/', parsed ? asParsed : asItCame)
  }
}

/** The body is the stream that was claimed, or what was read of it for an earlier try. */
function isAsItCame (request: ClaimedRequest): boolean {
  return request.body === request[kPayload] || Buffer.isBuffer(request[kPayload])
}

function proxiedOptions (request: ClaimedRequest, route: BalancedRoute | null, { upstream, upgrades, hashKey }: Entry, given: GivenOptions): ProxiedOptions {
  const { settings } = upstream
  const split = given.tags === undefined && route?.upstream === upstream.name ? route.split : undefined
  const url = originForm(request.raw.url!, request.raw.headers.host)
  const rewrite = given.path === undefined ? route?.rewritePrefix : undefined
  const handshake = (request.raw as { upgrade?: boolean }).upgrade === true ? route?.upgrades.handshake(request) : undefined
  return {
    path: given.path === undefined ? targetPath(url, route ?? noRules) : unambiguousPath(ownPath(given.path, url), request.server.upstreams.paths),
    prefix: rewrite === undefined ? '' : prefixIn(url, route!.prefix),
    rewritePrefix: withoutSlash(rewrite ?? ''),
    handshake: handshake !== undefined && upgrades.has(handshake.protocol.toLowerCase()) ? handshake : undefined,
    payload: request[kPayload] ?? rewritten(request.body, request.raw.headers['content-type']),
    bodyLimit: route?.bodyLimit ?? Infinity,
    timeouts: given.timeouts === undefined ? settings.timeouts : { ...settings.timeouts, ...given.timeouts },
    retry: retryOf(given.retry, settings.retry),
    hashKey: given.hashKey ?? hashKey?.(request),
    tags: given.tags,
    split,
    fallback: given.fallback ?? (given.tags === undefined ? split?.fallback : undefined),
    timed: route?.timed ?? request.routeOptions.handlerTimeout! > 0
  }
}

/** What a call says goes over what the upstream says; where that is nothing, over the defaults. */
function retryOf (given: GivenOptions['retry'], upstream: Retry | false): Retry | false {
  if (given === undefined) return upstream
  if (given === false) return false
  return { ...(upstream === false ? defaultsOf(retryOptions) : upstream), ...given as Partial<Retry> }
}

function unambiguousPath (path: string, mode: PathMode): string {
  if (isAmbiguous(path, mode)) throw refusedPath(path, `expected no dot segments and no '\\' with paths: '${mode}'`)
  return path
}

const noRules = { prefix: '', rewritePrefix: undefined }
