/** The Fastify plugin: options → upstreams and routes, decorators, hooks. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Balancing } from '../engine/report.js'
import { registerAdmin } from '../operations/admin/admin.js'
import { logDoubts } from '../operations/log.js'
import { registerMetrics } from '../operations/metrics.js'
import { checked, faultsWith, LONGEST_TIMEOUT, refuse, type Doubt } from '../options.js'
import { Shared } from '../sharing/shared.js'
import type { SharedSettings } from '../sharing/store.js'
import { balance, kProxied, takeFrom, type BalanceOptions } from './balance.js'
import { closeBrokenSessions } from './broken-sessions.js'
import { claimBody, kMasked, kPayload, kRoute, type BalancedRoute } from './body.js'
import { watchClientFields } from './client-fields.js'
import type { ClientLimitSettings } from './client-limits.js'
import { limitStreams } from './client-session.js'
import { watchConstraints } from './constraints.js'
import { watchExpectations } from './expectations.js'
import { missedRoutes, seen } from './missed-routes.js'
import { pluginOptions, type LoadBalancerOptions } from './options.js'
import { watchPipelining } from './pipelining.js'
import { normalizePaths, type PathMode } from './paths.js'
import { Upstreams } from './registry.js'
import { withoutSlash } from './request-path.js'
import { hintAtRequestTimeout } from './request-timeout.js'
import type { RouteSettings } from './route-options.js'
import { setCookie } from './set-cookie.js'
import { splitOption, type Split, type SplitOption } from './split.js'
import { warnAtStart } from './start-warnings.js'
import { Upgrades } from './upgrades.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** The upstreams of this scope. */
    upstreams: Upstreams
  }
  interface FastifyReply {
    /**
     * Proxies this request to a target of the upstream; without a name, the route's `config.upstream`. Returns the reply.
     * Throws `FST_LB_UNKNOWN_UPSTREAM`, `FST_LB_BAD_REQUEST` and, for wrong options, `FST_LB_INVALID_OPTIONS`.
     */
    balance (upstream?: string, options?: BalanceOptions): FastifyReply
  }
  interface FastifyRequest {
    /** What has been done to serve this request; null when it is not balanced. Filled as it happens. */
    balancing: Balancing | null
  }
  interface FastifyContextConfig {
    /** Name of the upstream that `reply.balance()` uses. The request's body is passed on as it comes, unparsed. */
    upstream?: string
    /** New clients of this route by shares among versions of the upstream's targets: `{ v1: 90, v2: 10 }`. */
    split?: SplitOption
  }
}

const kRewritePrefix = Symbol('fastify-load-balancer.rewritePrefix')

interface RouteConfig { upstream?: string, split?: SplitOption, [kRewritePrefix]?: string | undefined }

const plugin: FastifyPluginAsync<LoadBalancerOptions> = async (fastify, options) => {
  const inherited = (fastify.upstreams as unknown) instanceof Upstreams ? fastify.upstreams : undefined
  // Everything is looked at before anything is registered.
  const check = pluginOptions(name => inherited?.has(name) ?? false, cookie => inherited?.cookieOwner(cookie))
  const doubts: Doubt[] = []
  const { upstreams, routes, admin, metrics, shared, limits, drainMs, paths } = checked(check, options, '', faultsWith(doubts))
  logDoubts(fastify.log, doubts)
  if (inherited !== undefined) {
    const there = 'expected nothing, since the upstreams of this scope are there already, with'
    refuse([
      ...shared === false ? [] : [`shared: ${there} what they share`],
      ...options.drainMs === undefined ? [] : [`drainMs: ${there} the time that they have`],
      ...paths === undefined ? [] : [`paths: ${there} the paths that they take`],
      ...options.limits === undefined ? [] : [`limits: ${there} their limits`]
    ])
  }
  const registry = inherited ?? await newRegistry(fastify, shared, limits, paths)
  if (inherited === undefined) {
    decorate(fastify, registry)
    fastify.addHook('onReady', async () => { limitStreams(fastify.server, limits.maxStreams, fastify.log) })
    fastify.addHook('preClose', async () => { registry.beginClosing(drainMs) })
    fastify.addHook('onClose', () => registry.close())
    fastify.addHook('onReady', async () => { hintAtRequestTimeout(fastify, registry) })
  }
  if (metrics !== false) {
    const withdraw = registerMetrics(metrics, () => registry, registry.shared === null ? undefined : () => registry.shared!)
    fastify.addHook('onClose', async () => { withdraw() })
  }
  if (admin !== false) await registerAdmin(fastify, admin, registry)
  for (const [name, settings] of Object.entries(upstreams)) registry.install(name, settings)

  // Fastify gives up a hook after `pluginTimeout` (0: never), and then the server does not start at all.
  const { pluginTimeout } = fastify.initialConfig
  fastify.addHook('onReady', () => registry.probed(pluginTimeout === 0 || pluginTimeout === undefined ? LONGEST_TIMEOUT : pluginTimeout * 0.8))
  if (routes.length > 0) await fastify.register(async scope => { for (const route of routes) addRoutes(scope, route) })
}

async function newRegistry ({ server, log }: FastifyInstance, shared: SharedSettings | false, limits: ClientLimitSettings, paths?: PathMode): Promise<Upstreams> {
  return new Upstreams(server, log, setCookie, shared === false ? undefined : await Shared.begin(shared, log), paths, limits)
}

function decorate (fastify: FastifyInstance, registry: Upstreams): void {
  fastify.decorate('upstreams', registry)
  fastify.decorateRequest('balancing', null)
  fastify.decorateRequest(kRoute as never, null as never)
  fastify.decorateRequest(kPayload as never, null as never)
  fastify.decorateRequest(kMasked as never, null as never)
  fastify.decorateRequest(kProxied as never, null as never)
  fastify.decorateReply('balance', balance(takeFrom(), (reply: FastifyReply) => reply.server.upstreams))
  const upgrades = Upgrades.of(fastify)
  watchExpectations(fastify.server)
  watchPipelining(fastify.server)
  watchConstraints(fastify)
  closeBrokenSessions(fastify.server)
  if (registry.paths === 'normalize') normalizePaths(fastify.server)
  watchClientFields(fastify.server)
  const balanced: Array<{ where: string, upstream: string, scope: FastifyInstance, split: Split | undefined }> = []
  fastify.addHook('onRoute', function (this: FastifyInstance, route) {
    const { upstream } = (route.config ?? {}) as RouteConfig
    if (upstream === undefined) return
    const where = `${String(route.method)} ${route.url}`
    if ((route.schema as { body?: unknown } | undefined)?.body !== undefined) {
      refuse([`${where}: schema.body: expected nothing, since the body is passed on as it comes, unparsed`])
    }
    seen(route)
    const { split } = claim(route, upstream, upgrades, (this.initialConfig as { handlerTimeout?: number }).handlerTimeout)
    upgrades.add(route.url, protocol => this.upstreams.entry(upstream)?.upgrades.has(protocol) ?? false)
    balanced.push({ where, upstream, scope: this, split })
  })
  // By the time the server is ready, its upstreams are known.
  fastify.addHook('onReady', async () => {
    const lost = balanced.filter(({ scope, upstream }) => !scope.upstreams.has(upstream))
    refuse([...lost.map(({ where, upstream }) => `${where}: config.upstream: no upstream ${JSON.stringify(upstream)}`), ...missedRoutes(fastify)])
    warnAtStart(fastify.log, registry, balanced)
  })
}

/** Puts the hook that claims the body behind the route's own. */
function claim (route: RouteOptions, upstream: string, upgrades: Upgrades, serverTimeout = 0): BalancedRoute {
  const own = route.preParsing
  const balanced = balancedRoute(route, upstream, upgrades, serverTimeout)
  const hook = claimBody(balanced)
  route.preParsing = own === undefined ? hook : [...(Array.isArray(own) ? own : [own]), hook]
  return balanced
}

function balancedRoute ({ method, url, bodyLimit, config, handlerTimeout }: RouteOptions, upstream: string, upgrades: Upgrades, serverTimeout: number): BalancedRoute {
  const prefix = url.split('*', 1)[0]!
  return {
    upstream,
    bodyLimit: bodyLimit ?? Infinity,
    timed: (handlerTimeout ?? serverTimeout) > 0,
    upgrades,
    prefix: withoutSlash(prefix),
    rewritePrefix: (config as RouteConfig)[kRewritePrefix],
    split: (config as RouteConfig).split === undefined ? undefined : checked(splitOption, (config as RouteConfig).split, `${String(method)} ${url}: config.split`)
  }
}

/** `/shop` and `/shop/*`. */
function addRoutes (scope: FastifyInstance, { prefix, upstream, rewritePrefix, split, options }: RouteSettings): void {
  const base = prefix === '/' ? '' : prefix
  const config = { ...options.config as object, upstream, split, [kRewritePrefix]: rewritePrefix }
  // Not returned: Fastify would watch over a reply that watches over itself.
  const handler = (_request: unknown, reply: FastifyReply): void => { reply.balance() }
  for (const url of [base === '' ? '/' : base, `${base}/*`]) {
    scope.route({ method: scope.supportedMethods, ...options, url, config, handler } as RouteOptions)
  }
}

export const loadBalancer = fp(plugin, { fastify: '5.x', name: 'fastify-load-balancer' })
