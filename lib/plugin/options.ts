import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import { ejectionOptions, type EjectionOptions, type EjectionRules } from '../balancing/ejection.js'
import type { PolicyOption } from '../balancing/policies/index.js'
import { discoveryOption, type DiscoveryOptions } from '../discovery/options.js'
import type { DiscoverySettings } from '../discovery/source.js'
import type { Headers } from '../engine/headers.js'
import { checkEngine, engineFields, type EngineOptions, type EngineSettings } from '../engine/upstream-options.js'
import { drainMsOption } from '../engine/call-options.js'
import { adminOption, type AdminOptions, type AdminSettings } from '../operations/admin/options.js'
import { metricsOption, type MetricsOptions, type MetricsSettings } from '../operations/metrics.js'
import { probeOptions, type ProbeOptions, type ProbeSettings } from '../health/probe-options.js'
import { array, boolean, defaultsOf, fault, func, isObject, object, oneOf, optional, record, switchable, type Check } from '../options.js'
import { sharedOption } from '../sharing/options.js'
import type { SharedOptions, SharedSettings } from '../sharing/store.js'
import { affinityOption, type AffinityOptions, type AffinitySettings } from './affinity-options.js'
import { splitOption, type SplitOption } from './split.js'

// ---- health ---------------------------------------------------------------------------------------------------------------

export interface HealthOptions {
  /** Probes in the background. @default false */
  active?: ProbeOptions | false
  /** Ejection of targets whose traffic fails; `false` switches it off. @default {} */
  passive?: EjectionOptions | false
}

export interface HealthSettings { active: ProbeSettings | false, passive: EjectionRules | false }

const healthOptions = object<HealthSettings>({
  active: switchable(probeOptions, false),
  passive: switchable(ejectionOptions, defaultsOf(ejectionOptions))
})

// ---- headers --------------------------------------------------------------------------------------------------------------

export interface HeaderOptions {
  /** The `Host` that targets see: their own, or the client's. @default 'target' */
  host?: 'target' | 'preserve'
  /**
   * How targets are told of the client: `x` as `X-Forwarded-For`, `-Proto`, `-Host`, `-Port` and, where `rewritePrefix` takes one off, `-Prefix`; `rfc7239` as `Forwarded`; `false` not at
   * all, and then what the client says of that passes. Otherwise that counts only when Fastify's `trustProxy` trusts the peer. @default 'x'
   */
  forwarded?: 'x' | 'rfc7239' | false
  /** Add the gateway to `Via`. @default true */
  via?: boolean
  /** Send Fastify's `request.id` as `X-Request-Id` where the client has sent none. @default true */
  requestId?: boolean
  /** Map `Location`, `Content-Location` and `Refresh` that name the target's origin or path back to what the client knows (nginx `proxy_redirect`). @default true */
  location?: boolean
  /** Map the paths of cookies back, too (nginx `proxy_cookie_path`). @default false */
  cookiePath?: boolean
  /** Returns the header fields that the target gets; `headers` are those it would get, and may be changed. Names are in lower case. @default none */
  request?: (request: FastifyRequest, headers: Headers) => Headers
  /** Returns the header fields that the client gets; `headers` are those it would get, and may be changed. Names are in lower case. @default none */
  response?: (request: FastifyRequest, headers: Headers) => Headers
}

type HeaderHook = (request: FastifyRequest, headers: Headers) => Headers

export interface HeaderSettings {
  host: 'target' | 'preserve'
  forwarded: 'x' | 'rfc7239' | false
  via: boolean
  requestId: boolean
  location: boolean
  cookiePath: boolean
  request: HeaderHook | undefined
  response: HeaderHook | undefined
}

const headerOptions = object<HeaderSettings>({
  host: optional(oneOf('target', 'preserve'), 'target'),
  forwarded: optional(oneOf<'x' | 'rfc7239' | false>('x', 'rfc7239', false), 'x'),
  via: optional(boolean, true),
  requestId: optional(boolean, true),
  location: optional(boolean, true),
  cookiePath: optional(boolean, false),
  request: optional(func<HeaderHook>()),
  response: optional(func<HeaderHook>())
})

// ---- upgrades -------------------------------------------------------------------------------------------------------------

/** A protocol, with its version if need be (RFC 9110 §7.8). */
const protocol: Check<string> = (value, path, faults) => {
  if (typeof value !== 'string' || !/^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?$/.test(value)) fault(faults, path, "a protocol, as 'websocket'", value)
  // Requests in such a tunnel would come to the target past every hook ("h2c smuggling").
  else if (/^(?:h2c|http\/|tls\/)/i.test(value)) fault(faults, path, 'a protocol that carries no other requests', value)
  return value as string
}

const upgradesOption: Check<ReadonlySet<string>> = (value, path, faults) => {
  const protocols = switchable(array(protocol), ['websocket'])(value, path, faults)
  return new Set(protocols === false ? [] : protocols.map(name => String(name).toLowerCase()))
}

// ---- upstreams and routes ---------------------------------------------------------------------------------------------------

/** One upstream. Times are milliseconds, but cookie attributes such as `maxAge` are those of `@fastify/cookie`: seconds. */
export interface UpstreamOptions extends EngineOptions {
  /** How a target is picked. @default 'least-requests' */
  policy?: PolicyOption<FastifyRequest>
  /** Where targets come from besides `targets`: DNS, a file, an HTTP endpoint, Redis, or whatever yields sets of targets. @default false */
  discovery?: DiscoveryOptions | false
  /** A client's later requests go to the target of an earlier one. @default false */
  affinity?: AffinityOptions | false
  /** How unhealthy targets are found. @default {} */
  health?: HealthOptions
  /** Header fields of what is proxied. @default {} */
  headers?: HeaderOptions
  /**
   * Protocols that a connection may change to (`Upgrade`); asked for any other, the request is served as if it had not asked. `false` for none.
   * @default ['websocket']
   */
  upgrades?: string[] | false
}

export interface UpstreamSettings extends EngineSettings {
  discovery: DiscoverySettings | false
  affinity: AffinitySettings | false
  health: HealthSettings
  headers: HeaderSettings
  upgrades: ReadonlySet<string>
}

/** A prefix's upstream, with any of Fastify's route options: methods (`method`), constraints, hooks, bodyLimit, … */
export interface BalancedRouteOptions extends Omit<RouteShorthandOptions, 'schema'> {
  /** Name of the upstream. */
  upstream: string
  /** Put in place of the prefix. @default the prefix itself: it stays in the path */
  rewritePrefix?: string
  /** New clients by shares among versions of the targets: `{ v1: 90, v2: 10 }`. With affinity, a client stays with its version. @default none */
  split?: SplitOption
  /** Methods to proxy. @default all that the Fastify instance knows */
  method?: string | string[]
}

export interface LoadBalancerOptions {
  /** Upstreams by name. @default {} */
  upstreams?: Record<string, UpstreamOptions>
  /** Prefix → upstream: `'/shop'` serves `/shop` and `/shop/*`, all methods. @default {} */
  routes?: Record<string, string | BalancedRouteOptions>
  /** An API to look at and change what is there while it runs, and a dashboard; see `docs/admin.md`. @default false */
  admin?: AdminOptions | false
  /** Metrics through a Prometheus client of your own; see `docs/metrics.md`. @default false */
  metrics?: MetricsOptions | false
  /**
   * What is changed at run time, and learned sessions, are shared with other gateways (`redis(client)`) or with the other workers of a `node:cluster` (`cluster()`); see
   * `docs/many-gateways.md`. Given once in a scope, where the first upstreams are. @default false
   */
  shared?: SharedOptions | false
  /** Milliseconds that requests in flight have to end when the server closes. @default 30_000 */
  drainMs?: number
}

export interface RouteSettings {
  prefix: string
  upstream: string
  rewritePrefix: string | undefined
  split: SplitOption | undefined
  options: Record<string, unknown>
}

export interface LoadBalancerSettings {
  upstreams: Record<string, UpstreamSettings>
  routes: RouteSettings[]
  admin: AdminSettings | false
  metrics: MetricsSettings | false
  shared: SharedSettings | false
  drainMs: number
}

const upstreamFields = object<UpstreamSettings>({
  ...engineFields,
  discovery: switchable(discoveryOption, false),
  affinity: switchable(affinityOption, false),
  health: optional(healthOptions, defaultsOf(healthOptions)),
  headers: optional(headerOptions, defaultsOf(headerOptions)),
  upgrades: upgradesOption
})

export const upstreamOption: Check<UpstreamSettings> = (value, path, faults) => {
  const settings = upstreamFields(value, path, faults)
  checkEngine(settings, path, faults)
  return settings
}

/** Route options that are ours to set. */
const OURS = ['handler', 'url', 'path']

/** Route options that Fastify knows; it would take any other without a word. */
const ROUTE_OPTIONS = [
  'method', 'config', 'constraints', 'bodyLimit', 'exposeHeadRoute', 'prefixTrailingSlash', 'handlerTimeout', 'logLevel', 'logSerializers',
  'childLoggerFactory', 'errorHandler', 'schema', 'attachValidation', 'validatorCompiler', 'serializerCompiler', 'schemaErrorFormatter',
  'onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization', 'onSend', 'onResponse', 'onError', 'onTimeout', 'onRequestAbort'
]

const routesOption: Check<RouteSettings[]> = (value, path, faults) => {
  if (!isObject(value)) {
    fault(faults, path, 'an object of prefixes', value)
    return []
  }
  return Object.entries(value).map(([prefix, route]) => {
    const here = `${path}[${JSON.stringify(prefix)}]`
    if (!/^\/[^*?#]*$/.test(prefix)) faults.push(`${here}: expected a prefix that starts with '/' and has no '*', '?' or '#'`)
    if (prefix.length > 1 && prefix.endsWith('/') && Object.hasOwn(value, prefix.slice(0, -1))) faults.push(`${here}: ${JSON.stringify(prefix.slice(0, -1))} is there, too, and is the same`)
    const { upstream, rewritePrefix, split, ...options } = isObject(route) ? route : { upstream: route }
    if (typeof upstream !== 'string') fault(faults, isObject(route) ? `${here}.upstream` : here, 'the name of an upstream', upstream)
    if (rewritePrefix !== undefined && (typeof rewritePrefix !== 'string' || !/^(?:\/[!"$->@-~]*)?$/.test(rewritePrefix))) {
      fault(faults, `${here}.rewritePrefix`, "a path as it is sent, as '/v1' or '/caf%C3%A9', or ''", rewritePrefix)
    }
    if (split !== undefined) splitOption(split, `${here}.split`, faults)
    for (const name of ['upstream', 'split']) {
      if (isObject(options.config) && options.config[name] !== undefined) faults.push(`${here}.config.${name}: this is set by the plugin`)
    }
    for (const name of Object.keys(options)) {
      if (OURS.includes(name)) faults.push(`${here}.${name}: this is set by the plugin`)
      else if (!ROUTE_OPTIONS.includes(name)) faults.push(`${here}.${name}: unknown option; known are upstream, rewritePrefix, split, ${ROUTE_OPTIONS.join(', ')}`)
    }
    return {
      prefix: prefix.length > 1 && prefix.endsWith('/') ? prefix.slice(0, -1) : prefix,
      upstream: upstream as string,
      rewritePrefix: rewritePrefix as string | undefined,
      split: split as SplitOption | undefined,
      options
    }
  })
}

const pluginFields = object<LoadBalancerSettings>({
  upstreams: optional(record(upstreamOption), {}),
  routes: optional(routesOption, []),
  admin: switchable(adminOption, false),
  metrics: switchable(metricsOption, false),
  shared: switchable(sharedOption, false),
  drainMs: drainMsOption
})

/** What is there already. */
export interface KnownUpstreams {
  has (name: string): boolean
  /** Name of the upstream whose affinity cookie has this name. */
  cookieOwner (cookie: string): string | undefined
}

/** Faults of new upstreams that show only beside their names and beside the other upstreams. `place`: the option that has them, '' for none. */
export function checkNames (upstreams: Record<string, UpstreamSettings>, place: string, known: KnownUpstreams, faults: string[]): void {
  const cookies = new Map<string, string>()
  for (const [name, { affinity }] of Object.entries(upstreams)) {
    const path = place === '' ? name : `${place}.${name}`
    if (!/^[\w.-]+$/.test(name)) faults.push(`${place}[${JSON.stringify(name)}]: expected a name of letters, digits, '_', '.' and '-'`)
    if (known.has(name)) faults.push(`${path}: an upstream of this name is there already`)
    if (affinity === false || affinity === undefined || !('cookie' in affinity)) continue
    const cookie = affinity.cookie.name ?? `lb_${name}`
    const other = cookies.get(cookie) ?? known.cookieOwner(cookie)
    if (other !== undefined) faults.push(`${path}.affinity.cookie.name: expected a name of its own, got ${JSON.stringify(cookie)}, which ${JSON.stringify(other)} has`)
    cookies.set(cookie, name)
  }
}

/** All of the plugin's options; `has` and `cookieOwner` tell of the upstreams that are there already. */
export function pluginOptions (has: KnownUpstreams['has'], cookieOwner: KnownUpstreams['cookieOwner'] = () => undefined): Check<LoadBalancerSettings> {
  return (value, path, faults) => {
    const settings = pluginFields(value, path, faults)
    const { upstreams = {}, routes = [] } = settings
    checkNames(upstreams, 'upstreams', { has, cookieOwner }, faults)
    for (const { prefix, upstream } of routes) {
      if (typeof upstream === 'string' && !Object.hasOwn(upstreams, upstream) && !has(upstream)) {
        faults.push(`routes[${JSON.stringify(prefix)}]: no upstream ${JSON.stringify(upstream)}; there are ${Object.keys(upstreams).join(', ') || 'none'}`)
      }
    }
    return settings
  }
}
