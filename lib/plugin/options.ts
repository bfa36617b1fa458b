import type { FastifyRequest } from 'fastify'
import { ejectionOptions, type EjectionOptions, type EjectionRules } from '../balancing/ejection.js'
import type { PolicyOption } from '../balancing/policies/index.js'
import type { Duration } from '../duration.js'
import { discoveryOption, type DiscoveryOptions } from '../discovery/options.js'
import type { DiscoverySettings } from '../discovery/source.js'
import { checkEngine, engineFields, type EngineOptions, type EngineSettings } from '../engine/upstream-options.js'
import { drainMsOption } from '../engine/call-options.js'
import { adminOption, type AdminOptions, type AdminSettings } from '../operations/admin/options.js'
import { metricsOption, type MetricsOptions, type MetricsSettings } from '../operations/metrics.js'
import { probeOptions, type ProbeOptions, type ProbeSettings } from '../health/probe-options.js'
import { array, defaultsOf, fault, object, oneOf, optional, record, shorthand, switchable, type Check } from '../options.js'
import { sharedOption } from '../sharing/options.js'
import type { SharedOptions, SharedSettings } from '../sharing/store.js'
import { affinityOption, type AffinityOptions, type AffinitySettings } from './affinity-options.js'
import { clientLimits, type ClientLimits, type ClientLimitSettings } from './client-limits.js'
import { headerOptions, type HeaderOptions, type HeaderSettings } from './header-options.js'
import type { PathMode } from './paths.js'
import { routesOption, type BalancedRouteOptions, type RouteSettings } from './route-options.js'

// ---- health ---------------------------------------------------------------------------------------------------------------

/** How unhealthy targets are found: by probes, and by their traffic. */
export interface HealthOptions {
  /** Probes in the background; `true` takes the defaults. @default false */
  active?: ProbeOptions | boolean
  /** Ejection of targets whose traffic fails; `false` switches it off. @default {} */
  passive?: EjectionOptions | boolean
}

export interface HealthSettings { active: ProbeSettings | false, passive: EjectionRules | false }

const healthOptions = object<HealthSettings>({
  active: shorthand(probeOptions, false),
  passive: shorthand(ejectionOptions, defaultsOf(ejectionOptions))
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

// ---- upstreams -------------------------------------------------------------------------------------------------------------

/** One upstream. Times are milliseconds, apart from the cookie attribute `maxAge`, which is in seconds as in `Set-Cookie`. */
export interface UpstreamOptions extends EngineOptions {
  /** How a target is picked. @default 'least-requests' */
  policy?: PolicyOption<FastifyRequest>
  /** Where targets come from besides `targets`: DNS, a file, an HTTP endpoint, Redis, or whatever yields sets of targets. @default false */
  discovery?: DiscoveryOptions | false
  /** A client's later requests go to the target of an earlier one; `true` is `{ cookie: {} }`. @default false */
  affinity?: AffinityOptions | boolean
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

/** Options of the plugin. */
export interface LoadBalancerOptions {
  /** Upstreams by name. @default {} */
  upstreams?: Record<string, UpstreamOptions>
  /**
   * Prefix → upstream: `'/shop'` serves `/shop` and `/shop/*`, all methods. An array of `{ prefix, upstream, … }` can have a prefix several times,
   * told apart by `constraints` or `method`. @default {}
   */
  routes?: Record<string, string | BalancedRouteOptions> | Array<BalancedRouteOptions & { prefix: string }>
  /**
   * Paths that servers understand in different ways: with dot segments, `\`, or slashes and path parameters that could make them the path of another
   * route. `strict` answers 400. `normalize` resolves dot segments, merges slashes and replaces `\` for all requests of the server, before they are
   * routed, and answers 400 to what is still ambiguous. `raw` passes everything on as it is but for paths that leave their prefix: a hook that guards
   * `/admin` then does not see `/x/../admin`. See `docs/protocol.md`. Given once in a scope, where the first upstreams are. @default 'strict'
   */
  paths?: PathMode
  /**
   * An API to look at and change what is there while it runs, and a dashboard; see `docs/admin.md`. `true` is `{ authorize: 'loopback' }`: only
   * requests from this machine are let in. @default false
   */
  admin?: AdminOptions | boolean
  /** Metrics through a Prometheus client of your own; see `docs/metrics.md`. @default false */
  metrics?: MetricsOptions | false
  /**
   * What is changed at run time, and learned sessions, are shared with other gateways (`redis(client)`) or with the other workers of a `node:cluster`
   * (`cluster()`); see `docs/many-gateways.md`. Given once in a scope, where the first upstreams are. @default false
   */
  shared?: SharedOptions | false
  /** Limits of what one client, and all of them, may make the gateway hold. Given once in a scope, as `shared`. @default {} */
  limits?: ClientLimits
  /** Milliseconds that requests in flight have to end when the server closes. Given once in a scope, as `shared`. @default 30_000 */
  drainMs?: Duration
}

export interface LoadBalancerSettings {
  upstreams: Record<string, UpstreamSettings>
  routes: RouteSettings[]
  admin: AdminSettings | false
  paths: PathMode | undefined
  metrics: MetricsSettings | false
  shared: SharedSettings | false
  limits: ClientLimitSettings
  drainMs: number
}

const upstreamFields = object<UpstreamSettings>({
  ...engineFields,
  discovery: switchable(discoveryOption, false),
  affinity: shorthand(affinityOption, false, { cookie: {} }),
  health: optional(healthOptions, defaultsOf(healthOptions)),
  headers: optional(headerOptions, defaultsOf(headerOptions)),
  upgrades: upgradesOption
})

export const upstreamOption: Check<UpstreamSettings> = (value, path, faults) => {
  const settings = upstreamFields(value, path, faults)
  checkEngine(settings, path, faults)
  return settings
}

const pluginFields = object<LoadBalancerSettings>({
  upstreams: optional(record(upstreamOption), {}),
  routes: optional(routesOption, []),
  paths: optional(oneOf('strict', 'normalize', 'raw')),
  admin: shorthand(adminOption, false, { authorize: 'loopback' }),
  metrics: switchable(metricsOption, false),
  shared: switchable(sharedOption, false),
  limits: optional(clientLimits, defaultsOf(clientLimits)),
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
    for (const { here, upstream } of routes) {
      if (typeof upstream === 'string' && !Object.hasOwn(upstreams, upstream) && !has(upstream)) {
        faults.push(`${here}: no upstream ${JSON.stringify(upstream)}; there are ${Object.keys(upstreams).join(', ') || 'none'}`)
      }
    }
    return settings
  }
}
